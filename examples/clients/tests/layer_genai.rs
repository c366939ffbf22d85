//! The spans that genai makes by itself (its feature `otel`), as calls: without any annotation, and never twice.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "../with_genai.rs"]
#[expect(dead_code, reason = "the example's functions are annotated")]
mod example;

use example::{Model, client};
use example_clients::{billed, recorded};
use example_provider::{Config, Fault, Faults, Handle, Provider};
use futures::StreamExt;
use genai::Client;
use genai::chat::{ChatOptions, ChatRequest};
use jobmon::testing::Collect;
use jobmon::{End, ErrorCategory, GenAiLayer, Operation, instrument_llm};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

async fn start(faults: Faults) -> (Handle, Client) {
    let provider = Provider::start(Config { faults, ..Config::healthy() }).await.unwrap();
    let client = client(&provider).unwrap();
    (provider, client)
}

#[tokio::test]
async fn requests_without_any_annotation_are_calls_with_what_is_billed() {
    let (collect, _guard) = Collect::install();
    let _layer = tracing_subscriber::registry().with(GenAiLayer::new()).set_default();
    let (provider, client) = start(Faults::Off).await;
    let question = "Which of my many skills would a staff engineer need? ".repeat(10);
    let options = ChatOptions::default().with_capture_usage(true).with_temperature(0.5);
    for model in ["gemini-2.5-flash", "gpt-5-mini"] {
        client.exec_chat(model, ChatRequest::from_user(&question), Some(&options)).await.unwrap();
        let request = ChatRequest::from_user(&question);
        let mut stream = client.exec_chat_stream(model, request, Some(&options)).await.unwrap().stream;
        while let Some(event) = stream.next().await {
            event.unwrap();
        }
        drop(stream);
    }
    client.embed("text-embedding-3-small", "Rust", None).await.unwrap();

    let (calls, ledger) = (collect.calls(), provider.ledger());
    // genai takes a reported zero of cached or reasoning tokens for "not reported".
    assert_eq!(recorded(&calls), billed(&ledger), "{calls:#?}");
    let of = |call: &jobmon::CallRecord| {
        (
            call.operation,
            call.provider.as_deref().unwrap().to_owned(),
            call.model.as_deref().unwrap().to_owned(),
        )
    };
    let expected =
        |operation, provider: &str, model: &str| (operation, provider.to_owned(), model.to_owned());
    let named: Vec<_> = calls.iter().map(of).collect();
    assert_eq!(
        named,
        [
            expected(Operation::Chat, "gcp.gemini", "gemini-2.5-flash"),
            expected(Operation::Chat, "gcp.gemini", "gemini-2.5-flash"),
            expected(Operation::Chat, "openai", "gpt-5-mini"),
            expected(Operation::Chat, "openai", "gpt-5-mini"),
            expected(Operation::Embeddings, "openai", "text-embedding-3-small"),
        ]
    );
    for call in &calls {
        assert!(
            call.end == End::Ok && call.cost.is_some_and(|cost| cost.to_string().starts_with('$')),
            "{call:#?}"
        );
    }
    let streamed: Vec<_> = calls.iter().map(|call| call.first_token.is_some()).collect();
    assert_eq!(streamed, [false, true, false, true, false]);
    let temperature = calls[0].attributes.iter().find(|(key, _)| *key == *"gen_ai.request.temperature");
    assert_eq!(temperature.map(|(_, value)| value), Some(&0.5.into()));
}

#[tokio::test]
async fn an_annotated_call_to_a_model_and_its_span_are_one() {
    /// An agent makes no request by itself: those inside it are calls.
    #[instrument_llm(operation = invoke_agent, feature = "advice")]
    async fn advise(client: &Client) -> Result<(), genai::Error> {
        for question in ["Should I learn Rust?", "And then?"] {
            client.exec_chat("gpt-5-mini", ChatRequest::from_user(question), None).await?;
        }
        Ok(())
    }
    let (collect, _guard) = Collect::install();
    let _layer = tracing_subscriber::registry().with(GenAiLayer::new()).set_default();
    let (provider, client) = start(Faults::Off).await;
    Model { client: client.clone(), name: "gpt-5-mini" }.ask("What does a staff engineer do?").await.unwrap();
    let calls = collect.calls();
    assert_eq!((calls.len(), recorded(&calls)), (1, billed(&provider.ledger())));
    assert_eq!(calls[0].scope.feature.as_deref(), Some("letters"), "the annotation is what counts");

    advise(&client).await.unwrap();
    let calls = collect.calls();
    let [first, second, agent] = &calls[1..] else { panic!("{calls:#?}") };
    assert_eq!([first.parent, second.parent], [Some(agent.id.span); 2]);
    assert_eq!([first, second].map(|call| call.scope.feature.as_deref()), [Some("advice"); 2]);
    assert_eq!(agent.rollup.as_ref().map(|rollup| rollup.model_calls), Some(2));
    assert_eq!(recorded(&calls), billed(&provider.ledger()));
}

#[tokio::test]
async fn failed_requests_are_failed_calls() {
    let (collect, _guard) = Collect::install();
    let _layer = tracing_subscriber::registry().with(GenAiLayer::new()).set_default();
    let (_provider, client) = start(Faults::Always(Fault::RateLimit)).await;
    client.exec_chat("gpt-5-mini", ChatRequest::from_user("Who are you?"), None).await.unwrap_err();
    let call = collect.only_call();
    assert_eq!(call.end, End::Error);
    assert_eq!(
        call.failure.as_ref().map(|failure| failure.category),
        Some(ErrorCategory::RateLimit),
        "{call:#?}"
    );
}

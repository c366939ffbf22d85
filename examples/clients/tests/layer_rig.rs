//! The spans that rig makes by itself, as calls: without any annotation, and never twice.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "../with_rig.rs"]
#[expect(dead_code, reason = "the example's functions are annotated")]
mod example;

use example::{MODEL, ask, client};
use example_clients::{billed, recorded};
use example_provider::{Config, Fault, Faults, Handle, Provider};
use futures::StreamExt;
use jobmon::testing::Collect;
use jobmon::{End, ErrorCategory, GenAiLayer, Operation};
use rig_agent::AgentBuilder;
use rig_core::providers::openai::OpenAI;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

async fn start(faults: Faults) -> (Handle, OpenAI) {
    let provider = Provider::start(Config { faults, ..Config::healthy() }).await.unwrap();
    let client = client(&provider.openai_url());
    (provider, client)
}

#[tokio::test]
async fn requests_without_any_annotation_are_calls_with_what_is_billed() {
    let (collect, _guard) = Collect::install();
    let _layer = tracing_subscriber::registry().with(GenAiLayer::new()).set_default();
    let (provider, client) = start(Faults::Off).await;
    let question = "Which of my many skills would a staff engineer need? ".repeat(10);
    client.chat(MODEL).call(question.as_str()).await.unwrap();
    client.chat(MODEL).stream(question.as_str()).unwrap().finish().await.unwrap();
    client.embedding("text-embedding-3-small", None).call(vec!["Rust".to_owned()]).await.unwrap();

    let (calls, ledger) = (collect.calls(), provider.ledger());
    assert_eq!(recorded(&calls), billed(&ledger), "{calls:#?}");
    let operations: Vec<_> = calls.iter().map(|call| call.operation).collect();
    assert_eq!(operations, [Operation::Chat, Operation::Chat, Operation::Embeddings]);
    for call in &calls {
        assert_eq!((call.end, call.provider.as_deref()), (End::Ok, Some("openai")));
        assert!(call.cost.is_some_and(|cost| cost.to_string().starts_with('$')), "{call:#?}");
    }
    assert!(calls[0].model.as_deref() == Some(MODEL) && calls[1].model.as_deref() == Some(MODEL));
}

/// rig tells a stream's span what it used only where `finish` folds it: read item by item it is a call without usage, and no
/// failed one.
#[tokio::test]
async fn a_stream_that_is_read_item_by_item_has_no_usage() {
    let (collect, _guard) = Collect::install();
    let _layer = tracing_subscriber::registry().with(GenAiLayer::new()).set_default();
    let (_provider, client) = start(Faults::Off).await;
    let mut stream = client.chat(MODEL).stream("Write me a letter.").unwrap();
    while let Some(item) = stream.next().await {
        item.unwrap();
    }
    drop(stream);
    let call = collect.only_call();
    assert_eq!((call.end, call.usage_missing, call.usage()), (End::Ok, true, None));
}

#[tokio::test]
async fn an_agent_and_its_requests_are_calls_that_count_once() {
    let (collect, _guard) = Collect::install();
    let _layer = tracing_subscriber::registry().with(GenAiLayer::new()).set_default();
    let (provider, client) = start(Faults::Off).await;
    let agent = AgentBuilder::new(client.chat(MODEL)).preamble("You advise on careers.").build();
    agent.prompt("Should I learn Rust?").await.unwrap();

    let (calls, ledger) = (collect.calls(), provider.ledger());
    assert_eq!(recorded(&calls), billed(&ledger), "{calls:#?}");
    let agent = calls.iter().find(|call| call.operation == Operation::InvokeAgent).unwrap();
    let request = calls.iter().find(|call| call.operation == Operation::Chat).unwrap();
    assert_eq!((request.root, request.id.trace), (agent.id.span, agent.id.trace), "{calls:#?}");
    assert_eq!(agent.rollup.as_ref().map(|rollup| rollup.model_calls), Some(1));
    assert!(agent.answers.is_empty(), "what it adds up is not counted beside its requests");
}

#[tokio::test]
async fn an_annotated_call_to_a_model_and_its_span_are_one() {
    let (collect, _guard) = Collect::install();
    let _layer = tracing_subscriber::registry().with(GenAiLayer::new()).set_default();
    let (provider, client) = start(Faults::Off).await;
    ask(&client, "What does a staff engineer do?").await.unwrap();
    let calls = collect.calls();
    assert_eq!((calls.len(), recorded(&calls)), (1, billed(&provider.ledger())), "{calls:#?}");
    assert_eq!(calls[0].scope.feature.as_deref(), Some("questions"));
}

/// rig does not tell its spans why a request failed.
#[tokio::test]
async fn failed_requests_are_failed_calls() {
    let (collect, _guard) = Collect::install();
    let _layer = tracing_subscriber::registry().with(GenAiLayer::new()).set_default();
    let (_provider, client) = start(Faults::Always(Fault::RateLimit)).await;
    client.chat(MODEL).call("Who are you?").await.unwrap_err();
    let call = collect.only_call();
    assert_eq!(call.end, End::Error, "{call:#?}");
    assert_eq!(
        call.failure.as_ref().map(|failure| failure.category),
        Some(ErrorCategory::Other),
        "{call:#?}"
    );
}

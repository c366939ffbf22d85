//! genai against the provider: what is recorded is what is billed.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "../with_genai.rs"]
#[expect(dead_code, reason = "the example's main")]
mod example;

use example::{Model, client};
use example_clients::{billed, recorded};
use example_provider::{Config, Fault, Faults, Handle, Provider};
use futures::{Stream, TryStreamExt};
use genai::Client;
use genai::chat::{ChatOptions, ChatRequest, ChatStreamEvent};
use jobmon::testing::Collect;
use jobmon::{Cost, End, ErrorCategory, Usd, instrument_llm};

async fn start(faults: Faults) -> (Handle, Client) {
    let provider = Provider::start(Config { faults, ..Config::healthy() }).await.unwrap();
    let client = client(&provider).unwrap();
    (provider, client)
}

/// Reads a letter to its end.
async fn write(model: &Model, question: &str) -> Result<String, genai::Error> {
    model.write(question).await?.try_collect().await
}

#[tokio::test]
async fn usage_of_chats_streams_and_embeddings_is_what_is_billed() {
    let (collect, _guard) = Collect::install();
    let (provider, client) = start(Faults::Off).await;
    let question = "Which of my many skills would a staff engineer need? ".repeat(10);
    let model = |name| Model { client: client.clone(), name };
    let gemini = model("gemini-2.5-flash");
    gemini.ask(&question).await.unwrap();
    gemini.ask(&question).await.unwrap();
    for name in ["gpt-5-mini", "gemini-2.5-flash"] {
        assert!(!write(&model(name), &question).await.unwrap().is_empty(), "{name}");
    }
    model("text-embedding-3-small").embed(&["Rust and Kafka", "Go and Postgres"]).await.unwrap();

    let (calls, ledger) = (collect.calls(), provider.ledger());
    assert_eq!(recorded(&calls), billed(&ledger));
    assert!(ledger.iter().any(|entry| entry.cached > 0 && entry.reasoning > 0));
    assert!(calls.iter().all(|call| call.answers.len() == 1 && call.cost.is_some()), "{calls:#?}");
    assert_eq!(calls[0].answers[0].answer.finish_reasons, ["STOP"]);
    assert!(calls[2..4].iter().all(|call| call.chunks.is_some() && call.first_token.is_some()));
}

#[tokio::test]
async fn what_is_no_chunk_of_the_provider_is_none_of_the_call() {
    #[instrument_llm(provider = "openai", model = "gpt-5-mini", usage = required)]
    async fn events(
        client: &Client,
    ) -> Result<impl Stream<Item = Result<ChatStreamEvent, genai::Error>> + use<>, genai::Error> {
        let options = ChatOptions::default().with_capture_usage(true);
        let request = ChatRequest::from_user("Write me a letter.");
        Ok(client.exec_chat_stream("gpt-5-mini", request, Some(&options)).await?.stream)
    }
    #[instrument_llm(provider = "openai", model = "gpt-5-mini")]
    async fn count(client: &Client) -> Result<usize, genai::Error> {
        let options = ChatOptions::default().with_capture_usage(true);
        let request = ChatRequest::from_user("Write me a letter.");
        let events = client.exec_chat_stream("gpt-5-mini", request, Some(&options)).await?.stream;
        Ok(jobmon::observe_stream(events).try_collect::<Vec<_>>().await?.len())
    }

    let (collect, _guard) = Collect::install();
    let (provider, client) = start(Faults::Off).await;
    let all: Vec<_> = events(&client).await.unwrap().try_collect().await.unwrap();
    assert!(matches!(all[0], ChatStreamEvent::Start), "{all:?}");
    assert_eq!(count(&client).await.unwrap(), all.len());
    let calls = collect.calls();
    for call in &calls {
        assert_eq!(call.chunks.as_ref().unwrap().count, all.len() as u64 - 1, "without the start");
    }
    assert_eq!(recorded(&calls), billed(&provider.ledger()));
}

#[tokio::test]
async fn a_stream_that_is_left_is_abandoned() {
    let (collect, _guard) = Collect::install();
    let (_provider, client) = start(Faults::Off).await;
    let model = Model { client, name: "gemini-2.5-flash" };
    let mut letter = Box::pin(model.write("Write me a letter.").await.unwrap());
    letter.try_next().await.unwrap();
    drop(letter);
    let call = collect.only_call();
    // genai keeps usage to itself until the end.
    assert_eq!((call.end, call.chunks.as_ref().unwrap().count, call.answers.len()), (End::Abandoned, 1, 0));
    assert!(call.cost != Some(Cost::Known(Usd::ZERO)), "{call:#?}");
}

#[tokio::test]
async fn a_limit_of_rate_is_waited_for_and_recorded() {
    let (collect, _guard) = Collect::install();
    let (provider, client) = start(Faults::First(Fault::RateLimit)).await;
    let model = Model { client, name: "gemini-2.5-flash" };
    model.ask("What does a staff engineer do?").await.unwrap();
    let call = collect.only_call();
    assert!(call.recovered(), "{call:#?}");
    let failure = call.attempts[0].failure.as_ref().unwrap();
    assert_eq!((failure.category, failure.http_status), (ErrorCategory::RateLimit, Some(429)));
    assert!(call.attempts[1].after >= call.attempts[0].duration + failure.retry_after.unwrap(), "{call:#?}");
    assert_eq!(recorded(&[call]), billed(&provider.ledger()));
}

#[tokio::test]
async fn every_way_to_fail_has_its_category() {
    for (fault, expected) in [
        (Fault::RateLimit, ErrorCategory::RateLimit),
        (Fault::Unavailable, ErrorCategory::Server),
        (Fault::ContextLength, ErrorCategory::ContextLength),
        (Fault::BrokenBody, ErrorCategory::Parsing),
        (Fault::BrokenConnection, ErrorCategory::Network),
    ] {
        let (collect, _guard) = Collect::install();
        let (_provider, client) = start(Faults::Always(fault)).await;
        // By chat completions: of the Responses API genai takes events that are no JSON for an early end.
        let model = Model { client, name: "gpt-4o-mini" };
        assert!(write(&model, "Write me a letter.").await.is_err(), "{fault:?}");
        let call = collect.only_call();
        assert_eq!(call.end, End::Error);
        assert_eq!(call.failure.as_ref().map(|failure| failure.category), Some(expected), "{call:#?}");
    }
}

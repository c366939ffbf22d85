//! async-openai against the provider: what is recorded is what is billed.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "../with_async_openai.rs"]
#[expect(dead_code, reason = "the example's main")]
mod example;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::types::responses::{CreateResponseArgs, ResponseStreamEvent};
use example::{ask, client, embed, respond, stream};
use example_clients::{billed, recorded};
use example_provider::{Config, Fault, Faults, Handle, Provider};
use futures::StreamExt;
use jobmon::testing::Collect;
use jobmon::{End, ErrorCategory, instrument_llm};

async fn start(faults: Faults) -> (Handle, Client<OpenAIConfig>) {
    let provider = Provider::start(Config { faults, ..Config::healthy() }).await.unwrap();
    let client = client(&provider.openai_url());
    (provider, client)
}

#[tokio::test]
async fn usage_of_everything_is_what_is_billed() {
    /// Observes every event: only the last one tells anything.
    #[instrument_llm(provider = "openai", model = example::MODEL)]
    async fn stream_response(client: &Client<OpenAIConfig>, question: &str) -> ResponseStreamEvent {
        let request = CreateResponseArgs::default().model(example::MODEL).input(question).build().unwrap();
        let events: Vec<_> = client.responses().create_stream(request).await.unwrap().collect().await;
        events.into_iter().last().unwrap().unwrap()
    }

    let (collect, _guard) = Collect::install();
    let (provider, client) = start(Faults::Off).await;
    let question = "Which of my many skills would a staff engineer need? ".repeat(10);
    ask(&client, &question).await.unwrap();
    ask(&client, &question).await.unwrap();
    assert!(!stream(&client, &question).await.unwrap().is_empty());
    respond(&client, &question).await.unwrap();
    stream_response(&client, &question).await;
    let chats = collect.calls();
    for (call, entry) in chats.iter().zip(provider.ledger()) {
        assert_eq!(call.answers.len(), 1, "{}", call.name);
        assert_eq!(call.answers[0].answer.id.as_deref(), Some(entry.response_id.as_str()), "{}", call.name);
    }
    embed(&client, &["Rust and Kafka", "Go and Postgres"]).await.unwrap();

    let (calls, ledger) = (collect.calls(), provider.ledger());
    assert_eq!(calls.len(), 6);
    assert_eq!(recorded(&calls), billed(&ledger));
    assert!(ledger.iter().any(|entry| entry.cached > 0 && entry.reasoning > 0));
    assert!(calls.iter().all(|call| call.cost.is_some()), "{calls:#?}");
    assert!(calls[2].first_token.is_some());
}

#[tokio::test]
async fn a_limit_of_rate_is_retried_and_recorded() {
    let (collect, _guard) = Collect::install();
    let (provider, client) = start(Faults::First(Fault::RateLimit)).await;
    ask(&client, "What does a staff engineer do?").await.unwrap();
    let call = collect.only_call();
    assert!(call.recovered(), "{call:#?}");
    let failure = call.attempts[0].failure.as_ref().unwrap();
    assert_eq!((failure.category, failure.http_status), (ErrorCategory::RateLimit, Some(429)));
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
        assert!(stream(&client, "Write me a letter.").await.is_err(), "{fault:?}");
        let call = collect.only_call();
        assert_eq!(call.end, End::Error);
        assert_eq!(call.failure.as_ref().map(|failure| failure.category), Some(expected), "{call:#?}");
    }
}

//! genai against the provider: what is recorded is what is billed.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "../with_genai.rs"]
#[expect(dead_code, reason = "the example's main")]
mod example;

use example::{ask, client, embed, stream};
use example_clients::{billed, recorded};
use example_provider::{Config, Fault, Faults, Handle, Provider};
use genai::Client;
use jobmon::testing::Collect;
use jobmon::{End, ErrorCategory};

async fn start(faults: Faults) -> (Handle, Client) {
    let provider = Provider::start(Config { faults, ..Config::healthy() }).await.unwrap();
    let client = client(&provider).unwrap();
    (provider, client)
}

#[tokio::test]
async fn usage_of_chats_streams_and_embeddings_is_what_is_billed() {
    let (collect, _guard) = Collect::install();
    let (provider, client) = start(Faults::Off).await;
    let question = "Which of my many skills would a staff engineer need? ".repeat(10);
    ask(&client, &question).await.unwrap();
    ask(&client, &question).await.unwrap();
    for model in ["gpt-5-mini", "gemini-2.5-flash"] {
        assert!(!stream(&client, model, &question).await.unwrap().is_empty(), "{model}");
    }
    embed(&client, &["Rust and Kafka", "Go and Postgres"]).await.unwrap();

    let (calls, ledger) = (collect.calls(), provider.ledger());
    assert_eq!(recorded(&calls), billed(&ledger));
    assert!(ledger.iter().any(|entry| entry.cached > 0 && entry.reasoning > 0));
    assert!(calls.iter().all(|call| call.answers.len() == 1 && call.cost.is_some()), "{calls:#?}");
    assert_eq!(calls[0].answers[0].answer.finish_reasons, ["STOP"]);
    assert!(calls[2].first_token.is_some());
}

#[tokio::test]
async fn a_limit_of_rate_is_waited_for_and_recorded() {
    let (collect, _guard) = Collect::install();
    let (provider, client) = start(Faults::First(Fault::RateLimit)).await;
    ask(&client, "What does a staff engineer do?").await.unwrap();
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
        assert!(stream(&client, "gpt-4o-mini", "Write me a letter.").await.is_err(), "{fault:?}");
        let call = collect.only_call();
        assert_eq!(call.end, End::Error);
        assert_eq!(call.failure.as_ref().map(|failure| failure.category), Some(expected), "{call:#?}");
    }
}

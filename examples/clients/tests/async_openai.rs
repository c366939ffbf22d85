//! async-openai against the provider: what is recorded is what is billed.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "../with_async_openai.rs"]
#[expect(dead_code, reason = "the example's main")]
mod example;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::responses::{CreateResponseArgs, ResponseStreamEvent};
use example::{ask, client, embed, read, respond, stream};
use example_clients::{billed, recorded};
use example_provider::{Config, Fault, Faults, Handle, Provider};
use futures::{Stream, StreamExt, TryStreamExt};
use jobmon::testing::Collect;
use jobmon::{CallRecord, Cost, End, ErrorCategory, Usd, instrument_llm};

async fn start(faults: Faults) -> (Handle, Client<OpenAIConfig>) {
    let provider = Provider::start(Config { faults, ..Config::healthy() }).await.unwrap();
    let client = client(&provider.openai_url());
    (provider, client)
}

#[tokio::test]
async fn usage_of_everything_is_what_is_billed() {
    #[instrument_llm(provider = "openai", model = example::MODEL, usage = required)]
    async fn stream_response(
        client: &Client<OpenAIConfig>,
        question: &str,
    ) -> Result<impl Stream<Item = Result<ResponseStreamEvent, OpenAIError>> + use<>, OpenAIError> {
        let request = CreateResponseArgs::default().model(example::MODEL).input(question).build()?;
        client.responses().create_stream(request).await
    }
    /// Reads the stream by itself.
    #[instrument_llm(provider = "openai", model = example::MODEL)]
    async fn count_events(client: &Client<OpenAIConfig>, question: &str) -> Result<usize, OpenAIError> {
        let request = CreateResponseArgs::default().model(example::MODEL).input(question).build()?;
        let events = jobmon::observe_stream(client.responses().create_stream(request).await?);
        Ok(events.try_collect::<Vec<_>>().await?.len())
    }

    let (collect, _guard) = Collect::install();
    let (provider, client) = start(Faults::Off).await;
    let question = "Which of my many skills would a staff engineer need? ".repeat(10);
    ask(&client, &question).await.unwrap();
    ask(&client, &question).await.unwrap();
    assert!(!read(stream(&client, &question).await.unwrap()).await.unwrap().is_empty());
    respond(&client, &question).await.unwrap();
    let events = stream_response(&client, &question).await.unwrap().count().await;
    assert_eq!(count_events(&client, &question).await.unwrap(), events);
    let chats = collect.calls();
    for (call, entry) in chats.iter().zip(provider.ledger()) {
        assert_eq!(call.answers.len(), 1, "{}", call.name);
        assert_eq!(call.answers[0].answer.id.as_deref(), Some(entry.response_id.as_str()), "{}", call.name);
    }
    embed(&client, &["Rust and Kafka", "Go and Postgres"]).await.unwrap();

    let (calls, ledger) = (collect.calls(), provider.ledger());
    assert_eq!(calls.len(), 7);
    assert_eq!(recorded(&calls), billed(&ledger));
    assert!(ledger.iter().any(|entry| entry.cached > 0 && entry.reasoning > 0));
    assert!(calls.iter().all(|call| call.cost.is_some()), "{calls:#?}");
    let chunks = |call: &CallRecord| call.chunks.as_ref().map_or(0, |chunks| chunks.count);
    assert!(calls[2].first_token.is_some() && chunks(&calls[2]) > 2);
    assert_eq!([chunks(&calls[4]), chunks(&calls[5])], [events as u64; 2]);
}

#[tokio::test]
async fn a_stream_that_is_left_reports_what_it_was_told() {
    let (collect, _guard) = Collect::install();
    let (provider, client) = start(Faults::Off).await;
    let left = |most: usize| async move {
        let chunks = stream(&client, "Write me a letter.").await.unwrap();
        chunks.take(most).try_collect::<Vec<_>>().await.unwrap().len()
    };
    left(2).await;
    let call = collect.only_call();
    assert_eq!((call.end, call.chunks.as_ref().unwrap().count), (End::Abandoned, 2));
    let answer = &call.answers[0].answer;
    assert_eq!(answer.usage, None, "OpenAI tells it at the end");
    assert_eq!(answer.id.as_deref(), Some(provider.ledger()[0].response_id.as_str()));
    assert!(!call.usage_missing && call.cost != Some(Cost::Known(Usd::ZERO)), "{call:#?}");
}

#[tokio::test]
async fn a_stream_that_is_left_after_its_usage_is_complete() {
    let (collect, _guard) = Collect::install();
    let (provider, client) = start(Faults::Off).await;
    let mut chunks = Box::pin(stream(&client, "Write me a letter.").await.unwrap());
    while chunks.next().await.unwrap().unwrap().usage.is_none() {}
    drop(chunks);
    let call = collect.only_call();
    assert_eq!(call.end, End::Ok);
    assert_eq!(recorded(&[call]), billed(&provider.ledger()));
}

#[tokio::test]
async fn limits_of_rate_are_retried_and_recorded() {
    let (collect, _guard) = Collect::install();
    let (provider, client) = start(Faults::First(Fault::RateLimit)).await;
    ask(&client, "What does a staff engineer do?").await.unwrap();
    read(stream(&client, "Write me a letter.").await.unwrap()).await.unwrap();
    let calls = collect.calls();
    for call in &calls {
        assert!(call.recovered(), "{call:#?}");
        let failure = call.attempts[0].failure.as_ref().unwrap();
        assert_eq!((failure.category, failure.http_status), (ErrorCategory::RateLimit, Some(429)));
    }
    assert_eq!(recorded(&calls), billed(&provider.ledger()));
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
        let read = async { read(stream(&client, "Write me a letter.").await?).await };
        assert!(read.await.is_err(), "{fault:?}");
        let call = collect.only_call();
        assert_eq!(call.end, End::Error);
        assert_eq!(call.failure.as_ref().map(|failure| failure.category), Some(expected), "{call:#?}");
    }
}

//! rig against the provider: what is recorded is what is billed.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "../with_rig.rs"]
#[expect(dead_code, reason = "the example's main")]
mod example;

use example::{advise, ask, client, stream};
use example_clients::{billed, recorded};
use example_provider::{Config, Fault, Faults, Handle, Provider};
use futures::{StreamExt, TryStreamExt};
use jobmon::testing::Collect;
use jobmon::{CallRecord, End, ErrorCategory, LlmResponse, instrument_llm};
use rig_agent::AgentBuilder;
use rig_core::error::ProviderError;
use rig_core::providers::gemini::{Gemini, GeminiConfig};
use rig_core::providers::openai::OpenAI;
use rig_reqwest::ReqwestClient;

async fn start(faults: Faults) -> (Handle, OpenAI) {
    let provider = Provider::start(Config { faults, ..Config::healthy() }).await.unwrap();
    let client = client(&provider.openai_url());
    (provider, client)
}

#[tokio::test]
async fn usage_of_completions_streams_and_agents_is_what_is_billed() {
    let (collect, _guard) = Collect::install();
    let (provider, client) = start(Faults::Off).await;
    let question = "Which of my many skills would a staff engineer need? ".repeat(10);
    ask(&client, &question).await.unwrap();
    ask(&client, &question).await.unwrap();
    let text: String = stream(&client, &question).unwrap().try_collect().await.unwrap();
    let agent = AgentBuilder::new(client.chat(example::MODEL)).preamble("You advise on careers.").build();
    let response = advise(&agent, "Should I learn Rust?").await.unwrap();
    assert!(!text.is_empty() && !response.output().is_empty());

    let (calls, ledger) = (collect.calls(), provider.ledger());
    assert_eq!(recorded(&calls), billed(&ledger));
    assert!(ledger.iter().any(|entry| entry.cached > 0) && ledger.iter().all(|entry| entry.reasoning > 0));
    for (call, entry) in calls.iter().zip(&ledger) {
        let answer = &call.answers[0].answer;
        assert_eq!(answer.id.as_deref(), Some(entry.response_id.as_str()), "{}", call.name);
        assert_eq!(answer.model.as_deref(), Some(example::MODEL), "{}", call.name);
        assert!(!answer.finish_reasons.is_empty() && call.cost.is_some(), "{}", call.name);
    }
    assert!(calls[2].first_token.is_some() && calls[2].chunks.is_some());
}

#[tokio::test]
async fn a_stream_that_is_read_inside_reports_its_usage_and_one_that_is_left_has_none() {
    #[instrument_llm(provider = "gcp.gemini", model = "gemini-2.5-flash")]
    async fn read(client: &Gemini, most: usize) -> Result<usize, ProviderError> {
        let mut stream = client.completion("gemini-2.5-flash").stream("Write me a letter.")?;
        let items = jobmon::observe_at_end(&mut stream).take(most);
        Ok(items.try_collect::<Vec<_>>().await?.len())
    }

    let (collect, _guard) = Collect::install();
    let (provider, _) = start(Faults::Off).await;
    let http = ReqwestClient::from(reqwest::Client::new());
    let client = GeminiConfig::new("key").with_base_url(provider.base_url()).connect(http);
    read(&client, usize::MAX).await.unwrap();
    read(&client, 2).await.unwrap();
    let calls = collect.calls();
    assert_eq!(recorded(&calls[..1]), billed(&provider.ledger()[..1]));
    let left = &calls[1];
    // rig keeps usage to itself until the end.
    assert!(left.usage_missing && left.chunks.as_ref().unwrap().count == 2, "{left:#?}");
}

#[tokio::test]
async fn embeddings_tell_their_input() {
    #[instrument_llm(operation = embeddings, provider = "openai", model = "text-embedding-3-small")]
    async fn embed(client: &OpenAI, texts: Vec<String>) -> impl LlmResponse + use<> {
        client.embedding("text-embedding-3-small", None).call(texts).await.unwrap()
    }

    let (collect, _guard) = Collect::install();
    let (provider, client) = start(Faults::Off).await;
    embed(&client, vec!["Rust and Kafka".to_owned(), "Go".to_owned()]).await;
    assert_eq!(recorded(&collect.calls()), billed(&provider.ledger()));
}

#[tokio::test]
async fn limits_of_rate_are_waited_for_and_recorded() {
    let (collect, _guard) = Collect::install();
    let (provider, client) = start(Faults::First(Fault::RateLimit)).await;
    ask(&client, "What does a staff engineer do?").await.unwrap();
    let agent = AgentBuilder::new(client.chat(example::MODEL)).preamble("You advise on careers.").build();
    advise(&agent, "Should I learn Rust?").await.unwrap();
    assert_eq!(recorded(&collect.calls()), billed(&provider.ledger()));
    collect.calls().iter().for_each(recovered_from_a_limit);
}

fn recovered_from_a_limit(call: &CallRecord) {
    assert!(call.recovered(), "{call:#?}");
    let failure = call.attempts[0].failure.as_ref().unwrap();
    assert_eq!((failure.category, failure.http_status), (ErrorCategory::RateLimit, Some(429)));
    let asked = failure.retry_after.unwrap();
    assert!(call.attempts[1].after >= call.attempts[0].duration + asked, "{call:#?}");
}

#[tokio::test]
async fn every_way_to_fail_has_its_category() {
    for (fault, expected) in [
        (Fault::ContextLength, ErrorCategory::ContextLength),
        (Fault::BrokenBody, ErrorCategory::Parsing),
        (Fault::BrokenConnection, ErrorCategory::Network),
    ] {
        let (collect, _guard) = Collect::install();
        let (_provider, client) = start(Faults::Always(fault)).await;
        let read = async { stream(&client, "Write me a letter.")?.try_collect::<String>().await };
        assert!(read.await.is_err(), "{fault:?}");
        let call = collect.only_call();
        assert_eq!(call.end, End::Error);
        assert_eq!(call.failure.as_ref().map(|failure| failure.category), Some(expected), "{call:#?}");
    }
}

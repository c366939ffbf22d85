//! reqwest against the provider: what is recorded is what happened.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "../with_reqwest.rs"]
#[expect(dead_code, reason = "the example's main")]
mod example;

use example::{AskError, ask, ask_through, retrying_client};
use example_clients::{billed, recorded};
use example_provider::{Config, Fault, Faults, Handle, Provider};
use jobmon::testing::Collect;
use jobmon::{
    CallRecord, ErrorCategory, Failure, LlmError, LlmResponse, Message, Role, classify, instrument_llm,
};
use serde_json::json;
use std::error::Error;
use std::time::Duration;

async fn start(faults: Faults) -> (Handle, String) {
    let provider = Provider::start(Config { faults, ..Config::healthy() }).await.unwrap();
    let url = format!("{}/chat/completions", provider.openai_url());
    (provider, url)
}

#[tokio::test]
async fn a_limit_of_rate_is_waited_for_and_recorded() {
    let (collect, _guard) = Collect::install();
    let (provider, url) = start(Faults::First(Fault::RateLimit)).await;
    assert!(ask(&reqwest::Client::new(), &url, "Who are you?").await.unwrap().usage().is_some());
    let call = collect.only_call();
    assert!(call.recovered(), "{call:#?}");
    let failure = call.attempts[0].failure.as_ref().unwrap();
    assert_eq!((failure.category, failure.http_status), (ErrorCategory::RateLimit, Some(429)));
    let said = failure.message.as_deref().unwrap();
    assert!(said.starts_with("HTTP 429 Too Many Requests: {\"error\""), "{said}");
    assert!(call.attempts[1].after >= call.attempts[0].duration + failure.retry_after.unwrap(), "{call:#?}");
    assert_eq!(recorded(&[call]), billed(&provider.ledger()));
}

#[tokio::test]
async fn attempts_that_the_client_makes_are_those_of_the_call() {
    let (collect, _guard) = Collect::install();
    let (provider, url) = start(Faults::First(Fault::Unavailable)).await;
    ask_through(&retrying_client(), &url, "Who are you?").await.unwrap();
    let call = collect.only_call();
    let failures: Vec<_> = call
        .attempts
        .iter()
        .map(|attempt| attempt.failure.as_ref().and_then(|failure| failure.http_status))
        .collect();
    assert_eq!(failures, [Some(503), None]);
    assert_eq!(call.answers[0].attempt, 2, "the answer belongs to the attempt that brought it");
    assert_eq!(recorded(&[call]), billed(&provider.ledger()));

    let (_provider, url) = start(Faults::Always(Fault::RateLimit)).await;
    assert!(ask_through(&retrying_client(), &url, "Who are you?").await.is_err());
    let call = collect.calls().remove(1);
    assert_eq!(call.attempt_count(), 4);
    let failure = call.attempts[3].failure.as_ref().unwrap();
    assert_eq!(failure.category, ErrorCategory::RateLimit);
    assert!(failure.retry_after.is_some_and(|asked| asked < Duration::from_secs(1)), "{failure:?}");
}

#[tokio::test]
async fn the_middleware_reads_how_the_model_is_asked() {
    #[instrument_llm(provider = "openai", capture(input))]
    async fn parameters(http: &reqwest_middleware::ClientWithMiddleware, url: &str, told: bool) {
        let question = json!([{ "role": "user", "content": "Who are you?" }]);
        let body =
            json!({ "model": "gpt-4o-mini", "temperature": 0.5, "max_tokens": 99, "messages": question });
        if told {
            jobmon::current().request(&json!({ "temperature": 0.75, "messages": [] }));
        }
        http.post(url).json(&body).send().await.unwrap();
        http.post(url).body("no JSON").send().await.unwrap();
    }
    let (collect, _guard) = Collect::install();
    let (_provider, url) = start(Faults::Off).await;
    for told in [false, true] {
        parameters(&retrying_client(), &url, told).await;
    }
    let calls = collect.calls();
    let asked = |call: &CallRecord| {
        let request = call.request.as_ref().unwrap();
        (request.temperature, request.max_tokens, call.model.clone())
    };
    assert_eq!(asked(&calls[0]), (Some(0.5), Some(99), Some("gpt-4o-mini".into())));
    assert_eq!(asked(&calls[1]), (Some(0.75), None, None), "what the function says itself stays");
    let said = &calls[0].content.as_ref().unwrap().input[0];
    assert_eq!(said, &Message::text(Role::User, "Who are you?"));
}

#[tokio::test]
async fn outside_of_a_call_the_middleware_passes_through() {
    let (collect, _guard) = Collect::install();
    let (_provider, url) = start(Faults::Always(Fault::ContextLength)).await;
    let response = retrying_client().post(&url).body("{}").send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert!(collect.events().is_empty());
}

#[tokio::test]
async fn every_way_to_fail_has_its_category() {
    for (fault, expected, status) in [
        (Fault::RateLimit, ErrorCategory::RateLimit, Some(429)),
        (Fault::Unavailable, ErrorCategory::Server, Some(503)),
        (Fault::ContextLength, ErrorCategory::ContextLength, Some(400)),
        (Fault::BrokenBody, ErrorCategory::Parsing, None),
        (Fault::BrokenConnection, ErrorCategory::Network, None),
    ] {
        let (_provider, url) = start(Faults::Always(fault)).await;
        let plain = reqwest_middleware::ClientBuilder::new(reqwest::Client::new()).build();
        let error = ask_through(&plain, &url, "Who are you?").await.unwrap_err();
        assert_eq!((error.category(), error.http_status()), (expected, status), "{error:?}");
    }
}

#[tokio::test]
async fn an_error_of_the_middleware_is_classified_by_what_it_carries() {
    let (provider, url) = start(Faults::Off).await;
    provider.shutdown().await;
    let error = ask_through(&retrying_client(), &url, "Who are you?").await.unwrap_err();
    assert_eq!(error.category(), ErrorCategory::Network, "{error:?}");
    let AskError::Middleware(error) = error else { panic!("{error:?}") };
    assert_eq!(error.category(), ErrorCategory::Network);
    let boxed: Box<dyn Error> = error.into();
    assert_eq!(classify(&*boxed), ErrorCategory::Network);

    let limited = Failure::new(ErrorCategory::Budget);
    assert_eq!(reqwest_middleware::Error::middleware(limited).category(), ErrorCategory::Budget);
}

//! The macros where jobmon has another name.
#![cfg(test)]

use jm::testing::Collect;
use jm::{ErrorCategory, LlmResponse, Usage};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

#[derive(LlmResponse)]
#[llm(crate = ::jm)]
struct Completion {
    #[llm(input)]
    input: u64,
    #[llm(output)]
    output: Option<u32>,
    #[llm(model)]
    model: &'static str,
}

#[derive(Debug, jm::LlmError)]
#[llm(crate = ::jm)]
enum AgentError {
    #[llm(category = rate_limit)]
    SlowDown,
    Http {
        #[llm(status)]
        status: u16,
    },
}

#[jm::instrument_llm(crate = ::jm, model = model, provider = "openai", usage = required, fields(n = 1))]
async fn ask(model: &'static str) -> Completion {
    Completion { input: 2, output: Some(1), model }
}

#[jm::instrument_llm(name = "failing", crate = ::jm)]
fn fails(error: AgentError) -> Result<Usage, AgentError> {
    Err(error)
}

fn run<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here waits"),
    }
}

#[test]
fn calls_are_recorded_with_usage_and_errors() {
    let (collect, _guard) = Collect::install();
    let completion = run(ask("gpt-4o"));
    assert_eq!((completion.input, completion.output), (2, Some(1)));
    assert!(fails(AgentError::SlowDown).is_err());
    assert!(fails(AgentError::Http { status: 503 }).is_err());
    let calls = collect.calls();
    assert_eq!(calls[0].usage(), Some(Usage::new(2, 1)));
    assert_eq!(calls[0].model_name().map(ToString::to_string).as_deref(), Some("gpt-4o"));
    let categories: Vec<_> =
        calls[1..].iter().map(|call| call.failure.as_ref().map(|failure| failure.category)).collect();
    assert_eq!(categories, [Some(ErrorCategory::RateLimit), Some(ErrorCategory::Server)]);
}

//! With feature `tokio`, back-offs and timeouts wait on tokio's clock where there is one.

use jobmon_core::testing::Collect;
use jobmon_core::{End, ErrorCategory, Failure, TimedOut, Usage, instrument_llm};
use std::future::pending;
use std::time::Duration;
use tokio::time::Instant;

const HOUR: Duration = Duration::from_secs(3_600);

#[derive(Debug)]
struct AskError(ErrorCategory);

impl jobmon_core::LlmError for AskError {
    fn category(&self) -> ErrorCategory {
        self.0
    }
}

impl From<TimedOut> for AskError {
    fn from(_: TimedOut) -> Self {
        Self(ErrorCategory::Timeout)
    }
}

/// Refused twice, then good.
#[instrument_llm(
    crate = ::jobmon_core,
    operation = chat,
    retry(attempts = 3, backoff = exponential("1h"), max = "10h")
)]
async fn ask(asked: &mut u32) -> Result<Usage, AskError> {
    *asked += 1;
    if *asked > 2 { Ok(Usage::new(12, 3)) } else { Err(AskError(ErrorCategory::Server)) }
}

/// A provider that says how long to wait.
#[instrument_llm(crate = ::jobmon_core, operation = chat, retry(attempts = 2, max_retry_after = "2h"))]
async fn ask_again_later(asked: &mut u32) -> Result<Usage, Failure> {
    *asked += 1;
    let mut limited = Failure::from_message("HTTP 429");
    limited.retry_after = Some(HOUR);
    if *asked > 1 { Ok(Usage::new(12, 3)) } else { Err(limited) }
}

#[instrument_llm(crate = ::jobmon_core, operation = chat, timeout = "1h")]
async fn ask_in_vain() -> Result<Usage, AskError> {
    pending().await
}

/// Hours by tokio's clock, to the nearest.
fn hours_since(began: Instant) -> u64 {
    (began.elapsed() + HOUR / 2).as_secs() / 3_600
}

#[tokio::test(start_paused = true)]
async fn back_offs_take_the_time_of_a_clock_that_is_paused() {
    let (collect, _guard) = Collect::install();
    let began = Instant::now();
    ask(&mut 0).await.unwrap();
    assert_eq!(hours_since(began), 3, "one hour, then two");
    ask_again_later(&mut 0).await.unwrap();
    assert_eq!(hours_since(began), 4, "as long as the provider asks");
    let calls = collect.calls();
    let counts: Vec<_> = calls.iter().map(|call| (call.recovered(), call.attempt_count())).collect();
    assert_eq!(counts, [(true, 3), (true, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_takes_the_time_of_a_clock_that_is_paused() {
    let (collect, _guard) = Collect::install();
    let began = Instant::now();
    assert_eq!(ask_in_vain().await.unwrap_err().0, ErrorCategory::Timeout);
    assert_eq!(hours_since(began), 1);
    let call = collect.only_call();
    let category = call.failure.as_ref().map(|failure| failure.category);
    assert_eq!((call.end, category), (End::Error, Some(ErrorCategory::Timeout)));
}

#[test]
fn in_a_runtime_without_a_clock_there_is_another() {
    #[instrument_llm(crate = ::jobmon_core, operation = chat, timeout = "1ms")]
    async fn ask_in_vain() -> Result<Usage, AskError> {
        pending().await
    }

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(ask_in_vain()).unwrap_err().0, ErrorCategory::Timeout);
}

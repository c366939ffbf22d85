//! Outside of any runtime, back-offs and timeouts wait on a timer of jobmon's own, whatever its features.

use jobmon_core::testing::Collect;
use jobmon_core::{ErrorCategory, Failure, LlmError, TimedOut, Usage, instrument_llm};
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The smallest executor: polls when it is woken, and sleeps in between.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[instrument_llm(crate = ::jobmon_core, operation = chat, retry(attempts = 3, backoff = fixed("5ms")))]
async fn ask(asked: &mut u32) -> Result<Usage, Failure> {
    *asked += 1;
    if *asked > 2 { Ok(Usage::new(12, 3)) } else { Err(Failure::new(ErrorCategory::Network)) }
}

#[derive(Debug)]
struct Late;

impl LlmError for Late {
    fn category(&self) -> ErrorCategory {
        ErrorCategory::Timeout
    }
}

impl From<TimedOut> for Late {
    fn from(_: TimedOut) -> Self {
        Self
    }
}

#[instrument_llm(crate = ::jobmon_core, operation = chat, timeout = "5ms")]
async fn ask_in_vain() -> Result<Usage, Late> {
    pending().await
}

#[test]
fn back_offs_and_timeouts_are_waited_for_by_any_executor() {
    let (collect, _guard) = Collect::install();
    let began = Instant::now();
    block_on(ask(&mut 0)).unwrap();
    block_on(ask_in_vain()).unwrap_err();
    assert!(began.elapsed() >= Duration::from_millis(15));
    let calls = collect.calls();
    assert!(calls[0].recovered() && calls[0].backoff() >= Duration::from_millis(10), "{calls:#?}");
    assert_eq!(calls[1].failure.as_ref().map(|failure| failure.category), Some(ErrorCategory::Timeout));
}

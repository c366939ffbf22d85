//! Attempts that `backon` makes are those of the call.

use backon::{ConstantBuilder, Retryable};
use jobmon_core::testing::Collect;
use jobmon_core::{ErrorCategory, Failure, RecordAttempts, honour_retry_after, instrument_llm};
use std::cell::{Cell, RefCell};
use std::future::{Future, Ready, ready};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

/// Limited twice, then good.
fn ask(tries: &Cell<u32>) -> Ready<Result<u32, Failure>> {
    tries.set(tries.get() + 1);
    if tries.get() > 2 {
        return ready(Ok(tries.get()));
    }
    let mut failure = Failure::from_message("HTTP 429");
    failure.retry_after = Some(Duration::from_secs(u64::from(tries.get())));
    ready(Err(failure))
}

#[test]
fn attempts_are_recorded_and_pauses_are_as_long_as_the_provider_asks() {
    #[instrument_llm(crate = ::jobmon_core)]
    async fn ask_patiently(tries: &Cell<u32>, pauses: Rc<RefCell<Vec<Duration>>>) -> Result<u32, Failure> {
        (|| ask(tries))
            .recorded_attempts()
            .retry(ConstantBuilder::default().with_delay(Duration::from_millis(1_500)))
            .adjust(honour_retry_after)
            .sleep(move |pause| {
                pauses.borrow_mut().push(pause);
                ready(())
            })
            .await
    }

    let (collect, _guard) = Collect::install();
    let pauses = Rc::default();
    assert_eq!(block_on(ask_patiently(&Cell::new(0), Rc::clone(&pauses))).unwrap(), 3);
    assert_eq!(pauses.take(), [Duration::from_millis(1_500), Duration::from_secs(2)]);
    let call = collect.only_call();
    let failures: Vec<_> = call
        .attempts
        .iter()
        .map(|attempt| attempt.failure.as_ref().map(|failure| failure.category))
        .collect();
    assert_eq!(failures, [Some(ErrorCategory::RateLimit), Some(ErrorCategory::RateLimit), None]);
    assert!(call.recovered());
}

#[test]
fn errors_that_tell_nothing_are_told_by_a_function() {
    struct Silent(io::Error);

    #[instrument_llm(crate = ::jobmon_core)]
    async fn give_up() -> Result<(), Silent> {
        (|| ready(Err(Silent(io::ErrorKind::TimedOut.into()))))
            .recorded_attempts_with(|error: &Silent| Failure::of(&error.0))
            .retry(ConstantBuilder::default().with_max_times(1))
            .sleep(|_| ready(()))
            .await
    }

    let (collect, _guard) = Collect::install();
    assert!(block_on(give_up()).is_err());
    let call = collect.only_call();
    assert_eq!(call.attempt_count(), 2);
    let all_timed_out = |failure: Option<&Failure>| failure.unwrap().category == ErrorCategory::Timeout;
    assert!(call.attempts.iter().all(|attempt| all_timed_out(attempt.failure.as_ref())));
}

//! Which attempts are made, and what belongs to them.

use super::Try::{Fails, Succeeds};
use super::{Tries, Wrong, block_on};
use crate::answer;
use jobmon::testing::Collect;
use jobmon::{End, ErrorCategory, Retry, Usage, instrument_llm};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, ready};
use std::sync::Arc;
use std::time::Duration;

fn wrong(category: ErrorCategory) -> Wrong {
    Wrong::Is(category)
}

#[test]
fn when_decides_alone() {
    fn parsing(error: &Wrong) -> bool {
        *error == wrong(ErrorCategory::Parsing)
    }
    #[instrument_llm(operation = retrieval, retry(attempts = 3, backoff = fixed("0ms"), when = |e| *e == wrong(ErrorCategory::Parsing)))]
    async fn closure(made: &Cell<u8>, fails: ErrorCategory) -> Result<u8, Wrong> {
        made.set(made.get() + 1);
        Err(wrong(fails))
    }
    #[instrument_llm(operation = retrieval, retry(attempts = 3, backoff = fixed("0ms"), when = parsing))]
    fn function(made: &Cell<u8>, fails: ErrorCategory) -> Result<u8, Wrong> {
        made.set(made.get() + 1);
        Err(wrong(fails))
    }
    #[instrument_llm(operation = retrieval, retry(attempts = 3, backoff = fixed("0ms"), when = |e| allowed.contains(e)))]
    async fn of_arguments(made: &Cell<u8>, fails: ErrorCategory, allowed: Vec<Wrong>) -> Result<u8, Wrong> {
        let _ = &allowed;
        made.set(made.get() + 1);
        Err(wrong(fails))
    }
    #[instrument_llm(operation = retrieval, retry(attempts = 3, backoff = fixed("0ms"), when = |_| panic!("on purpose")))]
    async fn panics(made: &Cell<u8>) -> Result<u8, Wrong> {
        made.set(made.get() + 1);
        Err(wrong(ErrorCategory::Server))
    }
    for (category, expected) in [(ErrorCategory::Parsing, 3), (ErrorCategory::RateLimit, 1)] {
        let made = Cell::new(0);
        assert!(block_on(closure(&made, category)).is_err());
        assert_eq!(made.replace(0), expected);
        assert!(function(&made, category).is_err());
        assert_eq!(made.replace(0), expected);
        assert!(block_on(of_arguments(&made, category, vec![wrong(ErrorCategory::Parsing)])).is_err());
        assert_eq!(made.replace(0), expected);
        assert!(block_on(panics(&made)).is_err());
        assert_eq!(made.get(), 1);
    }
}

#[test]
fn the_error_of_the_attribute_decides_too() {
    #[instrument_llm(operation = retrieval, error = |_| ErrorCategory::Parsing, retry(attempts = 2, backoff = fixed("0ms"), on(parsing)))]
    async fn fails() -> Result<u8, Wrong> {
        Err(wrong(ErrorCategory::Authentication))
    }
    let (collect, _guard) = Collect::install();
    assert!(block_on(fails()).is_err());
    assert_eq!(collect.only_call().attempts.len(), 2);
}

#[test]
fn a_back_off_by_a_function_is_given_the_number_of_the_attempt_that_failed() {
    thread_local!(static ASKED: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) });
    fn wait(failed: u32) -> Duration {
        ASKED.with_borrow_mut(|asked| asked.push(failed));
        Duration::ZERO
    }
    #[instrument_llm(operation = retrieval, retry(attempts = most, backoff = wait, on(Server)))]
    async fn fails(most: u32) -> Result<u8, Wrong> {
        let _ = most;
        Err(wrong(ErrorCategory::Server))
    }
    assert!(block_on(fails(4)).is_err());
    assert_eq!(ASKED.take(), [1, 2, 3]);
    for most in [0, 1] {
        assert!(block_on(fails(most)).is_err());
        assert_eq!(ASKED.take(), [0; 0], "{most} attempts");
    }
}

#[test]
fn each_attempt_is_given_its_own_time() {
    #[instrument_llm(operation = retrieval, retry(attempts = 3, backoff = fixed("0ms")), timeout = "1ms")]
    async fn hangs_twice(begun: &Cell<u8>) -> Result<u8, Wrong> {
        begun.set(begun.get() + 1);
        if begun.get() < 3 { pending().await } else { Ok(begun.get()) }
    }
    #[instrument_llm(operation = retrieval, retry(attempts = 2, backoff = fixed("0ms")), timeout = limit)]
    fn hangs(limit: Duration) -> impl Future<Output = Result<u8, Wrong>> {
        let _ = limit;
        pending()
    }
    let (collect, _guard) = Collect::install();
    assert_eq!(block_on(hangs_twice(&Cell::new(0))), Ok(3));
    assert!(matches!(block_on(hangs(Duration::from_millis(1))), Err(Wrong::TimedOut(_))));
    let calls = collect.calls();
    let timeout = Some(ErrorCategory::Timeout);
    let attempts = |call: &jobmon::CallRecord| -> Vec<_> {
        call.attempts.iter().map(|attempt| attempt.failure.as_ref().map(|failure| failure.category)).collect()
    };
    assert_eq!(attempts(&calls[0]), [timeout, timeout, None]);
    assert!(calls[0].recovered() && calls[0].attempts[0].duration >= Duration::from_millis(1));
    assert_eq!((attempts(&calls[1]), calls[1].end), (vec![timeout, timeout], End::Error));
    assert_eq!(calls[1].failure.as_ref().map(|failure| failure.category), timeout);
}

#[test]
fn a_timeout_without_retries_is_an_error_of_the_call_and_drops_what_it_holds_inside() {
    struct Inside;
    impl Drop for Inside {
        fn drop(&mut self) {
            jobmon::current().field("dropped", true);
        }
    }
    #[instrument_llm(operation = retrieval, timeout = "1ms")]
    async fn hangs() -> Result<u8, Box<dyn std::error::Error>> {
        let _inside = Inside;
        pending().await
    }
    #[instrument_llm(operation = retrieval, timeout = "0ms")]
    async fn in_time() -> Result<u8, Wrong> {
        ready(Ok(1)).await
    }
    let (collect, _guard) = Collect::install();
    assert_eq!(block_on(hangs()).expect_err("it hangs").to_string(), "timed out after 1ms");
    assert_eq!(block_on(in_time()), Ok(1));
    let calls = collect.calls();
    let failure = calls[0].failure.as_ref().expect("a failure");
    assert_eq!((calls[0].end, failure.category), (End::Error, ErrorCategory::Timeout));
    assert_eq!(calls[0].attributes.len(), 1);
    assert_eq!((calls[1].end, calls[1].attempts.len()), (End::Ok, 0));
}

#[test]
fn attempts_inside_attempts_are_the_attempts() {
    #[instrument_llm(model = "gpt-4o-mini", retry(attempts = 2, backoff = fixed("0ms"), on(Parsing)))]
    async fn around(tries: Arc<Tries>) -> Result<u8, Wrong> {
        for _ in 0..2 {
            let answer = jobmon::attempt(tries.run()).await;
            if answer.is_ok() {
                break;
            }
        }
        if tries.begun() > 2 { Ok(1) } else { Err(wrong(ErrorCategory::Parsing)) }
    }
    let (collect, _guard) = Collect::install();
    let tries = Tries::new(&[Fails(ErrorCategory::Server), Succeeds, Succeeds]);
    assert_eq!(block_on(around(tries)), Ok(1));
    let call = collect.calls().pop().expect("the call");
    let attempts: Vec<_> = call
        .attempts
        .iter()
        .map(|attempt| (attempt.number, attempt.failure.as_ref().map(|failure| failure.category)))
        .collect();
    // What the second gave could not be used.
    assert_eq!(attempts, [(1, Some(ErrorCategory::Server)), (2, Some(ErrorCategory::Parsing)), (3, None)]);
    assert_eq!(call.answers.iter().map(|answer| answer.attempt).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_retried_call_inside_a_retried_call_has_attempts_of_its_own() {
    #[instrument_llm(model = "gpt-4o-mini", retry(attempts = 2, backoff = fixed("0ms"), on(Server)))]
    async fn inner(tries: Arc<Tries>) -> Result<Usage, Wrong> {
        tries.run().await
    }
    #[instrument_llm(retry(attempts = 2, backoff = fixed("0ms"), on(Server)))]
    async fn outer(tries: Arc<Tries>) -> Result<Usage, Wrong> {
        inner(tries).await
    }
    let (collect, _guard) = Collect::install();
    let server = Fails(ErrorCategory::Server);
    let tries = Tries::new(Box::leak(Box::new([server, server, server, Succeeds])));
    assert!(block_on(outer(tries)).is_ok());
    let calls: Vec<_> =
        collect.calls().into_iter().filter(|call| call.name.as_str() != "called_inside").collect();
    let told: Vec<_> =
        calls.iter().map(|call| (call.name.as_str(), call.attempts.len(), call.end, call.usage())).collect();
    let twice = Some(Usage::new(2_000, 20));
    let expected =
        [("inner", 2, End::Error, twice), ("inner", 2, End::Ok, twice), ("outer", 2, End::Ok, None)];
    assert_eq!(told, expected);
    assert!(calls[..2].iter().all(|inner| inner.parent == Some(calls[2].id.span)));
}

#[test]
fn what_is_returned_by_the_last_attempt_belongs_to_it() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry(attempts = 2, backoff = fixed("0ms"), on(Server)))]
    fn ask(made: &Cell<u8>) -> Result<Value, Wrong> {
        made.set(made.get() + 1);
        if made.get() < 2 { Err(wrong(ErrorCategory::Server)) } else { Ok(answer(10, 2)) }
    }
    let (collect, _guard) = Collect::install();
    assert!(ask(&Cell::new(0)).is_ok());
    let call = collect.only_call();
    assert_eq!(call.answers.iter().map(|answer| answer.attempt).collect::<Vec<_>>(), [2]);
    // The first may have been billed: nobody knows.
    assert!(matches!(call.cost, Some(jobmon::Cost::AtLeast(_))), "{:?}", call.cost);
}

#[test]
fn what_only_the_first_attempt_observed_does_not_hide_what_the_last_returned() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry(attempts = 2, backoff = fixed("0ms"), on(Parsing)))]
    fn ask(made: &Cell<u8>) -> Result<Value, Wrong> {
        made.set(made.get() + 1);
        let answer = answer(10, u64::from(made.get()));
        if made.get() < 2 {
            // Paid for, and of no use.
            jobmon::observe(&answer);
            return Err(wrong(ErrorCategory::Parsing));
        }
        Ok(answer)
    }
    let (collect, _guard) = Collect::install();
    assert!(ask(&Cell::new(0)).is_ok());
    let call = collect.only_call();
    assert_eq!(call.answers.iter().map(|answer| answer.attempt).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(call.usage(), Some(Usage::new(20, 3)));
}

#[test]
fn what_cannot_fail_is_tried_once() {
    struct Agent;
    // Of a block some methods may not be able to fail.
    #[instrument_llm(operation = retrieval, retry = Retry::new(5))]
    impl Agent {
        async fn nothing(made: &Cell<u8>) -> Option<u8> {
            made.set(made.get() + 1);
            None
        }
    }
    let (collect, _guard) = Collect::install();
    let made = Cell::new(0);
    assert_eq!(block_on(Agent::nothing(&made)), None);
    assert_eq!((made.get(), collect.only_call().attempts.len()), (1, 1));
}

//! Every way to end.

use super::shapes::{Agent, Ask, Exit, SHAPES, Shape, asynchronous, synchronous};
use super::{Yield, answer, block_on, poll_once};
use jobmon::testing::Collect;
use jobmon::{End, ErrorCategory, LlmResponse, Text, Usage, instrument_llm};
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::Duration;

#[instrument_llm]
fn parent(inside: &dyn Fn()) {
    inside();
}

/// Runs it to its end, or for one poll.
fn run(shape: &Shape, exit: Exit) {
    match shape {
        Shape::Sync(run) | Shape::RetriedSync(run) => drop(run(exit)),
        Shape::Async(make) | Shape::Stream(make) | Shape::Retried(make) => {
            let mut future = make(exit);
            if exit == Exit::Cancelled {
                assert!(poll_once(future.as_mut()).is_pending());
            } else {
                drop(block_on(future));
            }
        }
    }
}

#[test]
fn every_exit_of_every_shape_is_recorded_once() {
    for (name, shape) in SHAPES {
        for (exit, end, category) in [
            (Exit::Ok, End::Ok, None),
            (Exit::Return, End::Ok, None),
            (Exit::Error, End::Error, Some(ErrorCategory::Timeout)),
            (Exit::Question, End::Error, Some(ErrorCategory::Timeout)),
            (Exit::Panic, End::Panicked, Some(ErrorCategory::Panic)),
            (Exit::Cancelled, End::Cancelled, Some(ErrorCategory::Cancelled)),
        ] {
            let (end, category) = match (&shape, exit) {
                (Shape::Sync(_) | Shape::RetriedSync(_), Exit::Cancelled) => continue,
                (Shape::Stream(_), Exit::Cancelled) => (End::Abandoned, None),
                _ => (end, category),
            };
            let attempts = match &shape {
                Shape::Retried(_) | Shape::RetriedSync(_) => 1 + usize::from(end == End::Error),
                _ => 0,
            };
            for with_parent in [false, true] {
                let (collect, _guard) = Collect::install();
                let inside = || drop(catch_unwind(AssertUnwindSafe(|| run(&shape, exit))));
                if with_parent {
                    parent(&inside);
                } else {
                    inside();
                }
                let calls = collect.calls();
                let what = format!("{name}, {end}, parent: {with_parent}");
                assert_eq!(calls.len(), 1 + usize::from(with_parent), "{what}: {calls:#?}");
                let call = &calls[0];
                assert_eq!((call.end, call.failure.as_ref().map(|f| f.category)), (end, category), "{what}");
                let outer = calls.get(1).map(|parent| parent.id);
                assert_eq!(call.parent, outer.map(|outer| outer.span), "{what}");
                assert_eq!(call.root, outer.map_or(call.id.span, |outer| outer.span), "{what}");
                assert!(outer.is_none_or(|outer| outer.trace == call.id.trace), "{what}");
                let usage = (end == End::Ok).then(|| Usage::new(10, 2));
                assert_eq!(call.usage(), usage, "{what}");
                assert!(call.duration.is_some(), "{what}");
                assert_eq!(call.attempts.len(), attempts, "{what}");
                assert_eq!(jobmon::current().id(), None, "{what}: nothing is current afterwards");
            }
        }
    }
}

#[test]
fn before_the_first_poll_an_async_fn_has_not_begun_but_a_returned_future_has() {
    let (collect, _guard) = Collect::install();
    drop(asynchronous(Exit::Ok));
    assert_eq!(collect.calls(), []);
    // With async-trait, the call is made when the function is: nobody waits for it, so it is cancelled.
    drop(Agent.ask(Exit::Ok));
    assert_eq!(collect.only_call().end, End::Cancelled);
}

#[test]
fn what_the_body_holds_is_dropped_inside_its_call() {
    struct Inside;
    impl Drop for Inside {
        fn drop(&mut self) {
            jobmon::current().field("dropped", true);
        }
    }
    #[instrument_llm(operation = retrieval)]
    async fn holds() {
        let _inside = Inside;
        Yield::default().await;
    }
    let (collect, _guard) = Collect::install();
    let mut future = Box::pin(holds());
    assert!(poll_once(future.as_mut()).is_pending());
    drop(future);
    block_on(holds());
    for call in collect.calls() {
        assert_eq!(call.attributes, [(Text::from("dropped"), true.into())], "{}", call.end);
    }
}

#[test]
fn code_that_only_jobmon_runs_cannot_harm_the_function() {
    #[derive(Debug)]
    struct Unshowable;
    impl std::fmt::Display for Unshowable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            Err(std::fmt::Error)
        }
    }
    impl std::error::Error for Unshowable {}
    fn explodes() -> u8 {
        panic!("on purpose")
    }
    #[instrument_llm(operation = retrieval, fields(before = 1, n = explodes(), after = 2))]
    fn fails() -> Result<(), Unshowable> {
        Err(Unshowable)
    }
    #[instrument_llm(model = "gpt-4o-mini", usage = |_| -> Usage { panic!("on purpose") })]
    fn succeeds() -> u8 {
        7
    }
    let (collect, _guard) = Collect::install();
    assert!(fails().is_err());
    assert_eq!(succeeds(), 7);
    let calls = collect.calls();
    assert_eq!((calls[0].end, calls[0].attributes.len()), (End::Error, 1));
    assert_eq!((calls[1].end, calls[1].usage_missing), (End::Ok, true));
}

#[test]
fn without_a_monitor_everything_runs_as_if_nothing_were_there() {
    assert!(block_on(asynchronous(Exit::Ok)).is_ok());
    assert!(synchronous(Exit::Error).is_err());
    assert_eq!(jobmon::observe(answer(1, 1)).usage(), Some(Usage::new(1, 1)));
    assert_eq!(jobmon::current().traceparent(), None);
    assert_eq!(
        block_on(jobmon::attempt(async { Ok::<_, io::Error>(Duration::ZERO) })).unwrap(),
        Duration::ZERO
    );
}

#[test]
fn futures_stay_unwind_safe() {
    fn check(_: &(impl std::panic::UnwindSafe + std::panic::RefUnwindSafe + Send)) {}
    check(&quiet(1));
}

#[instrument_llm]
async fn quiet(n: u8) -> u8 {
    n
}

#[test]
fn a_panic_before_the_future_is_returned_is_one_of_the_call() {
    #[instrument_llm(operation = retrieval)]
    fn eager() {}
    #[instrument_llm]
    fn makes(panics: bool) -> Pin<Box<dyn Future<Output = u8>>> {
        eager();
        assert!(!panics, "on purpose");
        Box::pin(async { 1 })
    }
    let (collect, _guard) = Collect::install();
    assert!(catch_unwind(|| drop(makes(true))).is_err());
    assert_eq!(block_on(makes(false)), 1);
    let calls = collect.calls();
    let ends: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.end)).collect();
    let expected = [("eager", End::Ok), ("makes", End::Panicked), ("eager", End::Ok), ("makes", End::Ok)];
    assert_eq!(ends, expected);
    assert_eq!(calls[0].parent, Some(calls[1].id.span));
    assert_eq!(calls[2].parent, Some(calls[3].id.span));
}

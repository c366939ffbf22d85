//! What a call leaves as it is: values, panics, time, threads, secrets.

use super::shapes::{Exit, SHAPES, Shape};
use super::{Yield, answer, block_on, poll_once};
use jobmon::testing::Collect;
use jobmon::{
    Batch, End, ExportError, Exporter, LlmResponse, Pipeline, Settings, Timestamp, Usage, instrument_llm,
};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;
use std::thread;
use std::time::Duration;

#[test]
fn a_panic_goes_on_with_its_payload() {
    #[derive(Debug, PartialEq)]
    struct Payload(u8);
    #[instrument_llm]
    fn sync() -> u8 {
        std::panic::panic_any(Payload(1))
    }
    #[instrument_llm]
    async fn asynchronous() -> u8 {
        Yield::default().await;
        std::panic::panic_any(Payload(2))
    }
    #[instrument_llm]
    fn never() -> ! {
        std::panic::panic_any(Payload(3))
    }
    let (collect, _guard) = Collect::install();
    let runs: [fn() -> u8; 3] = [|| sync(), || block_on(asynchronous()), || never()];
    for (run, n) in runs.into_iter().zip(1..) {
        let payload = catch_unwind(run).expect_err("a panic").downcast::<Payload>();
        assert_eq!(*payload.expect("its payload"), Payload(n));
    }
    assert_eq!(collect.calls().iter().map(|call| call.end).collect::<Vec<_>>(), [End::Panicked; 3]);
}

#[tokio::test]
async fn the_loser_of_a_race_and_what_times_out_are_cancelled() {
    #[instrument_llm(operation = retrieval)]
    async fn slow() {
        pending::<()>().await;
    }
    let (collect, _guard) = Collect::install();
    tokio::select! {
        () = slow() => unreachable!("it never ends"),
        () = tokio::task::yield_now() => {}
    }
    let waited = Duration::from_millis(5);
    assert!(tokio::time::timeout(waited, slow()).await.is_err());
    let calls = collect.calls();
    assert_eq!(calls.iter().map(|call| call.end).collect::<Vec<_>>(), [End::Cancelled; 2]);
    assert!(calls[1].duration >= Some(waited), "the time that it had is known: {:?}", calls[1].duration);
}

#[test]
fn one_call_of_many_polls_on_many_threads_is_one_event_with_all_its_time() {
    #[instrument_llm(operation = retrieval)]
    async fn child() {}
    #[instrument_llm]
    async fn agent() -> usize {
        for _ in 0..5 {
            Yield::default().await;
            child().await;
        }
        5
    }
    let (collect, _guard) = Collect::install();
    // The monitor is one of this thread: the call has it since it was made, and so have those inside.
    let mut future = Box::pin(async { agent().await });
    assert!(poll_once(future.as_mut()).is_pending());
    let pause = Duration::from_millis(2);
    for _ in 0..4 {
        assert_eq!(jobmon::current().id(), None, "while it waits it is current nowhere");
        let polled = thread::spawn(move || {
            thread::sleep(pause);
            assert!(poll_once(future.as_mut()).is_pending());
            assert_eq!(jobmon::current().id(), None);
            future
        });
        future = polled.join().expect("no panic");
    }
    let mut future = thread::spawn(move || (poll_once(future.as_mut()), future)).join().expect("no panic").1;
    let mut calls = collect.calls();
    let agent = calls.pop().expect("the agent");
    assert_eq!((agent.name.as_str(), agent.end, calls.len()), ("agent", End::Ok, 5));
    assert!(calls.iter().all(|child| child.parent == Some(agent.id.span)));
    assert!(agent.duration >= Some(4 * pause), "{:?}", agent.duration);
    assert!(catch_unwind(AssertUnwindSafe(|| poll_once(future.as_mut()))).is_err(), "it has ended");
    assert_eq!(collect.calls().len(), 6);
}

#[test]
fn values_pass_through_as_they_are() {
    struct NeitherCloneNorDebug(Box<u8>);
    #[instrument_llm(fields(n = *value.0))]
    fn sync(value: NeitherCloneNorDebug) -> Result<NeitherCloneNorDebug, NeitherCloneNorDebug> {
        if *value.0 == 0 { Err(value) } else { Ok(value) }
    }
    #[instrument_llm]
    async fn asynchronous(value: NeitherCloneNorDebug) -> Option<NeitherCloneNorDebug> {
        Yield::default().await;
        Some(value)
    }
    let (collect, _guard) = Collect::install();
    for n in [0, 1] {
        let value = NeitherCloneNorDebug(Box::new(n));
        let place = &raw const *value.0;
        let (Ok(value) | Err(value)) = sync(value);
        let value = block_on(asynchronous(value)).expect("a value");
        assert_eq!((&raw const *value.0, *value.0), (place, n));
    }
    assert_eq!(collect.calls().len(), 4);
}

#[test]
fn expressions_of_the_attribute_run_once_before_the_body() {
    #[instrument_llm(model = say(log, "model"), feature = say(log, "feature"), fields(a = say(log, "a"), %text))]
    async fn call(log: &RefCell<Vec<&'static str>>, text: String) -> String {
        say(log, "body");
        Yield::default().await;
        text
    }
    fn say(log: &RefCell<Vec<&'static str>>, what: &'static str) -> &'static str {
        log.borrow_mut().push(what);
        what
    }
    let (collect, _guard) = Collect::install();
    let log = RefCell::default();
    assert_eq!(block_on(call(&log, "text".to_owned())), "text");
    assert_eq!(log.take(), ["model", "feature", "a", "body"]);
    let call = collect.only_call();
    assert_eq!(call.attributes.len(), 2);
}

#[test]
fn no_argument_is_recorded_unless_it_is_named() {
    #[derive(Debug)]
    struct Prompt(#[expect(dead_code, reason = "only shown")] &'static str);
    #[instrument_llm(model = "gpt-4o-mini", fields(named))]
    fn ask(prompt: Prompt, named: u8, secret: &str) -> Result<serde_json::Value, String> {
        let _ = (prompt, secret);
        Ok(answer(u64::from(named), 1))
    }
    let (collect, _guard) = Collect::install();
    ask(Prompt("hidden prompt"), 3, "hidden secret").expect("an answer");
    let call = collect.only_call();
    assert!(!format!("{call:?}").contains("hidden"), "{call:?}");
    assert_eq!(call.attributes.len(), 1);
}

#[test]
fn an_exporter_that_calls_a_monitored_function_does_not_feed_itself() {
    #[instrument_llm(operation = retrieval)]
    fn monitored() -> u8 {
        1
    }
    struct Recursive(Arc<AtomicUsize>);
    impl Exporter for Recursive {
        fn name(&self) -> &'static str {
            "recursive"
        }
        fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
            self.0.fetch_add(batch.events.len() * usize::from(monitored()), Relaxed);
            Ok(())
        }
    }
    let seen = Arc::new(AtomicUsize::new(0));
    let exporter = Box::new(Recursive(Arc::clone(&seen)));
    let guard = Pipeline::start(Settings::default(), vec![exporter]).expect("a pipeline").install_local();
    monitored();
    for _ in 0..3 {
        assert!(guard.flush(Duration::from_secs(10)));
    }
    assert_eq!(seen.load(Relaxed), 1);
}

#[test]
fn what_is_called_while_a_future_is_dropped_or_made_belongs_to_its_surroundings() {
    #[instrument_llm(operation = retrieval)]
    fn inside() {}
    #[instrument_llm]
    async fn waits(polls: &Cell<u8>) {
        polls.set(polls.get() + 1);
        inside();
        pending::<()>().await;
    }
    #[instrument_llm(name = "around")]
    fn around(run: impl FnOnce()) {
        run();
    }
    let (collect, _guard) = Collect::install();
    let polls = Cell::new(0);
    let mut future = pin!(waits(&polls));
    around(|| assert!(poll_once(future.as_mut()).is_pending()));
    inside();
    let calls = collect.calls();
    let names: Vec<_> = calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["inside", "around", "inside"]);
    assert_ne!(calls[0].parent, Some(calls[1].id.span), "its parent is the future, which has not ended");
    assert!(calls[0].parent.is_some());
    assert_eq!(calls[2].parent, None);
}

#[test]
fn the_clock_starts_at_the_first_poll_and_runs_while_the_future_waits() {
    for (name, shape) in SHAPES {
        let Shape::Async(make) = shape else { continue };
        let (collect, _guard) = Collect::install();
        let pause = Duration::from_millis(2);
        let mut future = make(Exit::Ok);
        thread::sleep(pause);
        let polled = Timestamp::now();
        assert!(poll_once(future.as_mut()).is_pending());
        thread::sleep(pause);
        assert!(poll_once(future.as_mut()).is_ready());
        let call = collect.only_call();
        assert!(call.start >= polled, "{name}");
        assert!(call.duration >= Some(pause), "{name}");
    }
}

#[test]
fn an_attribute_on_itself_makes_two_calls() {
    // The first attribute is expanded first, and so is nearest to the body.
    #[instrument_llm(name = "inner")]
    #[instrument_llm(name = "outer")]
    async fn stacked() {
        Yield::default().await;
    }
    let (collect, _guard) = Collect::install();
    block_on(stacked());
    let calls = collect.calls();
    assert_eq!(calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["inner", "outer"]);
    assert_eq!(calls[0].parent, Some(calls[1].id.span));
}

#[test]
fn only_the_err_of_a_result_is_an_error() {
    #[instrument_llm(operation = retrieval)]
    fn option() -> Option<u8> {
        None
    }
    #[instrument_llm(operation = retrieval)]
    fn flow() -> ControlFlow<u8> {
        ControlFlow::Break(1)
    }
    #[instrument_llm(operation = retrieval)]
    fn poll() -> Poll<Result<u8, String>> {
        Poll::Ready(Err("not the function's own".to_owned()))
    }
    #[instrument_llm(operation = retrieval)]
    fn nested() -> Result<Result<u8, String>, String> {
        Ok(Err("not the function's own".to_owned()))
    }
    type Aliased = Result<u8, String>;
    #[instrument_llm(operation = retrieval)]
    fn aliased() -> Aliased {
        Err("its own".to_owned())
    }
    let (collect, _guard) = Collect::install();
    let _ = (option(), flow(), poll(), nested(), aliased());
    let ends: Vec<_> = collect.calls().iter().map(|call| call.end).collect();
    assert_eq!(ends, [End::Ok, End::Ok, End::Ok, End::Ok, End::Error]);
}

#[test]
fn generic_code_loses_no_usage_that_its_bounds_tell_of() {
    #[instrument_llm(model = "gpt-4o-mini")]
    fn bounded<T: LlmResponse>(answer: T) -> Result<T, String> {
        Ok(answer)
    }
    #[instrument_llm(model = "gpt-4o-mini")]
    async fn bounded_option<T>(answer: T) -> Option<T>
    where
        T: LlmResponse + Send,
    {
        Some(answer)
    }
    let (collect, _guard) = Collect::install();
    bounded(Usage::new(1, 2)).expect("an answer");
    block_on(bounded_option(answer(1, 2)));
    for call in collect.calls() {
        assert_eq!(call.usage(), Some(Usage::new(1, 2)), "{}", call.name);
    }
}

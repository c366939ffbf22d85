//! Traces that begin elsewhere, and spans around calls that jobmon does not make.

use crate::block_on;
use jobmon::testing::{Collect, Collecting};
use jobmon::{
    Around, CallRecord, Context, InContext, Settings, SpanContext, SpanId, Surroundings, TraceId,
    continue_trace, instrument_llm,
};
use std::cell::RefCell;
use std::sync::Arc;

const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[instrument_llm]
async fn agent() -> Option<String> {
    child().await
}

#[instrument_llm(operation = execute_tool)]
async fn child() -> Option<String> {
    jobmon::current().traceparent()
}

#[test]
fn a_call_continues_the_trace_that_its_request_brought() {
    let (collect, _guard) = Collect::install();
    let told = block_on(continue_trace(HEADER, agent())).expect("there is a call");
    let [child, agent] = &collect.calls()[..] else { panic!("two calls") };
    assert_eq!(agent.id.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(agent.parent_span().map(|span| span.to_string()).as_deref(), Some("00f067aa0ba902b7"));
    assert_eq!((agent.parent, agent.root), (None, agent.id.span));
    assert!(agent.remote.as_ref().is_some_and(|remote| remote.elsewhere));
    assert_eq!((child.parent_span(), child.id.trace), (Some(agent.id.span), agent.id.trace));
    assert_eq!(told, format!("00-{}-{}-01", agent.id.trace, child.id.span));
}

#[test]
fn a_trace_that_is_not_kept_is_not_kept_here_and_its_state_goes_on() {
    let (collect, _guard) = Collect::install();
    let header = HEADER.replace("-01", "-00");
    let context = Context::current().continue_trace(&header, "ot=th:c,vendor=7").expect("well formed");
    block_on(jobmon::with(context, agent()));
    let [child, agent] = &collect.calls()[..] else { panic!("two calls") };
    for call in [child, agent] {
        assert!(!call.sampled);
        assert!((call.sample_rate - 0.25).abs() < 1e-9);
        assert_eq!(call.state().as_deref(), Some("ot=th:c,vendor=7"));
    }
}

#[test]
fn what_is_no_traceparent_begins_a_trace_of_its_own() {
    let (collect, _guard) = Collect::install();
    block_on(continue_trace("00-nonsense", agent()));
    assert_eq!(collect.calls()[1].parent_span(), None);
    let error = Context::current().continue_trace("00-nonsense", "").expect_err("nonsense").to_string();
    assert_eq!(
        error,
        "not an id: expected a W3C `traceparent`: `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`"
    );
}

#[test]
fn failed_calls_of_traces_that_are_not_kept_are_kept_with_those_around_them() {
    #[instrument_llm(operation = execute_tool)]
    fn fails() -> Result<(), std::io::Error> {
        Err(std::io::Error::other("no"))
    }
    #[instrument_llm]
    fn around(fail: bool) {
        if fail {
            let _ = fails();
        }
    }
    let mut settings = Settings::default();
    settings.sampling_rate = 0.0;
    let (collect, _guard) = Collect::install_with(settings);
    around(false);
    around(true);
    let kept: Vec<_> = collect.calls().iter().map(|call| (call.name.to_string(), call.sampled)).collect();
    let expected = [("around", false), ("fails", true), ("around", true)];
    assert_eq!(kept, expected.map(|(name, sampled)| (name.to_owned(), sampled)));
}

thread_local! {
    /// Spans that this thread is in, as another library would keep them.
    static SPANS: RefCell<Vec<SpanContext>> = const { RefCell::new(Vec::new()) };
}

/// Another library that knows spans.
#[derive(Debug)]
struct Library;

#[derive(Debug)]
struct Known(SpanContext);

impl Surroundings for Library {
    fn current(&self) -> Option<SpanContext> {
        SPANS.with_borrow(|spans| spans.last().cloned())
    }

    fn around(&self, span: &SpanContext) -> Option<Arc<dyn Around>> {
        Some(Arc::new(Known(span.clone())))
    }
}

impl Around for Known {
    fn enter(&self) {
        SPANS.with_borrow_mut(|spans| spans.push(self.0.clone()));
    }

    fn leave(&self) {
        assert_eq!(SPANS.with_borrow_mut(Vec::pop), Some(self.0.clone()), "left in the order of entering");
    }
}

fn monitored() -> (Collect, Collecting) {
    let mut settings = Settings::default();
    settings.surroundings = Some(Arc::new(Library));
    Collect::install_with(settings)
}

/// Runs something in a span of the other library.
fn in_span<R>(run: impl FnOnce() -> R) -> (SpanId, R) {
    let span = SPANS.with_borrow(|spans| match spans.last() {
        Some(around) => SpanContext::new(around.trace, SpanId::random()),
        None => SpanContext::new(TraceId::random(), SpanId::random()),
    });
    let known = Known(span.clone());
    known.enter();
    let output = run();
    known.leave();
    (span.span, output)
}

fn parents(calls: &[CallRecord]) -> Vec<Option<SpanId>> {
    calls.iter().map(CallRecord::parent_span).collect()
}

#[test]
fn spans_of_others_and_calls_are_children_of_each_other() {
    #[instrument_llm]
    fn outer() -> SpanId {
        in_span(inner).0
    }
    #[instrument_llm(operation = execute_tool)]
    fn inner() -> Option<SpanId> {
        Library.current().map(|span| span.span)
    }
    let (collect, _guard) = monitored();
    let (around, between) = in_span(outer);
    let calls = collect.calls();
    let [inner, outer] = &calls[..] else { panic!("two calls") };
    assert_eq!(parents(&calls), [Some(between), Some(around)]);
    // For what adds up, the call around it is still its parent.
    assert_eq!((inner.parent, outer.parent), (Some(outer.id.span), None));
    assert_eq!(inner.id.trace, outer.id.trace);
    assert_eq!(Library.current(), None);
}

#[test]
fn a_spawned_task_is_in_the_span_of_the_call_that_spawned_it() {
    #[instrument_llm]
    fn spawns() {
        let task = async { child().await }.in_current_context();
        std::thread::spawn(move || {
            block_on(task);
            assert_eq!(Library.current(), None);
        })
        .join()
        .expect("no panic");
    }
    let (collect, _guard) = monitored();
    spawns();
    let [child, spawning] = &collect.calls()[..] else { panic!("two calls") };
    assert_eq!(child.parent_span(), Some(spawning.id.span));
    assert_eq!(child.remote, None);
}

#[test]
fn spans_are_left_however_a_call_ends() {
    #[instrument_llm]
    async fn waits() {
        std::future::pending::<()>().await;
    }
    #[instrument_llm]
    fn panics() {
        panic!("as told");
    }
    #[instrument_llm(retry(attempts = 2, backoff = fixed("1ms")))]
    async fn fails() -> Result<(), std::io::Error> {
        assert!(Library.current().is_some());
        Err(std::io::ErrorKind::ConnectionReset.into())
    }
    let (collect, _guard) = monitored();
    {
        let mut waiting = Box::pin(waits());
        let waker = std::task::Waker::noop();
        assert!(waiting.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
        assert_eq!(Library.current(), None);
    }
    assert!(std::panic::catch_unwind(panics).is_err());
    assert!(block_on(fails()).is_err());
    assert_eq!(Library.current(), None);
    assert_eq!(collect.calls().len(), 3);
}

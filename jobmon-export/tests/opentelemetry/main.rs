//! Calls and the spans of OpenTelemetry and `tracing-opentelemetry` know each other.

#[cfg(feature = "prices")]
mod made;

use jobmon_core::testing::Collect;
use jobmon_core::{CallRecord, Guard, InContext, instrument_llm};
use jobmon_export::{Monitor, Spans};
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use std::collections::HashMap;
use std::time::Duration;
use tracing::{Instrument, info_span};
use tracing_subscriber::layer::SubscriberExt;

/// A program that already sends its spans somewhere.
struct Program {
    spans: InMemorySpanExporter,
    provider: SdkTracerProvider,
    calls: Collect,
    guard: Guard,
    _subscriber: tracing::subscriber::DefaultGuard,
}

impl Program {
    fn start(made_by: Spans) -> Self {
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("program"));
        let subscriber = tracing_subscriber::registry().with(layer);
        let calls = Collect::default();
        let monitor = Monitor::builder().without_config().spans(made_by).exporter(calls.clone());
        Self {
            spans,
            provider,
            calls,
            guard: monitor.install_local().expect("a monitor"),
            _subscriber: tracing::subscriber::set_default(subscriber),
        }
    }

    /// Spans of the program and calls of jobmon, when all have ended.
    fn ended(self) -> (Vec<SpanData>, Vec<CallRecord>) {
        assert!(self.guard.flush(Duration::from_secs(10)));
        self.provider.force_flush().expect("flushed");
        (self.spans.get_finished_spans().expect("spans"), self.calls.calls())
    }
}

fn span<'s>(spans: &'s [SpanData], name: &str) -> &'s SpanData {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span `{name}`: {spans:#?}"))
}

fn call<'c>(calls: &'c [CallRecord], name: &str) -> &'c CallRecord {
    calls.iter().find(|call| call.name == *name).unwrap_or_else(|| panic!("no call `{name}`"))
}

/// The header that an HTTP client of the program sends, by OpenTelemetry's propagator.
fn traceparent() -> String {
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(&Context::current(), &mut headers);
    headers.remove("traceparent").unwrap_or_default()
}

#[instrument_llm(crate = ::jobmon_core)]
async fn agent() -> String {
    let inner = async { tool().await }.instrument(info_span!("rank results"));
    tokio::task::yield_now().await;
    inner.await
}

#[instrument_llm(operation = execute_tool, crate = ::jobmon_core)]
async fn tool() -> String {
    tokio::task::yield_now().await;
    assert_eq!(jobmon_core::current().traceparent().as_deref(), Some(&*traceparent()));
    traceparent()
}

#[tokio::test]
async fn spans_around_and_inside_of_calls_are_one_tree() {
    let program = Program::start(Spans::Exporter);
    let header = async { agent().await }.instrument(info_span!("GET /search")).await;
    assert!(!Context::current().has_active_span(), "nothing stays behind");
    let (spans, calls) = program.ended();
    let (request, rank) = (span(&spans, "GET /search"), span(&spans, "rank results"));
    let (agent, tool) = (call(&calls, "agent"), call(&calls, "tool"));
    let id = |call: &CallRecord| call.id.span.to_string();
    let parent = |call: &CallRecord| call.parent_span().map(|span| span.to_string());
    let trace = request.span_context.trace_id().to_string();
    assert_eq!(parent(agent), Some(request.span_context.span_id().to_string()));
    assert_eq!(rank.parent_span_id.to_string(), id(agent));
    assert_eq!(parent(tool), Some(rank.span_context.span_id().to_string()));
    assert_eq!(tool.parent, Some(agent.id.span));
    assert_eq!(header, format!("00-{trace}-{}-01", id(tool)));
    for call in &calls {
        assert_eq!(call.id.trace.to_string(), trace);
    }
    // The exporter of the program has its own two, ours would send the others: one span for each.
    assert_eq!((spans.len(), calls.len()), (2, 2));
}

#[tokio::test]
async fn a_trace_that_another_service_began_goes_on_in_spans_of_both() {
    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let program = Program::start(Spans::Exporter);
    let handled = async {
        let span = info_span!("unpack");
        span.in_scope(traceparent);
        drop(span);
        agent().await
    };
    jobmon_core::continue_trace(HEADER, handled).await;
    let (spans, calls) = program.ended();
    let unpack = span(&spans, "unpack");
    assert_eq!(unpack.span_context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(unpack.parent_span_id.to_string(), "00f067aa0ba902b7");
    let agent = call(&calls, "agent");
    assert_eq!(agent.parent_span().map(|span| span.to_string()).as_deref(), Some("00f067aa0ba902b7"));
}

#[tokio::test]
async fn spans_in_spawned_tasks_stay_in_the_tree() {
    #[instrument_llm(crate = ::jobmon_core)]
    async fn spawning() {
        let task = async {
            info_span!("in the task").in_scope(|| ());
            tool().await
        };
        tokio::spawn(task.in_current_context()).await.expect("no panic");
    }
    let program = Program::start(Spans::Exporter);
    spawning().await;
    let (spans, calls) = program.ended();
    let spawning = call(&calls, "spawning").id.span;
    assert_eq!(span(&spans, "in the task").parent_span_id.to_string(), spawning.to_string());
    assert_eq!(call(&calls, "tool").parent_span(), Some(spawning));
}

#[test]
fn a_trace_that_the_program_does_not_keep_is_not_kept() {
    #[instrument_llm(operation = retrieval, crate = ::jobmon_core)]
    fn looks() {}
    let spans = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(opentelemetry_sdk::trace::Sampler::AlwaysOff)
        .with_simple_exporter(spans)
        .build();
    let calls = Collect::default();
    let guard =
        Monitor::builder().without_config().exporter(calls.clone()).install_local().expect("a monitor");
    let tracer = provider.tracer("program");
    opentelemetry::trace::Tracer::in_span(&tracer, "request", |_| looks());
    assert!(guard.flush(Duration::from_secs(10)));
    assert!(!calls.only_call().sampled);
}

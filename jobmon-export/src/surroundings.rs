//! Calls and the spans of OpenTelemetry around them and inside them: both know each other.
//!
//! Only OpenTelemetry's API is used. Whoever keeps its context (`tracing-opentelemetry`, the SDK, propagators of HTTP
//! clients) sees our calls, and we see theirs.

use crate::attributes::{self, Attributes, Limit, Profile, Shown};
use crate::semconv;
use crate::spans::Spans;
use jobmon_core::{Around, CallRecord, SpanContext, SpanId, Surroundings, TraceId};
use opentelemetry::trace::{
    self as otel, SpanBuilder, SpanKind, Status, TraceContextExt, TraceFlags, TraceState, Tracer,
};
use opentelemetry::{
    Array, Context, ContextGuard, InstrumentationScope, KeyValue, StringValue, Value, global,
};
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::SystemTime;

/// OpenTelemetry, by its API.
#[derive(Debug)]
pub(crate) struct OpenTelemetry {
    pub(crate) spans: Spans,
}

impl Surroundings for OpenTelemetry {
    fn current(&self) -> Option<SpanContext> {
        guarded(|| Context::map_current(|context| context.has_active_span().then(|| of(context)).flatten()))?
    }

    fn around(&self, span: &SpanContext) -> Option<Arc<dyn Around>> {
        let state =
            span.state.as_deref().and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
        let flags = if span.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let span = otel::SpanContext::new(
            otel::TraceId::from_bytes(span.trace.to_bytes()),
            otel::SpanId::from_bytes(span.span.to_bytes()),
            flags,
            span.elsewhere,
            state,
        );
        let context = guarded(|| Context::map_current(|context| context.with_remote_span_context(span)))?;
        Some(Arc::new(Entered { context: AssertUnwindSafe(context), made: None }))
    }

    fn begin(&self, call: &CallRecord) -> Option<(SpanContext, Arc<dyn Around>)> {
        if self.spans == Spans::Exporter {
            return None;
        }
        let kind = if attributes::is_client(call.operation) { SpanKind::Client } else { SpanKind::Internal };
        let mut known = Collected::default();
        attributes::at_start(call, &mut known);
        let mut name = String::new();
        attributes::span_name(call, &mut name);
        let start = SystemTime::now();
        let builder = SpanBuilder::from_name(name).with_kind(kind).with_start_time(start);
        let builder = builder.with_attributes(known.0.clone());
        let context = guarded(|| {
            let scope = InstrumentationScope::builder(semconv::SCOPE)
                .with_version(env!("CARGO_PKG_VERSION"))
                .with_schema_url(semconv::SCHEMA_URL);
            let around = Context::current();
            let span = global::tracer_with_scope(scope.build()).build_with_context(builder, &around);
            around.with_span(span)
        })?;
        // Without a provider there is no span.
        let span = of(&context)?;
        Some((span, Arc::new(Entered { context: AssertUnwindSafe(context), made: Some((start, known.0)) })))
    }

    fn makes_spans(&self) -> bool {
        self.spans == Spans::OpenTelemetry
    }
}

/// OpenTelemetry's current context is a thread-local that panics when it is asked for while its thread ends.
fn guarded<R>(run: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

/// The span of a context; `None` where there is none.
fn of(context: &Context) -> Option<SpanContext> {
    let span = context.span();
    let span = span.span_context();
    let trace = TraceId::from_bytes(span.trace_id().to_bytes())?;
    let id = SpanId::from_bytes(span.span_id().to_bytes())?;
    let mut found = SpanContext::new(trace, id).with_state(&span.trace_state().header());
    found.sampled = span.is_sampled();
    found.elsewhere = span.is_remote();
    Some(found)
}

thread_local! {
    /// What holds the contexts that this thread is in because of us, innermost last.
    static GUARDS: RefCell<Vec<ContextGuard>> = const { RefCell::new(Vec::new()) };
}

/// A context that code can be in.
struct Entered {
    context: AssertUnwindSafe<Context>,
    /// Where its span was made for a call: when it began, and with which attributes.
    made: Option<(SystemTime, Vec<KeyValue>)>,
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").field("made", &self.made.is_some()).finish_non_exhaustive()
    }
}

impl Around for Entered {
    fn enter(&self) {
        guarded(|| GUARDS.with_borrow_mut(|guards| guards.push(self.context.clone().attach())));
    }

    fn leave(&self) {
        guarded(|| drop(GUARDS.with_borrow_mut(Vec::pop)));
    }
    fn waits_for_end(&self) -> bool {
        self.made.is_some()
    }

    fn end(&self, call: &CallRecord) {
        let Some((start, before)) = &self.made else { return };
        let span = self.context.span();
        let at = |after| start.checked_add(after).unwrap_or(*start);
        if span.is_recording() {
            let mut known = Collected::default();
            // What was known at the start may be known better now; the SDK keeps both of what is said twice.
            attributes::at_start(call, &mut known);
            known.0.retain(|pair| !before.contains(pair));
            let shown = Shown { content: true, limit: Limit::default() };
            attributes::at_end(call, Profile::Otel, shown, &mut known);
            span.set_attributes(known.0);
            let mut name = String::new();
            attributes::span_name(call, &mut name);
            span.update_name(name);
            for attempt in call.attempts.iter().filter(|_| call.attempts.len() > 1) {
                let mut known = Collected::default();
                attributes::attempt(attempt, &mut known);
                span.add_event_with_timestamp(semconv::own::ATTEMPT, at(attempt.after), known.0);
            }
            if attributes::has_failed(call) {
                span.set_status(Status::error(attributes::status_message(call).to_owned()));
            }
        }
        span.end_with_timestamp(at(call.duration.unwrap_or_default()));
    }
}

/// Attributes as OpenTelemetry's API takes them.
#[derive(Default)]
struct Collected(Vec<KeyValue>);

impl Attributes for Collected {
    fn text(&mut self, key: &str, value: &str) {
        self.0.push(KeyValue::new(key.to_owned(), value.to_owned()));
    }

    fn int(&mut self, key: &str, value: i64) {
        self.0.push(KeyValue::new(key.to_owned(), value));
    }

    fn double(&mut self, key: &str, value: f64) {
        self.0.push(KeyValue::new(key.to_owned(), value));
    }

    fn bool(&mut self, key: &str, value: bool) {
        self.0.push(KeyValue::new(key.to_owned(), value));
    }

    fn texts(&mut self, key: &str, values: &[&str]) {
        let values = values.iter().map(|value| StringValue::from((*value).to_owned())).collect();
        self.0.push(KeyValue::new(key.to_owned(), Value::Array(Array::String(values))));
    }
}

//! Calls and the spans of OpenTelemetry around them and inside them: both know each other.
//!
//! Only OpenTelemetry's API is used. Whoever keeps its context (`tracing-opentelemetry`, the SDK, propagators of HTTP
//! clients) sees our calls, and we see theirs.

use crate::spans::Spans;
use jobmon_core::{Around, SpanContext, SpanId, Surroundings, TraceId};
use opentelemetry::trace::{self as otel, TraceContextExt, TraceFlags, TraceState};
use opentelemetry::{Context, ContextGuard};
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

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
        Some(Arc::new(Entered { context: AssertUnwindSafe(context), made: false }))
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
    /// Whether its span was made for a call.
    made: bool,
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").field("made", &self.made).finish_non_exhaustive()
    }
}

impl Around for Entered {
    fn enter(&self) {
        guarded(|| GUARDS.with_borrow_mut(|guards| guards.push(self.context.clone().attach())));
    }

    fn leave(&self) {
        guarded(|| drop(GUARDS.with_borrow_mut(Vec::pop)));
    }
}

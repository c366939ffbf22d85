//! Spans that came together, as calls that know each other.

use super::{SpanData, call};
use jobmon_core::{CallRecord, SpanId, TraceId};
use std::collections::{HashMap, HashSet};

/// Spans that are known already: whoever keeps calls says what it has of a trace.
pub type Known<'a> = dyn FnMut(TraceId) -> Vec<KnownCall> + 'a;

/// A call that was kept before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "built by those who keep calls")]
pub struct KnownCall {
    /// Its span.
    pub span: SpanId,
    /// The span around it.
    pub parent: Option<SpanId>,
    /// Whether it used a model itself.
    pub is_model_call: bool,
}

/// GenAI spans as calls, with names of any convention; other spans are left out, and what is inside them is inside what is
/// around them.
///
/// No usage counts twice. What an agent's span adds up is its roll-up where requests inside it are known, and so is what a
/// library tells once more around the request of the client that it uses. Requests end before what is around them, so that
/// they are in `spans` or known from before, unless they come from another program.
///
/// ```
/// use jobmon_core::{SpanId, Timestamp, TraceId};
/// use jobmon_export::{SpanData, calls_of_spans};
///
/// let attributes = serde_json::json!({
///     "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o-mini",
///     "gen_ai.usage.prompt_tokens": 120, "gen_ai.usage.completion_tokens": 30,
/// });
/// let span = SpanData {
///     trace: TraceId::random(), span: SpanId::random(), parent: None,
///     name: "chat gpt-4o-mini".to_owned(),
///     start: Timestamp::from_nanos(0), end: Timestamp::from_nanos(1_000_000),
///     failed: false, message: String::new(),
///     attributes: attributes.as_object().cloned().unwrap_or_default(), events: Vec::new(),
/// };
/// let calls = calls_of_spans(&[span], &mut |_| Vec::new());
/// assert_eq!(calls[0].name, "chat");
/// assert_eq!(calls[0].provider.as_deref(), Some("openai"));
/// assert_eq!(calls[0].usage().and_then(|usage| usage.input), Some(120));
/// ```
pub fn calls_of_spans(spans: &[SpanData], known: &mut Known<'_>) -> Vec<CallRecord> {
    let mut calls: Vec<CallRecord> = spans.iter().filter_map(call::of).collect();
    let parents: HashMap<SpanId, Option<SpanId>> =
        spans.iter().map(|span| (span.span, span.parent)).collect();
    let places: HashMap<SpanId, usize> =
        calls.iter().enumerate().map(|(at, call)| (call.id.span, at)).collect();
    for call in &mut calls {
        call.parent = around(call.id.span, &parents, &places);
    }
    for at in 0..calls.len() {
        let above = line(&calls, &places, at);
        let Some(top) = above.last() else { continue };
        calls[at].root = calls[*top].id.span;
        for up in above {
            let from = calls[up].scope.clone();
            calls[at].scope.complete(from);
        }
    }
    count_once(&mut calls, known);
    calls
}

/// The nearest call around a span; where none is known, the span that it names.
fn around(
    span: SpanId,
    parents: &HashMap<SpanId, Option<SpanId>>,
    places: &HashMap<SpanId, usize>,
) -> Option<SpanId> {
    let mut at = parents.get(&span).copied().flatten()?;
    // Spans that name each other as parents would go round for ever.
    for _ in 0..parents.len() {
        if places.contains_key(&at) {
            break;
        }
        match parents.get(&at) {
            Some(Some(parent)) => at = *parent,
            Some(None) => return None,
            None => break,
        }
    }
    Some(at)
}

/// The calls around one, from the inside outwards.
fn line(calls: &[CallRecord], places: &HashMap<SpanId, usize>, at: usize) -> Vec<usize> {
    let mut above = Vec::new();
    let mut next = calls[at].parent;
    while let Some(up) = next.and_then(|parent| places.get(&parent).copied()) {
        if up == at || above.contains(&up) {
            break;
        }
        above.push(up);
        next = calls[up].parent;
    }
    above
}

/// Makes a roll-up of what was counted inside already.
fn count_once(calls: &mut [CallRecord], known: &mut Known<'_>) {
    let traces: HashSet<TraceId> =
        calls.iter().filter(|call| !call.answers.is_empty()).map(|call| call.id.trace).collect();
    for trace in traces {
        let mut of_trace = known(trace);
        of_trace.extend(calls.iter().filter(|call| call.id.trace == trace).map(|call| KnownCall {
            span: call.id.span,
            parent: call.parent,
            is_model_call: call.operation.is_model_call() && !call.answers.is_empty(),
        }));
        let parents: HashMap<SpanId, Option<SpanId>> =
            of_trace.iter().map(|call| (call.span, call.parent)).collect();
        // Everything that has a request inside.
        let mut outer: HashSet<SpanId> = HashSet::new();
        for call in of_trace.iter().filter(|call| call.is_model_call) {
            let mut next = call.parent;
            while let Some(span) = next.filter(|span| *span != call.span && outer.insert(*span)) {
                next = parents.get(&span).copied().flatten();
            }
        }
        let any_request = |span: SpanId| of_trace.iter().any(|call| call.is_model_call && call.span != span);
        for call in calls.iter_mut().filter(|call| call.id.trace == trace && !call.answers.is_empty()) {
            let span = call.id.span;
            // Between an agent and its requests there may be spans that nobody sent here.
            let is_outer = outer.contains(&span) || (!call.operation.is_model_call() && any_request(span));
            if is_outer {
                roll_up(call);
            }
        }
    }
}

fn roll_up(call: &mut CallRecord) {
    let usage = call.usage();
    let rollup = call.rollup.get_or_insert_default();
    if let Some(usage) = usage {
        rollup.usage = usage;
    }
    if let Some(cost) = call.cost.take() {
        rollup.cost.add(cost);
    }
    call.prices = None;
    call.answers.clear();
    call.usage_missing = false;
    if call.operation.is_model_call() {
        // The request is another call; this is what was done around it.
        call.operation = jobmon_core::Operation::InvokeAgent;
    }
}

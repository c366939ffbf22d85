//! OTLP from any program, as events.

pub(crate) mod json;
pub(crate) mod proto;

use jobmon_core::{Event, Resource, TraceId};
use jobmon_export::{
    KnownCall, LogData, SpanAttributes, SpanData, calls_of_spans, event_of_log, resource_of_attributes,
};

/// What one producer sent in one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Received {
    pub(crate) resource: SpanAttributes,
    pub(crate) spans: Vec<SpanData>,
    pub(crate) logs: Vec<LogData>,
}

/// Items that cannot be what they should, such as a span without an id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rejected(pub(crate) u64);

/// What was received, as events of who produced them.
pub(crate) fn events(
    received: Vec<Received>,
    known: &mut dyn FnMut(TraceId) -> Vec<KnownCall>,
) -> Vec<(Resource, Vec<Event>)> {
    let mut by_resource: Vec<(Resource, Vec<SpanData>, Vec<LogData>)> = Vec::new();
    for part in received {
        let resource = resource_of_attributes(&part.resource);
        match by_resource.iter_mut().find(|(known, _, _)| *known == resource) {
            Some((_, spans, logs)) => {
                spans.extend(part.spans);
                logs.extend(part.logs);
            }
            None => by_resource.push((resource, part.spans, part.logs)),
        }
    }
    let mut all: Vec<(Resource, Vec<Event>)> = Vec::new();
    // Calls first: what is said about one looks it up.
    let mut facts: Vec<(Resource, Vec<Event>)> = Vec::new();
    for (resource, spans, logs) in by_resource {
        let calls = calls_of_spans(&spans, known).into_iter().map(|call| Event::Call(Box::new(call)));
        all.push((resource.clone(), calls.collect()));
        facts.push((resource, logs.iter().filter_map(event_of_log).collect()));
    }
    all.extend(facts);
    all.retain(|(_, events)| !events.is_empty());
    all
}

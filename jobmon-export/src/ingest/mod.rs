//! Spans and log records of other programs as events: what `jobmon serve` and `jobmon import` write into a history.

mod call;
mod content;
mod fact;
mod spans;

pub use spans::{Known, KnownCall, calls_of_spans};

use jobmon_core::{Event, Resource, SpanId, Text, Timestamp, TraceId};
use serde_json::{Map, Value};
use std::time::Duration;

/// The time from one moment to a later one.
fn between(start: Timestamp, end: Timestamp) -> Option<Duration> {
    u64::try_from(end.nanos().saturating_sub(start.nanos())).ok().map(Duration::from_nanos)
}

/// Attributes, as JSON: bytes as text, lists and maps as they are.
pub type SpanAttributes = Map<String, Value>;

/// A span of OpenTelemetry, whoever made it.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "built by those who read a protocol")]
pub struct SpanData {
    /// Its trace.
    pub trace: TraceId,
    /// Its own id.
    pub span: SpanId,
    /// The span around it.
    pub parent: Option<SpanId>,
    /// Its name.
    pub name: String,
    /// When it began.
    pub start: Timestamp,
    /// When it ended; not before it began, or nothing is known of how long it took.
    pub end: Timestamp,
    /// Whether its status is an error.
    pub failed: bool,
    /// What its status says.
    pub message: String,
    /// Its attributes.
    pub attributes: SpanAttributes,
    /// Its events.
    pub events: Vec<SpanEventData>,
}

/// An event of a span.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "built by those who read a protocol")]
pub struct SpanEventData {
    /// When it happened.
    pub at: Timestamp,
    /// Its name.
    pub name: String,
    /// Its attributes.
    pub attributes: SpanAttributes,
}

/// Attributes of a store that keeps each as text, such as the table that the OpenTelemetry Collector writes to ClickHouse: those that
/// the conventions have as numbers, flags or lists are such again.
///
/// ```
/// use jobmon_export::attributes_of_texts;
///
/// let texts = [("gen_ai.usage.input_tokens", "120"), ("gen_ai.conversation.id", "7")];
/// let attributes = attributes_of_texts(texts.map(|(name, text)| (name.to_owned(), text.to_owned())));
/// assert_eq!((attributes["gen_ai.usage.input_tokens"].as_u64(), attributes["gen_ai.conversation.id"].as_str()), (Some(120), Some("7")));
/// ```
pub fn attributes_of_texts(texts: impl IntoIterator<Item = (String, String)>) -> SpanAttributes {
    texts
        .into_iter()
        .map(|(name, text)| {
            let value = call::of_text(&name, &text);
            (name, value)
        })
        .collect()
}

/// A log record of OpenTelemetry.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "built by those who read a protocol")]
pub struct LogData {
    /// The name of the event that it is.
    pub name: String,
    /// When it happened.
    pub at: Timestamp,
    /// The span that it is about.
    pub about: Option<(TraceId, SpanId)>,
    /// Its attributes.
    pub attributes: SpanAttributes,
}

/// What a log record says of calls: a score, feedback, an outcome, a search, a label or usage that came late; `None` for any
/// other one.
///
/// Those are `gen_ai.evaluation.result` of the GenAI conventions and the events of jobmon's own exporter
/// (`docs/opentelemetry.md`).
///
/// ```
/// use jobmon_core::{Event, Timestamp};
/// use jobmon_export::{LogData, event_of_log};
///
/// let attributes = serde_json::json!({"gen_ai.evaluation.name": "match", "gen_ai.evaluation.score.value": 0.8});
/// let log = LogData {
///     name: "gen_ai.evaluation.result".to_owned(),
///     at: Timestamp::from_nanos(0),
///     about: None,
///     attributes: attributes.as_object().cloned().unwrap_or_default(),
/// };
/// assert!(matches!(event_of_log(&log), Some(Event::Score(score)) if score.name == "match" && score.value == 0.8));
/// ```
pub fn event_of_log(log: &LogData) -> Option<Event> {
    fact::of(log)
}

/// Who produced what, from the attributes of a resource of OpenTelemetry.
///
/// ```
/// use jobmon_export::resource_of_attributes;
///
/// let attributes = serde_json::json!({"service.name": "search", "deployment.environment": "test"});
/// let resource = resource_of_attributes(attributes.as_object().unwrap());
/// assert_eq!(resource.service_name.as_deref(), Some("search"));
/// assert_eq!(resource.environment.as_deref(), Some("test"));
/// ```
pub fn resource_of_attributes(attributes: &SpanAttributes) -> Resource {
    use crate::semconv::{key, own};
    let first = |names: &[&str]| {
        let found = names.iter().find_map(|name| attributes.get(*name)?.as_str());
        found.filter(|text| !text.is_empty()).map(Text::copied)
    };
    let mut resource = Resource::default();
    resource.project_id = first(&[own::PROJECT, "openinference.project.name", "service.namespace"]);
    resource.service_name = first(&[key::SERVICE_NAME]);
    resource.environment = first(&[key::DEPLOYMENT_ENVIRONMENT, "deployment.environment"]);
    resource
}

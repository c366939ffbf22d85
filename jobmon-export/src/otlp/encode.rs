//! [`Encoder`]: calls and facts as spans and log records of OTLP.
//!
//! Field numbers are those of [opentelemetry-proto](https://github.com/open-telemetry/opentelemetry-proto) 1.9.

use super::proto::{Message, Short};
use crate::attributes::{self, Attributes, Profile, Shown};
use crate::semconv::{self, event, key, own};
use jobmon_core::{
    Attempt, CallRecord, Event, Fact, Feedback, Judged, Late, Outcome, Resource, Score, Search, Timestamp,
    Verdict,
};
use std::time::Duration;

/// Spans, log records and resources in the dialect of one backend.
#[derive(Debug)]
pub(crate) struct Encoder {
    pub(crate) profile: Profile,
    pub(crate) shown: Shown,
    /// Whether captured content is sent as log events of its own.
    pub(crate) details: bool,
    /// Attributes of the resource that the environment gives (`OTEL_RESOURCE_ATTRIBUTES`).
    pub(crate) resource: Vec<(String, String)>,
    /// Tells this process from others of the same service.
    instance: String,
    /// The name under construction; used again.
    name: String,
}

/// Writes attributes as `KeyValue` fields of a message.
struct Fields<'m, 'b> {
    message: &'m mut Message<'b>,
    field: u32,
}

impl Attributes for Fields<'_, '_> {
    fn text(&mut self, key: &str, value: &str) {
        let head = Short::bytes(1, value.len());
        self.message.pair(self.field, key, head.written(), value.as_bytes());
    }

    fn int(&mut self, key: &str, value: i64) {
        self.message.pair(self.field, key, Short::uint(3, value.cast_unsigned()).written(), &[]);
    }

    fn double(&mut self, key: &str, value: f64) {
        self.message.pair(self.field, key, Short::double(4, value).written(), &[]);
    }

    fn bool(&mut self, key: &str, value: bool) {
        self.message.pair(self.field, key, Short::uint(2, value.into()).written(), &[]);
    }

    fn texts(&mut self, key: &str, values: &[&str]) {
        self.message.message(self.field, |pair| {
            pair.bytes(1, key.as_bytes());
            pair.message(2, |any| {
                any.message(5, |array| {
                    for value in values {
                        array.message(1, |any| any.chosen_bytes(1, value.as_bytes()));
                    }
                });
            });
        });
    }
}

/// A moment, as OTLP counts it.
pub(crate) fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.nanos()).unwrap_or(0)
}

fn after(start: u64, time: Duration) -> u64 {
    start.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

const SPAN_ATTRIBUTES: u32 = 9;
const LOG_ATTRIBUTES: u32 = 6;
/// `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK` and `SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK`.
const FLAG_KNOWS_REMOTE: u32 = 0x100;
const FLAG_REMOTE: u32 = 0x200;
const INFO: u64 = 9;
const WARN: u64 = 13;

impl Encoder {
    pub(crate) fn new(
        profile: Profile,
        shown: Shown,
        details: bool,
        resource: Vec<(String, String)>,
    ) -> Self {
        let instance = random_uuid();
        Self { profile, shown, details, resource, instance, name: String::new() }
    }

    /// Appends a call as a `spans` field of `ScopeSpans`.
    pub(crate) fn span(&mut self, call: &CallRecord, into: &mut Vec<u8>) {
        let Self { profile, shown, name, .. } = self;
        attributes::span_name(call, name);
        let start = nanos(call.start);
        Message::new(into).message(2, |span| {
            span.bytes(1, &call.id.trace.to_bytes());
            span.bytes(2, &call.id.span.to_bytes());
            if call.sample_rate < 1.0 || call.trace_state.is_some() {
                span.bytes(3, call.state().as_deref().unwrap_or_default().as_bytes());
            }
            if let Some(parent) = call.parent_span() {
                span.bytes(4, &parent.to_bytes());
            }
            span.bytes(5, name.as_bytes());
            span.uint(6, if attributes::is_client(call.operation) { 3 } else { 1 });
            span.fixed64(7, start);
            span.fixed64(8, after(start, call.duration.unwrap_or_default()));
            let mut fields = Fields { message: &mut *span, field: SPAN_ATTRIBUTES };
            attributes::at_start(call, &mut fields);
            attributes::at_end(call, *profile, *shown, &mut fields);
            if call.attempts.len() > 1 {
                call.attempts.iter().for_each(|attempt| attempt_event(attempt, start, span));
            }
            if attributes::has_failed(call) {
                span.message(15, |status| {
                    status.bytes(2, attributes::status_message(call).as_bytes());
                    status.uint(3, 2);
                });
            }
            let remote = call.remote.as_ref().is_some_and(|remote| remote.elsewhere);
            let flags = u32::from(call.sampled) | FLAG_KNOWS_REMOTE | if remote { FLAG_REMOTE } else { 0 };
            span.fixed32(16, flags);
        });
    }

    /// Appends what an event says as `log_records` fields of `ScopeLogs`; false where it says nothing as a log.
    pub(crate) fn logs(&mut self, event: &Event, into: &mut Vec<u8>) -> bool {
        let before = into.len();
        let mut message = Message::new(into);
        match event {
            Event::Call(call) => {
                exception(call, &mut message);
                self.details(call, &mut message);
            }
            Event::Score(Score { fact, name, value, .. }) => {
                fact_record(event::EVALUATION, fact, &mut message, |to| {
                    to.text(key::EVALUATION_NAME, name);
                    to.double(key::EVALUATION_SCORE, *value);
                });
            }
            Event::Feedback(Feedback { fact, verdict, .. }) => {
                fact_record(event::EVALUATION, fact, &mut message, |to| {
                    to.text(key::EVALUATION_NAME, "feedback");
                    to.text(key::EVALUATION_LABEL, verdict.name());
                    to.double(key::EVALUATION_SCORE, if *verdict == Verdict::Positive { 1.0 } else { 0.0 });
                });
            }
            Event::Outcome(Outcome { fact, kind, value, .. }) => {
                fact_record(own::OUTCOME, fact, &mut message, |to| {
                    to.text(own::OUTCOME_KIND, kind);
                    to.some_double(own::OUTCOME_VALUE, value.map(attributes::dollars));
                });
            }
            Event::Search(Search { fact, query, results, relevant, .. }) => {
                fact_record(own::SEARCH, fact, &mut message, |to| {
                    to.text(own::SEARCH_QUERY, query);
                    to.some_count(own::SEARCH_RESULTS, Some(*results));
                    to.some_count(own::SEARCH_RELEVANT, *relevant);
                });
            }
            Event::Label(label) => {
                fact_record(own::LABEL, &label.fact, &mut message, |to| {
                    to.text(own::LABEL_NAME, &label.name);
                    to.some_text(own::LABEL_KEY, label.key.as_deref());
                    to.text(own::LABEL_SIDE, label.side.name());
                    to.bool(own::LABEL_VALUE, label.value);
                    to.some_text(own::LABEL_JUDGED, label.judged().map(Judged::name));
                });
            }
            Event::Late(late) => late_record(late, &mut message),
            _ => {}
        }
        into.len() > before
    }

    /// What was said and heard, apart from the span.
    fn details(&self, call: &CallRecord, message: &mut Message<'_>) {
        if !self.details || call.content.is_none() || !call.is_model_call() {
            return;
        }
        let shown = Shown { content: true, ..self.shown };
        record(event::DETAILS, call.start, Some(call.id.into_parts()), call.sampled, INFO, message, |to| {
            attributes::at_start(call, to);
            attributes::at_end(call, Profile::Otel, shown, to);
        });
    }

    /// A request with the spans appended so far.
    pub(crate) fn traces_request(&self, resource: &Resource, spans: &[u8], into: &mut Vec<u8>) {
        self.request(resource, spans, into);
    }

    /// A request with the log records appended so far: it has the same field numbers.
    pub(crate) fn logs_request(&self, resource: &Resource, records: &[u8], into: &mut Vec<u8>) {
        self.request(resource, records, into);
    }

    fn request(&self, resource: &Resource, items: &[u8], into: &mut Vec<u8>) {
        Message::new(into).large(1, |of_resource| {
            of_resource.message(1, |message| self.resource(resource, message));
            of_resource.large(2, |of_scope| {
                of_scope.message(1, scope);
                of_scope.raw(items);
                of_scope.bytes(3, semconv::SCHEMA_URL.as_bytes());
            });
        });
    }

    /// Writes the fields of a `Resource`.
    pub(crate) fn resource(&self, resource: &Resource, message: &mut Message<'_>) {
        let given = |name: &str| self.resource.iter().any(|(known, _)| known == name);
        let mut to = Fields { message, field: 1 };
        // What is set for jobmon goes before what the environment says.
        let service = resource.service_name.as_deref();
        for (name, value) in [
            (key::SERVICE_NAME, service),
            (key::DEPLOYMENT_ENVIRONMENT, resource.environment.as_deref()),
            (own::PROJECT, resource.project_id.as_deref()),
        ] {
            to.some_text(name, value);
        }
        for (name, value) in &self.resource {
            let ours = match name.as_str() {
                key::SERVICE_NAME => service.is_some(),
                key::DEPLOYMENT_ENVIRONMENT => resource.environment.is_some(),
                own::PROJECT => resource.project_id.is_some(),
                _ => false,
            };
            if !ours {
                to.text(name, value);
            }
        }
        if service.is_none() && !given(key::SERVICE_NAME) {
            to.text(key::SERVICE_NAME, &unknown_service());
        }
        if !given(key::SERVICE_INSTANCE) {
            to.text(key::SERVICE_INSTANCE, &self.instance);
        }
        to.text(key::TELEMETRY_SDK_NAME, semconv::SCOPE);
        to.text(key::TELEMETRY_SDK_LANGUAGE, "rust");
        to.text(key::TELEMETRY_SDK_VERSION, env!("CARGO_PKG_VERSION"));
    }
}

/// The fields of the `InstrumentationScope`.
pub(crate) fn scope(message: &mut Message<'_>) {
    message.bytes(1, semconv::SCOPE.as_bytes());
    message.bytes(2, env!("CARGO_PKG_VERSION").as_bytes());
}

/// `unknown_service:<program>`, as
/// [the SDK specification](https://opentelemetry.io/docs/specs/semconv/resource/#semantic-attributes-with-sdk-provided-default-value)
/// has it.
fn unknown_service() -> String {
    let program = std::env::current_exe().ok();
    let name = program.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy());
    name.map_or_else(|| "unknown_service".to_owned(), |name| format!("unknown_service:{name}"))
}

/// A random (version 4) UUID.
fn random_uuid() -> String {
    let mut bytes = jobmon_core::TraceId::random().to_bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn attempt_event(attempt: &Attempt, start: u64, span: &mut Message<'_>) {
    span.message(11, |event| {
        event.fixed64(1, after(start, attempt.after));
        event.bytes(2, own::ATTEMPT.as_bytes());
        attributes::attempt(attempt, &mut Fields { message: event, field: 3 });
    });
}

/// A failed call as an event of its own: the conventions have no exceptions on spans.
fn exception(call: &CallRecord, message: &mut Message<'_>) {
    let Some(failure) = call.failure.as_ref().filter(|_| attributes::has_failed(call)) else { return };
    let at = Timestamp::from_nanos(
        i64::try_from(after(nanos(call.start), call.duration.unwrap_or_default())).unwrap_or(i64::MAX),
    );
    record(event::EXCEPTION, at, Some(call.id.into_parts()), call.sampled, WARN, message, |to| {
        to.text(key::EXCEPTION_TYPE, failure.type_name.unwrap_or(failure.category.name()));
        to.some_text(key::EXCEPTION_MESSAGE, failure.message.as_deref());
    });
}

/// Trace and span of what a log record belongs to.
type Ids = ([u8; 16], [u8; 8]);

trait IntoParts {
    fn into_parts(self) -> Ids;
}

impl IntoParts for jobmon_core::CallId {
    fn into_parts(self) -> Ids {
        (self.trace.to_bytes(), self.span.to_bytes())
    }
}

fn record(
    name: &str,
    at: Timestamp,
    ids: Option<Ids>,
    sampled: bool,
    severity: u64,
    message: &mut Message<'_>,
    write: impl FnOnce(&mut Fields<'_, '_>),
) {
    message.message(2, |record| {
        record.fixed64(1, nanos(at));
        record.uint(2, severity);
        record.bytes(3, if severity == WARN { b"WARN" } else { b"INFO" });
        write(&mut Fields { message: &mut *record, field: LOG_ATTRIBUTES });
        record.fixed32(8, u32::from(sampled));
        if let Some((trace, span)) = ids {
            record.bytes(9, &trace);
            record.bytes(10, &span);
        }
        record.fixed64(11, nanos(at));
        record.bytes(12, name.as_bytes());
    });
}

fn fact_record(name: &str, fact: &Fact, message: &mut Message<'_>, write: impl FnOnce(&mut Fields<'_, '_>)) {
    let ids = fact.call.map(IntoParts::into_parts);
    record(name, fact.at, ids, true, INFO, message, |to| {
        write(to);
        to.some_text(key::SESSION, fact.scope.session.as_deref());
        to.some_text(key::USER, fact.scope.user.as_deref());
        to.some_text(own::FEATURE, fact.scope.feature.as_deref());
        to.some_text(own::STRATEGY, fact.scope.strategy.as_deref());
        if let Some(subject) = &fact.subject {
            to.text(own::NAME, &subject.name);
        }
    });
}

/// Usage that was reported after its call had ended: its span is gone, so it stands in an event.
fn late_record(late: &Late, message: &mut Message<'_>) {
    fact_record(own::LATE, &late.fact, message, |to| {
        if let Some(subject) = &late.fact.subject {
            to.text(key::OPERATION, subject.operation.name());
            to.some_text(key::PROVIDER, subject.provider.as_deref());
            to.some_text(key::REQUEST_MODEL, subject.model.as_deref());
        }
        if let Some(usage) = late.usage() {
            to.some_count(key::USAGE_INPUT, usage.input);
            to.some_count(key::USAGE_OUTPUT, usage.output);
            to.some_count(key::USAGE_CACHE_READ, usage.cache_read);
            to.some_count(key::USAGE_CACHE_WRITE, usage.cache_write);
            to.some_count(key::USAGE_REASONING, usage.reasoning);
        }
        to.some_double(own::COST, attributes::known(late.cost()).map(attributes::dollars));
    });
}

//! OTLP as Protocol Buffers.

use super::{Received, Rejected};
use jobmon_core::{SpanId, Timestamp, TraceId};
use jobmon_export::{LogData, SpanAttributes, SpanData, SpanEventData};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, span, status};
use serde_json::{Value, json};

/// What is wrong with what is rejected.
pub(crate) const WITHOUT_ID: &str =
    "spans without a trace id of 16 bytes or a span id of 8 bytes were left out";

fn any(value: Option<AnyValue>) -> Value {
    match value.and_then(|value| value.value) {
        Some(any_value::Value::StringValue(text)) => Value::String(text),
        Some(any_value::Value::BoolValue(flag)) => Value::Bool(flag),
        Some(any_value::Value::IntValue(number)) => json!(number),
        Some(any_value::Value::DoubleValue(number)) => json!(number),
        Some(any_value::Value::ArrayValue(array)) => {
            array.values.into_iter().map(|value| any(Some(value))).collect()
        }
        Some(any_value::Value::KvlistValue(list)) => Value::Object(attributes(list.values)),
        Some(any_value::Value::BytesValue(bytes)) => {
            Value::String(String::from_utf8_lossy(&bytes).into_owned())
        }
        _ => Value::Null,
    }
}

fn attributes(list: Vec<KeyValue>) -> SpanAttributes {
    list.into_iter().map(|pair| (pair.key, any(pair.value))).collect()
}

fn moment(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    TraceId::from_bytes(bytes.try_into().ok()?)
}

fn span_id(bytes: &[u8]) -> Option<SpanId> {
    SpanId::from_bytes(bytes.try_into().ok()?)
}

fn span(span: Span) -> Option<SpanData> {
    let status = span.status.unwrap_or_default();
    let event = |event: span::Event| SpanEventData {
        at: moment(event.time_unix_nano),
        name: event.name,
        attributes: attributes(event.attributes),
    };
    Some(SpanData {
        trace: trace_id(&span.trace_id)?,
        span: span_id(&span.span_id)?,
        parent: span_id(&span.parent_span_id),
        name: span.name,
        start: moment(span.start_time_unix_nano),
        end: moment(span.end_time_unix_nano),
        failed: status.code == status::StatusCode::Error as i32,
        message: status.message,
        attributes: attributes(span.attributes),
        events: span.events.into_iter().map(event).collect(),
    })
}

fn log(record: LogRecord) -> LogData {
    let attributes = attributes(record.attributes);
    let told = || attributes.get("event.name").and_then(Value::as_str).unwrap_or_default().to_owned();
    LogData {
        name: if record.event_name.is_empty() { told() } else { record.event_name },
        at: moment(if record.time_unix_nano == 0 {
            record.observed_time_unix_nano
        } else {
            record.time_unix_nano
        }),
        about: trace_id(&record.trace_id).zip(span_id(&record.span_id)),
        attributes,
    }
}

fn of_resource(resource: Option<Resource>) -> Received {
    let resource = attributes(resource.unwrap_or_default().attributes);
    Received { resource, ..Received::default() }
}

/// Spans of a request.
pub(crate) fn traces(request: ExportTraceServiceRequest) -> (Vec<Received>, Rejected) {
    let mut rejected = Rejected::default();
    let mut all = Vec::new();
    for part in request.resource_spans {
        let mut received = of_resource(part.resource);
        for item in part.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            match span(item) {
                Some(span) => received.spans.push(span),
                None => rejected.0 += 1,
            }
        }
        all.push(received);
    }
    (all, rejected)
}

/// Log records of a request.
pub(crate) fn logs(request: ExportLogsServiceRequest) -> Vec<Received> {
    let of = |part: opentelemetry_proto::tonic::logs::v1::ResourceLogs| {
        let mut received = of_resource(part.resource);
        received.logs = part.scope_logs.into_iter().flat_map(|scope| scope.log_records).map(log).collect();
        received
    };
    request.resource_logs.into_iter().map(of).collect()
}

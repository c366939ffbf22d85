//! OTLP as JSON: [the encoding](https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding) that servers take and the
//! Collector's file exporter writes.

use super::{Received, Rejected};
use jobmon_core::{SpanId, Timestamp, TraceId};
use jobmon_export::{LogData, SpanAttributes, SpanData, SpanEventData};
use serde_json::{Map, Value, json};

/// A field by its name in JSON; the Collector and others also write the name in the protocol's files.
fn field<'v>(value: &'v Value, camel: &str, snake: &str) -> &'v Value {
    match value.get(camel) {
        Some(found) => found,
        None => &value[snake],
    }
}

fn list<'v>(value: &'v Value, camel: &str, snake: &str) -> &'v [Value] {
    field(value, camel, snake).as_array().map_or(&[], Vec::as_slice)
}

/// 64-bit numbers are text in JSON; some write them as numbers.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn moment(value: &Value) -> Timestamp {
    Timestamp::from_nanos(number(value).unwrap_or(0))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An `AnyValue` as plain JSON.
fn any(value: &Value) -> Value {
    let Some((kind, value)) = value.as_object().and_then(|object| object.iter().next()) else {
        return Value::Null;
    };
    match kind.as_str() {
        "intValue" | "int_value" => number(value).map_or(Value::Null, Value::from),
        "doubleValue" | "double_value" => match value.as_str() {
            Some(text) => text.parse::<f64>().map_or(Value::Null, Value::from),
            None => value.clone(),
        },
        "arrayValue" | "array_value" => list(value, "values", "values").iter().map(any).collect(),
        "kvlistValue" | "kvlist_value" => Value::Object(attributes(list(value, "values", "values"))),
        _ => value.clone(),
    }
}

fn attributes(list: &[Value]) -> SpanAttributes {
    let pair = |item: &Value| Some((item["key"].as_str()?.to_owned(), any(&item["value"])));
    list.iter().filter_map(pair).collect()
}

fn trace(value: &Value) -> Option<TraceId> {
    value.as_str()?.to_ascii_lowercase().parse().ok()
}

fn span_id(value: &Value) -> Option<SpanId> {
    value.as_str()?.to_ascii_lowercase().parse().ok()
}

fn span(value: &Value) -> Option<SpanData> {
    let status = &value["status"];
    let failed = status["code"].as_u64() == Some(2) || status["code"] == json!("STATUS_CODE_ERROR");
    let event = |event: &Value| SpanEventData {
        at: moment(field(event, "timeUnixNano", "time_unix_nano")),
        name: text(&event["name"]),
        attributes: attributes(list(event, "attributes", "attributes")),
    };
    Some(SpanData {
        trace: trace(field(value, "traceId", "trace_id"))?,
        span: span_id(field(value, "spanId", "span_id"))?,
        parent: span_id(field(value, "parentSpanId", "parent_span_id")),
        name: text(&value["name"]),
        start: moment(field(value, "startTimeUnixNano", "start_time_unix_nano")),
        end: moment(field(value, "endTimeUnixNano", "end_time_unix_nano")),
        failed,
        message: text(&status["message"]),
        attributes: attributes(list(value, "attributes", "attributes")),
        events: list(value, "events", "events").iter().map(event).collect(),
    })
}

fn log(value: &Value) -> LogData {
    let attributes = attributes(list(value, "attributes", "attributes"));
    let name = text(field(value, "eventName", "event_name"));
    let seen = moment(field(value, "observedTimeUnixNano", "observed_time_unix_nano"));
    let at = moment(field(value, "timeUnixNano", "time_unix_nano"));
    let ids = trace(field(value, "traceId", "trace_id")).zip(span_id(field(value, "spanId", "span_id")));
    LogData {
        name: if name.is_empty() { attributes.get("event.name").map(text).unwrap_or_default() } else { name },
        at: if at.nanos() == 0 { seen } else { at },
        about: ids,
        attributes,
    }
}

/// Whether a document is OTLP at all.
pub(crate) fn is_otlp(value: &Value) -> bool {
    let has = |name: &str| value.get(name).is_some();
    [
        "resourceSpans",
        "resource_spans",
        "resourceLogs",
        "resource_logs",
        "resourceMetrics",
        "resource_metrics",
    ]
    .into_iter()
    .any(has)
}

/// A request, or a line of a file, with what it lacks to be one.
pub(crate) fn read(value: &Value) -> (Vec<Received>, Rejected) {
    let mut rejected = Rejected::default();
    let mut all = Vec::new();
    for (camel, snake, scopes, items) in [
        ("resourceSpans", "resource_spans", ("scopeSpans", "scope_spans"), "spans"),
        ("resourceLogs", "resource_logs", ("scopeLogs", "scope_logs"), "logRecords"),
    ] {
        for part in list(value, camel, snake) {
            let mut received = Received {
                resource: attributes(list(&part["resource"], "attributes", "attributes")),
                ..Received::default()
            };
            for scope in list(part, scopes.0, scopes.1) {
                if items == "spans" {
                    for item in list(scope, items, items) {
                        match span(item) {
                            Some(span) => received.spans.push(span),
                            None => rejected.0 += 1,
                        }
                    }
                } else {
                    received.logs.extend(list(scope, items, "log_records").iter().map(log));
                }
            }
            all.push(received);
        }
    }
    (all, rejected)
}

/// What a server answers: nothing, or how much it could not take.
pub(crate) fn answer(field: &str, rejected: Rejected) -> Value {
    if rejected.0 == 0 {
        return json!({});
    }
    let mut partial = Map::new();
    partial.insert(field.to_owned(), json!(rejected.0.to_string()));
    partial.insert("errorMessage".to_owned(), json!(super::proto::WITHOUT_ID));
    json!({ "partialSuccess": partial })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_text_and_as_numbers() {
        let document = json!({"resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]},
            "scopeSpans": [{"spans": [
                {
                    "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174", "name": "chat m",
                    "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1_544_712_661_000_000_000_i64,
                    "attributes": [
                        {"key": "n", "value": {"intValue": "7"}}, {"key": "m", "value": {"intValue": 8}},
                        {"key": "d", "value": {"doubleValue": 0.5}},
                        {"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "a"}]}}},
                        {"key": "o", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": true}}]}}},
                    ],
                    "status": {"code": 2, "message": "no"},
                },
                {"name": "without an id"},
            ]}],
        }]});
        let (received, rejected) = read(&document);
        assert_eq!(rejected, Rejected(1));
        let span = &received[0].spans[0];
        assert_eq!(
            (span.end.nanos() - span.start.nanos(), span.failed, span.message.as_str()),
            (1_000_000_000, true, "no")
        );
        assert_eq!(
            Value::Object(span.attributes.clone()),
            json!({"n": 7, "m": 8, "d": 0.5, "l": ["a"], "o": {"k": true}})
        );
        assert_eq!(received[0].resource["service.name"], "s");
    }
}

//! Exports of Langfuse as spans: observations, traces with their observations, and scores, as its
//! [API](https://api.reference.langfuse.com/) gives them (`traceId`) and its exports to files have them (`trace_id`).

use crate::otlp::Received;
use jobmon_core::{SpanId, Timestamp, TraceId};
use jobmon_export::{LogData, SpanAttributes, SpanData};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::time::Duration;

/// A field, whose words are joined in either way.
fn field<'v>(value: &'v Value, camel: &str) -> &'v Value {
    if let Some(found) = value.get(camel) {
        return found;
    }
    let snake: String = camel
        .chars()
        .flat_map(|c| c.is_ascii_uppercase().then_some('_').into_iter().chain([c.to_ascii_lowercase()]))
        .collect();
    &value[snake.as_str()]
}

fn text<'v>(value: &'v Value, camel: &str) -> Option<&'v str> {
    field(value, camel).as_str().filter(|text| !text.is_empty())
}

/// Whether it is anything of Langfuse.
pub(super) fn is_langfuse(value: &Value) -> bool {
    is_page(value) || is_trace(value) || is_observation(value) || is_score(value)
}

fn is_page(value: &Value) -> bool {
    value["data"].is_array()
}

fn is_trace(value: &Value) -> bool {
    value["observations"].is_array() && value["id"].is_string()
        || (value["id"].is_string()
            && value["timestamp"].is_string()
            && value["type"].is_null()
            && value["value"].is_null())
}

fn is_observation(value: &Value) -> bool {
    value["type"].is_string() && text(value, "startTime").is_some() && value["id"].is_string()
}

fn is_score(value: &Value) -> bool {
    value["name"].is_string() && text(value, "traceId").is_some() && text(value, "dataType").is_some()
}

/// A moment as ISO 8601, or as ClickHouse writes it: `2026-11-01 12:00:00.000`.
fn moment(value: &Value) -> Option<Timestamp> {
    let text = value.as_str()?;
    let parsed =
        text.parse::<jiff::Timestamp>().or_else(|_| format!("{}Z", text.replacen(' ', "T", 1)).parse());
    i64::try_from(parsed.ok()?.as_nanosecond()).ok().map(Timestamp::from_nanos)
}

/// The first bytes of an id in hex, or of its hash: ids of older versions are any text.
fn bytes<const N: usize>(id: &str) -> [u8; N] {
    let digits: Vec<u8> = id.bytes().filter(|byte| *byte != b'-').collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let hex: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
    match hex.and_then(|hex| <[u8; N]>::try_from(hex).ok()) {
        Some(bytes) if digits.len() == 2 * N => bytes,
        _ => {
            let hash = Sha256::digest(id.as_bytes());
            std::array::from_fn(|at| hash[at])
        }
    }
}

fn trace_id(id: &str) -> Option<TraceId> {
    TraceId::from_bytes(bytes(id))
}

fn span_id(id: &str) -> Option<SpanId> {
    SpanId::from_bytes(bytes(id))
}

/// What a file has said so far: what is said of a trace may come after its observations, and scores before them.
#[derive(Debug, Default)]
pub(super) struct Export {
    /// Observations with what stands around them, such as the project.
    observations: Vec<Value>,
    traces: HashMap<String, Value>,
    scores: Vec<Value>,
}

impl Export {
    pub(super) fn add(&mut self, value: &Value) -> Result<(), String> {
        if is_page(value) {
            return value["data"].as_array().into_iter().flatten().try_for_each(|item| self.add(item));
        }
        if is_observation(value) {
            let needs = |what: &str| format!("an observation of Langfuse needs `{what}`");
            text(value, "traceId").ok_or_else(|| needs("traceId"))?;
            moment(field(value, "startTime"))
                .ok_or_else(|| needs("startTime, such as `2026-11-01T12:00:00Z`"))?;
            self.observations.push(value.clone());
            return Ok(());
        }
        if is_score(value) {
            self.scores.push(value.clone());
            return Ok(());
        }
        if is_trace(value) {
            let id = value["id"].as_str().unwrap_or_default().to_owned();
            for observation in value["observations"].as_array().into_iter().flatten() {
                let mut observation = observation.clone();
                // Some name observations alone there.
                if observation.is_object() {
                    if text(&observation, "traceId").is_none() {
                        observation["traceId"] = json!(id);
                    }
                    self.add(&observation)?;
                }
            }
            for score in value["scores"].as_array().into_iter().flatten().filter(|score| score.is_object()) {
                let mut score = score.clone();
                if text(&score, "traceId").is_none() {
                    score["traceId"] = json!(id);
                }
                self.scores.push(score);
            }
            let mut trace = value.clone();
            if let Some(object) = trace.as_object_mut() {
                object.retain(|name, _| {
                    !["observations", "scores", "input", "output"].contains(&name.as_str())
                });
            }
            self.traces.insert(id, trace);
            return Ok(());
        }
        Err("nothing of Langfuse: expected an observation (`id`, `traceId`, `type`, `startTime`), a trace (`id`, \
             `timestamp`) or a score (`name`, `traceId`, `dataType`)"
            .to_owned())
    }

    /// All of it as spans and log records.
    pub(super) fn finish(&mut self) -> Vec<Received> {
        let Self { observations, traces, scores } = std::mem::take(self);
        let mut roots: HashMap<String, &Value> = HashMap::new();
        for observation in &observations {
            if text(observation, "parentObservationId").is_none()
                && let Some(trace) = text(observation, "traceId")
            {
                roots.entry(trace.to_owned()).or_insert(observation);
            }
        }
        let mut received: Vec<(Option<String>, Received)> = Vec::new();
        let place = |received: &mut Vec<(Option<String>, Received)>, value: &Value| {
            let environment = text(value, "environment").map(ToOwned::to_owned);
            received.iter().position(|(of, _)| *of == environment).unwrap_or_else(|| {
                let mut resource = SpanAttributes::new();
                if let Some(environment) = &environment {
                    resource.insert("deployment.environment.name".to_owned(), json!(environment));
                }
                received.push((environment, Received { resource, ..Received::default() }));
                received.len() - 1
            })
        };
        for observation in &observations {
            let trace = text(observation, "traceId").and_then(|id| traces.get(id)).unwrap_or(&Value::Null);
            if let Some(span) = span(observation, trace) {
                let at = place(&mut received, observation);
                received[at].1.spans.push(span);
            }
        }
        let by_id: HashMap<&str, &Value> = observations
            .iter()
            .filter_map(|observation| Some((text(observation, "id")?, observation)))
            .collect();
        for score in &scores {
            let about = about(score, &roots);
            if let Some(log) = log(score, about) {
                let told = about.and_then(|id| by_id.get(id)).copied();
                let at = place(&mut received, told.unwrap_or(score));
                received[at].1.logs.push(log);
            }
        }
        received.into_iter().map(|(_, received)| received).collect()
    }
}

fn span(observation: &Value, trace: &Value) -> Option<SpanData> {
    let start = moment(field(observation, "startTime"))?;
    let mut attributes = SpanAttributes::new();
    let mut set = |name: &str, value: &Value| {
        if !value.is_null() && *value != json!("") {
            attributes.insert(name.to_owned(), value.clone());
        }
    };
    let first = |names: &[&str]| {
        names
            .iter()
            .map(|name| field(observation, name))
            .find(|value| !value.is_null())
            .cloned()
            .unwrap_or_default()
    };
    set("langfuse.observation.type", field(observation, "type"));
    set("gen_ai.request.model", &first(&["model", "providedModelName"]));
    for (name, parts) in [
        ("langfuse.observation.usage_details", "usageDetails"),
        ("langfuse.observation.cost_details", "costDetails"),
        ("langfuse.observation.model.parameters", "modelParameters"),
        ("langfuse.observation.input", "input"),
        ("langfuse.observation.output", "output"),
    ] {
        // Exports to files have JSON as text.
        match field(observation, parts) {
            Value::Null => {}
            Value::String(text) => set(name, &json!(text)),
            value => set(name, &json!(value.to_string())),
        }
    }
    if field(observation, "usageDetails").is_null() {
        set("langfuse.observation.usage_details", &json!(observation["usage"].to_string()));
    }
    if field(observation, "costDetails").is_null() {
        let total = first(&["calculatedTotalCost", "totalCost"]);
        set("gen_ai.usage.cost", &total);
    }
    set("langfuse.observation.prompt.name", field(observation, "promptName"));
    set("langfuse.observation.prompt.version", field(observation, "promptVersion"));
    set("langfuse.session.id", field(trace, "sessionId"));
    set("langfuse.user.id", field(trace, "userId"));
    set("langfuse.trace.name", &trace["name"]);
    let name = text(observation, "name").unwrap_or_default();
    match text(observation, "type").map(str::to_ascii_uppercase).as_deref() {
        Some("AGENT") => set("gen_ai.agent.name", &json!(name)),
        Some("TOOL") => set("gen_ai.tool.name", &json!(name)),
        _ => {}
    }
    let at = |name: &str| moment(field(observation, name));
    let first = at("completionStartTime").map(|first| first.nanos().saturating_sub(start.nanos()));
    if let Some(Ok(nanos)) = first.map(u64::try_from) {
        let seconds = Duration::from_nanos(nanos).as_secs_f64();
        set("gen_ai.response.time_to_first_chunk", &json!(seconds));
    }
    Some(SpanData {
        trace: trace_id(text(observation, "traceId")?)?,
        span: span_id(text(observation, "id")?)?,
        parent: text(observation, "parentObservationId").and_then(span_id),
        name: name.to_owned(),
        start,
        end: at("endTime").unwrap_or(Timestamp::MIN),
        failed: text(observation, "level") == Some("ERROR"),
        message: text(observation, "statusMessage").unwrap_or_default().to_owned(),
        attributes,
        events: Vec::new(),
    })
}

/// What a score is about: an observation, or the outermost one of its trace.
fn about<'v>(score: &'v Value, roots: &HashMap<String, &'v Value>) -> Option<&'v str> {
    text(score, "observationId")
        .or_else(|| roots.get(text(score, "traceId")?).and_then(|root| text(root, "id")))
}

fn log(score: &Value, about: Option<&str>) -> Option<LogData> {
    let trace = text(score, "traceId")?;
    let value =
        score["value"].as_f64().or_else(|| score["value"].as_bool().map(|flag| f64::from(u8::from(flag))))?;
    let mut attributes = SpanAttributes::new();
    attributes.insert("gen_ai.evaluation.name".to_owned(), json!(text(score, "name")?));
    attributes.insert("gen_ai.evaluation.score.value".to_owned(), json!(value));
    Some(LogData {
        name: "gen_ai.evaluation.result".to_owned(),
        at: moment(field(score, "timestamp")).or_else(|| moment(field(score, "createdAt")))?,
        about: trace_id(trace).zip(about.and_then(span_id)),
        attributes,
    })
}

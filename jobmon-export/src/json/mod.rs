//! Events as JSON: the lines of the `jsonl` exporter, and the catch-all column of the history.
//!
//! Schema 1, documented in `docs/jsonl.md`. Fields that are unknown are left out, never null. Times are RFC 3339
//! (UTC) for people and whole nanoseconds for machines; money is whole nanodollars.

use jobmon_core::{
    Attempt, CallRecord, Chunks, Cost, ErrorCategory, Failure, Gaps, Late, Original, PricedAnswer, Pricing,
    Redactions, Rollup, SpanContext, Text, Usage, UsageUnit, Value as Attribute,
};
use serde_json::{Map, Value, json};
use std::time::Duration;

mod content;
#[cfg(feature = "jsonl")]
mod event;
#[cfg(feature = "jsonl")]
pub use event::event_to_json;
#[cfg(all(feature = "jsonl", any(feature = "clickhouse", feature = "sqlite")))]
mod line;
#[cfg(any(feature = "clickhouse", feature = "sqlite"))]
pub(crate) mod read;
#[cfg(all(feature = "jsonl", any(feature = "clickhouse", feature = "sqlite")))]
pub use line::event_from_json;

type Object = Map<String, Value>;

pub(crate) fn put(object: &mut Object, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), value.into());
    }
}

fn text(value: Option<&Text>) -> Option<&str> {
    value.map(Text::as_str)
}

pub(crate) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// What of a call has no column of its own in the history.
pub(crate) fn rest(record: &CallRecord) -> Object {
    let mut object = Object::new();
    let list = |items: Vec<Value>| (!items.is_empty()).then_some(items);
    put(&mut object, "answers", list(record.answers.iter().map(answer).collect()));
    put(&mut object, "attempts", list(record.attempts.iter().map(attempt).collect()));
    put(&mut object, "pricing", pricing(&record.pricing));
    put(&mut object, "original", record.original.as_ref().map(original));
    put(&mut object, "rollup", record.rollup.as_deref().map(rollup));
    put(&mut object, "chunks", record.chunks.as_ref().map(chunks));
    put(&mut object, "attributes", attributes(&record.attributes));
    put(&mut object, "budgets", budgets(&record.budgets));
    put(&mut object, "agent", text(record.agent.as_ref()));
    put(&mut object, "request", record.request.as_deref().map(content::request));
    put(&mut object, "content", record.content.as_deref().map(content::content));
    put(&mut object, "streams", record.streams.then_some(true));
    put(&mut object, "sample_rate", Some(record.sample_rate).filter(|rate| *rate < 1.0));
    put(&mut object, "remote", record.remote.as_deref().map(remote));
    put(&mut object, "trace_state", text(record.trace_state.as_ref()));
    put(&mut object, "redactions", redactions(record.redactions));
    put(&mut object, "injection_markers", Some(record.injection_markers).filter(|markers| *markers > 0));
    object
}

/// How much of each kind was removed.
pub(crate) fn redactions(redactions: Redactions) -> Option<Object> {
    let object: Object =
        redactions.iter().map(|(kind, times)| (kind.name().to_owned(), json!(times))).collect();
    (!object.is_empty()).then_some(object)
}

fn remote(remote: &SpanContext) -> Value {
    let mut object = Object::new();
    object.insert("traceparent".to_owned(), json!(remote.to_string()));
    put(&mut object, "elsewhere", remote.elsewhere.then_some(true));
    put(&mut object, "state", text(remote.state.as_ref()));
    Value::Object(object)
}

fn budgets(names: &[Text]) -> Option<Vec<Value>> {
    (!names.is_empty()).then(|| names.iter().map(|name| json!(name.as_str())).collect())
}

/// What came late, apart from what all facts have.
pub(crate) fn late(late: &Late) -> Object {
    let mut object = Object::new();
    put(&mut object, "answer", late.answer.as_ref().map(answer));
    put(&mut object, "pricing", pricing(&late.pricing));
    put(&mut object, "prices", text(late.prices.as_ref()));
    put(&mut object, "original", late.original.as_ref().map(original));
    put(&mut object, "attributes", attributes(&late.attributes));
    put(&mut object, "budgets", budgets(&late.budgets));
    put(&mut object, "category", late.category.map(ErrorCategory::name));
    put(&mut object, "for_nothing", late.for_nothing.then_some(true));
    object
}

fn attributes(attributes: &[(Text, Attribute)]) -> Option<Object> {
    let object: Object =
        attributes.iter().map(|(key, value)| (key.as_str().to_owned(), attribute(value))).collect();
    (!object.is_empty()).then_some(object)
}

fn attribute(value: &Attribute) -> Value {
    match value {
        Attribute::Bool(value) => json!(value),
        Attribute::Int(value) => json!(value),
        // JSON has no infinities: they become null.
        Attribute::Float(value) => json!(value),
        other => json!(other.to_string()),
    }
}

fn answer(priced: &PricedAnswer) -> Value {
    let mut object = Object::new();
    put(&mut object, "id", text(priced.answer.id.as_ref()));
    put(&mut object, "model", text(priced.answer.model.as_ref()));
    let reasons: Vec<_> = priced.answer.finish_reasons.iter().map(|reason| json!(reason.as_str())).collect();
    put(&mut object, "finish_reasons", (!reasons.is_empty()).then_some(reasons));
    put(&mut object, "service_tier", text(priced.answer.service_tier.as_ref()));
    put(&mut object, "usage", priced.answer.usage.as_ref().map(usage));
    object.insert("attempt".to_owned(), json!(priced.attempt));
    object.insert("cost".to_owned(), cost(priced.cost));
    Value::Object(object)
}

fn attempt(attempt: &Attempt) -> Value {
    let mut object = Object::new();
    object.insert("number".to_owned(), json!(attempt.number));
    object.insert("after_nanos".to_owned(), json!(nanos(attempt.after)));
    put(&mut object, "backoff_nanos", Some(nanos(attempt.backoff)).filter(|nanos| *nanos > 0));
    object.insert("duration_nanos".to_owned(), json!(nanos(attempt.duration)));
    put(&mut object, "error", attempt.failure.as_ref().map(failure));
    Value::Object(object)
}

fn chunks(chunks: &Chunks) -> Value {
    let mut object = Object::new();
    object.insert("count".to_owned(), json!(chunks.count));
    object.insert("first_nanos".to_owned(), json!(nanos(chunks.first)));
    object.insert("last_nanos".to_owned(), json!(nanos(chunks.last)));
    object.insert("longest_gap_nanos".to_owned(), json!(nanos(chunks.longest_gap)));
    let gaps = |gaps: &Gaps| json!({ "counts": gaps.counts, "nanos": gaps.nanos });
    put(&mut object, "gaps", chunks.gaps.as_deref().map(gaps));
    Value::Object(object)
}

pub(crate) fn failure(failure: &Failure) -> Value {
    let mut object = Object::new();
    object.insert("category".to_owned(), json!(failure.category.name()));
    put(&mut object, "message", text(failure.message.as_ref()));
    put(&mut object, "http_status", failure.http_status);
    put(&mut object, "retry_after_nanos", failure.retry_after.map(nanos));
    put(&mut object, "type", failure.type_name);
    Value::Object(object)
}

fn usage(usage: &Usage) -> Value {
    let mut object = Object::new();
    for (unit, count) in usage.reported() {
        object.insert(usage_key(unit).to_owned(), json!(count));
    }
    Value::Object(object)
}

/// Short names for what most answers tell; the price list's names for the rest.
fn usage_key(unit: UsageUnit) -> &'static str {
    match unit {
        UsageUnit::InputTokens => "input",
        UsageUnit::OutputTokens => "output",
        UsageUnit::CacheReadTokens => "cache_read",
        UsageUnit::CacheWriteTokens => "cache_write",
        UsageUnit::OutputReasoningTokens => "reasoning",
        UsageUnit::InputAudioTokens => "input_audio",
        UsageUnit::OutputAudioTokens => "output_audio",
        rare => rare.name(),
    }
}

fn pricing(pricing: &Pricing) -> Option<Object> {
    let mut object = Object::new();
    put(&mut object, "api_url", text(pricing.api_url.as_ref()));
    let context: Object =
        pricing.context.iter().map(|(key, value)| (key.to_string(), json!(value.as_str()))).collect();
    put(&mut object, "context", (!context.is_empty()).then_some(context));
    (!object.is_empty()).then_some(object)
}

fn original(original: &Original) -> Value {
    let mut object = Object::new();
    object.insert("cost".to_owned(), cost(original.cost));
    object.insert("wasted_nanodollars".to_owned(), json!(original.wasted.nanos()));
    put(&mut object, "prices", text(original.prices.as_ref()));
    Value::Object(object)
}

/// What was inside a call; the counts say how sure its cost is.
pub(crate) fn rollup(rollup: &Rollup) -> Value {
    json!({
        "model_calls": rollup.model_calls,
        "tool_calls": rollup.tool_calls,
        "usage": usage(&rollup.usage),
        "cost": {
            "nanodollars": rollup.cost.usd.nanos(), "known": rollup.cost.known, "at_least": rollup.cost.at_least,
            "unpriced": rollup.cost.unpriced,
        },
    })
}

fn cost(cost: Cost) -> Value {
    match cost {
        Cost::Unpriced => json!({"grade": cost.grade()}),
        priced => json!({"nanodollars": priced.floor().nanos(), "grade": priced.grade()}),
    }
}

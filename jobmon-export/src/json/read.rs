//! The way back, for what the history keeps as JSON. Damaged parts are left out.

use super::content;
#[cfg(feature = "ingest")]
pub(crate) use super::content::read::{message, part};
use jobmon_core::{
    Answer, Attempt, CallRecord, Chunks, Cost, ErrorCategory, Failure, Gaps, Late, Original, PricedAnswer,
    Pricing, Redactions, Rollup, SpanContext, Text, Usage, UsageUnit, Usd, Value as Attribute,
};
use serde_json::Value;
use std::time::Duration;

pub(super) fn owned(value: &Value) -> Option<Text> {
    value.as_str().map(|text| Text::from(text.to_owned()))
}

fn duration(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_nanos)
}

pub(crate) fn rest(record: &mut CallRecord, rest: &Value) {
    let list = |key: &str| rest[key].as_array().map(Vec::as_slice).unwrap_or_default();
    record.answers = list("answers").iter().map(answer).collect();
    record.attempts = list("attempts").iter().filter_map(attempt).collect();
    record.pricing = pricing(&rest["pricing"]);
    record.original = original(&rest["original"]);
    record.rollup = rest["rollup"].is_object().then(|| Box::new(rollup(&rest["rollup"])));
    record.chunks = chunks(&rest["chunks"]);
    record.attributes = attributes(&rest["attributes"]);
    record.budgets = budgets(&rest["budgets"]);
    record.agent = owned(&rest["agent"]);
    record.request = rest["request"].is_object().then(|| Box::new(content::read::request(&rest["request"])));
    record.content = rest["content"].is_object().then(|| Box::new(content::read::content(&rest["content"])));
    record.streams = rest["streams"] == true;
    record.sample_rate = rest["sample_rate"].as_f64().unwrap_or(1.0);
    record.remote = remote(&rest["remote"]).map(Box::new);
    record.trace_state = owned(&rest["trace_state"]);
    record.redactions = redactions(&rest["redactions"]);
    record.injection_markers = small(&rest["injection_markers"]);
}

pub(crate) fn redactions(value: &Value) -> Redactions {
    let mut redactions = Redactions::default();
    for (kind, times) in value.as_object().into_iter().flatten() {
        if let Ok(kind) = kind.parse() {
            redactions.add(kind, small(times));
        }
    }
    redactions
}

fn small(value: &Value) -> u32 {
    value.as_u64().map_or(0, |number| u32::try_from(number).unwrap_or(u32::MAX))
}

fn remote(value: &Value) -> Option<SpanContext> {
    let mut remote: SpanContext = value["traceparent"].as_str()?.parse().ok()?;
    remote.elsewhere = value["elsewhere"] == true;
    remote.state = owned(&value["state"]);
    Some(remote)
}

pub(crate) fn late(late: &mut Late, rest: &Value) {
    late.answer = rest["answer"].is_object().then(|| answer(&rest["answer"]));
    late.pricing = pricing(&rest["pricing"]);
    late.prices = owned(&rest["prices"]);
    late.original = original(&rest["original"]);
    late.attributes = attributes(&rest["attributes"]);
    late.budgets = budgets(&rest["budgets"]);
    late.category = category(&rest["category"]);
    late.for_nothing = rest["for_nothing"] == true;
}

fn original(value: &Value) -> Option<Original> {
    let wasted = Usd::from_nanos(value["wasted_nanodollars"].as_i64()?);
    Some(Original::new(cost(&value["cost"]), wasted, owned(&value["prices"])))
}

fn rollup(value: &Value) -> Rollup {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let mut rollup = Rollup::default();
    rollup.model_calls = count(&value["model_calls"]);
    rollup.tool_calls = count(&value["tool_calls"]);
    rollup.usage = usage(&value["usage"]);
    let cost = &value["cost"];
    rollup.cost.usd = Usd::from_nanos(cost["nanodollars"].as_i64().unwrap_or(0));
    rollup.cost.known = count(&cost["known"]);
    rollup.cost.at_least = count(&cost["at_least"]);
    rollup.cost.unpriced = count(&cost["unpriced"]);
    rollup
}

fn pricing(value: &Value) -> Pricing {
    let mut pricing = Pricing::default();
    pricing.api_url = owned(&value["api_url"]);
    let context = value["context"].as_object().into_iter().flatten();
    pricing.context =
        context.filter_map(|(key, value)| Some((Text::from(key.clone()), owned(value)?))).collect();
    pricing
}

fn budgets(value: &Value) -> Vec<Text> {
    value.as_array().into_iter().flatten().filter_map(owned).collect()
}

fn attributes(value: &Value) -> Vec<(Text, Attribute)> {
    let attributes = value.as_object().into_iter().flatten();
    attributes.map(|(key, value)| (Text::from(key.clone()), attribute(value))).collect()
}

fn category(value: &Value) -> Option<ErrorCategory> {
    value.as_str().and_then(|name| name.parse().ok())
}

fn chunks(value: &Value) -> Option<Chunks> {
    let mut chunks = Chunks::first(duration(&value["first_nanos"])?);
    chunks.count = value["count"].as_u64()?;
    chunks.last = duration(&value["last_nanos"])?;
    chunks.longest_gap = duration(&value["longest_gap_nanos"])?;
    chunks.gaps = value["gaps"].is_object().then(|| Box::new(gaps(&value["gaps"])));
    Some(chunks)
}

fn gaps(value: &Value) -> Gaps {
    let mut gaps = Gaps::default();
    for (into, key) in [(&mut gaps.counts, "counts"), (&mut gaps.nanos, "nanos")] {
        for (into, number) in into.iter_mut().zip(value[key].as_array().into_iter().flatten()) {
            *into = number.as_u64().unwrap_or(0);
        }
    }
    gaps
}

fn attribute(value: &Value) -> Attribute {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64().unwrap_or(f64::NAN).into(),
        },
        Value::String(text) => text.clone().into(),
        _ => f64::NAN.into(),
    }
}

fn answer(value: &Value) -> PricedAnswer {
    let mut answer = Answer::default();
    answer.id = owned(&value["id"]);
    answer.model = owned(&value["model"]);
    answer.finish_reasons =
        value["finish_reasons"].as_array().into_iter().flatten().filter_map(owned).collect();
    answer.service_tier = owned(&value["service_tier"]);
    answer.usage = value["usage"].is_object().then(|| usage(&value["usage"]));
    let attempt = value["attempt"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
    PricedAnswer::new(answer, attempt, cost(&value["cost"]))
}

fn usage(value: &Value) -> Usage {
    let mut usage = Usage::default();
    for unit in UsageUnit::ALL {
        usage.set(*unit, value[super::usage_key(*unit)].as_u64());
    }
    usage
}

pub(super) fn cost(value: &Value) -> Cost {
    let usd = value["nanodollars"].as_i64().map(Usd::from_nanos);
    cost_of(value["grade"].as_str(), usd)
}

fn attempt(value: &Value) -> Option<Attempt> {
    let number = u32::try_from(value["number"].as_u64()?).ok()?;
    let failure = value["error"].is_object().then(|| failure(&value["error"]));
    let (after, took) = (duration(&value["after_nanos"])?, duration(&value["duration_nanos"])?);
    let mut attempt = Attempt::new(number, after, took, failure);
    attempt.backoff = duration(&value["backoff_nanos"]).unwrap_or_default();
    Some(attempt)
}

pub(crate) fn failure(value: &Value) -> Failure {
    let mut failure = Failure::new(category(&value["category"]).unwrap_or(ErrorCategory::Other));
    failure.message = owned(&value["message"]);
    failure.http_status = value["http_status"].as_u64().and_then(|status| u16::try_from(status).ok());
    failure.retry_after = duration(&value["retry_after_nanos"]);
    failure
}

/// A cost from its grade and, where that says so, its amount.
pub(crate) fn cost_of(grade: Option<&str>, usd: Option<Usd>) -> Cost {
    match (grade, usd) {
        (Some("known"), Some(usd)) => Cost::Known(usd),
        (Some("at_least"), Some(usd)) => Cost::AtLeast(usd),
        _ => Cost::Unpriced,
    }
}

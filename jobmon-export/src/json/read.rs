//! The way back, for what the history keeps as JSON. Damaged parts are left out.

use jobmon_core::{
    Answer, Attempt, CallRecord, Chunks, Cost, ErrorCategory, Failure, Late, PricedAnswer, Text, Usage, Usd,
    Value as Attribute,
};
use serde_json::Value;
use std::time::Duration;

fn owned(value: &Value) -> Option<Text> {
    value.as_str().map(|text| Text::from(text.to_owned()))
}

fn duration(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_nanos)
}

pub(crate) fn rest(record: &mut CallRecord, rest: &Value) {
    let list = |key: &str| rest[key].as_array().map(Vec::as_slice).unwrap_or_default();
    record.answers = list("answers").iter().map(answer).collect();
    record.attempts = list("attempts").iter().filter_map(attempt).collect();
    record.chunks = chunks(&rest["chunks"]);
    record.attributes = attributes(&rest["attributes"]);
    record.budgets = budgets(&rest["budgets"]);
}

pub(crate) fn late(late: &mut Late, rest: &Value) {
    late.answer = rest["answer"].is_object().then(|| answer(&rest["answer"]));
    late.prices = owned(&rest["prices"]);
    late.attributes = attributes(&rest["attributes"]);
    late.budgets = budgets(&rest["budgets"]);
    late.category = category(&rest["category"]);
    late.for_nothing = rest["for_nothing"] == true;
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
    Some(chunks)
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
    answer.usage = value["usage"].is_object().then(|| usage(&value["usage"]));
    let attempt = value["attempt"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
    PricedAnswer::new(answer, attempt, cost(&value["cost"]))
}

fn usage(value: &Value) -> Usage {
    let mut usage = Usage::default();
    usage.input = value["input"].as_u64();
    usage.output = value["output"].as_u64();
    usage.cache_read = value["cache_read"].as_u64();
    usage.cache_write = value["cache_write"].as_u64();
    usage.reasoning = value["reasoning"].as_u64();
    usage.input_audio = value["input_audio"].as_u64();
    usage.output_audio = value["output_audio"].as_u64();
    usage
}

fn cost(value: &Value) -> Cost {
    let usd = value["nanodollars"].as_i64().map(Usd::from_nanos);
    crate::sqlite::cost_of(value["grade"].as_str(), usd)
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

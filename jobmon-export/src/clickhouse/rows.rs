//! Events and sums as rows of JSON.

use super::schema::of_sketch;
use crate::json::event_to_json;
use jobmon_core::{Aggregate, Dimension, Event, Key, Resource, Sketch, Timestamp, Usd};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

type Row = Map<String, Value>;

fn put(row: &mut Row, name: &str, value: impl Into<Value>) {
    let value = value.into();
    if !value.is_null() {
        row.insert(name.to_owned(), value);
    }
}

fn of_key(row: &mut Row, key: &Key) {
    for dimension in Dimension::ROLLUP {
        put(row, dimension.name(), key.get(*dimension).map(ToString::to_string));
    }
}

fn nanos(time: Option<std::time::Duration>) -> Option<i64> {
    time.map(|time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
}

/// A single event.
fn of_event(resource: &Resource, id: &str, event: &Event) -> Row {
    let mut row = Row::new();
    put(&mut row, "kind", if matches!(event, Event::Call(_)) { "call" } else { "fact" });
    put(&mut row, "batch", id);
    put(&mut row, "at", event.at().nanos());
    of_key(&mut row, &Key::of(resource, event));
    let scope = event.scope();
    put(&mut row, "session", scope.session.as_deref());
    let about = match event {
        Event::Call(call) => Some(call.id),
        other => other.fact().and_then(|fact| fact.call),
    };
    put(&mut row, "trace_id", about.map(|call| call.trace.to_string()));
    put(&mut row, "span_id", about.map(|call| call.span.to_string()));
    match event {
        Event::Call(call) => {
            put(&mut row, "parent_span_id", call.parent.map(|parent| parent.to_string()));
            put(&mut row, "ending", call.end.name());
            put(&mut row, "duration_nanos", nanos(call.duration));
            put(&mut row, "first_token_nanos", nanos(call.first_token));
            let usage = call.usage().unwrap_or_default();
            put(&mut row, "input_tokens", usage.input);
            put(&mut row, "output_tokens", usage.output);
            put(&mut row, "cache_read_tokens", usage.cache_read);
            put(&mut row, "cache_write_tokens", usage.cache_write);
            put(&mut row, "reasoning_tokens", usage.reasoning);
            put(&mut row, "cost_nanodollars", call.cost.map(|cost| cost.floor().nanos()));
            put(&mut row, "cost_grade", call.cost.map(jobmon_core::Cost::grade));
            put(&mut row, "wasted_nanodollars", call.wasted().nanos());
            put(&mut row, "attempts", call.attempt_count());
        }
        Event::Late(late) => {
            put(&mut row, "cost_nanodollars", late.cost().map(|cost| cost.floor().nanos()));
            put(&mut row, "cost_grade", late.cost().map(jobmon_core::Cost::grade));
            put(&mut row, "wasted_nanodollars", late.wasted().nanos());
        }
        Event::Score(score) => put(&mut row, "value", score.value),
        Event::Outcome(outcome) => put(&mut row, "value_nanodollars", outcome.value.map(Usd::nanos)),
        _ => {}
    }
    let mut json = event_to_json(resource, event);
    if let Some(json) = json.as_object_mut() {
        put(&mut row, "user", json.remove("user").unwrap_or_default());
        put(&mut row, "content", json.remove("content").map(|content| content.to_string()));
    }
    put(&mut row, "event", json.to_string());
    row
}

fn of_sketches(row: &mut Row, name: &str, sketch: &Sketch) {
    // Of no number, what changes neither the least nor the greatest of others.
    let (min, max) = (sketch.min().unwrap_or(i64::MAX), sketch.max().unwrap_or(i64::MIN));
    let buckets: Map<String, Value> =
        sketch.buckets().iter().map(|(bucket, count)| (bucket.to_string(), json!(count))).collect();
    let values = [Value::Object(buckets), json!(sketch.sum().to_string()), json!(min), json!(max)];
    for ((name, _, _), value) in of_sketch(name).into_iter().zip(values) {
        row.insert(name, value);
    }
}

/// What a batch adds to the sums of an hour and key.
fn of_sum(id: &str, hour: Timestamp, key: &Key, sums: &Aggregate) -> Row {
    let mut row = Row::new();
    put(&mut row, "kind", "sum");
    put(&mut row, "batch", id);
    put(&mut row, "at", hour.nanos());
    of_key(&mut row, key);
    for (name, number) in Aggregate::NUMBERS.iter().zip(sums.numbers()) {
        if number != 0 {
            put(&mut row, &format!("sum_{name}"), number);
        }
    }
    for (name, sketch) in Aggregate::SKETCHES.iter().zip(sums.sketches()) {
        of_sketches(&mut row, name, sketch);
    }
    row
}

/// All rows of a batch, each a line; calls that sampling leaves out have none, and count in the sums.
pub(super) fn of_batch(resource: &Resource, events: &[Event], id: &str) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut add = |row: Row| {
        if serde_json::to_writer(&mut lines, &Value::Object(row)).is_ok() {
            lines.push(b'\n');
        }
    };
    let mut hours: HashMap<(Timestamp, Key), Aggregate> = HashMap::new();
    for event in events {
        let hour = event.at().hour();
        Aggregate::sum_up(resource, event, &mut |key, sum| {
            sum(hours.entry((hour, key.only(Dimension::ROLLUP))).or_default());
        });
        if event.is_sampled() {
            add(of_event(resource, id, event));
        }
    }
    hours.iter().for_each(|((hour, key), sums)| add(of_sum(id, *hour, key, sums)));
    lines
}

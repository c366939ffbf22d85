//! The `jsonl` exporter: one event, one line, appended.

use jobmon_core::{
    Answer, Batch, CallId, CallRecord, Cost, Event, Exporter, Fact, Late, Operation, PricedAnswer, Scope,
    SpanId, Text, Timestamp, TraceId, Usage, Usd,
};
use jobmon_export::Jsonl;
use std::sync::Arc;

fn batch(calls: Vec<CallRecord>) -> Batch {
    let events = calls.into_iter().map(|call| Event::Call(Box::new(call))).collect();
    Batch { resource: Arc::default(), events: Arc::new(events) }
}

fn call(name: &'static str) -> CallRecord {
    let id = CallId { trace: TraceId::random(), span: SpanId::random() };
    CallRecord::new(id, Text::from(name), Operation::Chat, Timestamp::from_nanos(0))
}

#[test]
fn each_event_is_one_line_whatever_its_names_contain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    Jsonl::open(&path).unwrap().export(&batch(vec![call("a\nb\"c\u{2028}"), call("second")])).unwrap();
    // A second run appends.
    Jsonl::open(&path).unwrap().export(&batch(vec![call("third")])).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> =
        text.split('\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["type"], &lines[0]["name"]), (&"call".into(), &"a\nb\"c\u{2028}".into()));
    assert_eq!(lines[2]["start"], "1970-01-01T00:00:00.000Z");
}

#[test]
fn calls_left_out_by_sampling_are_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    let mut left_out = call("left out");
    left_out.sampled = false;
    Jsonl::open(&path).unwrap().export(&batch(vec![left_out])).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
}

#[test]
fn what_comes_late_is_a_line_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    let ended = call("ended");
    let mut late = Late::new(Fact::new(Timestamp::from_nanos(1), Some(ended.id), Scope::default()));
    let cost = Cost::Known(Usd::from_nanos(7));
    late.answer = Some(PricedAnswer::new(Answer::from(Usage::new(5, 1)), 2, cost));
    late.attributes = vec![(Text::from("job.id"), "j-1".into())];
    late.for_nothing = true;
    let events = vec![Event::Late(Box::new(late))];
    Jsonl::open(&path)
        .unwrap()
        .export(&Batch { resource: Arc::default(), events: Arc::new(events) })
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!((&line["type"], &line["call"]), (&"late".into(), &ended.id.to_string().into()));
    let answer = serde_json::json!({
        "usage": {"input": 5, "output": 1}, "attempt": 2, "cost": {"grade": "known", "nanodollars": 7},
    });
    assert_eq!((&line["answer"], &line["attributes"]["job.id"]), (&answer, &"j-1".into()));
    assert_eq!((&line["for_nothing"], line.get("category")), (&true.into(), None));
}

#[test]
fn a_path_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Jsonl::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains(&folder.path().display().to_string()), "{error}");
}

#[test]
fn a_line_torn_by_a_crash_tears_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.jsonl");
    std::fs::write(&path, "{\"type\":\"call\",\"na").unwrap();
    Jsonl::open(&path).unwrap().export(&batch(vec![call("after the crash")])).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((text.lines().count(), &last["name"]), (2, &"after the crash".into()));
}

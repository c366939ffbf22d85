//! The history: what is written is what is read, whatever is asked, and whatever happens meanwhile.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod answers;
mod calls;
mod labels;
mod schemas;
mod sessions;
mod upkeep;
mod whole;

use jobmon_core::{
    Batch, CallId, CallRecord, Dimension, End, Engine, Event, Exporter, Fact, Late, Measure, Operation,
    Outcome, Query, Range, Resource, Scope, Score, SpanId, Subject, Text, Timestamp, TraceId, Usd,
};
use jobmon_export::{History, HistoryError, Sqlite};
use std::path::Path;
use std::sync::Arc;
use whole::full_call;

const HOUR: i64 = 3_600_000_000_000;
/// 2026-11-24T00:00:00Z.
const DAY: i64 = 1_795_478_400_000_000_000;

fn call_at(nanos: i64) -> CallRecord {
    let id = CallId { trace: TraceId::random(), span: SpanId::random() };
    CallRecord::new(id, Text::from("analyze"), Operation::Chat, Timestamp::from_nanos(nanos))
}

fn batch(events: Vec<Event>) -> Batch {
    let mut resource = Resource::default();
    resource.service_name = Some(Text::from("test"));
    Batch { resource: Arc::new(resource), events: Arc::new(events) }
}

fn write(path: &Path, events: Vec<Event>) {
    Sqlite::open(path).expect("opens").export(&batch(events)).expect("is taken");
}

fn fact(nanos: i64) -> Fact {
    Fact::new(Timestamp::from_nanos(nanos), None, Scope::default())
}

/// What is reported of a call after its end, with everything that a row has to keep.
fn late_of(call: &CallRecord, nanos: i64) -> Late {
    let subject =
        Subject::new(call.name.clone(), call.operation, call.provider.clone(), call.model_name().cloned());
    let mut fact = Fact::new(Timestamp::from_nanos(nanos), Some(call.id), call.scope.clone());
    fact.subject = Some(subject);
    let mut late = Late::new(fact);
    late.category = call.failure.as_ref().map(|failure| failure.category);
    late.for_nothing = call.end != End::Ok;
    late
}

#[test]
fn facts_are_the_events_that_are_no_calls() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let call = full_call();
    let score = |n: i64| Event::Score(Score::new(fact(DAY + n), "relevance".into(), 0.5));
    let late = Event::Late(Box::new(late_of(&call, DAY + 2)));
    write(&path, vec![score(3), Event::Call(Box::new(call)), late, score(1)]);
    let history = History::open(&path).unwrap();
    for until in [3, 4] {
        let range = Range { since: Timestamp::from_nanos(DAY), until: Timestamp::from_nanos(DAY + until) };
        let (mut facts, mut others) = (Vec::new(), Vec::new());
        history.facts(range, &mut |_, event| facts.push(event.clone())).unwrap();
        let add =
            &mut |_: &Resource, event: &Event| others.extend(event.fact().is_some().then(|| event.clone()));
        history.events(range, add).unwrap();
        assert_eq!(facts.len(), usize::try_from(until).unwrap() - 1);
        assert_eq!(facts, others);
    }
}

#[test]
fn a_fact_about_an_earlier_call_counts_for_its_model_and_feature() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let call = full_call();
    let id = call.id;
    write(&path, vec![Event::Call(Box::new(call))]);
    // Days later, by another process that knows the id alone.
    let mut late = fact(DAY + 72 * HOUR);
    late.call = Some(id);
    let kind = Text::from("interview");
    write(&path, vec![Event::Outcome(Outcome::new(late, kind, Some(Usd::from_dollars(20))))]);

    let history = History::open(&path).unwrap();
    let outcomes = Query::new([Measure::named("outcomes").unwrap()])
        .by([Dimension::Feature, Dimension::Strategy, Dimension::Model])
        .filter("outcome=interview".parse().unwrap());
    let rows = outcomes.run(&history).unwrap();
    let group: Vec<_> = rows[0].group.iter().map(|value| value.as_ref().unwrap().as_str()).collect();
    assert_eq!((rows.len(), group), (1, vec!["job_analysis", "broad", "gemini-2.5-flash"]));
    assert_eq!(history.check().unwrap(), []);
}

#[test]
fn calls_left_out_by_sampling_still_count() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let mut left_out = call_at(DAY);
    left_out.sampled = false;
    write(&path, vec![Event::Call(Box::new(left_out)), Event::Call(Box::new(call_at(DAY)))]);
    let history = History::open(&path).unwrap();
    let mut kept = 0;
    history.events(Range::ALL, &mut |_, _| kept += 1).unwrap();
    let calls = Query::new([Measure::named("calls").unwrap()]);
    // Also for part of an hour, where single events would show only one.
    let part = Range { since: Timestamp::from_nanos(DAY - 5), until: Timestamp::from_nanos(DAY + 5) };
    for query in [calls.clone(), calls.range(part)] {
        assert_eq!(query.run(&history).unwrap()[0].figures[0].unwrap().to_string(), "2");
    }
    assert_eq!(kept, 1);
}

#[test]
fn files_that_are_no_history_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.db");
    assert!(matches!(History::open(&missing), Err(HistoryError::Missing(_))));
    assert!(!missing.exists(), "reading makes no file");

    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "this is not a database, but it is long enough to look like one ".repeat(20))
        .unwrap();
    let before = std::fs::read(&text).unwrap();
    assert!(matches!(History::open(&text), Err(HistoryError::NotAHistory(_))));
    assert!(matches!(Sqlite::open(&text), Err(HistoryError::NotAHistory(_))));
    assert_eq!(std::fs::read(&text).unwrap(), before);

    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE mine (x)").unwrap();
    let before = std::fs::read(&other).unwrap();
    assert!(matches!(History::open(&other), Err(HistoryError::NotAHistory(_))));
    assert!(matches!(Sqlite::open(&other), Err(HistoryError::NotAHistory(_))));
    assert_eq!(std::fs::read(&other).unwrap(), before);

    let newer = folder.path().join("newer.db");
    write(&newer, vec![Event::Call(Box::new(call_at(DAY)))]);
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for error in [History::open(&newer).unwrap_err(), Sqlite::open(&newer).unwrap_err()] {
        assert!(matches!(error, HistoryError::Newer { found: 99, .. }), "{error}");
    }
}

#[test]
fn a_changed_sum_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    write(&path, vec![Event::Call(Box::new(full_call()))]);
    let tables = |change: &str| {
        rusqlite::Connection::open(&path).unwrap().execute_batch(change).unwrap();
        let differences = History::open(&path).unwrap().check().unwrap();
        differences.iter().map(|difference| difference.table).collect::<Vec<_>>()
    };
    assert_eq!(tables("UPDATE sessions SET cost_known = cost_known + 1"), ["sessions"]);
    assert!(tables("UPDATE calls SET name = 'other'").starts_with(&["hourly", "hourly"]));
}

#[test]
fn two_agents_write_and_a_reader_reads_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let writers: Vec<_> = (0..2)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut sqlite = Sqlite::open(&path).expect("opens");
                for n in 0..40 {
                    let calls = (0..5).map(|_| Event::Call(Box::new(call_at(DAY + n * HOUR / 10)))).collect();
                    let one = batch(calls);
                    while let Err(error) = sqlite.export(&one) {
                        assert!(matches!(error, jobmon_core::ExportError::Busy { .. }), "{error}");
                    }
                }
            })
        })
        .collect();
    let mut last = 0;
    while writers.iter().any(|writer| !writer.is_finished()) {
        // The first moments belong to making the file.
        let Ok(history) = History::open(&path) else { continue };
        let mut calls = 0;
        let query = Query::new([Measure::named("calls").unwrap()]);
        history.scan(&query, &mut |_, _, sums| calls += sums.calls).unwrap();
        assert!(calls >= last, "a reader never goes back in time");
        assert_eq!(calls % 5, 0, "a batch is seen whole or not at all");
        last = calls;
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let history = History::open(&path).unwrap();
    let mut calls = 0;
    history.events(Range::ALL, &mut |_, _| calls += 1).unwrap();
    assert_eq!(calls, 400);
    assert_eq!(history.check().unwrap(), []);
}

//! Single calls: the newest, those of a trace, those that were written since; what became of alerts.

use super::{DAY, HOUR, call_at, fact, write};
use jobmon_core::{
    AlertState, CallRecord, Dimension, End, ErrorCategory, Event, Exporter, Failure, Filter, NoticeKind,
    Range, Resource, Score, Text, Timestamp, TraceId,
};
use jobmon_export::{History, KeptCall, Sqlite};
use proptest::prelude::*;

fn range(since: i64, until: i64) -> Range {
    Range { since: Timestamp::from_nanos(since), until: Timestamp::from_nanos(until) }
}

fn starts(calls: &[KeptCall]) -> Vec<i64> {
    calls.iter().map(|(_, call)| call.start.nanos() - DAY).collect()
}

/// A call whose features, models and endings follow from its number.
fn numbered(n: i64) -> CallRecord {
    let mut call = call_at(DAY + n * HOUR / 7);
    call.scope.feature = (n % 3 != 0).then(|| Text::from(format!("f{}", n % 3)));
    call.scope.session = Some(Text::from(format!("s{}", n % 5)));
    call.model = (n % 2 == 0).then(|| Text::literal("asked"));
    if n % 4 == 0 {
        call.end = End::Error;
        call.failure = Some(Failure::new(ErrorCategory::Timeout));
    }
    call
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_newest_calls_are_those_of_going_through_all(
        since in 0..40_i64, length in 1..60_i64, most in 1..20_usize, feature in 0..4_usize, session in 0..3_usize,
        ending in 0..3_usize, negated in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("h.db");
        let calls: Vec<CallRecord> = (0..60).map(numbered).collect();
        write(&path, calls.iter().cloned().map(|call| Event::Call(Box::new(call))).collect());
        let mut filters: Vec<Filter> = Vec::new();
        if feature > 0 {
            let values = vec![(feature > 1).then(|| Text::from(format!("f{}", feature - 1)))];
            filters.push(Filter { dimension: Dimension::Feature, negated, values });
        }
        if session > 0 {
            filters.push(Filter { dimension: Dimension::Session, negated: false, values: vec![Some(Text::from(format!("s{session}")))] });
        }
        let end = [None, Some(End::Error), Some(End::Ok)][ending];
        let range = range(DAY + since * HOUR / 7, DAY + (since + length) * HOUR / 7);
        let history = History::open(&path).unwrap();
        let found = history.latest_calls(range, &filters, end, most).unwrap();
        let wanted: Vec<i64> = calls.iter().rev()
            .filter(|call| range.contains(call.start) && end.is_none_or(|end| call.end == end))
            .filter(|call| filters.iter().all(|filter| {
                let value = if filter.dimension == Dimension::Feature { &call.scope.feature } else { &call.scope.session };
                filter.values.contains(value) != filter.negated
            }))
            .take(most)
            .map(|call| call.start.nanos() - DAY)
            .collect();
        prop_assert_eq!(starts(&found), wanted);
    }
}

#[test]
fn calls_of_one_moment_come_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h.db");
    let same = (0..5).map(|_| Event::Call(Box::new(call_at(DAY))));
    write(&path, same.chain([Event::Call(Box::new(call_at(DAY + 9)))]).collect());
    let found = History::open(&path).unwrap().latest_calls(Range::ALL, &[], None, 2).unwrap();
    assert_eq!(starts(&found), [9, 0, 0, 0, 0, 0], "a page ends between moments");
}

#[test]
fn a_trace_has_its_calls_and_what_was_said_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h.db");
    let trace = TraceId::random();
    let (mut outer, mut inner) = (call_at(DAY), call_at(DAY + 1));
    (outer.id.trace, inner.id.trace) = (trace, trace);
    inner.parent = Some(outer.id.span);
    let mut about = fact(DAY + 2);
    about.call = Some(inner.id);
    let score = Score::new(about, Text::literal("match"), 0.5);
    write(
        &path,
        vec![Event::Call(Box::new(inner.clone())), Event::Call(Box::new(outer.clone())), Event::Score(score)],
    );
    write(&path, vec![Event::Call(Box::new(call_at(DAY + 3)))]);
    let history = History::open(&path).unwrap();
    let (calls, facts) = history.trace(trace).unwrap();
    assert_eq!(calls.iter().map(|(_, call)| call.id).collect::<Vec<_>>(), [outer.id, inner.id]);
    assert!(matches!(&facts[..], [Event::Score(score)] if (score.value - 0.5).abs() < 1e-9));
    assert_eq!(history.trace(TraceId::random()).unwrap().0, []);
    let last = history.last_call_row().unwrap();
    write(&path, vec![Event::Call(Box::new(call_at(DAY - 9)))]);
    let new = history.calls_after_row(last, 10).unwrap();
    assert_eq!(
        new.iter().map(|(row, (_, call))| (row - last, call.start.nanos() - DAY)).collect::<Vec<_>>(),
        [(1, -9)]
    );
}

#[test]
fn what_became_of_alerts_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h.db");
    write(&path, vec![Event::Call(Box::new(call_at(DAY)))]);
    let mut memory = Sqlite::open(&path).unwrap().alert_memory().expect("it has one");
    let mut resource = Resource::default();
    resource.service_name = Some(Text::literal("agent"));
    let state = |told: Option<i64>, heard: bool| AlertState {
        alert: Text::literal("errors"),
        group: vec![(Dimension::Feature, Some(Text::literal("f")))],
        since: Timestamp::from_nanos(DAY),
        told: told.map(Timestamp::from_nanos),
        heard,
    };
    let changes = || History::open(&path).unwrap().alert_changes(Range::ALL, 10).unwrap();
    memory.keep(&resource, &[state(None, false)]).unwrap();
    assert_eq!(changes(), [], "what only holds has not fired");
    memory.keep(&resource, &[state(Some(DAY + 5), true)]).unwrap();
    memory.keep(&resource, &[state(Some(DAY + 9), true)]).unwrap();
    let fired = changes();
    assert_eq!(fired.len(), 1, "what goes on firing is no change");
    assert_eq!(
        (fired[0].kind, fired[0].silent, fired[0].alert.as_str()),
        (NoticeKind::Firing, false, "errors")
    );
    assert_eq!(fired[0].resource, resource);
    let states = History::open(&path).unwrap().alert_states().unwrap();
    assert_eq!(states, [(resource.clone(), state(Some(DAY + 9), true))]);
    memory.keep(&resource, &[]).unwrap();
    let kinds: Vec<_> = changes().iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [NoticeKind::Resolved, NoticeKind::Firing], "the newest first");
}

//! What sessions did and cost.

use super::whole::full_call;
use super::{DAY, HOUR, call_at, fact, late_of, write};
use jobmon_core::{
    Cost, CostSum, Engine, Event, Exporter, Feedback, Outcome, Range, Text, Timestamp, Usd, Verdict,
};
use jobmon_export::{History, Sqlite};

#[test]
fn sessions_cost_what_their_calls_and_late_answers_cost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let full = full_call();
    let mut late = late_of(&full, DAY + 10);
    late.answer = full.answers.first().cloned();
    let mut other = call_at(DAY + 6);
    other.scope.session = Some(Text::from("s-2"));
    other.cost = Some(Cost::Known(Usd::from_nanos(1_000)));
    let mut only_talk = fact(DAY + 7);
    only_talk.scope.session = Some(Text::from("s-3"));
    let talk = Event::Feedback(Feedback::new(only_talk, Verdict::Negative));
    let calls = [full, other, call_at(DAY + 8), call_at(DAY + HOUR)].map(|call| Event::Call(Box::new(call)));
    write(&path, calls.into_iter().chain([Event::Late(Box::new(late)), talk]).collect());
    let history = History::open(&path).unwrap();
    let range = Range { since: Timestamp::from_nanos(DAY), until: Timestamp::from_nanos(DAY + HOUR) };
    let mut both = CostSum::from(Cost::AtLeast(Usd::from_nanos(123_456)));
    both.add(Cost::Known(Usd::from_nanos(123_456)));
    let costs = vec![Cost::Known(Usd::from_nanos(1_000)).into(), both];
    assert_eq!(sessions_of(&history, range), (3, costs.clone(), vec![]));
    assert_eq!(sessions_of(&history, Range::ALL), (4, costs, vec![]), "a call without a session is in none");
}

/// Calls, costs in order, and days that count whole.
pub(crate) fn sessions_of(history: &History, range: Range) -> (u64, Vec<CostSum>, Vec<Timestamp>) {
    let mut sessions = history.sessions(range).unwrap().unwrap();
    sessions.costs.sort_by_key(|cost| (cost.usd, cost.known, cost.at_least, cost.unpriced));
    (sessions.calls, sessions.costs, sessions.whole_days)
}

#[test]
fn sessions_are_exact_also_where_sampling_leaves_calls_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    // One session at the end of a day and over all of the next, another on that day alone; every third call is kept.
    let calls = (0..40).map(|n| {
        let mut call = call_at(DAY + 22 * HOUR + n * HOUR / 2);
        call.sampled = n % 3 == 0;
        call.scope.session = Some(Text::from(if n % 4 == 1 { "evening" } else { "night" }));
        call.cost = Some(Cost::Known(Usd::from_dollars(1)));
        Event::Call(Box::new(call))
    });
    write(&path, calls.collect());
    let history = History::open(&path).unwrap();
    let dollars = |n: u64| CostSum {
        usd: Usd::from_dollars(i64::try_from(n).unwrap()),
        known: n,
        ..CostSum::default()
    };
    let all = (40, vec![dollars(10), dollars(30)], vec![]);
    assert_eq!(sessions_of(&history, Range::ALL), all);
    let days = |since: i64, until: i64| Range {
        since: Timestamp::from_nanos(DAY + since),
        until: Timestamp::from_nanos(DAY + until),
    };
    assert_eq!(sessions_of(&history, days(0, 48 * HOUR)), all);
    let first = (4, vec![dollars(1), dollars(3)], vec![]);
    assert_eq!(sessions_of(&history, days(0, 24 * HOUR)), first);
    // Nothing happens in the hours that follow.
    assert_eq!(sessions_of(&history, days(0, 41 * HOUR + HOUR / 2 + 1)), all);
    // Of a part of a day with calls that are not kept the whole day counts, and the answer says so.
    let whole = vec![Timestamp::from_nanos(DAY), Timestamp::from_nanos(DAY + 24 * HOUR)];
    assert_eq!(sessions_of(&history, days(23 * HOUR + 1, 30 * HOUR)), (40, all.1.clone(), whole.clone()));
    assert_eq!(
        sessions_of(&history, days(30 * HOUR, 31 * HOUR)),
        (36, vec![dollars(9), dollars(27)], vec![whole[1]])
    );
}

#[test]
fn days_that_are_over_are_one_value_until_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    // Well before today, whenever that is.
    let first = DAY - 240 * HOUR;
    let call = |n: i64| {
        let mut call = call_at(first + n * HOUR);
        call.scope.session = (n % 7 > 0).then(|| Text::from(format!("s-{}", n % 7)));
        call.cost = Some(Cost::Known(Usd::from_nanos(n)));
        Event::Call(Box::new(call))
    };
    write(&path, (0..100).map(call).collect());
    let answers = || {
        let history = History::open(&path).unwrap();
        let day = |since: i64, until: i64| Range {
            since: Timestamp::from_nanos(first + since * HOUR),
            until: Timestamp::from_nanos(first + until * HOUR),
        };
        [Range::ALL, day(0, 48), day(24, 72), day(5, 77), day(30, 31)]
            .map(|range| sessions_of(&history, range))
    };
    let close = || {
        let mut sqlite = Sqlite::open(&path).unwrap();
        sqlite.start().unwrap();
        while sqlite.tick().is_some_and(|wait| wait.is_zero()) {}
    };
    let connection = rusqlite::Connection::open(&path).unwrap();
    let values = || -> i64 {
        connection.query_row("SELECT count(*) FROM session_days", [], |row| row.get(0)).unwrap()
    };
    let (of_rows, before) = (answers(), values());
    close();
    assert_eq!((before, values()), (0, 5));
    assert_eq!(answers(), of_rows);
    // One more call of the second day, of a session that was there.
    write(&path, vec![call(30)]);
    assert_eq!(values(), 4);
    let changed = answers();
    assert_ne!(changed, of_rows);
    close();
    assert_eq!((values(), answers()), (5, changed));
    assert_eq!(History::open(&path).unwrap().check().unwrap(), []);
    connection.execute("UPDATE session_days SET costs = zeroblob(48) WHERE start = ?1", [first]).unwrap();
    let tables: Vec<_> =
        History::open(&path).unwrap().check().unwrap().iter().map(|found| found.table).collect();
    assert_eq!(tables, ["session_days"]);
}

#[test]
fn no_sum_of_a_session_is_too_large_to_be_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let worth = || {
        let mut fact = fact(DAY);
        fact.scope.session = Some(Text::from("s-1"));
        Event::Outcome(Outcome::new(fact, Text::from("offer"), Some(Usd::from_nanos(i64::MAX))))
    };
    write(&path, vec![worth(), worth()]);
    write(&path, vec![worth()]);
    assert_eq!(History::open(&path).unwrap().check().unwrap(), []);
}

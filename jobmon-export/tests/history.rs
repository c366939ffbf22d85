//! The history: what is written is what is read, whatever is asked, and whatever happens meanwhile.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use jobmon_core::{
    Answer, Attempt, Batch, Bucket, CallId, CallRecord, Chunks, Cost, CostSum, Dimension, End, Engine,
    ErrorCategory, Event, Exporter, Fact, Failure, Feedback, Late, Measure, Memory, Operation, Original,
    Outcome, PricedAnswer, Prompt, Query, Range, Resource, Rollup, Scope, Score, Search, SpanId, Subject,
    Text, Timestamp, TraceId, Usage, UsageUnit, Usd, Verdict,
};
use jobmon_export::{History, HistoryError, Sqlite};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

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

/// A call with everything that a row has to keep.
fn full_call() -> CallRecord {
    let mut call = call_at(DAY + 5);
    call.parent = Some(SpanId::random());
    call.root = SpanId::random();
    call.location.module = Text::from("job_search::agents");
    call.location.line = 42;
    call.provider = Some(Text::from("gcp.gemini"));
    call.model = Some(Text::from("gemini-2.5-flash"));
    call.scope.session = Some(Text::from("s-1"));
    call.scope.user = Some(Text::from("u-1"));
    call.scope.feature = Some(Text::from("job_analysis"));
    call.scope.strategy = Some(Text::from("broad"));
    call.duration = Some(Duration::from_nanos(1_234_567_891));
    call.first_token = Some(Duration::from_nanos(99));
    call.end = End::Error;
    let mut failure = Failure::new(ErrorCategory::RateLimit);
    failure.message = Some(Text::from("too \"many\" requests 'now'"));
    failure.http_status = Some(429);
    failure.retry_after = Some(Duration::from_millis(1_500));
    call.failure = Some(failure.clone());
    let mut answer = Answer::from(
        Usage::new(1_000, 20)
            .with_cache_read(3)
            .with_cache_write(4)
            .with_reasoning(5)
            .with(UsageUnit::WebSearches, 2)
            .with(UsageUnit::InputImageTokens, 70),
    );
    answer.service_tier = Some(Text::from("flex"));
    answer.id = Some(Text::from("resp-1"));
    answer.model = Some(Text::from("gemini-2.5-flash-001"));
    answer.finish_reasons = vec![Text::from("STOP")];
    call.answers = vec![
        PricedAnswer::new(answer, 1, Cost::Known(Usd::from_nanos(123_456))),
        PricedAnswer::new(Answer::default(), 2, Cost::Unpriced),
    ];
    call.attempts = vec![
        Attempt::new(1, Duration::ZERO, Duration::from_millis(5), Some(failure.clone())),
        Attempt::new(2, Duration::from_millis(9), Duration::from_millis(6), Some(failure)),
    ];
    call.attempts[1].backoff = Duration::from_millis(4);
    let mut chunks = Chunks::first(Duration::from_nanos(99));
    chunks.add(Duration::from_nanos(450));
    call.chunks = Some(chunks);
    call.cost = Some(Cost::AtLeast(Usd::from_nanos(123_456)));
    call.prices = Some(Text::from("list 1"));
    call.original =
        Some(Original::new(Cost::Known(Usd::from_nanos(9)), Usd::from_nanos(4), Some(Text::from("list 0"))));
    call.prompt = Some(Prompt::new(Text::from("match-job"), Some(Text::from("v3"))));
    call.pricing.api_url = Some(Text::from("https://api.example.com/v1"));
    call.pricing.context = vec![(Text::from("processing"), Text::from("batch"))];
    let mut rollup = Rollup::default();
    rollup.model_calls = 3;
    rollup.usage = Usage::new(5, 6);
    rollup.cost.add(Cost::AtLeast(Usd::from_nanos(77)));
    call.rollup = Some(Box::new(rollup));
    call.usage_missing = true;
    call.budgets = vec![Text::from("analysis"), Text::from("agents")];
    call.attributes = vec![
        (Text::from("a.text"), "x".into()),
        (Text::from("b.int"), 7_i64.into()),
        (Text::from("c.float"), 1.5.into()),
        (Text::from("d.bool"), true.into()),
    ];
    call
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
fn events_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let mut search = Search::new(fact(DAY + 9), Text::from("rust"));
    search.results = 7;
    search.relevant = Some(3);
    let mut answered = late_of(&full_call(), DAY + 10);
    answered.answer = full_call().answers.into_iter().next();
    answered.prices = Some(Text::from("list 2"));
    let mut described = late_of(&call_at(DAY + 6), DAY + 11);
    described.attributes = full_call().attributes;
    described.budgets = full_call().budgets;
    let events = vec![
        Event::Call(Box::new(full_call())),
        Event::Call(Box::new(call_at(DAY + 6))),
        Event::Score(Score::new(fact(DAY + 6), Text::from("match"), 0.1 + 0.2)),
        Event::Feedback(Feedback::new(fact(DAY + 7), Verdict::Negative)),
        Event::Outcome(Outcome::new(fact(DAY + 8), Text::from("interview"), Some(Usd::from_dollars(20)))),
        Event::Search(search),
        Event::Late(Box::new(answered)),
        Event::Late(Box::new(described)),
    ];
    write(&path, events.clone());
    let history = History::open(&path).unwrap();
    let mut found = Vec::new();
    history.events(Range::ALL, &mut |_, event| found.push(event.clone())).unwrap();
    assert_eq!(found, events);
    assert_eq!(history.check().unwrap(), []);
}

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
fn sessions_of(history: &History, range: Range) -> (u64, Vec<CostSum>, Vec<Timestamp>) {
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

/// Events spread over three days, with few distinct names so that groups have several.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let pick =
        |names: &'static [&'static str]| prop::sample::select(names).prop_map(|name| Some(Text::from(name)));
    let at = 0..72 * HOUR;
    let calls = (at.clone(), pick(&["a", "b", ""]), pick(&["m", "n"]), 0..5_usize, 0..3_u64, any::<u16>())
        .prop_map(|(at, feature, model, end, kind, size)| {
            let mut call = call_at(DAY + at);
            call.scope.feature = feature;
            call.scope.session = Some(Text::from(format!("s{}", size % 3)));
            call.model = model;
            call.end = End::ALL[end];
            call.failure = (call.end == End::Error).then(|| Failure::new(ErrorCategory::Server));
            call.duration = Some(Duration::from_micros(size.into()));
            let cost = [
                Cost::Unpriced,
                Cost::Known(Usd::from_nanos(size.into())),
                Cost::AtLeast(Usd::from_nanos(1)),
            ];
            call.cost = Some(cost[usize::try_from(kind).unwrap()]);
            let usage = Usage::new(size.into(), kind);
            call.answers =
                vec![PricedAnswer::new(Answer::from(usage), 1, cost[usize::try_from(kind).unwrap()])];
            call
        });
    let late = (calls.clone(), at.clone(), any::<bool>()).prop_map(|(mut call, at, answers)| {
        let mut late = late_of(&call, DAY + at);
        late.answer = call.answers.pop().filter(|_| answers);
        Event::Late(Box::new(late))
    });
    let call = calls.prop_map(|call| Event::Call(Box::new(call)));
    let score = (at.clone(), pick(&["match", "style"]), -50_i32..50).prop_map(|(at, name, value)| {
        Event::Score(Score::new(fact(DAY + at), name.unwrap(), f64::from(value) / 8.0))
    });
    let outcome = (at, pick(&["interview", "application"]), pick(&["s1", "s3", ""]), 0..9_i64).prop_map(
        |(at, kind, session, value)| {
            let mut fact = fact(DAY + at);
            fact.scope.session = session;
            Event::Outcome(Outcome::new(fact, kind.unwrap(), Some(Usd::from_dollars(value))))
        },
    );
    prop::collection::vec(prop_oneof![4 => call, 2 => late, 1 => score, 1 => outcome], 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// The conformance test of engines: same query, same answer, in memory and in the history.
    #[test]
    fn the_history_answers_as_memory_does(
        all in events(),
        since in 0..72_i64, length in 1..72_i64,
        by in prop::sample::subsequence(vec![Dimension::Feature, Dimension::Model, Dimension::Outcome, Dimension::Category], 0..3),
        bucket in prop::sample::select(vec![None, Some(Bucket::Hour), Some(Bucket::Day)]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobmon.db");
        for part in all.chunks(7) {
            write(&path, part.to_vec());
        }
        let mut memory = Memory::default();
        all.iter().for_each(|event| memory.add(&batch(Vec::new()).resource, event));
        let range = Range {
            since: Timestamp::from_nanos(DAY + since * HOUR),
            until: Timestamp::from_nanos(DAY + (since + length) * HOUR),
        };
        let mut query = Query::new(Measure::ALL).by(by).range(range);
        query.bucket = bucket;
        let history = History::open(&path).unwrap();
        prop_assert_eq!(query.run(&history).unwrap(), query.run(&memory).unwrap());
        prop_assert_eq!(history.check().unwrap(), vec![]);
    }

    /// Whatever the ends of the range, the answer is made of exactly the events inside.
    #[test]
    fn part_of_an_hour_is_answered_exactly(all in events(), since in 0..72 * HOUR, length in 1..50 * HOUR) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobmon.db");
        write(&path, all.clone());
        let range = Range {
            since: Timestamp::from_nanos(DAY + since),
            until: Timestamp::from_nanos(DAY + since + length),
        };
        let mut inside = Memory::default();
        let resource = batch(Vec::new()).resource;
        all.iter().filter(|event| range.contains(event.at())).for_each(|event| inside.add(&resource, event));
        let query = Query::new(Measure::ALL).by([Dimension::Feature]);
        let expected = query.run(&inside).unwrap();
        let history = History::open(&path).unwrap();
        prop_assert_eq!(query.range(range).run(&history).unwrap(), expected);

        let mut sessions: BTreeMap<&str, CostSum> = BTreeMap::new();
        let mut calls = 0;
        for event in all.iter().filter(|event| range.contains(event.at())) {
            let cost = match event {
                Event::Call(call) => call.cost,
                Event::Late(late) if late.cost().is_some() => late.cost(),
                _ => continue,
            };
            calls += u64::from(matches!(event, Event::Call(_)));
            let sum = sessions.entry(event.scope().session.as_deref().unwrap()).or_default();
            cost.into_iter().for_each(|cost| sum.add(cost));
        }
        let mut costs: Vec<_> = sessions.into_values().collect();
        costs.sort_by_key(|cost| (cost.usd, cost.known, cost.at_least, cost.unpriced));
        prop_assert_eq!(sessions_of(&history, range), (calls, costs, vec![]));
    }
}

#[test]
fn sessions_are_answered_from_events() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    write(&path, vec![Event::Call(Box::new(full_call())), Event::Call(Box::new(call_at(DAY)))]);
    let query = Query::new([Measure::named("calls").unwrap()]).by([Dimension::Session]);
    let rows = query.run(&History::open(&path).unwrap()).unwrap();
    assert_eq!(rows.len(), 2);
    assert!(query.run(&Memory::default()).is_err(), "memory keeps no single events, and says so");
}

/// A history as an earlier version wrote it.
fn written_by(version: i64, path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(include_str!("data/history_2.sql")).unwrap();
    if version == 1 {
        // What the first schema did not have.
        for table in ["hourly", "daily"] {
            for column in ["backoff_nanos", "chunks", "late", "chunk_time"] {
                connection.execute_batch(&format!("ALTER TABLE {table} DROP COLUMN {column}")).unwrap();
            }
        }
        connection.execute_batch("ALTER TABLE facts DROP COLUMN rest").unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
    }
    let journal: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).unwrap();
    assert_eq!(journal, "wal");
}

#[test]
fn a_history_of_each_earlier_schema_is_brought_up_to_date_and_keeps_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["calls", "cost", "input_tokens", "outcomes", "scores", "p95_latency", "late_reports"];
    let figures = |path: &Path| {
        let query = Query::new(names.map(|name| Measure::named(name).unwrap()));
        let rows = query.run(&History::open(path).unwrap()).unwrap();
        rows[0].figures.iter().map(|figure| figure.unwrap().to_string()).collect::<Vec<_>>()
    };
    for (version, begins_with_a_reader) in [(1, true), (1, false), (2, true), (2, false)] {
        let path = folder.path().join(format!("{version}-{begins_with_a_reader}.db"));
        written_by(version, &path);
        let sum = |column: &str, table: &str| -> i64 {
            let connection = rusqlite::Connection::open(&path).unwrap();
            connection.query_row(&format!("SELECT sum({column}) FROM {table}"), [], |row| row.get(0)).unwrap()
        };
        let rows = |table: &str| sum("1", table);
        let before = ["calls", "facts", "hourly", "daily"].map(rows);
        let (calls, nanos) = (sum("calls", "daily"), sum("cost_nanodollars", "daily"));
        if begins_with_a_reader {
            let now = figures(&path);
            assert_eq!((now[0].as_str(), now[6].as_str()), (calls.to_string().as_str(), "0"));
            assert!(now[1].ends_with(&Usd::from_nanos(nanos).to_string()), "{now:?}");
            assert_eq!(["calls", "facts", "hourly", "daily"].map(rows), before, "no row is lost");
            assert_eq!(sums_that_differ(version, &path), BTreeSet::new());
            let (counted, costs, _) = sessions_of(&History::open(&path).unwrap(), Range::ALL);
            assert_eq!(
                (i64::try_from(counted).unwrap(), costs.len()),
                (calls, 1),
                "sessions are those of the rows"
            );
            assert_eq!(costs[0].usd, Usd::from_nanos(nanos));
        }
        let late = Event::Late(Box::new(late_of(&full_call(), DAY + 9)));
        write(&path, vec![Event::Call(Box::new(full_call())), late]);
        let now = figures(&path);
        assert_eq!((now[0].as_str(), now[6].as_str()), ((calls + 1).to_string().as_str(), "1"));
        assert_eq!(sums_that_differ(version, &path), BTreeSet::new());
    }
}

/// Tables whose sums are not those of the events, where they should be: events of this fixture tell more than the hourly
/// and daily sums of schema 1 knew.
fn sums_that_differ(version: i64, path: &Path) -> BTreeSet<&'static str> {
    let differences = History::open(path).unwrap().check().unwrap();
    let tables = differences.iter().map(|difference| difference.table);
    tables.filter(|table| version > 1 || *table == "sessions").collect()
}

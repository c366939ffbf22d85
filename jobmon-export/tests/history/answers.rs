//! Whatever is asked, the history answers as memory does.

use super::sessions::sessions_of;
use super::whole::full_call;
use super::{DAY, HOUR, batch, call_at, fact, late_of, write};
use jobmon_core::{
    Answer, Bucket, Cost, CostSum, Dimension, End, ErrorCategory, Event, Failure, Label, Measure, Memory,
    Outcome, PricedAnswer, Query, Range, Score, Side, Text, Timestamp, Usage, Usd,
};
use jobmon_export::History;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

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
    let label = (0..72 * HOUR, pick(&["match", "fit"]), any::<[bool; 2]>(), any::<Option<bool>>()).prop_map(
        |(at, name, [truth, value], counterpart)| {
            let side = if truth { Side::Truth } else { Side::Prediction };
            let mut label = Label::new(fact(DAY + at), name.unwrap(), side, value);
            label.counterpart = counterpart;
            Event::Label(label)
        },
    );
    prop::collection::vec(prop_oneof![4 => call, 2 => late, 1 => score, 1 => outcome, 1 => label], 1..60)
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

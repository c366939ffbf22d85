//! The report over events in memory.

use super::*;
use crate::{
    Answer, CallId, CallRecord, Cost, Event, Memory, Operation, PricedAnswer, Quantity, Resource, SpanId,
    Text, Timestamp, TraceId, Usage, Usd,
};
use serde_json::{Value, json};
use std::time::Duration;

const DOLLAR: i64 = 1_000_000_000;

fn day(month: u32, day: u32) -> Timestamp {
    Timestamp::from_date(2026, month, day).expect("a date")
}

/// A call at noon of a day.
fn call(at: Timestamp, feature: &'static str, cost: Cost) -> Event {
    let id = CallId { trace: TraceId::random(), span: SpanId::random() };
    let at = at.plus(Duration::from_secs(43_200));
    let mut call = CallRecord::new(id, Text::literal("ask"), Operation::Chat, at);
    call.scope.feature = Some(feature).filter(|feature| !feature.is_empty()).map(Text::literal);
    call.model = Some(Text::literal("m"));
    call.answers = vec![PricedAnswer::new(Answer::from(Usage::new(10, 1)), 1, cost)];
    call.cost = Some(cost);
    Event::Call(Box::new(call))
}

fn known(dollars: i64) -> Cost {
    Cost::Known(Usd::from_dollars(dollars))
}

fn memory(events: impl IntoIterator<Item = Event>) -> Memory {
    let mut memory = Memory::default();
    events.into_iter().for_each(|event| memory.add(&Resource::default(), &event));
    memory
}

/// One dollar on each day of September, two on each of the first ten of October, and half of what is new to it.
pub(super) fn two_months() -> Memory {
    let september = (1..=30).map(|n| call(day(9, n), "old", known(1)));
    let october =
        (1..=10).flat_map(|n| [call(day(10, n), "new", known(1)), call(day(10, n), "old", known(1))]);
    memory(september.chain(october))
}

fn october(now: Timestamp) -> Period {
    Period::named("2026-10", now).expect("a month that has begun")
}

fn section(report: &Report, id: &str) -> Value {
    report.to_json()["sections"][id].clone()
}

#[test]
fn a_month_is_compared_with_as_much_of_the_one_before() {
    let report = Report::of_period(&two_months(), october(day(10, 11))).expect("answers");
    let comparison = section(&report, "comparison");
    let cost =
        comparison.as_array().expect("rows").iter().find(|row| row["compared"] == "cost").expect("a cost");
    let dollars = |n: i64| json!({"nanodollars": n * DOLLAR, "grade": "known"});
    assert_eq!(
        *cost,
        json!({
            "compared": "cost", "value": dollars(20), "previous": dollars(10), "change": 1.0,
            "all_of_previous": dollars(30),
        })
    );
    let over = Report::of_period(&two_months(), october(day(11, 5))).expect("answers");
    let cost = section(&over, "comparison")[0].clone();
    assert_eq!((&cost["previous"], cost.get("all_of_previous")), (&dollars(30), None));
    assert!(over.section("forecast").is_none(), "what is over needs no forecast");
}

#[test]
fn features_have_shares_and_changes_and_the_last_line_is_nobodys() {
    let report = Report::of_period(&two_months(), october(day(10, 11))).expect("answers");
    let features = section(&report, "features");
    let facts = |n: usize| {
        let row = &features[n];
        (row["feature"].clone(), row["share"].clone(), row["change"].clone(), row["model_calls"].clone())
    };
    assert_eq!(facts(0), (json!("new"), json!(0.5), json!(null), json!(10)));
    assert_eq!(facts(1), (json!("old"), json!(0.5), json!(0.0), json!(10)));
    assert_eq!(facts(2), (json!(null), json!(null), json!(null), json!(0)));
    let text = report.to_text();
    let line = text.lines().find(|line| line.contains("(unattributed)")).expect("always there");
    assert!(line.contains("none"), "{line}");
    assert!(
        text.ends_with(
            "Unpriced: calls that are missing from the costs above, or of which a part is\n  none\n"
        )
    );

    // A feature that has ended shows what it was.
    let ended = Report::of_period(&two_months(), Period::named("2026-11", day(11, 9)).expect("a month"));
    let features = section(&ended.expect("answers"), "features");
    assert_eq!((&features[0]["feature"], &features[0]["cost"]), (&json!("new"), &json!(null)));
    assert_eq!(features[0]["previous_cost"]["nanodollars"], 8 * DOLLAR);
    assert_eq!(features[2]["feature"], json!(null));
}

#[test]
fn what_has_no_feature_or_no_price_is_always_told() {
    let nothing = Report::of(&memory([]), Range::ALL).expect("answers").to_text();
    assert!(
        nothing.contains("Nothing happened")
            && nothing.contains("(unattributed)")
            && nothing.contains("Unpriced")
    );
    let events = [call(day(10, 1), "", known(3)), call(day(10, 1), "a", Cost::Unpriced)];
    let report = Report::of(&memory(events), Range::ALL).expect("answers");
    let features = section(&report, "features");
    assert_eq!(
        (&features[1]["feature"], &features[1]["cost"]["nanodollars"]),
        (&json!(null), &json!(3 * DOLLAR))
    );
    let unpriced = section(&report, "unpriced");
    assert_eq!((&unpriced[0]["model"], &unpriced[0]["unpriced_calls"]), (&json!("m"), &json!(1)));
    assert_eq!(
        section(&report, "summary")[0]["cost"],
        json!({"nanodollars": 3 * DOLLAR, "grade": "at_least"})
    );
}

#[test]
fn a_forecast_needs_three_days_and_keeps_the_grade() {
    let forecast = |memory: &Memory, now: Timestamp| {
        let report = Report::of_period(memory, october(now)).expect("answers");
        report.section("forecast").cloned().expect("a forecast of what is not over")
    };
    // 28 days: 18 of $1 in September, 10 of $2; 21 days to come of 38/28 each.
    let section = forecast(&two_months(), day(10, 11));
    let figure = |n: usize| section.rows[0].figures[n].expect("known");
    assert_eq!(figure(0), Quantity::Cost(known(20)));
    let expected = Usd::from_dollars(20) + Usd::from_nanos(28_500_000_000);
    assert_eq!(figure(1), Quantity::Estimate(Cost::Known(expected)));
    assert_eq!(figure(5), Quantity::Count(28));
    assert_eq!(figure(6), Quantity::Number(21.0));

    let young = memory((8..=9).map(|n| call(day(10, n), "a", known(1))));
    let section = forecast(&young, day(10, 10));
    assert!(section.rows.is_empty());
    assert_eq!(section.note.expect("why"), "not enough data: 2 complete days were seen, 3 are needed");

    // The lower end is never below what is spent, and one unpriced day makes all of it a lower bound.
    let events = (5..=9)
        .map(|n| call(day(10, n), "a", if n == 7 { Cost::Unpriced } else { known(i64::from(n % 2) * 100) }));
    let section = forecast(&memory(events), day(10, 10));
    assert_eq!(section.rows[0].figures[2], Some(Quantity::Estimate(Cost::AtLeast(Usd::from_dollars(200)))));
}

/// A history that tells of some sessions.
struct Kept(Memory, Sessions);

impl Engine for Kept {
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &crate::Key, &Aggregate),
    ) -> Result<(), crate::EngineError> {
        self.0.scan(query, visit)
    }

    fn sessions(&self, _: Range) -> Result<Option<Sessions>, crate::EngineError> {
        Ok(Some(self.1.clone()))
    }
}

#[test]
fn sessions_say_of_how_many_calls_they_are() {
    let of = |sessions| {
        let report = Report::of(&Kept(two_months(), sessions), Range::ALL).expect("answers");
        report.section("sessions").cloned()
    };
    let all = Sessions { costs: vec![known(3).into()], calls: 50, whole_days: Vec::new() };
    assert_eq!(of(all.clone()).expect("sessions").note, None);
    let some = of(Sessions { calls: 20, ..all.clone() }).expect("sessions");
    let lacking = "from 20 of 50 calls: the sessions of the others are not kept";
    assert_eq!(some.note.expect("a note"), lacking);
    let ends = of(Sessions { whole_days: vec![day(9, 1), day(10, 10)], ..all.clone() }).expect("sessions");
    let whole = "with all of 2026-09-01 and of 2026-10-10: not every call of it is kept one by one";
    assert_eq!(ends.note.expect("a note"), whole);
    let both = of(Sessions { calls: 20, whole_days: vec![day(9, 1)], ..all }).expect("sessions");
    assert!(both.note.is_some_and(|note| note.starts_with(lacking) && note.contains("2026-09-01")));
    let none = of(Sessions::default()).expect("a note");
    assert!(none.note.is_some_and(|note| note.starts_with("from 0 of 50 calls")) && none.rows.is_empty());
    assert!(of(Sessions { calls: 50, ..Sessions::default() }).is_none(), "no session, no section");
}

#[test]
fn days_without_a_call_are_there_and_so_are_hours() {
    let report = Report::of_period(&two_months(), october(day(10, 13))).expect("answers");
    let days = section(&report, "days");
    assert_eq!(days.as_array().map(Vec::len), Some(12));
    assert_eq!(
        (&days[9]["day"], &days[9]["cost"]["nanodollars"]),
        (&json!("2026-10-10"), &json!(2 * DOLLAR))
    );
    assert_eq!((&days[11]["day"], &days[11]["cost"]), (&json!("2026-10-12"), &json!(null)));
    let text = report.to_text();
    assert!(text.contains("██████████··  most: $2.00, 2026-10-01"), "{text}");
    let daily = Report::of_period(
        &two_months(),
        Period::of(PeriodKind::Daily, day(10, 3).plus(Duration::from_secs(50_000))),
    );
    let hours = section(&daily.expect("answers"), "hours");
    assert_eq!((hours.as_array().map(Vec::len), &hours[12]["hour"]), (Some(14), &json!("12:00")));
    assert_eq!(hours[12]["cost"]["nanodollars"], 2 * DOLLAR);
}

//! Pricing a history again.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use jobmon_core::{
    Context, Cost, CostSum, Current, Engine, Event, Measure, ModelPrice, Prices, Query, Range, Rate,
    Timestamp, Usage, UsageUnit, Usd, current, instrument_llm,
};
use jobmon_export::{History, Monitor, Sqlite};
use std::path::Path;

#[instrument_llm(provider = "house", model = "house-70b", feature = "chat", usage = manual, crate = ::jobmon_core)]
fn ask(tokens: u64) -> Current {
    current().usage(Usage::new(tokens, 0));
    current()
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", usage = manual, crate = ::jobmon_core)]
fn other() {
    current().usage(Usage::new(1_000, 100));
}

#[instrument_llm(provider = "house", model = "house-70b", usage = manual, crate = ::jobmon_core)]
fn fails() -> Result<(), String> {
    current().usage(Usage::new(500_000, 0));
    Err("broken".to_owned())
}

#[instrument_llm(crate = ::jobmon_core)]
fn agent() -> Current {
    other();
    let _ = fails();
    ask(1_000_000)
}

#[instrument_llm(crate = ::jobmon_core)]
fn workflow() -> Current {
    ask(1_000_000);
    agent()
}

fn house(dollars: i64) -> Prices {
    let price =
        ModelPrice::new("house-*").rate(UsageUnit::InputTokens, Rate::flat(Usd::from_dollars(dollars)));
    Prices::bundled().with_models([price]).unwrap()
}

/// One run, with prices or without any for the house's model.
fn run(path: &Path, prices: Prices, rate: f64) {
    let builder = Monitor::builder().without_config().sampling_rate(rate).keep_errors(false).prices(prices);
    let guard = builder.exporter(Sqlite::open(path).unwrap()).install_local().unwrap();
    let call = Context::current().with_session("s-1").run(workflow);
    call.usage(Usage::new(2_000_000, 0));
    assert!(guard.shutdown().is_complete());
}

fn figure(path: &Path, name: &str) -> String {
    let rows = Query::new([Measure::named(name).unwrap()]).run(&History::open(path).unwrap()).unwrap();
    rows[0].figures[0].unwrap().to_string()
}

fn events(path: &Path) -> Vec<Event> {
    let mut events = Vec::new();
    History::open(path).unwrap().events(Range::ALL, &mut |_, event| events.push(event.clone())).unwrap();
    events
}

#[test]
fn sums_events_and_what_was_inside_take_the_new_prices_and_keep_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    run(&path, Prices::bundled(), 1.0);
    assert_eq!(
        (figure(&path, "cost"), figure(&path, "unpriced_calls")),
        ("≥$0.00021".to_owned(), "4".to_owned())
    );
    let before = events(&path);

    let dry = Sqlite::reprice(&path, Range::ALL, &house(2), true, "anna").unwrap();
    assert_eq!((dry.looked_at, dry.changed, events(&path) == before), (5, 4, true), "nothing is written");

    let done = Sqlite::reprice(&path, Range::ALL, &house(2), false, "anna").unwrap();
    assert_eq!(done, dry);
    assert_eq!(done.before.cost(), Some(Cost::AtLeast(Usd::from_nanos(210_000))));
    // 1 + 1 + 0.5 + 2 million tokens.
    let after = Cost::Known(Usd::from_nanos(9_000_210_000));
    assert_eq!(done.after.cost(), Some(after));
    assert_eq!(figure(&path, "cost"), after.to_string());
    assert_eq!(figure(&path, "wasted_cost"), "$1.00");
    assert_eq!(figure(&path, "unpriced_calls"), "0");
    let history = History::open(&path).unwrap();
    assert!(history.check().unwrap().is_empty(), "sums and events agree");
    let session = CostSum { usd: after.floor(), known: 5, ..CostSum::default() };
    assert_eq!(history.sessions(Range::ALL).unwrap().unwrap().costs, [session]);

    let mut kept = 0;
    for event in events(&path) {
        match event {
            Event::Call(call) if call.name.as_str() == "workflow" => {
                let inside = call.rollup.as_deref().unwrap();
                assert_eq!((inside.model_calls, inside.cost.unpriced), (4, 0));
                assert_eq!(
                    inside.cost.cost(),
                    Some(Cost::Known(Usd::from_nanos(5_000_210_000))),
                    "but what came late"
                );
                assert_eq!(call.cost, None);
            }
            Event::Call(call) if call.name.as_str() == "agent" => {
                let inside = call.rollup.as_deref().unwrap();
                assert_eq!(inside.cost.cost(), Some(Cost::Known(Usd::from_nanos(3_000_210_000))));
            }
            Event::Call(call) if call.name.as_str() == "other" => {
                assert_eq!(
                    (call.original, call.prices.as_deref()),
                    (None, Some("genai-prices 0.2.1")),
                    "as it was"
                );
            }
            Event::Call(call) => {
                let original = call.original.unwrap();
                assert_eq!(
                    (original.cost, original.prices.as_deref()),
                    (Cost::Unpriced, Some("genai-prices 0.2.1"))
                );
                assert!(call.prices.unwrap().contains(" + own "));
                kept += 1;
            }
            Event::Late(late) => {
                assert_eq!(late.original.as_ref().unwrap().cost, Cost::Unpriced);
                assert_eq!(late.cost(), Some(Cost::Known(Usd::from_dollars(4))));
                kept += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(kept, 4);

    // Once more: what it cost at first stays; a price that is the same changes nothing.
    assert_eq!(Sqlite::reprice(&path, Range::ALL, &house(2), false, "anna").unwrap().changed, 0);
    assert_eq!(Sqlite::reprice(&path, Range::ALL, &house(3), false, "anna").unwrap().changed, 4);
    assert_eq!(figure(&path, "cost"), "$13.50021");
    assert!(events(&path).iter().all(|event| match event {
        Event::Call(call) => call.original.as_ref().is_none_or(|original| original.cost == Cost::Unpriced),
        _ => true,
    }));
    let log = rusqlite::Connection::open(&path).unwrap();
    let rows: Vec<(i64, i64, i64)> = log
        .prepare("SELECT changed, before_nanodollars, after_nanodollars FROM repricings ORDER BY at")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(rows[0], (4, 210_000, 9_000_210_000));
    assert_eq!((rows[1].0, rows[2]), (0, (4, 9_000_210_000, 13_500_210_000)));
}

#[test]
fn only_the_time_that_was_asked_for_changes_and_what_has_no_event_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    run(&path, house(1), 1.0);
    let past =
        Range { since: Timestamp::MIN, until: Timestamp::now().minus(std::time::Duration::from_secs(3_600)) };
    assert_eq!(Sqlite::reprice(&path, past, &house(9), false, "anna").unwrap().looked_at, 0);
    assert_eq!(figure(&path, "cost"), "$4.50021");
    run(&path, house(1), 0.0);
    let done = Sqlite::reprice(&path, Range::ALL, &house(2), false, "anna").unwrap();
    assert_eq!(done.without_events, 6);
    // Facts are kept whatever the sampling: the late answer of the second run is priced again, its calls are not.
    assert_eq!(figure(&path, "cost"), "$15.50042");
    assert!(Sqlite::reprice(folder.path().join("none.db"), Range::ALL, &house(1), false, "anna").is_err());
}

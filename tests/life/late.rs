//! What is reported of a call after its end is an event of its own, and counts.

use super::{answer, block_on, fail, poll_once};
use jobmon::testing::Collect;
use jobmon::{Cost, Dimension, Event, Measure, Memory, Query, Settings, Text, Usage, Usd, instrument_llm};
use serde_json::Value;
use std::io;
use std::pin::pin;

#[test]
fn what_comes_too_late_is_an_event_of_its_own_and_what_comes_from_nowhere_is_counted() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini", feature = "leaks")]
    fn leaks() -> jobmon::Current {
        jobmon::current().usage(Usage::new(1_000, 100));
        jobmon::current()
    }
    let (collect, _guard) = Collect::install_with(quiet());
    let ended = leaks();
    ended.usage(Usage::new(2_000, 200));
    ended.field("late", 1_u8);
    jobmon::observe(answer(3, 3));
    let call = collect.only_call();
    assert_eq!((call.usage(), call.attributes.len()), (Some(Usage::new(1_000, 100)), 0));
    let late = late(&collect);
    assert_eq!(late[0].usage(), Some(Usage::new(2_000, 200)));
    assert!(late[0].cost() == Some(Cost::Known(Usd::from_nanos(420_000))) && late[0].prices.is_some());
    assert_eq!(late[1].attributes, [(Text::from("late"), 1_u8.into())]);
    assert_eq!((late[1].cost(), late[1].fact.call), (None, Some(call.id)));
    // Sums have all of it, where the call is.
    let by = [Dimension::Feature, Dimension::Name, Dimension::Provider, Dimension::Model];
    let row = sums(&collect, ["calls", "total_tokens", "cost", "late_reports"], by);
    assert_eq!(row, ["leaks leaks openai gpt-4o-mini: 1 3,300 $0.00063 2"]);
    let delivery = collect.guard().delivery();
    assert_eq!((delivery.unattached, delivery.late), (1, 2));
    assert!(delivery.to_string().contains("2 reports after the end of their call"), "{delivery}");
}

#[test]
fn what_a_task_reports_after_its_call_was_given_up_is_wasted_money_of_that_failure() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    async fn asks(handle: &mut Option<jobmon::Current>) {
        *handle = Some(jobmon::current());
        std::future::pending::<()>().await;
    }
    let (collect, _guard) = Collect::install_with(quiet());
    let mut handle = None;
    give_up(asks(&mut handle));
    handle.unwrap().usage(Usage::new(2_000, 200));
    let row = sums(&collect, ["cancelled", "cost", "wasted_cost"], [Dimension::Category]);
    assert_eq!(row[0], "cancelled: 1 ≥$0.00042 $0.00042");
}

#[test]
fn an_answer_of_a_failed_attempt_is_wasted_also_when_it_comes_late() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    async fn tries_twice(handles: &mut Vec<jobmon::Current>) -> Result<(), io::Error> {
        let failing = async {
            handles.push(jobmon::current());
            fail()
        };
        let _: Result<Value, _> = jobmon::attempt(failing).await;
        handles.push(jobmon::attempt(async { Ok::<_, io::Error>(jobmon::current()) }).await?);
        handles.push(jobmon::current());
        Ok(())
    }
    let (collect, _guard) = Collect::install_with(quiet());
    let mut handles = Vec::new();
    block_on(tries_twice(&mut handles)).unwrap();
    handles.iter().for_each(|handle| handle.usage(Usage::new(1, 1)));
    let late: Vec<_> =
        late(&collect).iter().map(|l| (l.answer.as_ref().unwrap().attempt, l.for_nothing)).collect();
    assert_eq!(late, [(1, true), (2, false), (2, false)]);
}

#[test]
fn late_usage_is_not_counted_again_by_the_function_around_its_call() {
    #[instrument_llm(model = "gpt-4o-mini")]
    fn inner() -> jobmon::Current {
        jobmon::current()
    }
    #[instrument_llm]
    fn outer() -> Value {
        let ended = inner();
        let found = answer(7, 1);
        ended.observe(&found);
        found
    }
    let (collect, _guard) = Collect::install_with(quiet());
    outer();
    assert_eq!(collect.calls().iter().filter_map(jobmon::CallRecord::usage).count(), 0);
    assert_eq!(late(&collect)[0].usage(), Some(Usage::new(7, 1)));
    // The call inside ended without usage, and stays so.
    assert_eq!(sums(&collect, ["calls_without_usage", "total_tokens"], []), [": 1 8"]);
}

#[test]
fn a_model_that_is_known_only_late_prices_what_comes_after_it() {
    #[instrument_llm(operation = chat)]
    fn asks() -> jobmon::Current {
        jobmon::current()
    }
    let (collect, _guard) = Collect::install_with(quiet());
    let ended = asks();
    ended.provider("openai");
    ended.model("gpt-4o-mini");
    ended.usage(Usage::new(2_000, 200));
    let late = late(&collect);
    let subject = late[2].fact.subject.as_ref().unwrap();
    assert_eq!(
        (subject.provider.as_deref(), subject.model.as_deref()),
        (Some("openai"), Some("gpt-4o-mini"))
    );
    assert_eq!(late[2].cost(), Some(Cost::Known(Usd::from_nanos(420_000))));
    assert_eq!(collect.only_call().model_name(), None);
}

#[test]
fn a_score_given_after_the_end_counts_for_the_model_of_its_call() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    fn asks() -> impl FnOnce() {
        let context = jobmon::Context::current();
        move || context.run(|| jobmon::score("match", 3.0))
    }
    let (collect, _guard) = Collect::install_with(quiet());
    asks()();
    let by = [Dimension::Provider, Dimension::Model];
    assert_eq!(sums(&collect, ["scores"], by), ["openai gpt-4o-mini: 1"]);
}

fn quiet() -> Settings {
    let mut settings = Settings::default();
    settings.warnings = jobmon::Warnings::to(|_| {});
    settings
}

/// Polls a future once and drops it.
fn give_up(future: impl Future) {
    assert!(poll_once(pin!(future)).is_pending());
}

/// What came late, in order.
fn late(collect: &Collect) -> Vec<jobmon::Late> {
    let late = |event| if let Event::Late(late) = event { Some(*late) } else { None };
    collect.events().into_iter().filter_map(late).collect()
}

/// One line for each group.
fn sums<const N: usize>(
    collect: &Collect,
    measures: [&str; N],
    by: impl IntoIterator<Item = Dimension>,
) -> Vec<String> {
    let mut memory = Memory::default();
    collect.events().iter().for_each(|event| memory.add(&jobmon::Resource::default(), event));
    let measures = measures.map(|name| Measure::named(name).expect("known"));
    let rows = Query::new(measures).by(by).run(&memory).expect("answers");
    let words = |row: jobmon::Row| {
        let group: Vec<_> =
            row.group.iter().map(|value| value.as_deref().unwrap_or("-").to_owned()).collect();
        let figures: Vec<_> =
            row.figures.iter().map(|figure| figure.map_or("-".to_owned(), |f| f.to_string())).collect();
        format!("{}: {}", group.join(" "), figures.join(" "))
    };
    rows.into_iter().map(words).collect()
}

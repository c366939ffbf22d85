//! Budgets with a clock of the test's own. What calls do with them is tested in `tests/life/budgets.rs`.

use super::book::{Entry, Spent};
use super::counter::{Counter, Reservation};
use super::evidence::Evidence;
use super::*;
use crate::dimension::Dimension;
use crate::event::Scope;
use crate::lane::lock;
use crate::settings::Settings;
use crate::text::Text;
use crate::time::Timestamp;
use crate::warning::Warnings;
use crate::{Cost, Usd};
use proptest::prelude::*;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// 2026-11-24T02:00:00Z, a Tuesday.
const START: Timestamp = Timestamp::from_nanos(1_795_485_600_000_000_000);
const MINUTE: Duration = Duration::from_secs(60);

/// A book, and what it says.
fn book(budgets: Vec<Budget>) -> (Book, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&said);
    let warnings = Warnings::to(move |text| lock(&keep).push(text.to_owned()));
    let settings = Settings { budgets, warnings, ..Settings::default() };
    (Book::new(&settings, START).expect("possible"), said)
}

fn cents(cents: i64) -> Spent {
    let usd = Usd::from_nanos(cents * 10_000_000);
    Spent { cost: Some(Cost::Known(usd)), tokens: Some(120), answered: true }
}

/// Charges something in the moment it happens.
fn charge(book: &Book, work: &Work, spent: Spent, now: Timestamp) {
    book.counting(work).for_each(|entry| book.charge(entry, work, spent, now, now));
}

/// Spent and reserved of the only counter of a budget.
fn figures(book: &Book, entry: &Entry, now: Timestamp) -> (String, String) {
    let status = book.status(entry, &entry.slot(&Work::default(), now), now);
    (status.spent.to_string(), status.reserved.to_string())
}

#[test]
fn a_calendar_window_begins_anew_and_what_is_reserved_stays_reserved() {
    let (book, _) = book(vec![Budget::new("all").total().limit("$5").per_hour()]);
    let (work, entry) = (Work::default(), &book.entries[0]);
    charge(&book, &work, cents(300), START);
    entry.slot(&work, START).counter.reserve(20_000_000, 5_000_000_000).expect("there is room");
    let late = START.plus(MINUTE * 59);
    charge(&book, &work, cents(100), late);
    assert_eq!(figures(&book, entry, late), ("$4.00".to_owned(), "$0.02".to_owned()));
    let next = START.plus(MINUTE * 60);
    assert_eq!(figures(&book, entry, next), ("$0.00".to_owned(), "$0.02".to_owned()));
    // What another process spent in the hour before is seen now, and is none of this hour's business.
    book.charge(entry, &work, cents(100), late, next);
    // A clock that is set back by a minute takes nothing back.
    charge(&book, &work, cents(50), late);
    assert_eq!(figures(&book, entry, next), ("$0.50".to_owned(), "$0.02".to_owned()));
}

#[test]
fn a_clock_that_was_far_ahead_is_followed_back_and_keeps_what_was_spent() {
    let (book, _) = book(vec![Budget::new("all").total().limit("$5").per_day()]);
    let (work, entry) = (Work::default(), &book.entries[0]);
    charge(&book, &work, cents(100), START.plus(MINUTE * 60 * 24 * 400));
    charge(&book, &work, cents(100), START);
    assert_eq!(figures(&book, entry, START).0, "$2.00");
    assert_eq!(figures(&book, entry, START.plus(MINUTE * 60 * 24)).0, "$0.00");
}

#[test]
fn a_clock_that_is_set_back_into_the_window_before_hides_nothing_that_is_spent_since() {
    for window in [Budget::per_hour, Budget::per_day, Budget::per_week, Budget::per_month] {
        let (book, _) = book(vec![window(Budget::new("all").total().limit("$5"))]);
        let (work, entry) = (Work::default(), &book.entries[0]);
        let next = entry.rule.window.ends(START).expect("a calendar window ends");
        charge(&book, &work, cents(100), next);
        // Here, and by another process that has seen no other clock.
        let back = START.plus(MINUTE);
        charge(&book, &work, cents(20), back);
        book.charge(entry, &work, cents(3), START, back);
        assert_eq!(figures(&book, entry, back).0, "$1.23");
    }
}

#[test]
fn a_rolling_window_forgets_bit_by_bit() {
    let (book, _) = book(vec![Budget::new("all").total().limit("$5").per(MINUTE * 60)]);
    let (work, entry) = (Work::default(), &book.entries[0]);
    for minute in 0..60 {
        charge(&book, &work, cents(1), START.plus(MINUTE * minute));
    }
    let after = |minutes: u32| figures(&book, entry, START.plus(MINUTE * minutes)).0;
    assert_eq!([after(60), after(61), after(90), after(121)], ["$0.60", "$0.59", "$0.30", "$0.00"]);
}

#[test]
fn it_warns_once_in_each_window_when_much_and_when_all_is_spent() {
    let (book, said) = book(vec![Budget::new("all").total().limit("$1").per_day().warn_at(0.5)]);
    for cost in [40, 9, 1, 30, 20, 30] {
        charge(&book, &Work::default(), cents(cost), START);
    }
    let expected = [
        "budget `all` is nearly used up: $0.50 of $1.00 is spent until 2026-11-25T00:00:00.000Z",
        "budget `all` is used up: $1.00 of $1.00 is spent until 2026-11-25T00:00:00.000Z; no call is stopped",
    ];
    assert_eq!(*lock(&said), expected);
    charge(&book, &Work::default(), cents(60), START.plus(MINUTE * 60 * 24));
    assert_eq!(lock(&said).len(), 3);
}

#[test]
fn a_budget_counts_the_calls_it_is_about_and_each_key_apart() {
    let (book, _) = book(vec![
        Budget::new("named").limit("$5").per_day(),
        Budget::new("some").feature("f").user("u").limit("$5").per_day(),
        Budget::new("tokens").total().limit("1k tokens").per_day(),
        Budget::new("each").total().each(Dimension::User).limit("$5").per_day(),
    ]);
    let work = |names: &[&'static str], feature: &'static str, user: Option<&'static str>| {
        let feature = Some(Text::literal(feature));
        let scope = Scope { feature, user: user.map(Text::literal), ..Scope::default() };
        Work { names: names.iter().map(|name| Text::literal(name)).collect(), scope, model: None }
    };
    charge(&book, &work(&["named"], "f", Some("u")), cents(1), START);
    charge(&book, &work(&["some"], "g", Some("u")), cents(2), START);
    charge(&book, &work(&["other"], "f", None), cents(4), START);
    let text = |status: &BudgetStatus| {
        format!("{} {} {}", status.budget, status.key.as_deref().unwrap_or("-"), status.spent)
    };
    let found: Vec<_> = book.statuses(START).iter().map(text).collect();
    assert_eq!(
        found,
        ["named - $0.01", "some - $0.01", "tokens - 360 tokens", "each - $0.04", "each u $0.03"]
    );
}

#[test]
fn what_has_no_price_counts_nothing_or_the_estimate_and_is_told_once() {
    let unknown = Spent { cost: Some(Cost::Unpriced), tokens: None, answered: true };
    let budget = || Budget::new("all").total().limit("$5").per_day().estimate("$0.25");
    let (book, said) = book(vec![budget(), Budget::new("tokens").total().limit("9 tokens").per_day()]);
    charge(&book, &Work::default(), unknown, START);
    charge(&book, &Work::default(), unknown, START);
    assert_eq!(figures(&book, &book.entries[0], START).0, "$0.00");
    assert_eq!(lock(&said).len(), 2, "{said:?}");
    let (book, _) = self::book(vec![budget().unpriced(Unpriced::Block)]);
    charge(&book, &Work::default(), unknown, START);
    assert_eq!(figures(&book, &book.entries[0], START).0, "$0.25");
}

#[test]
fn two_budgets_of_one_name_are_a_mistake() {
    let budget = || Budget::new("a").limit("$5").per_day();
    let settings = Settings { budgets: vec![budget(), budget()], ..Settings::default() };
    let error = Book::new(&settings, START).expect_err("twice").to_string();
    assert_eq!(error, "budget `a` is there twice; give each a name of its own");
}

/// What can happen to a counter and the reservations of two calls, one inside the other.
#[derive(Clone, Copy, Debug)]
enum Step {
    Reserve(i64),
    Borrow(i64),
    Spend(i64),
    EndInner,
    Turn(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..50_i64).prop_map(Step::Reserve),
        (0..50_i64).prop_map(Step::Borrow),
        (0..80_i64).prop_map(Step::Spend),
        Just(Step::EndInner),
        (0..3_i64).prop_map(Step::Turn),
    ]
}

proptest! {
    /// What is settled and what is released is what was reserved; and what is committed is what is spent and reserved.
    #[test]
    fn nothing_leaks_and_nothing_is_given_back_twice(steps in prop::collection::vec(step(), 0..60), slices in 1..4_usize) {
        let (counter, limit) = (Counter::new(slices, 0), 200);
        let outer = Reservation::new(0);
        let mut inner: Option<Reservation> = None;
        let (mut slice, mut reserved, mut settled, mut released) = (0, 0, 0, 0);
        for step in steps {
            match step {
                Step::Reserve(amount) => {
                    let before = counter.committed();
                    let admitted = counter.reserve(amount, limit).is_ok();
                    prop_assert_eq!(admitted, before + amount <= limit);
                    if admitted {
                        reserved += amount;
                        prop_assert!(outer.put(amount));
                    }
                }
                Step::Borrow(amount) => {
                    let own = inner.get_or_insert_with(|| Reservation::new(0));
                    prop_assert!(own.put(outer.take(amount)));
                }
                Step::Spend(amount) => {
                    let mut covered = inner.as_ref().map_or(0, |inner| inner.take(amount));
                    covered += outer.take(amount - covered);
                    counter.settle(covered, amount, slice);
                    settled += covered;
                }
                Step::EndInner => {
                    if let Some(inner) = inner.take() {
                        prop_assert!(outer.put(inner.close()));
                    }
                }
                Step::Turn(by) => {
                    slice += by;
                    counter.turn(slice);
                }
            }
            let left = outer.left() + inner.as_ref().map_or(0, Reservation::left);
            prop_assert_eq!(counter.committed(), counter.spent() + left);
            prop_assert_eq!(reserved, settled + left);
        }
        for reservation in inner.into_iter().chain([outer]) {
            let left = reservation.close();
            counter.release(left);
            released += left;
            prop_assert_eq!(reservation.close(), 0);
        }
        prop_assert_eq!(settled + released, reserved);
        prop_assert_eq!(counter.committed(), counter.spent());
    }
}

/// A call under way: what it reserved, what is left of it, and what it is still going to cost.
#[derive(Debug)]
struct Flight {
    reserved: i64,
    left: Reservation,
    cost: i64,
    to_come: i64,
}

proptest! {
    /// The bound that `Budget` states, after each step of calls that begin, spend and end in any order.
    #[test]
    fn no_more_is_spent_than_the_limit_and_what_calls_in_flight_cost_beyond_their_reservations(
        steps in prop::collection::vec((0..64_usize, 1..300_i64, 0..3_u8), 1..400), estimate in 1..400_i64,
    ) {
        let (counter, evidence, limit) = (Counter::new(1, 0), Evidence::new(estimate), 2_000);
        let mut flights: Vec<Flight> = Vec::new();
        let mut beyond = 0;
        for (at, amount, what) in steps {
            let full = flights.len() == 64;
            match flights.len().checked_sub(1) {
                Some(last) if what > 0 || full => {
                    let at = at.min(last);
                    let flight = &mut flights[at];
                    let spends = amount.min(flight.to_come);
                    flight.to_come -= spends;
                    counter.settle(flight.left.take(spends), spends, Counter::NOW);
                    if what == 2 {
                        let flight = flights.swap_remove(at);
                        counter.release(flight.left.close());
                        evidence.add(flight.cost - flight.to_come);
                    }
                }
                _ => {
                    let reserved = evidence.reservation();
                    let inside: i64 = flights.iter().map(|flight| flight.left.left()).sum();
                    if counter.reserve(reserved, limit).is_ok() {
                        let left = Reservation::new(reserved);
                        flights.push(Flight { reserved, left, cost: amount, to_come: amount });
                        beyond = flights.iter().map(|flight| (flight.cost - flight.reserved).max(0)).sum();
                    } else {
                        // Nobody is stopped for more than that.
                        prop_assert!(limit - counter.spent() < reserved + inside);
                    }
                }
            }
            prop_assert!(counter.spent() <= limit + beyond, "{} of {limit} + {beyond}", counter.spent());
        }
    }
}

#[test]
fn sixty_four_threads_keep_the_bound_and_leave_nothing_reserved() {
    const THREADS: usize = 64;
    let (counter, evidence) = (Counter::new(1, 0), Evidence::new(500));
    let limit = 1_000_000;
    let begin = std::sync::Barrier::new(THREADS);
    let run = |seed: usize| {
        begin.wait();
        let (mut spent, mut beyond, mut state) = (0, Vec::new(), seed);
        loop {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let cost = i64::try_from(state >> 33).expect("31 bits") % 1_000 + 1;
            let reserved = evidence.reservation();
            if counter.reserve(reserved, limit).is_err() {
                return (spent, beyond);
            }
            std::thread::yield_now();
            let covered = cost.min(reserved);
            counter.settle(covered, cost, Counter::NOW);
            counter.release(reserved - covered);
            evidence.add(cost);
            spent += cost;
            beyond.push((cost - reserved).max(0));
        }
    };
    let (spent, mut beyond) = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=THREADS).map(|seed| scope.spawn(move || run(seed))).collect();
        threads.into_iter().fold((0, Vec::new()), |(sum, mut all), thread| {
            let (spent, beyond) = thread.join().expect("no panic");
            all.extend(beyond);
            (sum + spent, all)
        })
    });
    assert_eq!((counter.spent(), counter.committed()), (spent, spent));
    // Nobody knows which calls were in flight when the last one began; no 64 of them cost more beyond than these.
    beyond.sort_unstable();
    let most: i64 = beyond.iter().rev().take(THREADS).sum();
    assert!(spent <= limit + most, "{spent} of {limit} + {most}");
    assert!(limit - spent < 1_000, "no more is left than one reservation: {spent} of {limit}");
}

#[test]
fn a_budget_of_a_user_knows_the_pseudonym() {
    let settings = Settings {
        user_key: crate::UserKey::new("0123456789abcdef"),
        budgets: vec![Budget::new("anna").user("anna@example.com").limit("$5").per_day()],
        ..Settings::default()
    };
    let book = Book::new(&settings, Timestamp::now()).expect("complete");
    let user = settings.user_key.as_ref().map(|key| key.pseudonym("anna@example.com"));
    let work = |user| Work { names: Vec::new(), scope: Scope { user, ..Scope::default() }, model: None };
    assert_eq!(book.counting(&work(user)).count(), 1);
    assert_eq!(book.counting(&work(Some(Text::literal("anna@example.com")))).count(), 0);
}

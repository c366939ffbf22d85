//! What comes of attempts, for each shape.

use super::Try::{Asks, Fails, Panics, Succeeds, Waits};
use super::{HOUR, Kind, SHAPES, Tries, Try, block_on};
use crate::poll_once;
use jobmon::testing::Collect;
use jobmon::{Cost, End, ErrorCategory, Usd, instrument_llm};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

const RATE_LIMIT: Try = Fails(ErrorCategory::RateLimit);
const SERVER: Try = Fails(ErrorCategory::Server);
const AUTHENTICATION: Try = Fails(ErrorCategory::Authentication);
const BRIEFLY: Duration = Duration::from_millis(3);

/// What attempts do, and how the call ends. Of attempts that are not waited for, the last word is the last attempt's.
const OUTCOMES: [(&str, &[Try], End); 11] = [
    ("succeeds at once", &[Succeeds], End::Ok),
    ("recovers", &[RATE_LIMIT, SERVER, Succeeds], End::Ok),
    ("gives up", &[RATE_LIMIT, SERVER, RATE_LIMIT], End::Error),
    ("cannot be retried", &[AUTHENTICATION], End::Error),
    ("cannot be retried any more", &[SERVER, AUTHENTICATION], End::Error),
    ("waits as asked", &[Asks(BRIEFLY), Succeeds], End::Ok),
    ("is asked too much", &[Asks(HOUR.saturating_mul(3))], End::Error),
    ("panics", &[Panics], End::Panicked),
    ("panics at last", &[SERVER, Panics], End::Panicked),
    ("cancelled in an attempt", &[RATE_LIMIT, Waits], End::Cancelled),
    ("cancelled between attempts", &[Asks(HOUR)], End::Cancelled),
];

/// How an attempt ends, where nothing stops it.
fn category(attempt: Try) -> Option<ErrorCategory> {
    match attempt {
        Succeeds => None,
        Fails(category) => Some(category),
        Asks(_) => Some(ErrorCategory::RateLimit),
        Panics => Some(ErrorCategory::Panic),
        Waits => Some(ErrorCategory::Cancelled),
    }
}

#[instrument_llm]
fn parent(inside: &dyn Fn()) {
    inside();
}

#[test]
fn every_outcome_of_attempts_of_every_shape_is_one_call() {
    for (shape, kind, run) in SHAPES {
        for (outcome, script, end) in OUTCOMES {
            if (kind, end) == (Kind::Sync, End::Cancelled) {
                continue;
            }
            for with_parent in [false, true] {
                let what = format!("{shape}, {outcome}, parent: {with_parent}");
                let (collect, _guard) = Collect::install();
                let tries = Tries::new(script);
                let inside = || {
                    let mut running = run(tries.clone());
                    if end == End::Cancelled {
                        // Attempts before the last are waited for.
                        while tries.begun() < script.len() {
                            assert!(poll_once(running.as_mut()).is_pending());
                        }
                        assert!(poll_once(running.as_mut()).is_pending());
                    } else {
                        let answer = catch_unwind(AssertUnwindSafe(|| block_on(running)));
                        assert_eq!(answer.is_err(), end == End::Panicked, "{what}");
                        assert!(
                            answer.is_err() || answer.is_ok_and(|answer| answer.is_ok() == (end == End::Ok))
                        );
                    }
                };
                if with_parent {
                    parent(&inside);
                } else {
                    inside();
                }
                check(&what, &collect, script, end, with_parent);
            }
        }
    }
}

fn check(what: &str, collect: &Collect, script: &[Try], end: End, with_parent: bool) {
    let mut calls = collect.calls();
    let outer = with_parent.then(|| calls.pop().expect("the parent")).map(|outer| outer.id.span);
    let call = calls.pop().expect("the call");
    assert_eq!(calls.len(), script.len(), "{what}: {calls:#?}");
    for inner in &calls {
        assert_eq!((inner.name.as_str(), inner.parent), ("called_inside", Some(call.id.span)), "{what}");
    }
    assert_eq!((call.end, call.parent), (end, outer), "{what}");

    let expected: Vec<_> = (1..).zip(script.iter().map(|attempt| category(*attempt))).collect();
    let category = |failure: &jobmon::Failure| failure.category;
    let attempts: Vec<_> = call
        .attempts
        .iter()
        .map(|attempt| (attempt.number, attempt.failure.as_ref().map(category)))
        .collect();
    assert_eq!(attempts, expected, "{what}");
    let last =
        if end == End::Cancelled { Some(ErrorCategory::Cancelled) } else { expected[script.len() - 1].1 };
    assert_eq!(call.failure.as_ref().map(category), last, "{what}");
    assert_eq!(call.was_retried(), script.len() > 1, "{what}");
    assert_eq!(call.recovered(), script.len() > 1 && end == End::Ok, "{what}");

    // gpt-4o-mini: $0.15 and $0.60 per million.
    let each = 156_000;
    let answers: Vec<_> = call.answers.iter().map(|answer| answer.attempt).collect();
    assert_eq!(answers, expected.iter().map(|(number, _)| *number).collect::<Vec<_>>(), "{what}");
    let of = |attempts: usize| Usd::from_nanos(each * i64::try_from(attempts).expect("few"));
    assert_eq!(call.cost, Some(Cost::Known(of(script.len()))), "{what}");
    assert_eq!(call.wasted(), of(script.len() - usize::from(end == End::Ok)), "{what}");

    // Attempts do not overlap, and what is between them is back-off.
    let mut ended = Duration::ZERO;
    for (attempt, before) in call.attempts.iter().zip(std::iter::once(None).chain(script.iter().map(Some))) {
        let waited = before.map_or(Duration::ZERO, |before| match before {
            Asks(time) => *time,
            _ => Duration::ZERO,
        });
        assert!(attempt.backoff >= waited, "{what}: {attempt:?}");
        assert_eq!(
            attempt.after.saturating_sub(ended),
            if before.is_some() { attempt.backoff } else { attempt.after }
        );
        ended = attempt.after + attempt.duration;
    }
    let returned = matches!(end, End::Ok | End::Error);
    assert!(!returned || Some(ended) <= call.duration, "{what}");
}

#[test]
fn without_a_monitor_attempts_are_made_all_the_same() {
    for (shape, kind, run) in SHAPES {
        for (outcome, script, end) in OUTCOMES {
            if matches!(end, End::Cancelled | End::Panicked) {
                continue;
            }
            let tries = Tries::new(script);
            let answer = block_on(run(tries.clone()));
            assert_eq!(answer.is_ok(), end == End::Ok, "{shape}, {outcome}, {kind:?}");
            assert_eq!(tries.begun(), script.len(), "{shape}, {outcome}");
        }
    }
}

#[test]
fn an_attempt_that_is_open_when_its_call_ends_took_no_longer_than_the_call() {
    for (shape, kind, run) in SHAPES {
        let (collect, _guard) = Collect::install();
        if kind == Kind::Async {
            let mut waits = run(Tries::new(&[Waits]));
            assert!(poll_once(waits.as_mut()).is_pending() && poll_once(waits.as_mut()).is_pending());
        }
        assert!(catch_unwind(AssertUnwindSafe(|| block_on(run(Tries::new(&[Panics]))))).is_err());
        for call in collect.calls().into_iter().filter(|call| call.name.as_str() != "called_inside") {
            let attempt = &call.attempts[0];
            assert!(Some(attempt.after + attempt.duration) <= call.duration, "{shape}, {}", call.end);
        }
    }
}

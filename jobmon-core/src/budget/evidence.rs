//! [`Evidence`]: what a function has cost so far, and so what to reserve for it.

use crate::lane::lock;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// Amounts remembered.
const REMEMBERED: usize = 128;

/// What the last calls of one function cost under one budget, in nanodollars or tokens.
#[derive(Debug)]
pub(super) struct Evidence {
    estimate: i64,
    amounts: Mutex<Amounts>,
    /// Computed when a call ends, read when one begins.
    reservation: AtomicI64,
}

#[derive(Debug, Default)]
struct Amounts {
    last: VecDeque<i64>,
    seen: i64,
}

impl Evidence {
    pub(super) fn new(estimate: i64) -> Self {
        Self { estimate, amounts: Mutex::default(), reservation: AtomicI64::new(estimate) }
    }

    /// What to reserve for a call: the 95th percentile of the amounts seen; while there are few, more where the
    /// estimate is higher.
    pub(super) fn reservation(&self) -> i64 {
        self.reservation.load(Relaxed)
    }

    /// Takes note of what a call cost. One that cost nothing says nothing about those that do.
    pub(super) fn add(&self, amount: i64) {
        if amount <= 0 {
            return;
        }
        let mut amounts = lock(&self.amounts);
        amounts.seen = amounts.seen.saturating_add(1);
        if amounts.last.len() == REMEMBERED {
            amounts.last.pop_front();
        }
        amounts.last.push_back(amount);
        let reservation = reservation(percentile_95(&amounts.last), self.estimate, amounts.seen);
        self.reservation.store(reservation, Relaxed);
    }
}

/// The smallest amount that 95 % of all do not exceed ("nearest rank").
fn percentile_95(amounts: &VecDeque<i64>) -> i64 {
    let mut sorted: Vec<_> = amounts.iter().copied().collect();
    sorted.sort_unstable();
    let rank = (sorted.len() * 95).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

/// What is observed, and a part of what an estimate says beyond it: 4/(n+4) of it after n calls. So the first call
/// reserves the estimate, the 4th half of the way to what was observed, and each further one less of it.
fn reservation(observed: i64, estimate: i64, seen: i64) -> i64 {
    let beyond = i128::from(estimate.saturating_sub(observed).max(0));
    let parts = i128::from(seen) + 4;
    let added = (beyond * 4 + parts - 1) / parts;
    observed.saturating_add(i64::try_from(added).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_reservation_goes_from_the_estimate_to_what_is_observed() {
        let evidence = Evidence::new(1_000);
        assert_eq!(evidence.reservation(), 1_000);
        let after = |calls: usize| {
            (0..calls).for_each(|_| evidence.add(100));
            evidence.reservation()
        };
        // 100 + 900 × 4/5, × 4/8, ..
        assert_eq!([after(1), after(3), after(124), after(9_000)], [820, 550, 128, 101]);
        evidence.add(0);
        assert_eq!(evidence.reservation(), 101);
    }

    #[test]
    fn an_outlier_is_forgotten_and_a_twentieth_of_calls_may_cost_more() {
        let evidence = Evidence::new(1);
        evidence.add(1_000_000);
        assert_eq!(evidence.reservation(), 1_000_000);
        (0..19).for_each(|_| evidence.add(10));
        assert_eq!(evidence.reservation(), 10);
    }

    proptest! {
        #[test]
        fn at_least_the_percentile_and_never_more_than_the_larger_of_it_and_the_estimate(
            estimate in 1..i64::MAX, amounts in prop::collection::vec(1..i64::MAX, 1..300),
        ) {
            let evidence = Evidence::new(estimate);
            amounts.iter().for_each(|amount| evidence.add(*amount));
            let last: VecDeque<_> = amounts[amounts.len().saturating_sub(REMEMBERED)..].iter().copied().collect();
            let observed = percentile_95(&last);
            let above = last.iter().filter(|amount| **amount > observed).count();
            prop_assert!(above * 20 <= last.len());
            prop_assert!(evidence.reservation() >= observed && evidence.reservation() <= observed.max(estimate));
        }
    }
}

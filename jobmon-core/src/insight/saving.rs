//! [`Saving`]: what would have been saved, day by day, and what that is in a month.

use super::{Confidence, Insight, InsightKind, Told, Undecided};
use crate::measure::grouped;
use crate::money::{Cost, CostSum, Usd};
use crate::query::Range;
use crate::stats::{Moments, TWO_SIDED};
use crate::text::Text;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
/// Days of a month.
const MONTH: f64 = 30.0;
/// Days with calls, and calls that would have been saved or cheaper: with fewer nothing is said.
const FEWEST_DAYS: usize = 7;
pub(super) const FEWEST_CALLS: u64 = 30;

/// What is saved in 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Monthly {
    /// As much as in the time that was looked at, day for day.
    pub usd: Usd,
    /// The lower end of the 95 % interval by days; not below zero.
    pub low: Usd,
    /// Its upper end.
    pub high: Usd,
}

/// What would have been saved.
#[derive(Clone, Debug, Default)]
pub(super) struct Saving {
    calls: u64,
    days: BTreeSet<Timestamp>,
    affected: u64,
    by_day: BTreeMap<Timestamp, f64>,
    sum: CostSum,
}

impl Saving {
    /// A call that is looked at.
    pub(super) fn call(&mut self, at: Timestamp) {
        self.calls += 1;
        self.days.insert(at.day());
    }

    /// A call that would have been saved, or cheaper by so much.
    pub(super) fn save(&mut self, at: Timestamp, cost: Cost) {
        self.affected += 1;
        self.pay(at, cost);
    }

    /// What is to be added to the savings, or taken off them.
    pub(super) fn pay(&mut self, at: Timestamp, cost: Cost) {
        self.sum.add(cost);
        *self.by_day.entry(at.day()).or_default() += float(cost.floor());
    }

    pub(super) const fn calls(&self) -> u64 {
        self.calls
    }

    pub(super) const fn affected(&self) -> u64 {
        self.affected
    }

    pub(super) const fn usd(&self) -> Usd {
        self.sum.usd
    }

    /// Days of a time, also those on which nothing was saved.
    fn days_of(range: Range) -> impl Iterator<Item = Timestamp> {
        let first = range.since.day();
        std::iter::successors(Some(first), |day| Some(day.next_day()))
            .take_while(move |day| *day < range.until)
    }

    fn month(&self, range: Range) -> Monthly {
        let nanos = range.until.nanos().saturating_sub(range.since.nanos()).unsigned_abs();
        let days = Duration::from_nanos(nanos).as_secs_f64() / DAY.as_secs_f64();
        let months = if days > 0.0 { MONTH / days } else { 0.0 };
        let mut moments = Moments::default();
        Self::days_of(range).for_each(|day| moments.add(self.by_day.get(&day).copied().unwrap_or(0.0)));
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let count = moments.count as f64;
        // The error of a sum of so many days.
        let error = moments.error_squared().unwrap_or(0.0).sqrt() * count;
        let (sum, half) = (float(self.sum.usd) * months, TWO_SIDED * error * months);
        Monthly { usd: usd(sum), low: usd((sum - half).max(0.0)), high: usd(sum + half) }
    }

    /// Tells what it comes to, where that is something.
    pub(super) fn tell(
        &self,
        told: &mut Told,
        kind: InsightKind,
        subject: Vec<(&'static str, Option<Text>)>,
        arithmetic: &str,
    ) {
        if self.affected == 0 || self.sum.usd <= Usd::ZERO {
            return;
        }
        let reason = if self.affected < FEWEST_CALLS {
            Some(format!("calls that would be saved or cheaper: {}, of {FEWEST_CALLS} needed", self.affected))
        } else if self.days.len() < FEWEST_DAYS {
            Some(format!("days with such calls: {}, of {FEWEST_DAYS} needed", self.days.len()))
        } else {
            None
        };
        if let Some(reason) = reason {
            told.not_enough.push(Undecided { kind, subject, reason });
            return;
        }
        let month = self.month(told.range);
        let saving = self.sum.cost().unwrap_or(Cost::Unpriced);
        let nanos = told.range.until.nanos().saturating_sub(told.range.since.nanos()).unsigned_abs();
        let days = Duration::from_nanos(nanos).as_secs_f64() / DAY.as_secs_f64();
        let arithmetic = format!(
            "{arithmetic}; {saving} in {days:.1} days × 30 / {days:.1} = {} a month ({} to {} by days)",
            month.usd, month.low, month.high
        );
        told.found.push(Insight {
            kind,
            subject,
            calls: self.calls,
            affected: self.affected,
            saving,
            month,
            confidence: month.confidence(),
            arithmetic,
            prices: told.prices.clone(),
        });
    }
}

impl Monthly {
    fn confidence(&self) -> Confidence {
        let (sum, half) = (float(self.usd), float(self.high) - float(self.usd));
        match half / sum {
            share if share <= 0.1 => Confidence::High,
            share if share <= 0.3 => Confidence::Medium,
            _ => Confidence::Low,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
const fn float(usd: Usd) -> f64 {
    usd.nanos() as f64
}

#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn usd(nanos: f64) -> Usd {
    Usd::from_nanos(nanos.round() as i64)
}

/// The lower of two grades, on an amount that is the difference of two.
pub(super) fn difference(of: Cost, less: Cost) -> Cost {
    let nanos = of.floor().nanos().saturating_sub(less.floor().nanos());
    match (of, less) {
        (Cost::Unpriced, _) | (_, Cost::Unpriced) => Cost::Unpriced,
        (Cost::Known(_), Cost::Known(_)) => Cost::Known(Usd::from_nanos(nanos)),
        _ => Cost::AtLeast(Usd::from_nanos(nanos)),
    }
}

/// `1,240 of 5,000 calls`.
pub(super) fn of_calls(part: u64, whole: u64) -> String {
    format!("{} of {} calls", grouped(part), grouped(whole))
}

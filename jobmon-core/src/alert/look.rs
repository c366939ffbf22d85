//! [`Look`]: the figures of one alert at one moment.

use super::condition::{Comparison, Function};
use super::figure::{self, Figures, Sums};
use super::recent::FINE;
use super::rule::Alert;
use crate::aggregate::Aggregate;
use crate::dimension::{Dimension, Key};
use crate::measure::Quantity;
use crate::query::{Bucket, Engine, Filter, Query, QueryError, Range};
use crate::text::Text;
use crate::time::Timestamp;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Nanoseconds.
const HOUR: i64 = 3_600_000_000_000;
/// A month with all its days, and the one that a time zone may add.
const MONTH: Duration = Duration::from_secs(32 * 86_400);

pub(super) struct Look<'a> {
    comparisons: Vec<(&'a Comparison, Figures)>,
    /// What a group without any event has.
    nothing: Vec<Option<Quantity>>,
    calls: BTreeMap<Key, u64>,
    pub(super) groups: BTreeSet<Key>,
}

impl<'a> Look<'a> {
    pub(super) fn at(alert: &'a Alert, engine: &dyn Engine, now: Timestamp) -> Result<Self, QueryError> {
        let window = nanos(alert.window);
        let query = |range: Range, filters: &[Filter]| {
            let measures = comparisons_of(alert).map(|comparison| comparison.measure);
            let mut query = Query::new(measures).by(alert.by.iter().copied()).range(range);
            query.filters = filters.to_vec();
            query
        };
        let ask = |range: Range, filters: &[Filter]| {
            let sums = query(range, filters).aggregate(engine)?;
            Ok::<_, QueryError>(sums.into_iter().map(|((_, key), sum)| (key, sum)).collect::<Sums>())
        };
        // What is long ago is summed up by hours: long windows begin with a whole one.
        let edge = |at: i64| {
            let at = Timestamp::from_nanos(at);
            if alert.window > FINE && at < now { at.hour() } else { at }
        };
        let last = |end: i64| Range { since: edge(end.saturating_sub(window)), until: edge(end) };
        let all = ask(last(now.nanos()), &[])?;
        let mut comparisons = Vec::new();
        for comparison in comparisons_of(alert) {
            let filters = &comparison.filters;
            let current = || match filters[..] {
                [] => Ok::<Cow<'_, Sums>, QueryError>(Cow::Borrowed(&all)),
                _ => ask(last(now.nanos()), filters).map(Cow::Owned),
            };
            let figures = match comparison.function {
                Function::Value => figure::values(comparison.measure, current()?.as_ref()),
                Function::Change => {
                    let before = ask(last(now.nanos().saturating_sub(window)), filters)?;
                    figure::changes(comparison.measure, current()?.as_ref(), &before)
                }
                Function::Anomaly => {
                    let hours = whole_hours(window);
                    let mut hours_before = |end: i64| {
                        let since = Timestamp::from_nanos(end.saturating_sub(hours));
                        ask(Range { since, until: Timestamp::from_nanos(end) }, filters)
                    };
                    figure::anomalies(comparison.measure, now.hour(), &mut hours_before)?
                }
                Function::Forecast => {
                    let month = figure::month(now);
                    let so_far = ask(Range { since: month.since, until: now }, filters)?;
                    let days =
                        query(figure::days_before(now), filters).bucket(Bucket::Day).aggregate(engine)?;
                    figure::forecasts(comparison.measure, &so_far, &days, month, now)
                }
            };
            comparisons.push((comparison, figures));
        }
        let mut groups: BTreeSet<Key> = all.keys().cloned().collect();
        if alert.by.is_empty() {
            groups.insert(Key::default());
        }
        let nothing = comparisons.iter().map(|(comparison, _)| match comparison.function {
            Function::Value => comparison.measure.of(&Aggregate::default()),
            _ => None,
        });
        let nothing = nothing.collect();
        let calls = all.iter().map(|(key, sum)| (key.clone(), sum.calls)).collect();
        Ok(Self { comparisons, nothing, calls, groups })
    }

    fn figure(&self, at: usize, key: &Key) -> Option<Quantity> {
        self.comparisons[at].1.get(key).copied().unwrap_or(self.nothing[at])
    }

    /// Whether the condition holds for a group; `None` where that cannot be told.
    pub(super) fn holds(&self, alert: &Alert, key: &Key) -> Option<bool> {
        if self.calls.get(key).copied().unwrap_or(0) < alert.min_calls {
            return None;
        }
        let mut at = 0;
        let condition = alert.condition().ok()?;
        condition.holds(&mut |comparison| {
            let figure = self.figure(at, key);
            at += 1;
            comparison.holds(figure)
        })
    }

    pub(super) fn told(&self, key: &Key) -> Vec<(Text, Option<Quantity>)> {
        let told = self.comparisons.iter().enumerate();
        told.map(|(at, (comparison, _))| (Text::from(comparison.subject()), self.figure(at, key))).collect()
    }
}

fn comparisons_of(alert: &Alert) -> impl Iterator<Item = &Comparison> {
    alert.condition().into_iter().flat_map(|condition| condition.comparisons())
}

/// How far back an alert looks.
pub(super) fn past(alert: &Alert) -> Duration {
    let of = |comparison: &Comparison| match comparison.function {
        Function::Value => alert.window,
        Function::Change => alert.window.saturating_mul(2),
        Function::Anomaly => {
            figure::PAST + Duration::from_nanos(whole_hours(nanos(alert.window)).unsigned_abs())
        }
        Function::Forecast => MONTH,
    };
    comparisons_of(alert).map(of).max().unwrap_or_default().max(alert.window)
}

/// What an alert looks at apart by, or by which it says what it looks at.
pub(super) fn dimensions(alert: &Alert) -> impl Iterator<Item = Dimension> {
    let filters = comparisons_of(alert).flat_map(|comparison| &comparison.filters);
    alert.by.iter().copied().chain(filters.map(|filter| filter.dimension))
}

/// A time in whole hours: sums of the past are kept by these.
fn whole_hours(time: i64) -> i64 {
    time.saturating_add(HOUR - 1).div_euclid(HOUR).saturating_mul(HOUR)
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

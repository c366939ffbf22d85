//! The figures that conditions look at, by group: plain ones, changes, distances from the past, forecasts.

use crate::aggregate::Aggregate;
use crate::dimension::Key;
use crate::measure::{Measure, Quantity, Unit};
use crate::money::{Cost, Usd};
use crate::query::{QueryError, Range};
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Nanoseconds.
const DAY: i64 = 86_400_000_000_000;
/// What an anomaly looks at before its own hours, with the hour that has not ended.
pub(super) const PAST: Duration = Duration::from_secs(28 * 86_400 + 3_600);
/// Days before today that an anomaly is one of.
const DAYS: i64 = 28;
/// Days with a figure that a past has to have.
const LEAST_DAYS: usize = 7;
/// Complete days that a forecast needs.
const LEAST_FORECAST: i64 = 3;

pub(super) type Sums = BTreeMap<Key, Aggregate>;
pub(super) type Figures = BTreeMap<Key, Option<Quantity>>;
/// Sums of days.
pub(super) type Days = BTreeMap<(Option<Timestamp>, Key), Aggregate>;

pub(super) fn values(measure: &Measure, sums: &Sums) -> Figures {
    sums.iter().map(|(key, sum)| (key.clone(), measure.of(sum))).collect()
}

/// As a plain number: dollars, seconds; of money of which only a part is known, that part.
#[expect(clippy::cast_precision_loss, reason = "distances and changes are rounded figures")]
fn number(figure: Option<Quantity>) -> Option<f64> {
    let number = match figure? {
        Quantity::Count(count) => count as f64,
        Quantity::Cost(Cost::Unpriced) | Quantity::Estimate(Cost::Unpriced) => return None,
        Quantity::Cost(cost) | Quantity::Estimate(cost) => cost.floor().nanos() as f64 / 1e9,
        Quantity::Usd(usd) => usd.nanos() as f64 / 1e9,
        Quantity::Duration(time) => time.as_secs_f64(),
        Quantity::Ratio(number)
        | Quantity::AtMost(number)
        | Quantity::Change(number)
        | Quantity::Number(number) => number,
    };
    Some(number).filter(|number| number.is_finite())
}

/// `now / before - 1`; none where there was nothing before.
pub(super) fn changes(measure: &Measure, now: &Sums, before: &Sums) -> Figures {
    let of = |sums: &Sums, key: &Key| number(sums.get(key).and_then(|sum| measure.of(sum)));
    let change = |key: &Key| {
        let before = of(before, key).filter(|before| *before > 0.0)?;
        Some(Quantity::Change(of(now, key).unwrap_or(0.0) / before - 1.0))
    };
    now.keys().chain(before.keys()).map(|key| (key.clone(), change(key))).collect()
}

/// How far each figure is from those of the same hours of the days before: the modified z-score
/// `|x - median| / (1.4826 × MAD)` of Iglewicz and Hoaglin (1993), where MAD is the median of distances from the median.
///
/// A past without any variation would make the smallest step an anomaly: the divisor is at least a twentieth of the median.
/// None where fewer than seven days have a figure.
pub(super) fn anomalies(
    measure: &Measure,
    now: Timestamp,
    ask: &mut dyn FnMut(i64) -> Result<Sums, QueryError>,
) -> Result<Figures, QueryError> {
    let current = ask(now.nanos())?;
    let mut past: BTreeMap<Key, Vec<f64>> = BTreeMap::new();
    for day in 1..=DAYS {
        for (key, sum) in ask(now.nanos().saturating_sub(day * DAY))? {
            past.entry(key).or_default().extend(number(measure.of(&sum)));
        }
    }
    let distance = |key: &Key, sum: &Aggregate| {
        let past = past.get(key).filter(|past| past.len() >= LEAST_DAYS)?;
        let now = number(measure.of(sum))?;
        distance(now, past).map(Quantity::Number)
    };
    Ok(current.iter().map(|(key, sum)| (key.clone(), distance(key, sum))).collect())
}

/// The modified z-score of a figure in its past.
pub(super) fn distance(now: f64, past: &[f64]) -> Option<f64> {
    let median = median(past.to_vec())?;
    let spread = self::median(past.iter().map(|figure| (figure - median).abs()).collect())?;
    let scale = (1.4826 * spread).max(median.abs() / 20.0);
    let far = (now - median).abs();
    if scale > 0.0 {
        return Some(far / scale);
    }
    // A past of nothing but zeros: whatever is there now is new.
    Some(if far > 0.0 { f64::MAX } else { 0.0 })
}

fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_unstable_by(f64::total_cmp);
    let upper = *figures.get(figures.len() / 2)?;
    let lower = *figures.get(figures.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// The month (UTC) that a moment lies in.
pub(super) fn month(now: Timestamp) -> Range {
    let (year, month, _) = now.date();
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let first = |(year, month)| Timestamp::from_date(year, month, 1);
    Range { since: first((year, month)).unwrap_or(now.day()), until: first(next).unwrap_or(Timestamp::MAX) }
}

/// Complete days that a forecast looks at.
pub(super) fn days_before(now: Timestamp) -> Range {
    Range { since: Timestamp::from_nanos(now.day().nanos().saturating_sub(DAYS * DAY)), until: now.day() }
}

/// What the month will have: what it has so far, and for each day to come the mean of the complete days before, as in the
/// forecast of a report. None where there are fewer than three such days, from the first one with an event.
#[expect(clippy::cast_precision_loss, reason = "a forecast is a rounded figure")]
pub(super) fn forecasts(
    measure: &Measure,
    so_far: &Sums,
    days: &Days,
    month: Range,
    now: Timestamp,
) -> Figures {
    let remaining = (month.until.nanos().saturating_sub(now.nanos())) as f64 / DAY as f64;
    let mut first: Option<i64> = None;
    let mut sums: BTreeMap<&Key, f64> = BTreeMap::new();
    for ((day, key), sum) in days {
        first = [first, day.map(Timestamp::nanos)].into_iter().flatten().min();
        *sums.entry(key).or_default() += number(measure.of(sum)).unwrap_or(0.0);
    }
    let observed = first.map_or(0, |first| (now.day().nanos() - first).div_euclid(DAY));
    let forecast = |key: &Key| {
        let mean =
            (observed >= LEAST_FORECAST).then(|| sums.get(key).copied().unwrap_or(0.0) / observed as f64)?;
        Some(more(so_far.get(key).and_then(|sum| measure.of(sum)), measure, mean * remaining))
    };
    so_far.keys().chain(sums.keys().copied()).map(|key| (key.clone(), forecast(key))).collect()
}

/// A figure and so much more of it, in dollars or pieces.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "saturates: a forecast is a rounded figure"
)]
fn more(figure: Option<Quantity>, measure: &Measure, more: f64) -> Quantity {
    let dollars = Usd::from_nanos((more * 1e9).round() as i64);
    match figure {
        Some(Quantity::Usd(usd)) => Quantity::Usd(usd + dollars),
        Some(Quantity::Cost(Cost::AtLeast(usd))) => Quantity::Estimate(Cost::AtLeast(usd + dollars)),
        Some(Quantity::Cost(cost)) => Quantity::Estimate(Cost::Known(cost.floor() + dollars)),
        None if measure.unit == Unit::Usd => Quantity::Estimate(Cost::Known(dollars)),
        Some(Quantity::Count(count)) => Quantity::Count((count as f64 + more).round() as u64),
        other => other.unwrap_or(Quantity::Count(more.round() as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_robust_and_silent_pasts_are_no_trap() {
        // scipy.stats.median_abs_deviation([1..9], scale="normal") is 2.9652: (14 - 5) / 2.9652.
        let past: Vec<f64> = (1..=9).map(f64::from).collect();
        let z = distance(14.0, &past).expect("there is a past");
        assert!((z - 3.0352).abs() < 1e-3, "{z}");
        let outlier = [past.clone(), vec![1e9]].concat();
        assert!(distance(14.0, &outlier).is_some_and(|z| (z - 2.29).abs() < 0.1));
        assert_eq!(distance(10.0, &[10.0; 7]), Some(0.0));
        assert_eq!(distance(11.0, &[10.0; 7]), Some(2.0), "a tenth more is two twentieths");
        assert_eq!(distance(0.0, &[0.0; 7]), Some(0.0));
        assert_eq!(distance(1.0, &[0.0; 7]), Some(f64::MAX));
        assert_eq!(distance(1.0, &[]), None);
    }

    #[test]
    fn months_end_where_the_next_begins() {
        let date = |(year, month, day)| Timestamp::from_date(year, month, day).expect("a date");
        for (at, start, end) in [
            ((2026, 11, 26), (2026, 11, 1), (2026, 12, 1)),
            ((2026, 12, 31), (2026, 12, 1), (2027, 1, 1)),
            ((2028, 2, 29), (2028, 2, 1), (2028, 3, 1)),
        ] {
            let last = Timestamp::from_nanos(date(at).nanos() + DAY - 1);
            assert_eq!(month(last), Range { since: date(start), until: date(end) });
        }
    }
}

//! [`Measure`] and [`Quantity`]: figures with their units.

mod catalogue;

use crate::aggregate::Aggregate;
use crate::money::{Cost, Usd};
use crate::words::UnknownWord;
use std::fmt;
use std::time::Duration;

/// A figure with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Quantity {
    /// A number of things.
    Count(u64),
    /// A share: 0 to 1 for most, more for a return on investment.
    Ratio(f64),
    /// A share of which only an upper bound is known.
    AtMost(f64),
    /// By how much something has changed, as a share of what it was before: 0.25 is a quarter more.
    Change(f64),
    /// Money spent, with how sure it is.
    Cost(Cost),
    /// Money that was estimated, not counted.
    Estimate(Cost),
    /// Money.
    Usd(Usd),
    /// Time.
    Duration(Duration),
    /// A plain number.
    Number(f64),
}

/// The unit of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// A number of things, tokens included.
    Count,
    /// A share.
    Ratio,
    /// US dollars.
    Usd,
    /// Time; seconds where a plain number is needed.
    Duration,
    /// Tokens in a second.
    TokensPerSecond,
    /// The unit of the score.
    Score,
}

impl Unit {
    /// The name for machines: `1`, `USD`, `s`, `{token}/s` (UCUM, as OpenTelemetry uses it).
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Count | Self::Ratio | Self::Score => "1",
            Self::Usd => "USD",
            Self::Duration => "s",
            Self::TokensPerSecond => "{token}/s",
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => f.pad(&grouped(*count)),
            Self::Ratio(ratio) => f.pad(&share(*ratio)),
            Self::AtMost(ratio) => f.pad(&format!("≤{}", share(*ratio))),
            Self::Change(ratio) if *ratio >= 10.0 => f.pad(&format!("+{ratio:.0}×")),
            Self::Change(ratio) => f.pad(&format!("{:+.1} %", ratio * 100.0)),
            Self::Cost(cost) => fmt::Display::fmt(cost, f),
            Self::Estimate(cost) => f.pad(&estimate(*cost)),
            Self::Usd(usd) => fmt::Display::fmt(usd, f),
            Self::Duration(duration) => f.pad(&human(*duration)),
            Self::Number(number) => f.pad(&format!("{number:.1}")),
        }
    }
}

/// A share in per cent; a return of many times as "so many times".
fn share(ratio: f64) -> String {
    if ratio >= 10.0 { format!("{ratio:.0}×") } else { format!("{:.1} %", ratio * 100.0) }
}

/// An estimate, to the cent, or to three figures below a dollar.
fn estimate(cost: Cost) -> String {
    let bound = if matches!(cost, Cost::Known(_)) { "≈" } else { "≥≈" };
    let nanos = cost.floor().nanos();
    let leading = nanos.unsigned_abs().checked_ilog10().unwrap_or(0);
    let unit = if leading >= 9 { 10_000_000 } else { 10_i64.pow(leading.saturating_sub(2)) };
    let rounded = nanos.saturating_add(unit / 2).div_euclid(unit).saturating_mul(unit);
    format!("{bound}{}", Usd::from_nanos(rounded))
}

/// Thousands apart: 1,234,567.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three figures that matter: `850 µs`, `12.3 ms`, `4.56 s`, `3 min 20 s`.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 60.0 => format!("{s:.2} s"),
        s if s < 3_600.0 => format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0),
        s => format!("{:.0} h {:.0} min", (s / 3_600.0).floor(), s % 3_600.0 / 60.0),
    }
}

/// A figure of an aggregate: its name, unit, meaning and formula. The catalogue is [`Measure::ALL`].
///
/// ```
/// use jobmon_core::{Aggregate, Measure};
///
/// let error_rate = Measure::named("error_rate")?;
/// assert_eq!(error_rate.of(&Aggregate::default()), None); // no calls, no rate
/// # Ok::<(), jobmon_core::UnknownWord>(())
/// ```
#[derive(Debug)]
pub struct Measure {
    /// The stable name, such as `error_rate`.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// What it means, in one line.
    pub meaning: &'static str,
    formula: fn(&Aggregate) -> Option<Quantity>,
    /// The one of [`Aggregate::SKETCHES`] that it is computed from, by its place.
    pub(crate) distribution: Option<usize>,
}

impl PartialEq for Measure {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Measure {
    /// Its value; `None` where there is nothing to compute it from.
    pub fn of(&self, aggregate: &Aggregate) -> Option<Quantity> {
        (self.formula)(aggregate)
    }

    /// The measure of a name.
    ///
    /// # Errors
    /// When there is none; the message lists all names.
    pub fn named(name: &str) -> Result<&'static Self, UnknownWord> {
        let found = Self::ALL.iter().find(|measure| measure.name == name);
        found.ok_or_else(|| UnknownWord::new("measure", name, Self::ALL.iter().map(|measure| measure.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_every_formula_takes_nothing() {
        let names: HashSet<_> = Measure::ALL.iter().map(|measure| measure.name).collect();
        assert_eq!(names.len(), Measure::ALL.len());
        for measure in Measure::ALL {
            let value = measure.of(&Aggregate::default());
            assert!(matches!(value, None | Some(Quantity::Count(0))), "{}: {value:?}", measure.name);
        }
    }

    #[test]
    fn every_distribution_that_a_formula_takes_is_told() {
        let mut numbers: Vec<i64> = (1_i64..).map(|n| n * n).take(Aggregate::NUMBERS.len()).collect();
        numbers[0] = 1_000_000;
        let sketch = |n: i64| {
            let mut sketch = crate::Sketch::default();
            (1..100).for_each(|k| sketch.record(k * n));
            sketch
        };
        let all = Aggregate::from_parts(numbers.clone(), [3, 5, 7, 11].map(sketch));
        for measure in Measure::ALL {
            for (place, name) in Aggregate::SKETCHES.iter().enumerate() {
                let mut sketches = all.sketches().map(Clone::clone);
                sketches[place] = crate::Sketch::default();
                let without = Aggregate::from_parts(numbers.clone(), sketches);
                let takes_it = measure.of(&without) != measure.of(&all);
                assert_eq!(takes_it, measure.distribution == Some(place), "{} and {name}", measure.name);
            }
        }
    }

    #[test]
    fn an_unpriced_call_makes_the_return_an_upper_bound() {
        let mut a = Aggregate { outcomes: 1, outcome_value: Usd::from_dollars(10), ..Aggregate::default() };
        a.cost.add(Cost::Known(Usd::from_dollars(2)));
        assert_eq!(Measure::named("roi").expect("known").of(&a), Some(Quantity::Ratio(4.0)));
        a.cost.add(Cost::Unpriced);
        assert_eq!(Measure::named("roi").expect("known").of(&a), Some(Quantity::AtMost(4.0)));
        let per_outcome = Measure::named("cost_per_outcome").expect("known").of(&a);
        assert_eq!(per_outcome, Some(Quantity::Cost(Cost::AtLeast(Usd::from_dollars(2)))));
    }

    #[test]
    fn figures_are_readable() {
        assert_eq!(Quantity::Count(1_234_567).to_string(), "1,234,567");
        assert_eq!(Quantity::Duration(Duration::from_millis(1_234)).to_string(), "1.23 s");
        assert_eq!(Quantity::Duration(Duration::from_secs(200)).to_string(), "3 min 20 s");
        assert_eq!(Quantity::Ratio(0.053).to_string(), "5.3 %");
        assert_eq!(Quantity::Change(0.0731).to_string(), "+7.3 %");
        assert_eq!(Quantity::Change(-0.5).to_string(), "-50.0 %");
        assert_eq!(Quantity::Change(12.2).to_string(), "+12×");
        for (nanos, text) in
            [(12_345_678_901, "≈$12.35"), (1_234_567, "≈$0.00123"), (7, "≈$0.000000007"), (0, "≈$0.00")]
        {
            assert_eq!(Quantity::Estimate(Cost::Known(Usd::from_nanos(nanos))).to_string(), text);
        }
        assert_eq!(Quantity::Estimate(Cost::AtLeast(Usd::from_dollars(3))).to_string(), "≥≈$3.00");
    }
}

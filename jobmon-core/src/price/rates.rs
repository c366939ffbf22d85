//! [`Rates`]: what a model charges for each unit, read off a price list by asking it.
//!
//! The `genai-prices` crate computes prices and shows no rates. A price is linear in each unit as long as the input
//! stays within one tier, so a few questions tell them.

use super::list::{Query, float, with_wholes};
use crate::money::Usd;
use crate::usage_unit::UsageUnit;
use genai_prices::{Usage as Units, UsageKey};

/// Input sizes beyond which no tier begins.
const LARGEST_INPUT: u64 = 100_000_000;

/// What a model charges: of each unit that has a price of its own, dollars for [`UsageUnit::per`] of it.
///
/// Rates are rounded to the nanodollar, which few published prices are finer than.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rates {
    /// They hold for requests with more input tokens than this.
    pub above: u64,
    /// The rates, in the order of units.
    pub rates: Vec<(UsageUnit, Usd)>,
}

impl Rates {
    /// The rates for requests with so many input tokens.
    pub(super) fn at(query: &Query<'_>, input: u64) -> Self {
        Self::of(query, input, &|_| true)
    }

    /// Those of some units.
    pub(super) fn of(query: &Query<'_>, input: u64, wanted: &dyn Fn(UsageUnit) -> bool) -> Self {
        let rate =
            |unit| query.has(unit).then(|| rate(query, unit, input).and_then(Usd::from_price)).flatten();
        let units = UsageUnit::ALL.iter().filter(|unit| wanted(**unit));
        let rates = units.filter_map(|unit| Some((*unit, rate(*unit)?))).collect::<Vec<_>>();
        let of = |unit| rates.iter().find(|(known, _)| *known == unit).map(|(_, usd)| *usd);
        // What costs as much as a whole that it is a part of has no price of its own.
        let own = |(unit, usd): &(UsageUnit, Usd)| {
            let mut wholes = UsageUnit::ALL.iter().filter(|whole| unit.is_part_of(**whole));
            !wholes.any(|whole| of(*whole) == Some(*usd))
        };
        Self { above: 0, rates: rates.iter().copied().filter(own).collect() }
    }

    /// The rates of each tier, by rising input.
    pub(super) fn tiers(query: &Query<'_>) -> Vec<Self> {
        let starts = Self::starts(query).into_iter();
        starts.map(|above| Self { above, ..Self::at(query, above + 1) }).collect()
    }

    /// Where tiers begin: above these numbers of input tokens.
    pub(super) fn starts(query: &Query<'_>) -> Vec<u64> {
        let mut starts = vec![0];
        split(query, 1, LARGEST_INPUT, &mut starts);
        starts
    }
}

/// Finds where rates change between two input sizes: a tier begins above its start.
fn split(query: &Query<'_>, low: u64, high: u64, starts: &mut Vec<u64>) {
    // What a million tokens of each kind cost: any tier shows in it.
    let rates = |input| {
        [
            UsageUnit::InputTokens,
            UsageUnit::CacheReadTokens,
            UsageUnit::CacheWriteTokens,
            UsageUnit::OutputTokens,
            UsageUnit::OutputAudioTokens,
            UsageUnit::InputAudioTokens,
        ]
        .map(|unit| rate(query, unit, input).and_then(Usd::from_price))
    };
    let (first, last) = (rates(low), rates(high));
    if first == last {
        return;
    }
    let (mut same, mut other) = (low, high);
    while other - same > 1 {
        let middle = same + (other - same) / 2;
        if rates(middle) == first {
            same = middle;
        } else {
            other = middle;
        }
    }
    starts.push(same);
    split(query, other, high, starts);
}

/// Dollars for `per` of a unit, in requests with so many input tokens; `None` where it cannot be asked for.
pub(super) fn rate(query: &Query<'_>, unit: UsageUnit, input: u64) -> Option<f64> {
    let total = |units: &Units| query.calculate(units).ok().map(|calculation| calculation.total_price);
    let per = float(unit.per());
    if unit == UsageUnit::Requests {
        return Some(total(&Units::new())? * per);
    }
    let input = float(input.max(1));
    let base = Units::from([(UsageKey::INPUT_TOKENS, input)]);
    let is_input = unit == UsageUnit::InputTokens || unit.is_part_of(UsageUnit::InputTokens);
    let price = if is_input {
        // All of the input is this unit.
        (total(&with_wholes(Units::new(), unit, input))? - total(&Units::new())?) / input * per
    } else {
        total(&with_wholes(base.clone(), unit, per))? - total(&base)?
    };
    Some(price)
}

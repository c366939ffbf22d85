//! [`Usd`], [`Cost`] and [`CostSum`]: money that says how sure it is.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

/// US dollars as a whole number of nanodollars (10⁻⁹ $). Sums are exact and saturate.
///
/// ```
/// use jobmon_core::Usd;
/// let price = Usd::from_nanos(195_000);
/// assert_eq!(price.to_string(), "$0.000195");
/// assert_eq!(price + Usd::from_dollars(2), Usd::from_nanos(2_000_195_000));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(i64);

impl Usd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// From nanodollars.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole dollars; saturates above nine billion.
    pub const fn from_dollars(dollars: i64) -> Self {
        Self(dollars.saturating_mul(1_000_000_000))
    }

    /// From a price computed in floating point, rounded once to the nearest nanodollar.
    ///
    /// `None` when it is negative, not finite or too large: such a figure is no price.
    pub fn from_price(dollars: f64) -> Option<Self> {
        let nanos = (dollars * 1e9).round();
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
        (nanos.is_finite() && (0.0..9.2e18).contains(&nanos)).then_some(Self(nanos as i64))
    }

    /// In nanodollars.
    pub const fn nanos(self) -> i64 {
        self.0
    }
}

impl Usd {
    /// The share of each of some things, rounded to the nanodollar; all of it where there is none.
    pub(crate) fn shared(self, things: u64) -> Self {
        let things = i64::try_from(things).unwrap_or(i64::MAX).max(1);
        Self(self.0.saturating_add(things / 2) / things)
    }
}

impl FromStr for Usd {
    type Err = ParseUsdError;

    /// An amount such as `$2.50`, `0.0004` or `-$1`: exact, to the nanodollar.
    fn from_str(text: &str) -> Result<Self, ParseUsdError> {
        let wrong = || ParseUsdError(text.to_owned());
        let amount = text.trim();
        let (amount, negative) = amount.strip_prefix('-').map_or((amount, false), |rest| (rest, true));
        let amount = amount.strip_prefix('$').unwrap_or(amount);
        let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
            return Err(wrong());
        }
        let kept = fraction.trim_end_matches('0');
        if kept.len() > 9 {
            return Err(wrong());
        }
        let nanos: i64 = format!("{whole}{kept:0<9}").parse().map_err(|_| wrong())?;
        Ok(Self(if negative { -nanos } else { nanos }))
    }
}

/// Text that is no amount of US dollars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseUsdError(String);

impl fmt::Display for ParseUsdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no amount of US dollars; expected one such as `$5`, `$0.25` or `0.0004`, with at most nine decimals",
            self.0
        )
    }
}

impl std::error::Error for ParseUsdError {}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Usd {
    /// At least two decimals, and as many more as are needed (up to nine) to be exact.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let fraction = format!("{:09}", nanos % 1_000_000_000);
        let digits = fraction.trim_end_matches('0').len().max(2);
        f.pad(&format!("{sign}${}.{}", nanos / 1_000_000_000, &fraction[..digits]))
    }
}

/// What one answer cost, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cost {
    /// Every unit used has a price.
    Known(Usd),
    /// Part of it has a price; the true cost is this or more.
    AtLeast(Usd),
    /// No price is known, or no usage: the cost is unknown, which is not zero.
    Unpriced,
}

impl Cost {
    /// How sure it is: `known`, `at_least` or `unpriced`.
    pub const fn grade(self) -> &'static str {
        match self {
            Self::Known(_) => "known",
            Self::AtLeast(_) => "at_least",
            Self::Unpriced => "unpriced",
        }
    }

    /// The part that is known; zero when nothing is.
    pub const fn floor(self) -> Usd {
        match self {
            Self::Known(usd) | Self::AtLeast(usd) => usd,
            Self::Unpriced => Usd::ZERO,
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(usd) => fmt::Display::fmt(usd, f),
            Self::AtLeast(usd) => f.pad(&format!("≥{usd}")),
            Self::Unpriced => f.pad("unpriced"),
        }
    }
}

/// Costs added up: the sum of what is known, and how many items are not fully known.
///
/// A commutative monoid: `Default` is nothing, [`CostSum::merge`] adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CostSum {
    /// The sum of all known parts.
    pub usd: Usd,
    /// Items that are fully priced.
    pub known: u64,
    /// Items of which only a lower bound is known.
    pub at_least: u64,
    /// Items without any price.
    pub unpriced: u64,
}

impl CostSum {
    /// Adds one item.
    pub fn add(&mut self, cost: Cost) {
        self.usd += cost.floor();
        let count = match cost {
            Cost::Known(_) => &mut self.known,
            Cost::AtLeast(_) => &mut self.at_least,
            Cost::Unpriced => &mut self.unpriced,
        };
        *count = count.saturating_add(1);
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.usd += other.usd;
        self.known = self.known.saturating_add(other.known);
        self.at_least = self.at_least.saturating_add(other.at_least);
        self.unpriced = self.unpriced.saturating_add(other.unpriced);
    }

    /// The sum with the weakest grade of its items; `None` when there is no item.
    ///
    /// ```
    /// use jobmon_core::{Cost, CostSum, Usd};
    /// let mut sum = CostSum::default();
    /// assert_eq!(sum.cost(), None);
    /// sum.add(Cost::Known(Usd::from_nanos(5)));
    /// sum.add(Cost::Unpriced);
    /// assert_eq!(sum.cost(), Some(Cost::AtLeast(Usd::from_nanos(5))));
    /// ```
    pub const fn cost(&self) -> Option<Cost> {
        match (self.known, self.at_least, self.unpriced) {
            (0, 0, 0) => None,
            (0, 0, _) => Some(Cost::Unpriced),
            (_, 0, 0) => Some(Cost::Known(self.usd)),
            _ => Some(Cost::AtLeast(self.usd)),
        }
    }
}

impl From<Cost> for CostSum {
    fn from(cost: Cost) -> Self {
        let mut sum = Self::default();
        sum.add(cost);
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prints_exactly() {
        assert_eq!(Usd::from_nanos(0).to_string(), "$0.00");
        assert_eq!(Usd::from_nanos(1).to_string(), "$0.000000001");
        assert_eq!(Usd::from_nanos(-1_500_000_000).to_string(), "-$1.50");
        assert_eq!(format!("{:>8}", Usd::from_dollars(3)), "   $3.00");
    }

    #[test]
    fn amounts_are_read_exactly() {
        for (text, nanos) in [
            ("$5", 5_000_000_000),
            (" 0.25 ", 250_000_000),
            ("$.5", 500_000_000),
            ("-$1.000000001", -1_000_000_001),
            ("0.1000000000000", 100_000_000),
            ("9000000000", 9_000_000_000_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Usd::from_nanos(nanos)), "{text}");
        }
        for text in
            ["", "$", ".", "5 EUR", "€5", "1e3", "1,000", "0.0000000001", "99999999999", "$-1", "--1", "+1"]
        {
            let error = text.parse::<Usd>().expect_err(text).to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
    }

    #[test]
    fn impossible_prices_are_none() {
        for bad in [-0.1, f64::NAN, f64::INFINITY, 1e11] {
            assert_eq!(Usd::from_price(bad), None, "{bad}");
        }
        assert_eq!(Usd::from_price(0.000_195), Some(Usd::from_nanos(195_000)));
    }

    fn cost() -> impl Strategy<Value = Cost> {
        prop_oneof![
            (0..1_000_000_000_i64).prop_map(|n| Cost::Known(Usd::from_nanos(n))),
            (0..1_000_000_000_i64).prop_map(|n| Cost::AtLeast(Usd::from_nanos(n))),
            Just(Cost::Unpriced),
        ]
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(nanos in 0..=i64::MAX) {
            let usd = Usd::from_nanos(nanos);
            prop_assert_eq!(usd.to_string().parse(), Ok(usd));
        }

        #[test]
        fn sums_do_not_depend_on_order_or_grouping(costs in prop::collection::vec(cost(), 0..30), cut in 0..30_usize) {
            let mut whole = CostSum::default();
            costs.iter().for_each(|c| whole.add(*c));
            let (left, right) = costs.split_at(cut.min(costs.len()));
            let (mut a, mut b) = (CostSum::default(), CostSum::default());
            right.iter().rev().for_each(|c| a.add(*c));
            left.iter().for_each(|c| b.add(*c));
            a.merge(&b);
            prop_assert_eq!(a, whole);
        }

        #[test]
        fn a_sum_is_known_only_if_every_item_is(costs in prop::collection::vec(cost(), 1..30)) {
            let mut sum = CostSum::default();
            costs.iter().for_each(|c| sum.add(*c));
            let all_known = costs.iter().all(|c| matches!(c, Cost::Known(_)));
            prop_assert_eq!(matches!(sum.cost(), Some(Cost::Known(_))), all_known);
        }
    }
}

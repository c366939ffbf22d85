//! Amounts of money for people: rounded, and alike within a column.

use jobmon_core::{Cost, Quantity, Usd};

/// How many decimals amounts that are shown together have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimals(u32);

impl Decimals {
    /// By the largest of them: cents from ten dollars on, down to millionths of a dollar.
    pub(crate) fn of(figures: impl IntoIterator<Item = Option<Quantity>>) -> Self {
        let amounts = figures.into_iter().flatten().filter_map(amount);
        let most = amounts.map(|(_, usd)| usd.nanos().unsigned_abs()).max().unwrap_or(0);
        Self(match most {
            0 | 10_000_000_000.. => 2,
            100_000_000.. => 4,
            _ => 6,
        })
    }

    /// An amount with so many decimals; `None` for what is no money. What would be rounded to nothing is "less than".
    pub(crate) fn text(self, figure: Quantity) -> Option<String> {
        let (bound, usd) = amount(figure)?;
        let unit = 10_u64.pow(9 - self.0.min(9));
        let nanos = usd.nanos().unsigned_abs();
        let units = nanos.saturating_add(unit / 2) / unit;
        if units == 0 && nanos > 0 {
            return Some(format!("{bound}<{}", dollars(1, self.0, false)));
        }
        Some(format!("{bound}{}", dollars(units, self.0, usd.nanos() < 0)))
    }
}

/// What stands before an amount, and the amount. Estimates are rounded as it is.
fn amount(figure: Quantity) -> Option<(&'static str, Usd)> {
    match figure {
        Quantity::Usd(usd) | Quantity::Cost(Cost::Known(usd)) => Some(("", usd)),
        Quantity::Cost(Cost::AtLeast(usd)) => Some(("≥", usd)),
        _ => None,
    }
}

/// `$1,234.50` from 123,450 units of two decimals.
fn dollars(units: u64, decimals: u32, negative: bool) -> String {
    let one = 10_u64.pow(decimals);
    let sign = if negative { "-" } else { "" };
    let width = decimals as usize;
    format!("{sign}${}.{:0width$}", Quantity::Count(units / one), units % one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_alike() {
        let known = |nanos: i64| Quantity::Cost(Cost::Known(Usd::from_nanos(nanos)));
        let text = |figures: &[Quantity]| {
            let decimals = Decimals::of(figures.iter().copied().map(Some));
            figures.iter().filter_map(|figure| decimals.text(*figure)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            text(&[known(1_234_567_890_123), known(4_999_999), known(5_000_000), known(0)]),
            "$1,234.57 <$0.01 $0.01 $0.00"
        );
        assert_eq!(
            text(&[known(1_234_567_890), Quantity::Usd(Usd::from_nanos(-50_000_000))]),
            "$1.2346 -$0.0500"
        );
        assert_eq!(text(&[known(12_345)]), "$0.000012");
        assert_eq!(text(&[known(0)]), "$0.00");
        assert_eq!(text(&[Quantity::Cost(Cost::AtLeast(Usd::from_dollars(20)))]), "≥$20.00");
        assert_eq!(text(&[known(i64::MAX)]), "$9,223,372,036.85");
        assert_eq!(text(&[Quantity::Count(3), Quantity::Cost(Cost::Unpriced)]), "");
    }
}

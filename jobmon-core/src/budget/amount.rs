//! [`Amount`]: money or tokens, as budgets count them.

use crate::money::Usd;
use std::fmt;
use std::str::FromStr;

/// Money or tokens.
///
/// ```
/// use jobmon_core::{Amount, Usd};
/// assert_eq!("$0.25".parse(), Ok(Amount::Usd(Usd::from_nanos(250_000_000))));
/// assert_eq!("1.5M tokens".parse(), Ok(Amount::Tokens(1_500_000)));
/// let wrong = "5 dollars".parse::<Amount>().unwrap_err().to_string();
/// assert_eq!(wrong, "`5 dollars` is no amount; expected money such as `$5` or `$0.25`, or `2M tokens`, `500k tokens`");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing else that a budget could count")]
pub enum Amount {
    /// Money.
    Usd(Usd),
    /// Tokens: input and output together, cached input and reasoning included.
    Tokens(u64),
}

impl Amount {
    /// As a number: nanodollars or tokens.
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Usd(usd) => usd.nanos(),
            Self::Tokens(tokens) => i64::try_from(tokens).unwrap_or(i64::MAX),
        }
    }

    /// Another amount of the same unit.
    pub(crate) fn with_number(self, number: i64) -> Self {
        match self {
            Self::Usd(_) => Self::Usd(Usd::from_nanos(number)),
            Self::Tokens(_) => Self::Tokens(u64::try_from(number).unwrap_or(0)),
        }
    }

    /// Whether both count the same.
    pub(crate) const fn is_like(self, other: Self) -> bool {
        matches!((self, other), (Self::Usd(_), Self::Usd(_)) | (Self::Tokens(_), Self::Tokens(_)))
    }
}

impl fmt::Display for Amount {
    /// `$5.00`, `1500 tokens`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usd(usd) => fmt::Display::fmt(usd, f),
            Self::Tokens(tokens) => f.pad(&format!("{tokens} tokens")),
        }
    }
}

impl From<Usd> for Amount {
    fn from(usd: Usd) -> Self {
        Self::Usd(usd)
    }
}

impl FromStr for Amount {
    type Err = NoAmount;

    /// Exactly: a text with more decimals than nanodollars have, or with a part of a token, is no amount.
    fn from_str(text: &str) -> Result<Self, NoAmount> {
        parse(text.trim()).ok_or_else(|| NoAmount(text.to_owned()))
    }
}

impl TryFrom<&str> for Amount {
    type Error = NoAmount;
    fn try_from(text: &str) -> Result<Self, NoAmount> {
        text.parse()
    }
}

impl TryFrom<String> for Amount {
    type Error = NoAmount;
    fn try_from(text: String) -> Result<Self, NoAmount> {
        text.parse()
    }
}

fn parse(text: &str) -> Option<Amount> {
    if let Some(dollars) = text.strip_prefix('$') {
        return decimal(dollars, 9).map(|nanos| Amount::Usd(Usd::from_nanos(nanos)));
    }
    let number = text.strip_suffix("tokens")?.trim_end();
    let (number, digits) = match number.strip_suffix(['k', 'M']) {
        Some(thousands) if number.ends_with('k') => (thousands, 3),
        Some(millions) => (millions, 6),
        None => (number, 0),
    };
    u64::try_from(decimal(number, digits)?).ok().map(Amount::Tokens)
}

/// A number without sign, times a power of ten; `None` when that is no whole number, or does not fit.
fn decimal(text: &str, digits: usize) -> Option<i64> {
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = match text.split_once('.') {
        None => (text, ""),
        Some((whole, fraction)) if plain(fraction) => (whole, fraction),
        Some(_) => return None,
    };
    if !plain(whole) || fraction.len() > digits {
        return None;
    }
    format!("{whole}{fraction:0<digits$}").parse().ok()
}

/// A text that is no amount; the message tells what is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAmount(String);

impl fmt::Display for NoAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.0;
        write!(
            f,
            "`{text}` is no amount; expected money such as `$5` or `$0.25`, or `2M tokens`, `500k tokens`"
        )
    }
}

impl std::error::Error for NoAmount {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        let usd = |nanos| Some(Amount::Usd(Usd::from_nanos(nanos)));
        let tokens = |tokens| Some(Amount::Tokens(tokens));
        for (text, expected) in [
            ("$5", usd(5_000_000_000)),
            ("$5.0", usd(5_000_000_000)),
            ("$0.000000001", usd(1)),
            (" $0.25 ", usd(250_000_000)),
            ("$0.0000000001", None),
            ("$9300000000", None),
            ("$-5", None),
            ("$", None),
            ("$.5", None),
            ("$5.", None),
            ("$1,000", None),
            ("5", None),
            ("2M tokens", tokens(2_000_000)),
            ("500k tokens", tokens(500_000)),
            ("0.5k tokens", tokens(500)),
            ("1000 tokens", tokens(1_000)),
            ("1000tokens", tokens(1_000)),
            ("1.5 tokens", None),
            ("0.0001k tokens", None),
            ("kM tokens", None),
            ("99999999999999999999 tokens", None),
            ("tokens", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<Amount>().ok(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(number in 0..i64::MAX, money in any::<bool>()) {
            let unit = if money { Amount::Usd(Usd::ZERO) } else { Amount::Tokens(0) };
            let amount = unit.with_number(number);
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
            prop_assert_eq!(amount.number(), number);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,20}", digits in "[$]?[0-9.]{0,24}(k|M)?( tokens)?") {
            let _ = (text.parse::<Amount>(), digits.parse::<Amount>());
        }
    }
}

//! [`Literal`]: numbers in conditions, in the units of measures.

use super::condition::{Comparator, Function, Threshold};
use crate::measure::{Measure, Unit};
use std::time::Duration;

/// A number as it is written.
pub(super) struct Literal {
    pub(super) number: f64,
    /// Its digits, where it is money.
    pub(super) money: Option<String>,
    pub(super) unit: String,
}

impl Literal {
    /// What a measure is compared with, in its unit; or why it cannot be, and what can.
    pub(super) fn threshold(
        &self,
        function: Function,
        measure: &Measure,
        comparator: Comparator,
    ) -> Result<Threshold, String> {
        let expected = expected(function, measure);
        let threshold = self.within(function, measure).map_err(|problem| format!("{problem}; {expected}"))?;
        impossible(function, measure, comparator, threshold).map_or(Ok(threshold), Err)
    }

    /// The number in the unit of what it is compared with, or why it has another one.
    fn within(&self, function: Function, measure: &Measure) -> Result<Threshold, String> {
        let name = measure.name;
        let plain = self.money.is_none() && self.unit.is_empty();
        match (function, measure.unit) {
            (Function::Anomaly, _) if plain => Ok(Threshold::Number(self.number)),
            (Function::Anomaly, _) => Err(format!("`anomaly({name})` is a plain number")),
            (Function::Change, _) | (_, Unit::Ratio) => match self.unit.as_str() {
                "" if plain => Ok(Threshold::Number(self.number)),
                "%" if self.money.is_none() => Ok(Threshold::Number(self.number / 100.0)),
                _ => Err(format!("`{name}` is a share here")),
            },
            (_, Unit::Usd) => match &self.money {
                Some(digits) if self.unit.is_empty() => digits
                    .parse()
                    .map(Threshold::Money)
                    .map_err(|error: crate::ParseUsdError| error.to_string()),
                _ => Err(format!("`{name}` is money")),
            },
            (_, Unit::Duration) => {
                self.time().map(Threshold::Time).ok_or_else(|| format!("`{name}` is a time"))
            }
            (_, Unit::Count | Unit::TokensPerSecond) => match self.unit.as_str() {
                "" if plain => Ok(Threshold::Number(self.number)),
                "k" if self.money.is_none() => Ok(Threshold::Number(self.number * 1e3)),
                "M" if self.money.is_none() => Ok(Threshold::Number(self.number * 1e6)),
                _ => Err(format!("`{name}` is a number")),
            },
            (_, Unit::Score) if plain => Ok(Threshold::Number(self.number)),
            (_, Unit::Score) => Err(format!("`{name}` is a score")),
        }
    }

    fn time(&self) -> Option<Duration> {
        let seconds = match self.unit.as_str() {
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        let time =
            Duration::try_from_secs_f64(self.number * seconds).ok().filter(|_| self.money.is_none())?;
        // Whole microseconds, which is what can be written.
        Some(Duration::from_micros(u64::try_from((time.as_nanos() + 500) / 1_000).ok()?))
    }
}

/// What may be compared with a measure.
fn expected(function: Function, measure: &Measure) -> &'static str {
    match (function, measure.unit) {
        (Function::Anomaly, _) => "expected how many robust standard deviations, such as `4`",
        (Function::Change, _) => "expected a share of what it was before, such as `50%` or `0.5`",
        (_, Unit::Ratio) => "expected a share, such as `5%` or `0.05`",
        (_, Unit::Usd) => "expected money, such as `$5` or `$0.02`",
        (_, Unit::Duration) => "expected a time with its unit, such as `500ms`, `3s`, `2m` or `1h`",
        (_, Unit::Count) => "expected a plain number, such as `20` or `10k`",
        (_, Unit::TokensPerSecond) => "expected tokens a second, such as `40`",
        (_, Unit::Score) => "expected a plain number, such as `0.7` or `80`",
    }
}

/// Why a comparison never holds, or always does.
fn impossible(
    function: Function,
    measure: &Measure,
    comparator: Comparator,
    threshold: Threshold,
) -> Option<String> {
    let number = threshold.number();
    // A return may be a loss, a score is what it is, and changes go both ways; a distance does not.
    let (least, most) = match (function, measure.unit) {
        (Function::Anomaly, _) => (0.0, f64::INFINITY),
        (Function::Change, _) => (-1.0, f64::INFINITY),
        (_, Unit::Score) => return None,
        (_, Unit::Ratio) if measure.name == "roi" => (-1.0, f64::INFINITY),
        (_, Unit::Usd) if measure.name == "outcome_value" => return None,
        (_, Unit::Ratio) => (0.0, 1.0),
        _ => (0.0, f64::INFINITY),
    };
    let name = measure.name;
    let range =
        if most.is_finite() { format!("from {least} to {most}") } else { format!("at least {least}") };
    let hint = if measure.unit == Unit::Ratio && number > 1.0 && most.is_finite() {
        format!(": write `{number}%` for a share of {}", number / 100.0)
    } else {
        String::new()
    };
    let never = match comparator {
        Comparator::Above => number >= most,
        Comparator::AtLeast => number > most,
        Comparator::Below => number <= least,
        Comparator::AtMost => number < least,
        Comparator::Equal => number < least || number > most,
        Comparator::Unequal => false,
    };
    let always = match comparator {
        Comparator::Above => number < least,
        Comparator::AtLeast => number <= least,
        Comparator::Below => number > most,
        Comparator::AtMost => number >= most,
        Comparator::Equal => false,
        Comparator::Unequal => number < least || number > most,
    };
    let told = |how: &str| format!("`{name}` is {range}, so this {how} holds{hint}");
    if never { Some(told("never")) } else { always.then(|| told("always")) }
}

/// Why a function says nothing of a measure.
pub(super) fn check_function(function: Function, measure: &Measure) -> Result<(), String> {
    let adds_up = matches!(measure.unit, Unit::Count | Unit::Usd)
        && !measure.name.contains("_per_")
        && !matches!(measure.name, "backoff_time");
    if function == Function::Forecast && !adds_up {
        return Err(format!(
            "`forecast` needs a measure that adds up, such as `cost`, `calls` or `total_tokens`; `{}` does not",
            measure.name
        ));
    }
    Ok(())
}

//! `[outcomes]`: what outcomes are worth that are reported without a value.

use super::document::{Item, Mistake, expected};
use jobmon_core::{Text, Usd};
use std::collections::BTreeMap;
use toml::de::DeValue;

/// What outcomes of a kind are worth, by kind.
pub(crate) type OutcomeValues = BTreeMap<Text, Usd>;

/// `[outcomes]` of a file: `application = "$25"`, or a plain number of dollars.
pub(super) fn read(value: &Item<'_>) -> Result<OutcomeValues, Mistake> {
    let DeValue::Table(table) = value.get_ref() else {
        return Err(expected(value, "a table such as `[outcomes]` with `application = \"$25\"`"));
    };
    let mut values = OutcomeValues::new();
    for (kind, value) in table {
        // Numbers are taken as they are written: no amount goes through floating point.
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            _ => String::new(),
        };
        let usd = text.parse().map_err(|_| {
            expected(value, "US dollars such as `\"$25\"` or `0.05`, with at most nine decimals")
        })?;
        values.insert(Text::from(kind.get_ref().to_string()), usd);
    }
    Ok(values)
}

/// `JOBMON_OUTCOMES`: `application=$25,interview=200`.
pub(super) fn parse(text: &str) -> Result<OutcomeValues, String> {
    let mut values = OutcomeValues::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (kind, amount) = pair.split_once('=').map_or((pair, ""), |(kind, amount)| (kind.trim(), amount));
        let usd: Usd = amount.parse().map_err(|_| {
            format!(
                "has `{pair}`; expected a kind and US dollars such as `application=25`, separated by commas"
            )
        })?;
        if values.insert(Text::copied(kind), usd).is_some() {
            return Err(format!("names `{kind}` twice; name it once"));
        }
    }
    Ok(values)
}

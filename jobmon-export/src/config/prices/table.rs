//! The table `[prices]` of `jobmon.toml`.

use super::super::document::{Item, Mistake, duration, expected, string, unknown};
use super::super::list;
use super::PriceConfig;
use jobmon_core::{ModelPrice, Rate, Timestamp, UsageUnit, Usd};
use std::path::PathBuf;
use toml::de::DeValue;

const MODEL_KEYS: [&str; 5] = ["model", "provider", "currency", "from", "context"];

/// `[prices]`.
pub(in crate::config) fn read(value: &Item<'_>) -> Result<PriceConfig, Mistake> {
    let DeValue::Table(table) = value.get_ref() else {
        return Err(expected(value, "a table `[prices]`"));
    };
    let mut config = PriceConfig::default();
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "file" => config.file = Some(PathBuf::from(string(value)?)),
            "check_interval" => config.check_interval = Some(duration(value)?),
            "models" => config.models = models(value)?,
            other => {
                let accepted = "file, check_interval, models";
                return Err(unknown(key.span().start, other, "key of `[prices]`", accepted));
            }
        }
    }
    Ok(config)
}

fn models(value: &Item<'_>) -> Result<Vec<ModelPrice>, Mistake> {
    let DeValue::Array(items) = value.get_ref() else {
        return Err(expected(value, "tables `[[prices.models]]`"));
    };
    let mut models: Vec<ModelPrice> = Vec::new();
    for item in items {
        let model = model(item)?;
        if models.iter().any(|before| before.is_same_as(&model)) {
            let problem =
                "this price is given twice: another one is for the same model, provider, context and \
                           date; give it once"
                    .to_owned();
            return Err(Mistake { at: item.span().start, problem });
        }
        models.push(model);
    }
    Ok(models)
}

/// One of `[[prices.models]]`.
fn model(item: &Item<'_>) -> Result<ModelPrice, Mistake> {
    let DeValue::Table(table) = item.get_ref() else {
        return Err(expected(item, "a table `[[prices.models]]`"));
    };
    let missing = |problem: &str| Mistake { at: item.span().start, problem: problem.to_owned() };
    let (_, name) = table
        .get_key_value("model")
        .ok_or_else(|| missing("this price has no `model`; name the model, such as `model = \"gpt-4o\"`"))?;
    let mut price = ModelPrice::new(string(name)?);
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "model" => {}
            "provider" => price = price.provider(string(value)?),
            "currency" => currency(value)?,
            "from" => price = price.from(date(value)?),
            "context" => {
                let DeValue::Table(context) = value.get_ref() else {
                    return Err(expected(value, "a table such as `{ service_tier = \"flex\" }`"));
                };
                for (key, value) in context {
                    price = price.context(key.get_ref().to_string(), string(value)?);
                }
            }
            other => {
                let unit = UsageUnit::of_price(other).map_err(|_| {
                    let prices = UsageUnit::ALL.iter().map(|unit| unit.price_name());
                    unknown(
                        key.span().start,
                        other,
                        "key of a price",
                        &list(MODEL_KEYS.into_iter().chain(prices)),
                    )
                })?;
                price = price.rate(unit, rate(unit, value)?);
            }
        }
    }
    price.check().map_err(|error| missing(&error.to_string()))?;
    Ok(price)
}

fn currency(value: &Item<'_>) -> Result<(), Mistake> {
    let currency = string(value)?;
    if currency.eq_ignore_ascii_case("USD") {
        return Ok(());
    }
    let problem =
        format!("unknown currency `{currency}`; prices are in US dollars: `USD`, the default, is accepted");
    Err(Mistake { at: value.span().start, problem })
}

fn date(value: &Item<'_>) -> Result<Timestamp, Mistake> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        _ => String::new(),
    };
    let mut parts = text.splitn(3, '-').map(str::parse::<u32>);
    let parsed = match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) => Timestamp::from_date(year.into(), month, day),
        _ => None,
    };
    parsed.ok_or_else(|| expected(value, "a date such as `2026-11-01` (its first moment in UTC)"))
}

/// `2.5`, `"$2.50"` or `{ base = 2.5, tiers = [{ start = 200_000, price = 5 }] }`.
fn rate(unit: UsageUnit, value: &Item<'_>) -> Result<Rate, Mistake> {
    let mut places = vec![value.span().start];
    let rate = match value.get_ref() {
        DeValue::Table(table) => {
            let mut base = None;
            let mut tiers = Vec::new();
            for (key, value) in table {
                match key.get_ref().as_ref() {
                    "base" => {
                        places[0] = value.span().start;
                        base = Some(usd(value)?);
                    }
                    "tiers" => {
                        let DeValue::Array(items) = value.get_ref() else {
                            return Err(expected(value, "a list such as `[{ start = 200_000, price = 5 }]`"));
                        };
                        for item in items {
                            places.push(item.span().start);
                            tiers.push(tier(item)?);
                        }
                    }
                    other => {
                        return Err(unknown(
                            key.span().start,
                            other,
                            "key of a price with tiers",
                            "base, tiers",
                        ));
                    }
                }
            }
            let base = base.ok_or_else(|| expected(value, "`base`, the price below all tiers"))?;
            tiers.into_iter().fold(Rate::flat(base), |rate, (start, usd)| rate.above(start, usd))
        }
        _ => Rate::flat(usd(value)?),
    };
    rate.check(unit).map_err(|error| {
        let at = error.tier.map_or(0, |tier| tier + 1);
        Mistake { at: places.get(at).copied().unwrap_or(places[0]), problem: error.problem }
    })?;
    Ok(rate)
}

fn tier(item: &Item<'_>) -> Result<(u64, Usd), Mistake> {
    let DeValue::Table(table) = item.get_ref() else {
        return Err(expected(item, "a tier such as `{ start = 200_000, price = 5 }`"));
    };
    let (mut start, mut price) = (None, None);
    for (key, value) in table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("start", DeValue::Integer(number)) => {
                let number =
                    number.as_str().parse().map_err(|_| expected(value, "a number of input tokens"))?;
                start = Some(number);
            }
            ("start", _) => return Err(expected(value, "a number of input tokens")),
            ("price", _) => price = Some(usd(value)?),
            (other, _) => return Err(unknown(key.span().start, other, "key of a tier", "start, price")),
        }
    }
    start.zip(price).ok_or_else(|| expected(item, "both `start` and `price` in a tier"))
}

/// An amount of money, read exactly.
fn usd(value: &Item<'_>) -> Result<Usd, Mistake> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Float(number) => number.as_str().replace('_', ""),
        DeValue::Integer(number) => number.as_str().replace('_', ""),
        _ => String::new(),
    };
    text.parse().map_err(|_| {
        expected(value, "a price in US dollars such as `2.5` or `\"$2.50\"`, with at most nine decimals")
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::file;
    use super::*;
    use jobmon_core::{Cost, PriceRequest, Prices, Usage};

    #[test]
    fn prices_of_ones_own_are_read() {
        let text = r#"
            [prices]
            file = "prices.json"
            check_interval = "1m"
            [[prices.models]]
            model = "house-*"
            provider = "vllm"
            currency = "usd"
            from = 2026-01-01
            input_mtok = { base = 0.2, tiers = [{ start = 100_000, price = "$0.40" }] }
            output_mtok = 1
            [[prices.models]]
            model = "house-70b"
            context = { service_tier = "flex" }
            from = "2026-01-01"
            requests_kcount = 2
        "#;
        let config = file::parse("jobmon.toml", text).expect("correct").prices;
        assert_eq!(config.file, Some(PathBuf::from("prices.json")));
        let prices = Prices::none().with_models(config.models).expect("correct");
        let at = std::time::SystemTime::from(Timestamp::from_date(2026, 1, 1).expect("a date"));
        let usage = Usage::new(200_000, 1_000_000);
        let request = PriceRequest::new(Some("vllm"), "house-70b", at, &usage);
        assert_eq!(prices.price(&request), Cost::Known(Usd::from_nanos(1_080_000_000)));
        let before = std::time::SystemTime::from(Timestamp::from_date(2025, 12, 31).expect("a date"));
        let request = PriceRequest::new(Some("vllm"), "house-70b", before, &usage);
        assert_eq!(prices.price(&request), Cost::Unpriced);
    }

    #[test]
    fn mistakes_point_at_what_is_wrong() {
        for (line, column, problem) in [
            (
                "input_mtok = -1",
                14,
                "a price cannot be negative; `input_mtok` is in dollars for a million tokens",
            ),
            ("input_mtok = 0.0000025", 14, "is less than any model costs"),
            ("input_mtok = 2_500_000", 14, "is more than any model costs"),
            ("input_mtok = 1e-3", 14, "expected a price in US dollars"),
            ("input_mtok = nan", 14, "expected a price in US dollars"),
            ("input_mtok = \"2 EUR\"", 14, "expected a price in US dollars"),
            ("currency = \"EUR\"", 12, "unknown currency `EUR`; prices are in US dollars"),
            ("inptu_mtok = 1", 1, "unknown key of a price `inptu_mtok`; expected any of: model, provider, "),
            ("from = \"November\"", 8, "expected a date"),
            ("from = 2026-02-30", 8, ""),
            ("input_mtok = {tiers = []}", 14, "expected `base`"),
            ("input_mtok = {base = 1, tiers = [{start = 5}]}", 34, "expected both `start` and `price`"),
            (
                "input_mtok = {base = 1, tiers = [{start = 5, price = 1}, {start = 5, price = 2}]}",
                58,
                "tiers overlap",
            ),
            ("input_mtok = {base = 1, tiers = [{start = 5, price = -1}]}", 34, "cannot be negative"),
            ("input_mtok = {base = 1, top = 2}", 25, "unknown key of a price with tiers `top`"),
        ] {
            let text = format!("[[prices.models]]\nmodel = 'm'\n{line}\n");
            let error = file::parse("jobmon.toml", &text).expect_err(line).to_string();
            let place = format!("jobmon.toml:3:{column}: ");
            assert!(error.starts_with(&place) && error.contains(problem), "{line}: {error}");
            assert!(error.contains(&format!("  | {line}\n")), "{error}");
        }
        for (text, place, problem) in [
            ("[[prices.models]]\nmodel = 'm'", "jobmon.toml:1:1", "no price is given"),
            ("[[prices.models]]\ninput_mtok = 1", "jobmon.toml:1:1", "has no `model`"),
            (
                "[[prices.models]]\nmodel = 'm'\ninput_mtok = 1\n[[prices.models]]\nmodel = 'M'\ninput_mtok = 2",
                "jobmon.toml:4:1",
                "given twice",
            ),
            ("[prices]\nfiel = 'x'", "jobmon.toml:2:1", "unknown key of `[prices]` `fiel`"),
            ("prices = 1", "jobmon.toml:1:10", "expected a table `[prices]`"),
        ] {
            let error = file::parse("jobmon.toml", text).expect_err(text).to_string();
            assert!(error.starts_with(place) && error.contains(problem), "{text}: {error}");
        }
    }
}

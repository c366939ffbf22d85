//! `jobmon prices cost`: requests as JSON lines in, costs as JSON lines out.

use super::Message;
use jobmon_core::{Cost, PriceRequest, Priced, Prices, Rates, Rule, Timestamp, Usage, UsageUnit};
use serde_json::{Map, Value, json};
use std::io::{self, BufRead, BufWriter, Write};
use std::time::SystemTime;

pub(super) const HELP: &str = r#"Each line is one request, priced on its own, since prices have tiers:
  {"provider": "openai", "model": "gpt-5", "at": "2026-11-24T09:00:00Z", "usage": {"input_tokens": 1200, "output_tokens": 80}}
`provider` and `at` (now) may be left out; `api_url` (which tells the provider) and `context` ({"service_tier": "flex"}) may be
added. `usage` has the unit names of genai-prices.

Each answer is one line:
  {"nanodollars": 2300000, "grade": "known", "rule": {"list": "genai-prices 0.2.1", "own": false, "provider": "openai",
   "model": "gpt-5", "rates": {"input_mtok": 1.25, "output_mtok": 10.0}}}
`nanodollars` is null where the grade is `unpriced`. A line that is no request is answered with {"line", "error"}, and the exit
code is then 2."#;

/// Prices what standard input has, line by line.
pub(super) fn cost(prices: &Prices) -> Result<String, Message> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut wrong = 0_u64;
    for (number, line) in io::stdin().lock().lines().enumerate() {
        let line = line.map_err(|error| format!("cannot read standard input: {error}"))?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = match Request::read(&line) {
            Ok(request) => request.price(prices),
            Err(error) => {
                wrong += 1;
                json!({ "line": number + 1, "error": error })
            }
        };
        match writeln!(out, "{answer}") {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(String::new()),
            written => written.map_err(|error| format!("cannot write the answer: {error}"))?,
        }
    }
    out.flush().map_err(|error| format!("cannot write the answer: {error}"))?;
    if wrong > 0 {
        return Err(format!("{wrong} lines are no requests; each is answered with what is wrong"));
    }
    Ok(String::new())
}

/// One request, read from its line.
#[derive(Debug)]
struct Request {
    provider: Option<String>,
    model: String,
    at: SystemTime,
    usage: Usage,
    api_url: Option<String>,
    context: Vec<(String, String)>,
    /// Units that are not known here.
    unknown: Vec<String>,
}

impl Request {
    fn read(line: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(line).map_err(|error| format!("it is no JSON: {error}"))?;
        let Value::Object(object) = value else { return Err("expected a JSON object".to_owned()) };
        let mut request = Self {
            provider: None,
            model: String::new(),
            at: SystemTime::now(),
            usage: Usage::default(),
            api_url: None,
            context: Vec::new(),
            unknown: Vec::new(),
        };
        for (key, value) in &object {
            match key.as_str() {
                "provider" => request.provider = text(key, value)?,
                "model" => request.model = text(key, value)?.unwrap_or_default(),
                "api_url" => request.api_url = text(key, value)?,
                "at" => request.at = at(value)?,
                "usage" => request.read_usage(value)?,
                "context" => request.context = context(value)?,
                other => {
                    return Err(format!(
                        "unknown key `{other}`; expected any of: provider, model, at, usage, api_url, context"
                    ));
                }
            }
        }
        if request.model.is_empty() {
            return Err("`model` is missing; name the model".to_owned());
        }
        if !object.contains_key("usage") {
            return Err("`usage` is missing; say what was used, such as {\"input_tokens\": 1200}".to_owned());
        }
        Ok(request)
    }

    fn read_usage(&mut self, value: &Value) -> Result<(), String> {
        let Value::Object(units) = value else { return Err("`usage` is no object".to_owned()) };
        for (name, value) in units.iter().filter(|(_, value)| !value.is_null()) {
            match name.parse::<UsageUnit>() {
                Ok(unit) => self.usage.set(unit, Some(count(unit, value)?)),
                Err(_) => self.unknown.push(name.clone()),
            }
        }
        Ok(())
    }

    fn price(&self, prices: &Prices) -> Value {
        let context: Vec<_> =
            self.context.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let request = PriceRequest::new(self.provider.as_deref(), &self.model, self.at, &self.usage)
            .with_api_url(self.api_url.as_deref())
            .with_context(&context);
        let Priced { mut cost, rule, mut warnings, .. } = prices.explain(&request);
        if !self.unknown.is_empty() {
            warnings.push(format!("unknown units of usage: {}", self.unknown.join(", ")));
            cost = if let Cost::Known(usd) = cost { Cost::AtLeast(usd) } else { cost };
        }
        let nanos = (cost != Cost::Unpriced).then(|| cost.floor().nanos());
        let mut answer =
            json!({ "nanodollars": nanos, "grade": cost.grade(), "rule": rule.as_ref().map(written) });
        if !warnings.is_empty() {
            answer["warnings"] = json!(warnings);
        }
        answer
    }
}

fn written(rule: &Rule) -> Value {
    json!({
        "list": rule.list.as_str(), "own": rule.own, "provider": rule.provider.as_deref(), "model": rule.model.as_str(),
        "rates": rates(&rule.rates),
    })
}

/// Rates as the price list writes them: dollars, by the names of prices.
pub(super) fn rates(rates: &Rates) -> Map<String, Value> {
    let dollars = |usd: jobmon_core::Usd| -> Value {
        let text = usd.to_string().replace('$', "");
        text.parse::<f64>().map_or(Value::Null, |dollars| json!(dollars))
    };
    rates.rates.iter().map(|(unit, usd)| (unit.price_name().to_owned(), dollars(*usd))).collect()
}

fn text(key: &str, value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        other => Err(format!("`{key}` is {other}; expected text")),
    }
}

fn context(value: &Value) -> Result<Vec<(String, String)>, String> {
    let Value::Object(object) = value else {
        return Err("`context` is no object; expected one such as {\"service_tier\": \"flex\"}".to_owned());
    };
    object.iter().map(|(key, value)| Ok((key.clone(), text(key, value)?.unwrap_or_default()))).collect()
}

/// RFC 3339 or a date, in UTC unless it says otherwise; a number is seconds since 1970.
fn at(value: &Value) -> Result<SystemTime, String> {
    let wrong = || {
        format!("`at` is {value}; expected a moment such as \"2026-11-24T09:00:00Z\", or seconds since 1970")
    };
    match value {
        Value::Null => Ok(SystemTime::now()),
        Value::String(text) => crate::time::point(text).map(SystemTime::from).ok_or_else(wrong),
        Value::Number(number) => {
            let seconds = number.as_i64().and_then(|seconds| seconds.checked_mul(1_000_000_000));
            seconds.map(Timestamp::from_nanos).map(SystemTime::from).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// A whole number; of times, seconds with up to six decimals.
fn count(unit: UsageUnit, value: &Value) -> Result<u64, String> {
    /// Up to here every whole number is an `f64`.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let scale = if unit.is_in_millionths() { 1e6 } else { 1.0 };
    let whole = value.as_u64().filter(|_| !unit.is_in_millionths());
    let scaled = || {
        let number = value.as_f64()? * scale;
        let number = if unit.is_in_millionths() { number.round() } else { number };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range")]
        (number.fract() == 0.0 && (0.0..=EXACT).contains(&number)).then_some(number as u64)
    };
    whole.or_else(scaled).ok_or_else(|| format!("`{unit}` is {value}; expected a whole number of at least 0"))
}

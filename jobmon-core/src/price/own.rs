//! [`ModelPrice`]: prices of the user's own, for private models and for contracts that differ from the list.

use super::card::Cards;
use super::{PriceRequest, PricesError, list};
use crate::money::{Cost, Usd};
use crate::text::Text;
use crate::time::Timestamp;
use crate::usage_unit::UsageUnit;
use genai_prices::{Calculator, PriceCalculation};
use jobmon_names::{Named, is_name_of, list_name};
use serde_json::{Map, Value, json};

/// What one model costs, going before the price list.
///
/// ```
/// use jobmon_core::{Cost, ModelPrice, PriceRequest, Prices, Rate, Usage, UsageUnit, Usd};
/// use std::time::SystemTime;
///
/// let ours = ModelPrice::new("house-llama-*")
///     .rate(UsageUnit::InputTokens, Rate::flat("$0.20".parse()?))
///     .rate(UsageUnit::OutputTokens, Rate::flat("$0.80".parse()?).above(100_000, "$1.60".parse()?));
/// let prices = Prices::none().with_models([ours])?;
/// let usage = Usage::new(1_000_000, 0);
/// let request = PriceRequest::new(Some("vllm"), "house-llama-70b", SystemTime::now(), &usage);
/// assert_eq!(prices.price(&request), Cost::Known("$0.20".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ModelPrice {
    model: Text,
    provider: Option<Text>,
    from: Option<Timestamp>,
    context: Vec<(Text, Text)>,
    rates: Vec<(UsageUnit, Rate)>,
}

/// What a unit costs: dollars for [`UsageUnit::per`] of it, such as for a million tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Rate {
    base: Usd,
    /// More input tokens than these, and the price that then holds for all of the request.
    tiers: Vec<(u64, Usd)>,
}

/// What is wrong with a [`Rate`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateError {
    /// Which tier, from 0; `None` for the base.
    pub tier: Option<usize>,
    /// What is wrong, and what is accepted.
    pub problem: String,
}

impl Rate {
    /// The same price whatever the size of the request.
    pub const fn flat(usd: Usd) -> Self {
        Self { base: usd, tiers: Vec::new() }
    }

    /// The price of requests with more input tokens than `start`: it then holds for every token of the request. Tiers
    /// are given in rising order.
    pub fn above(mut self, start: u64, usd: Usd) -> Self {
        self.tiers.push((start, usd));
        self
    }

    /// Refuses prices that no provider takes.
    ///
    /// # Errors
    /// A negative price; more than $10,000, or (unless it is zero) less than $0.00001, for a million tokens, which is
    /// a price for another number of tokens; tiers that overlap.
    pub fn check(&self, unit: UsageUnit) -> Result<(), RateError> {
        let price = |usd: Usd, tier| match wrong_price(usd, unit) {
            Some(problem) => Err(RateError { tier, problem }),
            None => Ok(()),
        };
        price(self.base, None)?;
        let mut before = 0;
        for (at, (start, usd)) in self.tiers.iter().enumerate() {
            if *start <= before {
                let problem = if *start == 0 {
                    "a tier that starts at 0 is the base; give it as `base`".to_owned()
                } else {
                    format!(
                        "tiers overlap: one starts above {before} input tokens and the next above {start}; give each \
                         start once, in rising order"
                    )
                };
                return Err(RateError { tier: Some(at), problem });
            }
            before = *start;
            price(*usd, Some(at))?;
        }
        Ok(())
    }

    /// As the price list writes it.
    fn to_json(&self) -> Value {
        let number = |usd: Usd| json!(usd.to_string().replace('$', "").parse::<f64>().unwrap_or(f64::NAN));
        if self.tiers.is_empty() {
            return number(self.base);
        }
        let tiers: Vec<_> =
            self.tiers.iter().map(|(start, usd)| json!({ "start": start, "price": number(*usd) })).collect();
        json!({ "base": number(self.base), "tiers": tiers })
    }
}

/// The most and the least that is believed for a million tokens, a thousand searches, an hour of audio.
const MOST: Usd = Usd::from_dollars(10_000);
const LEAST: Usd = Usd::from_nanos(10_000);

fn wrong_price(usd: Usd, unit: UsageUnit) -> Option<String> {
    let (per, what) = match unit.price_name().rsplit_once('_') {
        Some((_, "mtok")) => ("a million", "tokens"),
        Some((_, "kcount")) => ("a thousand", "calls"),
        Some((_, "kpages")) => ("a thousand", "pages"),
        Some((_, "mchars")) => ("a million", "characters"),
        Some((_, "gpixels")) => ("a billion", "pixels"),
        _ => ("one hour", "of audio"),
    };
    if usd < Usd::ZERO {
        Some(format!("a price cannot be negative; `{}` is in dollars for {per} {what}", unit.price_name()))
    } else if usd > MOST {
        Some(format!(
            "{usd} for {per} {what} is more than any model costs (at most {MOST} is accepted); `{}` is in dollars for \
             {per} {what}",
            unit.price_name()
        ))
    } else if usd > Usd::ZERO && usd < LEAST {
        Some(format!(
            "{usd} for {per} {what} is less than any model costs (at least {LEAST}, or 0, is accepted); `{}` is in \
             dollars for {per} {what}, not for one",
            unit.price_name()
        ))
    } else {
        None
    }
}

impl ModelPrice {
    /// The price of a model of this name; with `*` at its end, of all whose names begin so. Case does not matter.
    pub fn new(model: impl Into<Text>) -> Self {
        Self { model: model.into(), provider: None, from: None, context: Vec::new(), rates: Vec::new() }
    }

    /// Only where this provider runs it; by any of the names that calls may use for it.
    pub fn provider(mut self, provider: impl Into<Text>) -> Self {
        self.provider = Some(provider.into());
        self
    }

    /// Only for requests from this moment on; earlier ones cost what another price or the list says.
    pub const fn from(mut self, moment: Timestamp) -> Self {
        self.from = Some(moment);
        self
    }

    /// Only for requests with this in their price context, such as `service_tier` and `flex`.
    pub fn context(mut self, key: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.context.push((key.into(), value.into()));
        self
    }

    /// What a unit costs. The last one said for a unit counts.
    pub fn rate(mut self, unit: UsageUnit, rate: Rate) -> Self {
        self.rates.retain(|(known, _)| *known != unit);
        self.rates.push((unit, rate));
        self
    }

    /// Refuses a price that cannot be meant.
    ///
    /// # Errors
    /// An empty name, no rate at all, a rate that [`Rate::check`] refuses, a part with a price and no whole with one.
    pub fn check(&self) -> Result<(), PricesError> {
        let refuse =
            |problem: String| Err(PricesError(format!("the price of model `{}`: {problem}", self.model)));
        if self.model.trim_end_matches('*').trim().is_empty() {
            return refuse(
                "the name is empty; name the model, such as `gpt-4o` or `house-llama-*`".to_owned(),
            );
        }
        if self.rates.is_empty() {
            return refuse(
                "no price is given; give at least one, such as `input_mtok` and `output_mtok` in dollars for a \
                 million tokens"
                    .to_owned(),
            );
        }
        for (unit, rate) in &self.rates {
            if let Err(error) = rate.check(*unit) {
                return refuse(format!("`{}`: {}", unit.price_name(), error.problem));
            }
        }
        Ok(())
    }

    /// Whether two are for the same requests, so that one would never count.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let context = |price: &Self| {
            let mut context = price.context.clone();
            context.sort_unstable();
            context
        };
        let provider = |price: &Self| price.provider.as_deref().map(list_name).map(str::to_ascii_lowercase);
        self.model.eq_ignore_ascii_case(&other.model)
            && provider(self) == provider(other)
            && self.from == other.from
            && context(self) == context(other)
    }

    /// How well it fits a request, to be compared; `None` where it does not.
    fn fit(
        &self,
        named: &Named<'_>,
        request: &PriceRequest<'_>,
    ) -> Option<(bool, usize, bool, usize, Option<Timestamp>)> {
        let pattern = self.model.trim();
        let (fits, exact) = match pattern.strip_suffix('*') {
            Some(start) => {
                let beginning = named.model.get(..start.len());
                (beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(start)), false)
            }
            None => (named.model.eq_ignore_ascii_case(pattern), true),
        };
        if !fits {
            return None;
        }
        let provider = match (&self.provider, named.provider) {
            (Some(own), Some(given)) => {
                let own = list_name(own.trim());
                own.eq_ignore_ascii_case(given) || is_name_of(given, own)
            }
            // Who runs it is not said: its name decides.
            (Some(_) | None, _) => true,
        };
        let now = self.from.is_none_or(|from| from <= Timestamp::from(request.at));
        let said = |(key, value): &(Text, Text)| {
            request
                .context
                .iter()
                .rev()
                .find(|(known, _)| *known == key.as_str())
                .is_some_and(|(_, v)| *v == value.as_str())
        };
        (provider && now && self.context.iter().all(said)).then_some((
            exact,
            pattern.len(),
            self.provider.is_some(),
            self.context.len(),
            self.from,
        ))
    }
}

/// Prices of the user's own, as a list of the `genai-prices` crate: one provider, one model for each.
#[derive(Debug, Default)]
pub(super) struct Own {
    models: Vec<ModelPrice>,
    calculator: Option<Calculator>,
    cards: Cards,
}

/// The provider of that list.
const PROVIDER: &str = "own";

impl Own {
    pub(super) fn new(models: Vec<ModelPrice>) -> Result<Self, PricesError> {
        if models.is_empty() {
            return Ok(Self::default());
        }
        let mut list = Vec::new();
        for (at, model) in models.iter().enumerate() {
            model.check()?;
            if models[..at].iter().any(|before| before.is_same_as(model)) {
                return Err(PricesError(format!(
                    "the price of model `{}` is given twice; give it once",
                    model.model
                )));
            }
            let rates: Map<_, _> = model
                .rates
                .iter()
                .map(|(unit, rate)| (unit.price_name().to_owned(), rate.to_json()))
                .collect();
            let id = format!("m{at}");
            list.push(json!({ "id": id, "match": { "equals": id }, "prices": rates }));
            // One by one, so that the mistake is found where it is.
            Self::decode(&list[at..])
                .map_err(|error| PricesError(format!("the price of model `{}`: {error}", model.model)))?;
        }
        let calculator = Some(Self::decode(&list).map_err(|error| PricesError(error.to_string()))?);
        Ok(Self { models, calculator, cards: Cards::default() })
    }

    fn decode(models: &[Value]) -> Result<Calculator, genai_prices::Error> {
        let provider = json!([{ "id": PROVIDER, "name": PROVIDER, "api_pattern": "^$", "models": models }]);
        Calculator::from_json(provider.to_string())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// What tells these prices from others.
    pub(super) fn text(&self) -> String {
        format!("{:?}", self.models)
    }

    /// The price that fits a request best: an exact name before a beginning, a long beginning before a short one, one
    /// for the provider before one for all, then the one that fits the context best, then the newest.
    fn find(&self, request: &PriceRequest<'_>) -> Option<(usize, &ModelPrice)> {
        if self.models.is_empty() {
            return None;
        }
        let named = Named::new(request.provider, request.model);
        let fits =
            self.models.iter().enumerate().filter_map(|(at, model)| Some((model.fit(&named, request)?, at)));
        fits.max().map(|(_, at)| (at, &self.models[at]))
    }

    /// Asks the list for a request, if it has a price for it.
    pub(super) fn ask<R>(
        &self,
        request: &PriceRequest<'_>,
        ask: impl FnOnce(&Calculator, &PriceRequest<'_>) -> R,
    ) -> Option<(R, &ModelPrice)> {
        let (at, model) = self.find(request)?;
        let id = format!("m{at}");
        let own =
            PriceRequest { provider: Some(PROVIDER), model: &id, api_url: None, context: &[], ..*request };
        Some((ask(self.calculator.as_ref()?, &own), model))
    }

    pub(super) fn price(&self, request: &PriceRequest<'_>) -> Option<Cost> {
        self.ask(request, |list, request| list::price(list, &self.cards, request)).map(|(cost, _)| cost)
    }

    pub(super) fn explain(
        &self,
        request: &PriceRequest<'_>,
    ) -> Option<((Cost, Option<PriceCalculation>), &ModelPrice)> {
        self.ask(request, |list, request| list::explain(list, &self.cards, request))
    }
}

impl ModelPrice {
    /// Who it is for and what it is called, for messages.
    pub(super) fn named(&self) -> (Option<&Text>, &Text) {
        (self.provider.as_ref(), &self.model)
    }
}

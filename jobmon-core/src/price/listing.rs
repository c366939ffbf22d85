//! What a price list says, to be shown: models, their rates, and the rule that a price was computed with.

use super::list::{self, Query};
use super::{Lists, PriceRequest, Prices, Rates};
use crate::money::Cost;
use crate::text::Text;
use crate::usage::Usage;
use crate::usage_unit::UsageUnit;
use genai_prices::{Calculator, PriceCalculation};
use std::time::SystemTime;

/// A cost and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Priced {
    /// The cost.
    pub cost: Cost,
    /// What it was computed with; `None` where no list has the model.
    pub rule: Option<Rule>,
    /// What the list could not price.
    pub warnings: Vec<String>,
}

/// The prices that one request was charged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// Which list, see [`Prices::version`].
    pub list: Text,
    /// Whether it is a price of the user's own.
    pub own: bool,
    /// The provider in the list's words; `None` for a price of the user's own that is for all.
    pub provider: Option<Text>,
    /// The model in the list's words.
    pub model: Text,
    /// The rates that held: for this size of request, at this time, in this context.
    pub rates: Rates,
}

/// A model that a list has prices for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedModel {
    /// The provider's id.
    pub provider: Text,
    /// The model's id.
    pub model: Text,
    /// Its name for people.
    pub name: Option<Text>,
    /// Tokens that fit into its context.
    pub context_window: Option<u64>,
}

impl Lists {
    pub(super) fn price(&self, request: &PriceRequest<'_>) -> Cost {
        self.own.price(request).unwrap_or_else(|| {
            self.calculator().map_or(Cost::Unpriced, |list| list::price(list, &self.cards, request))
        })
    }

    fn explain(&self, request: &PriceRequest<'_>) -> Priced {
        let warnings = |calculation: Option<&PriceCalculation>| {
            calculation.map(|calculation| calculation.warnings.clone()).unwrap_or_default()
        };
        let rates = |list: &Calculator, request: &PriceRequest<'_>| {
            let used = |unit: UsageUnit| {
                let uses = |(used, _): (UsageUnit, u64)| used == unit || used.is_part_of(unit);
                unit == UsageUnit::Requests || request.usage.reported().any(uses)
            };
            Rates::of(&Query::new(list, request), request.usage.input.unwrap_or(0), &used)
        };
        if let Some(((cost, calculation), model)) = self.own.explain(request) {
            let (provider, name) = model.named();
            let rule = Rule {
                list: self.version.clone(),
                own: true,
                provider: provider.cloned(),
                model: name.clone(),
                rates: self.own.ask(request, rates).map(|(rates, _)| rates).unwrap_or_default(),
            };
            return Priced { cost, rule: Some(rule), warnings: warnings(calculation.as_ref()) };
        }
        let explained = self.calculator().map(|list| list::explain(list, &self.cards, request));
        let (cost, calculation) = explained.unwrap_or((Cost::Unpriced, None));
        let warnings = warnings(calculation.as_ref());
        let rule = calculation.zip(self.calculator()).map(|(calculation, calculator)| Rule {
            list: self.version.clone(),
            own: false,
            provider: Some(Text::from(calculation.provider_id)),
            model: Text::from(calculation.model_id),
            rates: rates(calculator, request),
        });
        Priced { cost, rule, warnings }
    }
}

impl Prices {
    /// What one answer cost, and the rule that it was computed with. For people: slower than [`Prices::price`].
    pub fn explain(&self, request: &PriceRequest<'_>) -> Priced {
        self.lists().explain(request)
    }

    /// The models of the list, without those of the user's own.
    pub fn models(&self) -> Vec<ListedModel> {
        let lists = self.lists();
        let providers = lists.calculator().into_iter().flat_map(Calculator::providers);
        providers
            .flat_map(|provider| provider.models().map(move |model| (provider, model)))
            .map(|(provider, model)| ListedModel {
                provider: Text::copied(provider.id()),
                model: Text::copied(model.id()),
                name: model.name().map(Text::copied),
                context_window: model.context_window(),
            })
            .collect()
    }

    /// What a model charges at a moment, tier by tier; empty where it has no price.
    pub fn rates(
        &self,
        provider: Option<&str>,
        model: &str,
        at: SystemTime,
        context: &[(&str, &str)],
    ) -> Vec<Rates> {
        self.ask_rates(provider, model, at, context, &Rates::tiers)
    }

    fn ask_rates(
        &self,
        provider: Option<&str>,
        model: &str,
        at: SystemTime,
        context: &[(&str, &str)],
        ask: &dyn Fn(&Query<'_>) -> Vec<Rates>,
    ) -> Vec<Rates> {
        let usage = Usage::new(1, 1);
        let request = PriceRequest::new(provider, model, at, &usage).with_context(context);
        let ask = |list: &Calculator, request: &PriceRequest<'_>| ask(&Query::new(list, request));
        let lists = self.lists();
        if let Some((rates, _)) = lists.own.ask(&request, ask) {
            return rates;
        }
        let known = lists.calculator().filter(|list| list::ask(&Query::new(list, &request)).1.is_some());
        let mut rates = known.map(|list| ask(list, &request)).unwrap_or_default();
        // A model that the list knows and has no price for.
        if rates.iter().all(|tier| tier.rates.is_empty()) {
            rates.clear();
        }
        rates
    }

    /// What a model charges at a moment for some units, in requests of any size but the largest: the first tier.
    /// `None` where it has no price.
    pub fn base_rates(
        &self,
        provider: Option<&str>,
        model: &str,
        at: SystemTime,
        units: &[UsageUnit],
    ) -> Option<Rates> {
        let wanted = |unit| units.contains(&unit);
        self.ask_rates(provider, model, at, &[], &|query| vec![Rates::of(query, 1, &wanted)]).pop()
    }

    /// The day that the list is of: when the crate was published that brought it. `None` for a list that was loaded.
    pub fn date(&self) -> Option<&'static str> {
        matches!(self.lists().base, super::Base::Bundled).then_some(list::DATE)
    }
}

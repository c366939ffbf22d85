//! Pricing by the `genai-prices` crate, with what it leaves to its caller: which provider is meant, and whether
//! a price of zero is a price.

use super::PriceRequest;
use super::card::Cards;
use crate::money::{Cost, Usd};
use crate::usage::Usage;
use crate::usage_unit::UsageUnit;
use genai_prices::{Calculator, Error, ErrorKind, PriceCalculation, Usage as Units, UsageKey};
use jobmon_names::{Named, is_name_of};
use std::time::SystemTime;

/// Checked against `Cargo.lock` by a test; a dependency's version cannot be read at compile time.
pub(super) const VERSION: &str = "genai-prices 0.2.1";

/// The day on which that version was published.
pub(super) const DATE: &str = "2026-10-30";

/// The list that comes with the crate, decoded when first asked for.
pub(super) fn bundled() -> &'static Calculator {
    Calculator::bundled()
}

/// Values of the price context that mean what a list charges without any.
const STANDARD: [&str; 5] = ["default", "standard", "standard_only", "on_demand", "web"];

/// What a request costs by a list: by a card where one has all that it needs.
pub(super) fn price(list: &Calculator, cards: &Cards, request: &PriceRequest<'_>) -> Cost {
    if request.usage.is_empty() {
        return Cost::Unpriced;
    }
    let query = || Query::new(list, request);
    cards.price(request, query).unwrap_or_else(|| ask(&query()).0)
}

/// The same, and the model that it was computed with.
pub(super) fn explain(
    list: &Calculator,
    cards: &Cards,
    request: &PriceRequest<'_>,
) -> (Cost, Option<PriceCalculation>) {
    let calculation = ask(&Query::new(list, request)).1;
    (price(list, cards, request), calculation)
}

/// What the list itself says.
pub(super) fn ask(query: &Query<'_>) -> (Cost, Option<PriceCalculation>) {
    let request = &query.request;
    if request.usage.is_empty() {
        return (Cost::Unpriced, None);
    }
    let (usage, consistent) = consistent(request.usage);
    let Some((calculation, exact)) = query.cheapest(&usage) else { return (Cost::Unpriced, None) };
    if !query.is_of(&calculation) {
        return (Cost::Unpriced, None);
    }
    // Nothing used costs nothing, provided that the list prices the model at all.
    let used = request.usage.reported().any(|(_, count)| count > 0);
    if !used && !query.has(UsageUnit::InputTokens) && !query.has(UsageUnit::OutputTokens) {
        return (Cost::Unpriced, Some(calculation));
    }
    let complete = consistent
        && !usage.more.overflowed
        && exact
        && calculation.warnings.is_empty()
        && query.direction(usage.input, calculation.input_price, UsageUnit::InputTokens)
        && query.direction(usage.output, calculation.output_price, UsageUnit::OutputTokens)
        && usage.reported().all(|(unit, count)| count == 0 || !costs_more(unit) || query.has(unit))
        && query.context_is_known();
    let cost = match Usd::from_price(calculation.total_price) {
        Some(usd) if complete => Cost::Known(usd),
        // Of what was used, something has a price; or nothing was used, as far as is known.
        Some(usd) if usd > Usd::ZERO || !used => Cost::AtLeast(usd),
        _ => Cost::Unpriced,
    };
    (cost, Some(calculation))
}

/// Whether a unit without a price of its own makes a cost incomplete: it usually costs more than the whole that it
/// is a part of, or is a part of nothing.
fn costs_more(unit: UsageUnit) -> bool {
    use UsageUnit::{
        CacheWrite1hTokens, CacheWriteTokens, InputAudioTokens, InputTokens, OutputAudioTokens, OutputTokens,
    };
    match unit {
        CacheWriteTokens | CacheWrite1hTokens | InputAudioTokens | OutputAudioTokens => true,
        InputTokens | OutputTokens => false,
        other => !other.is_part_of(InputTokens) && !other.is_part_of(OutputTokens),
    }
}

/// One question to the list, asked several times.
pub(super) struct Query<'a> {
    list: &'a Calculator,
    provider: Option<&'a str>,
    model: &'a str,
    request: PriceRequest<'a>,
}

impl<'a> Query<'a> {
    pub(super) fn new(list: &'a Calculator, request: &PriceRequest<'a>) -> Self {
        let Named { provider, model } = Named::new(request.provider, request.model);
        Self { list, provider, model, request: *request }
    }

    pub(super) const fn request(&self) -> &PriceRequest<'a> {
        &self.request
    }

    /// The same at another time.
    pub(super) const fn at(&self, at: SystemTime) -> Self {
        Self { request: PriceRequest { at, ..self.request }, ..*self }
    }

    /// Whether an answer is about the provider that was asked for: the list takes any name that contains a known one
    /// for that provider, and a proxy's price is not the provider's.
    pub(super) fn is_of(&self, calculation: &PriceCalculation) -> bool {
        self.provider.is_none_or(|provider| is_name_of(provider, &calculation.provider_id))
    }

    /// The crate's answer for units, with all that it takes into account.
    pub(super) fn calculate(&self, units: &Units) -> Result<PriceCalculation, Error> {
        self.calculate_in(units, self.request.context)
    }

    fn calculate_in(&self, units: &Units, context: &[(&str, &str)]) -> Result<PriceCalculation, Error> {
        let mut request = genai_prices::PriceRequest::new(self.model, units).with_timestamp(self.request.at);
        request.provider_id = self.provider;
        request.provider_api_url = self.request.api_url;
        request.price_context = context.to_vec();
        self.list.calculate(&request)
    }

    /// The price of consistent usage, and whether it is exact.
    fn cheapest(&self, usage: &Usage) -> Option<(PriceCalculation, bool)> {
        let mut units = units(usage);
        match self.calculate(&units) {
            Ok(calculation) => return Some((calculation, true)),
            Err(error) if error.kind() == ErrorKind::InvalidUsage => {}
            Err(_) => return None,
        }
        if let Some(within) = self.within_audio(usage, &mut units) {
            return Some(within);
        }
        // Rarer parts that contradict the rest: without them it costs least.
        let mut rest = *usage;
        without_parts(&mut rest, UsageUnit::InputTokens);
        without_parts(&mut rest, UsageUnit::OutputTokens);
        Some((self.calculate(&self::units(&rest)).ok()?, false))
    }

    /// The lower bound where it is not known how much of the cached input was audio, and whether that is the price.
    fn within_audio(&self, usage: &Usage, units: &mut Units) -> Option<(PriceCalculation, bool)> {
        // A model with prices for cached audio needs to know how much of the cached input was audio, which few
        // answers tell. The price is linear in it, so the two extremes bound the truth.
        let (input, cached, audio) = (usage.input?, usage.cache_read?, usage.input_audio?);
        if units.contains_key(UsageKey::CACHE_AUDIO_READ_TOKENS) {
            return None;
        }
        let mut at = |overlap: u64| {
            units.insert(UsageKey::CACHE_AUDIO_READ_TOKENS, float(overlap));
            let calculation = self.calculate(units).ok();
            units.remove(UsageKey::CACHE_AUDIO_READ_TOKENS);
            calculation
        };
        let least = at(cached.saturating_add(audio).saturating_sub(input))?;
        let most = at(cached.min(audio))?;
        let exact = Usd::from_price(least.total_price) == Usd::from_price(most.total_price);
        Some((if least.total_price <= most.total_price { least } else { most }, exact))
    }

    /// Whether what was used in one direction is fully in its price.
    fn direction(&self, used: Option<u64>, price: f64, unit: UsageUnit) -> bool {
        match used {
            Some(0) => true,
            // No price in this list is zero today, so this asks only about models that lack prices.
            Some(_) => price > 0.0 || self.has(unit),
            // Not reported: fine for embeddings, which have no output to price.
            None => !self.has(unit),
        }
    }

    /// Whether the list has a price, be it zero, for this unit of the model.
    ///
    /// The crate has no such question. But it refuses usage that names a part and not the priced whole; for units
    /// without a price it does not look. Units without parts are used, and the price looked at.
    pub(super) fn has(&self, unit: UsageUnit) -> bool {
        let part = UsageUnit::ALL.iter().copied().filter(|part| part.is_part_of(unit));
        // The part that no model has a price of its own for has the most dimensions.
        let Some(part) = part.max_by_key(|part| wholes(*part).count()) else {
            let units = with_wholes(Units::new(), unit, float(unit.per()));
            return self.calculate(&units).is_ok_and(|calculation| calculation.total_price > 0.0);
        };
        let mut units = with_wholes(Units::new(), part, 1.0);
        units.remove(unit.name());
        self.calculate(&units).is_err_and(|error| error.kind() == ErrorKind::InvalidUsage)
    }

    /// Whether the list knows what the context of the request costs, or there is nothing special about it.
    pub(super) fn context_is_known(&self) -> bool {
        let special: Vec<_> =
            self.request.context.iter().filter(|(_, value)| !STANDARD.contains(value)).collect();
        let total = |context: &[(&str, &str)]| {
            let units = [UsageKey::INPUT_TOKENS, UsageKey::OUTPUT_TOKENS, UsageKey::WEB_SEARCHES];
            let units = units.map(|key| (key, 1_000_000.0)).into_iter().collect();
            self.calculate_in(&units, context).ok().and_then(|it| Usd::from_price(it.total_price))
        };
        special.is_empty() || special.iter().all(|one| total(std::slice::from_ref(one)) != total(&[]))
    }
}

/// Units that a unit is a part of.
pub(super) fn wholes(unit: UsageUnit) -> impl Iterator<Item = UsageUnit> {
    UsageUnit::ALL.iter().copied().filter(move |whole| unit.is_part_of(*whole))
}

/// As much of a unit, and so at least as much of each unit that it is a part of.
pub(super) fn with_wholes(mut units: Units, unit: UsageUnit, count: f64) -> Units {
    units.insert(unit.name(), count);
    for whole in wholes(unit) {
        let before = units.get(whole.name()).unwrap_or(0.0);
        units.insert(whole.name(), before.max(count));
    }
    units
}

/// Usage whose parts fit into their wholes, and whether it already did.
///
/// Of counts that contradict each other the cheapest reading is kept: cached input up to all input (or, where a
/// client left the cached tokens out of the input, more: then the truth costs more still), and no dearer parts.
pub(super) fn consistent(usage: &Usage) -> (Usage, bool) {
    let fits = |whole: Option<u64>, parts: [Option<u64>; 2]| {
        let parts = parts.into_iter().flatten().fold(0, u64::saturating_add);
        parts <= whole.unwrap_or(0)
    };
    let input = fits(usage.input, [usage.cache_read, usage.cache_write])
        && fits(usage.input, [usage.input_audio, None]);
    let output =
        fits(usage.output, [usage.reasoning, None]) && fits(usage.output, [usage.output_audio, None]);
    let mut kept = *usage;
    if !input {
        kept.cache_read = usage.input.and_then(|input| Some(usage.cache_read?.min(input)));
        (kept.cache_write, kept.input_audio) = (None, None);
        without_parts(&mut kept, UsageUnit::InputTokens);
    }
    if !output {
        (kept.reasoning, kept.output_audio) = (usage.output.and(usage.reasoning).min(usage.output), None);
        without_parts(&mut kept, UsageUnit::OutputTokens);
    }
    (kept, input && output)
}

/// Takes away the rarer parts of a unit.
fn without_parts(usage: &mut Usage, whole: UsageUnit) {
    usage.more.retain(|part| !part.is_part_of(whole));
}

/// What the crate is told; times in seconds.
pub(super) fn units(usage: &Usage) -> Units {
    let in_list = |(unit, count): (UsageUnit, u64)| {
        let count = if unit.is_in_millionths() { float(count) / 1e6 } else { float(count) };
        (UsageKey::from_static(unit.name()), count)
    };
    usage.reported().map(in_list).collect()
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 9e15 tokens, a price no one can pay")]
pub(super) const fn float(tokens: u64) -> f64 {
    tokens as f64
}

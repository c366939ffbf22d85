//! Pricing by the `genai-prices` crate, with what it leaves to its caller: which provider is meant, and whether
//! a price of zero is a price.

use super::PriceRequest;
use crate::money::{Cost, Usd};
use crate::usage::Usage;
use genai_prices::{Calculator, Error, ErrorKind, PriceCalculation, Usage as Units, UsageKey};
use jobmon_names::{Named, is_name_of};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Checked against `Cargo.lock` by a test; a dependency's version cannot be read at compile time.
pub(super) const VERSION: &str = "genai-prices 0.2.1";

/// Whether the list that comes with the crate is decoded.
static READY: AtomicBool = AtomicBool::new(false);

/// The list that comes with the crate, decoded when first asked for.
pub(super) fn bundled() -> &'static Calculator {
    let list = Calculator::bundled();
    READY.store(true, Relaxed);
    list
}

pub(super) fn is_ready() -> bool {
    READY.load(Relaxed)
}

pub(super) fn price(list: &Calculator, request: &PriceRequest<'_>) -> Cost {
    if request.usage.is_empty() {
        return Cost::Unpriced;
    }
    let query = Query::new(list, request);
    let (usage, mut complete) = consistent(request.usage);
    let Some((calculation, exact)) = query.cheapest(&usage) else { return Cost::Unpriced };
    // The list takes any name that contains a known one for that provider; a proxy's price is not the provider's.
    if query.provider.is_some_and(|provider| !is_name_of(provider, &calculation.provider_id)) {
        return Cost::Unpriced;
    }
    complete &= exact && calculation.warnings.is_empty();

    let input = query.direction(usage.input, calculation.input_price, Unit::Input);
    let output = query.direction(usage.output, calculation.output_price, Unit::Output);
    if usage.input.unwrap_or(0) == 0 && usage.output.unwrap_or(0) == 0 {
        // Nothing used costs nothing, provided that the list prices the model at all.
        if !query.prices(Unit::Input) && !query.prices(Unit::Output) {
            return Cost::Unpriced;
        }
    }
    complete &= input && output;
    complete &= [
        (usage.cache_write, Unit::CacheWrite),
        (usage.input_audio, Unit::InputAudio),
        (usage.output_audio, Unit::OutputAudio),
    ]
    .into_iter()
    .all(|(used, unit)| used.unwrap_or(0) == 0 || query.prices(unit));

    match Usd::from_price(calculation.total_price) {
        Some(usd) if complete => Cost::Known(usd),
        Some(usd) if usd > Usd::ZERO => Cost::AtLeast(usd),
        _ => Cost::Unpriced,
    }
}

/// The price list's units that decide on a grade.
#[derive(Clone, Copy)]
enum Unit {
    Input,
    Output,
    CacheWrite,
    InputAudio,
    OutputAudio,
}

struct Query<'a> {
    list: &'a Calculator,
    provider: Option<&'a str>,
    model: &'a str,
    request: &'a PriceRequest<'a>,
}

impl<'a> Query<'a> {
    fn new(list: &'a Calculator, request: &'a PriceRequest<'a>) -> Self {
        let Named { provider, model } = Named::new(request.provider, request.model);
        Self { list, provider, model, request }
    }

    fn calculate(&self, units: &Units) -> Result<PriceCalculation, Error> {
        let mut request = genai_prices::PriceRequest::new(self.model, units).with_timestamp(self.request.at);
        request.provider_id = self.provider;
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
        // A model with prices for cached audio needs to know how much of the cached input was audio, which our
        // counts do not tell. The price is linear in it, so the two extremes bound the truth.
        let (input, cached, audio) = (usage.input?, usage.cache_read?, usage.input_audio?);
        let mut at = |overlap: u64| {
            units.insert(UsageKey::CACHE_AUDIO_READ_TOKENS, float(overlap));
            self.calculate(&units).ok()
        };
        let least = at(cached.saturating_add(audio).saturating_sub(input))?;
        let most = at(cached.min(audio))?;
        let exact = Usd::from_price(least.total_price) == Usd::from_price(most.total_price);
        Some((if least.total_price <= most.total_price { least } else { most }, exact))
    }

    /// Whether what was used in one direction is fully in its price.
    fn direction(&self, used: Option<u64>, price: f64, unit: Unit) -> bool {
        match used {
            Some(0) => true,
            // No price in this list is zero today, so this asks only about models that lack prices.
            Some(_) => price > 0.0 || self.prices(unit),
            // Not reported: fine for embeddings, which have no output to price.
            None => !self.prices(unit),
        }
    }

    /// Whether the list has a price, be it zero, for this unit of the model.
    ///
    /// The crate has no such question. But it refuses usage that names a part (tool or reasoning tokens, which
    /// no model prices without pricing the whole) and not the priced whole; for units without a price it does
    /// not look.
    fn prices(&self, unit: Unit) -> bool {
        let part = match unit {
            Unit::Input => Units::from([(UsageKey::CACHE_READ_TOKENS, 1.0)]),
            // The input total is given since tiers look at it.
            Unit::Output => {
                Units::from([(UsageKey::INPUT_TOKENS, 0.0), (UsageKey::OUTPUT_REASONING_TOKENS, 1.0)])
            }
            Unit::CacheWrite => {
                Units::from([(UsageKey::INPUT_TOKENS, 1.0), (UsageKey::CACHE_WRITE_5M_TOKENS, 1.0)])
            }
            Unit::InputAudio => {
                Units::from([(UsageKey::INPUT_TOKENS, 1.0), (UsageKey::INPUT_AUDIO_TOOL_TOKENS, 1.0)])
            }
            Unit::OutputAudio => Units::from([
                (UsageKey::INPUT_TOKENS, 0.0),
                (UsageKey::OUTPUT_TOKENS, 1.0),
                (UsageKey::OUTPUT_AUDIO_CITATION_TOKENS, 1.0),
            ]),
        };
        self.calculate(&part).is_err_and(|error| error.kind() == ErrorKind::InvalidUsage)
    }
}

/// Usage whose parts fit into their wholes, and whether it already did.
///
/// Of counts that contradict each other the cheapest reading is kept: cached input up to all input (or, where a
/// client left the cached tokens out of the input, more: then the truth costs more still), and no dearer parts.
fn consistent(usage: &Usage) -> (Usage, bool) {
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
    }
    if !output {
        (kept.reasoning, kept.output_audio) = (usage.output.and(usage.reasoning).min(usage.output), None);
    }
    (kept, input && output)
}

fn units(usage: &Usage) -> Units {
    [
        (UsageKey::INPUT_TOKENS, usage.input),
        (UsageKey::OUTPUT_TOKENS, usage.output),
        (UsageKey::CACHE_READ_TOKENS, usage.cache_read),
        (UsageKey::CACHE_WRITE_TOKENS, usage.cache_write),
        (UsageKey::OUTPUT_REASONING_TOKENS, usage.reasoning),
        (UsageKey::INPUT_AUDIO_TOKENS, usage.input_audio),
        (UsageKey::OUTPUT_AUDIO_TOKENS, usage.output_audio),
    ]
    .into_iter()
    .filter_map(|(key, tokens)| Some((key, float(tokens?))))
    .collect()
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 9e15 tokens, a price no one can pay")]
const fn float(tokens: u64) -> f64 {
    tokens as f64
}

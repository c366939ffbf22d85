//! [`Prices`]: what one answer of a model cost.

#[cfg(feature = "prices")]
mod catalogue;

use crate::money::Cost;
use crate::usage::Usage;
use std::time::SystemTime;

/// What has to be known to price one answer.
///
/// Later versions may know more (service tier, address of the API), so this is made with [`PriceRequest::new`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PriceRequest<'a> {
    /// The provider, by its OpenTelemetry name (`gcp.gemini`) or by the price list's (`google`); `None` when
    /// unknown.
    pub provider: Option<&'a str>,
    /// The model, as the provider or the caller names it.
    pub model: &'a str,
    /// When the request was made: prices change.
    pub at: SystemTime,
    /// What was used by this one request. Sums over several requests must not be priced: prices may depend on
    /// the size of a single request.
    pub usage: &'a Usage,
}

impl<'a> PriceRequest<'a> {
    /// The price of `usage` of `model` at the time `at`.
    pub const fn new(provider: Option<&'a str>, model: &'a str, at: SystemTime, usage: &'a Usage) -> Self {
        Self { provider, model, at, usage }
    }
}

/// A price list. Cloning it is cheap.
///
/// # What the grades mean
///
/// * Unknown model, or a model without any price: [`Cost::Unpriced`]. A price of zero is believed only where
///   the list says zero; a model whose prices are left out (as most `:free` ones are) has no known price.
/// * The provider is looked up first. A provider that the list does not know (`llama.cpp`, a proxy) makes the
///   answer `Unpriced`, even if the model has a famous name: who runs it decides what it costs. Without any
///   provider the model's name alone decides.
/// * Used tokens of a direction (input, output) that has no price or was not reported, although the model has a
///   price for it: [`Cost::AtLeast`] what the rest cost.
/// * Cached input and reasoning without a price of their own cost what input and output cost. Cache writes and
///   audio without a price of their own are charged the same way but graded `AtLeast`, since these are the ones
///   that usually cost more.
/// * Counts that contradict each other (more cached input than input): `AtLeast` the price of their cheapest
///   reading.
///
/// ```
/// use jobmon_core::{Cost, PriceRequest, Prices, Usage};
/// use std::time::SystemTime;
///
/// let usage = Usage::new(1_000, 100).with_cache_read(200);
/// let request = PriceRequest::new(Some("openai"), "gpt-4o-mini", SystemTime::now(), &usage);
/// # #[cfg(feature = "prices")]
/// assert_eq!(Prices::bundled().price(&request).to_string(), "$0.000195");
/// assert_eq!(Prices::none().price(&request), Cost::Unpriced);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Prices(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    None,
    #[cfg(feature = "prices")]
    Bundled,
}

impl Prices {
    /// The price list of the `genai-prices` crate; the same as [`Prices::none`] without feature `prices`.
    pub const fn bundled() -> Self {
        #[cfg(feature = "prices")]
        return Self(Source::Bundled);
        #[cfg(not(feature = "prices"))]
        Self::none()
    }

    /// No prices: every answer is [`Cost::Unpriced`].
    pub const fn none() -> Self {
        Self(Source::None)
    }

    /// Decodes the list now (tens of milliseconds) rather than at the first [`Prices::price`]: call it where
    /// nobody waits.
    pub fn warm_up(&self) {
        match self.0 {
            Source::None => {}
            #[cfg(feature = "prices")]
            Source::Bundled => {
                let _ = catalogue::bundled();
            }
        }
    }

    /// Whether the list is decoded, so that [`Prices::price`] takes microseconds.
    pub fn is_ready(&self) -> bool {
        match self.0 {
            Source::None => true,
            #[cfg(feature = "prices")]
            Source::Bundled => catalogue::is_ready(),
        }
    }

    /// Which list this is, such as `genai-prices 0.2.1`; `none` when there is none.
    pub const fn version(&self) -> &'static str {
        match self.0 {
            Source::None => "none",
            #[cfg(feature = "prices")]
            Source::Bundled => catalogue::VERSION,
        }
    }

    /// What one answer cost. Never panics; see [`Prices`] for the grades.
    pub fn price(&self, request: &PriceRequest<'_>) -> Cost {
        match self.0 {
            Source::None => {
                let _ = request;
                Cost::Unpriced
            }
            #[cfg(feature = "prices")]
            Source::Bundled => catalogue::price(catalogue::bundled(), request),
        }
    }
}

#[cfg(test)]
mod tests;

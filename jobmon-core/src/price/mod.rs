//! [`Prices`]: what one answer of a model cost.

#[cfg(feature = "prices")]
mod card;
#[cfg(feature = "prices")]
mod list;
#[cfg(feature = "prices")]
mod listing;
#[cfg(feature = "prices")]
mod own;
#[cfg(feature = "prices")]
mod rates;
mod watch;

use crate::lane::lock;
use crate::money::Cost;
use crate::text::Text;
use crate::usage::Usage;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

#[cfg(feature = "prices")]
pub use listing::{ListedModel, Priced, Rule};
#[cfg(feature = "prices")]
pub use own::{ModelPrice, Rate, RateError};
#[cfg(feature = "prices")]
pub use rates::Rates;
pub use watch::Watch;

/// What has to be known to price one answer.
///
/// Later versions may know more, so this is made with [`PriceRequest::new`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PriceRequest<'a> {
    /// The provider, by its OpenTelemetry name (`gcp.gemini`) or by the price list's (`google`); `None` when
    /// unknown.
    pub provider: Option<&'a str>,
    /// The model, as the provider or the caller names it.
    pub model: &'a str,
    /// When the request was made: prices change, some with the time of day.
    pub at: SystemTime,
    /// What was used by this one request. Sums over several requests must not be priced: prices may depend on
    /// the size of a single request.
    pub usage: &'a Usage,
    /// Address of the API, which tells the provider where none is given.
    pub api_url: Option<&'a str>,
    /// What else decides on the price, in the words of the price list: `service_tier` (`flex`, `priority`, ..),
    /// `processing` (`batch`), `search_type`. The last value of a key counts.
    pub context: &'a [(&'a str, &'a str)],
}

impl<'a> PriceRequest<'a> {
    /// The price of `usage` of `model` at the time `at`.
    pub const fn new(provider: Option<&'a str>, model: &'a str, at: SystemTime, usage: &'a Usage) -> Self {
        Self { provider, model, at, usage, api_url: None, context: &[] }
    }

    /// With the address of the API.
    #[must_use]
    pub const fn with_api_url(mut self, url: Option<&'a str>) -> Self {
        self.api_url = url;
        self
    }

    /// With what else decides on the price.
    #[must_use]
    pub const fn with_context(mut self, context: &'a [(&'a str, &'a str)]) -> Self {
        self.context = context;
        self
    }
}

/// A price list could not be used; the one in force stays in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricesError(pub(crate) String);

impl PricesError {
    /// An error of a source of prices of your own.
    pub fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

impl fmt::Display for PricesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PricesError {}

/// A price list. Clones share it: [`Prices::replace`] changes it for all of them.
///
/// # What the grades mean
///
/// * Unknown model, or a model without any price: [`Cost::Unpriced`]. A price of zero is believed only where
///   the list says zero; a model whose prices are left out (as most `:free` ones are) has no known price.
/// * The provider is looked up first. A provider that the list does not know (`llama.cpp`, a proxy) makes the
///   answer `Unpriced`, even if the model has a famous name: who runs it decides what it costs. Without any
///   provider the address of the API decides, else the model's name alone.
/// * Used tokens of a direction (input, output) that has no price or was not reported, although the model has a
///   price for it: [`Cost::AtLeast`] what the rest cost.
/// * Cached input, reasoning, images and video without a price of their own cost what input and output cost. Cache
///   writes and audio without a price of their own are charged the same way but graded `AtLeast`, since these are
///   the ones that usually cost more. Searches, pages and audio by the hour without a price: `AtLeast` the rest.
/// * Counts that contradict each other (more cached input than input): `AtLeast` the price of their cheapest
///   reading.
/// * A context (`service_tier`, `processing`) that the list has no price for at that time: the standard price, graded
///   `AtLeast` since it is not what was charged. (Of `flex` and `batch` the truth is then less.)
///
/// Prices of the user's own go before the list.
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
#[derive(Clone, Default)]
pub struct Prices(Arc<Shared>);

#[derive(Default)]
struct Shared {
    lists: RwLock<Arc<Lists>>,
    watch: Mutex<Option<Watch>>,
}

/// The lists in force at one time.
#[derive(Debug)]
struct Lists {
    #[cfg(feature = "prices")]
    base: Base,
    #[cfg(feature = "prices")]
    own: own::Own,
    #[cfg(feature = "prices")]
    cards: card::Cards,
    version: Text,
}

#[cfg(feature = "prices")]
#[derive(Clone, Debug)]
enum Base {
    None,
    Bundled,
    Loaded(Arc<genai_prices::Calculator>),
}

impl Default for Lists {
    fn default() -> Self {
        Self {
            #[cfg(feature = "prices")]
            base: Base::None,
            #[cfg(feature = "prices")]
            own: own::Own::default(),
            #[cfg(feature = "prices")]
            cards: card::Cards::default(),
            version: Text::literal("none"),
        }
    }
}

#[cfg(feature = "prices")]
impl Lists {
    fn of(base: Base, version: Text) -> Self {
        Self { base, version, ..Self::default() }
    }

    fn calculator(&self) -> Option<&genai_prices::Calculator> {
        match &self.base {
            Base::None => None,
            Base::Bundled => Some(list::bundled()),
            Base::Loaded(calculator) => Some(calculator),
        }
    }
}

impl fmt::Debug for Prices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Prices").field(&self.version()).finish()
    }
}

impl Prices {
    #[cfg(feature = "prices")]
    fn with(lists: Lists) -> Self {
        Self(Arc::new(Shared { lists: RwLock::new(Arc::new(lists)), watch: Mutex::default() }))
    }

    fn lists(&self) -> Arc<Lists> {
        Arc::clone(&self.0.lists.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The price list of the `genai-prices` crate; the same as [`Prices::none`] without feature `prices`.
    pub fn bundled() -> Self {
        #[cfg(feature = "prices")]
        return Self::with(Lists::of(Base::Bundled, Text::literal(list::VERSION)));
        #[cfg(not(feature = "prices"))]
        Self::none()
    }

    /// No prices: every answer is [`Cost::Unpriced`].
    pub fn none() -> Self {
        Self::default()
    }

    /// Another price list, in the format that genai-prices publishes (its `REMOTE_DATA_URL`). Its version is a
    /// checksum of its text.
    ///
    /// # Errors
    /// When it is no such list.
    ///
    /// # Cost
    /// Tens of milliseconds: call it where nobody waits.
    #[cfg(feature = "prices")]
    pub fn from_json(list: impl AsRef<[u8]>) -> Result<Self, PricesError> {
        let list = list.as_ref();
        let calculator = genai_prices::Calculator::from_json(list)
            .map_err(|error| PricesError(format!("it is no price list of genai-prices: {error}")))?;
        if calculator.providers().next().is_none() {
            return Err(PricesError(
                "the price list is empty; a list of genai-prices was expected".to_owned(),
            ));
        }
        let version = Text::from(format!("genai-prices data {:016x}", checksum(list)));
        Ok(Self::with(Lists::of(Base::Loaded(Arc::new(calculator)), version)))
    }

    /// This list with prices of the user's own going before it, instead of any that it had.
    ///
    /// # Errors
    /// When one cannot be meant, see [`ModelPrice::check`], or two are for the same requests.
    #[cfg(feature = "prices")]
    pub fn with_models(&self, models: impl IntoIterator<Item = ModelPrice>) -> Result<Self, PricesError> {
        let lists = self.lists();
        let own = own::Own::new(models.into_iter().collect())?;
        let base = lists.version.split(" + ").next().unwrap_or_default();
        let version = if own.is_empty() {
            Text::copied(base)
        } else {
            Text::from(format!("{base} + own {:08x}", checksum(own.text().as_bytes()) >> 32))
        };
        Ok(Self::with(Lists { base: lists.base.clone(), own, version, ..Lists::default() }))
    }

    /// Puts another list in force, for all clones of this one. Answers that are priced from now on take it.
    pub fn replace(&self, with: &Self) {
        *self.0.lists.write().unwrap_or_else(PoisonError::into_inner) = with.lists();
    }

    /// Looks for new prices from time to time, on the monitor's own thread; see [`Watch`].
    #[must_use]
    pub fn watched(self, watch: Watch) -> Self {
        *lock(&self.0.watch) = Some(watch);
        self
    }

    /// Looks for new prices now, if there is a [`Watch`]; tells whether there were any.
    ///
    /// # Errors
    /// When there are, and they are wrong. Those in force stay in force.
    ///
    /// # Cost
    /// Reading and decoding a list takes tens of milliseconds, on the calling thread.
    pub fn reload(&self) -> Result<bool, PricesError> {
        let found = match &mut *lock(&self.0.watch) {
            Some(watch) => watch.look()?,
            None => None,
        };
        if let Some(found) = &found {
            found.warm_up();
            self.replace(found);
        }
        Ok(found.is_some())
    }

    /// For the worker: [`Prices::reload`] when it is time.
    pub(crate) fn refresh(&self) -> Result<bool, PricesError> {
        let due = lock(&self.0.watch).as_ref().is_some_and(Watch::is_due);
        if due { self.reload() } else { Ok(false) }
    }

    /// Decodes the list now (tens of milliseconds) rather than at the first [`Prices::price`]: call it where
    /// nobody waits.
    pub fn warm_up(&self) {
        #[cfg(feature = "prices")]
        let _ = self.lists().calculator();
    }

    /// Which list this is, such as `genai-prices 0.2.1`; `none` when there is none. It stands on each record.
    pub fn version(&self) -> Text {
        self.lists().version.clone()
    }

    /// What one answer cost. Never panics; see [`Prices`] for the grades.
    pub fn price(&self, request: &PriceRequest<'_>) -> Cost {
        #[cfg(feature = "prices")]
        return self.lists().price(request);
        #[cfg(not(feature = "prices"))]
        {
            let _ = request;
            Cost::Unpriced
        }
    }
}

/// FNV-1a with 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>): tells lists apart, no more.
#[cfg(feature = "prices")]
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;

//! [`Cards`]: the rates of models that were asked for lately, so that most answers are priced in whole numbers without
//! asking the list again.
//!
//! The crate takes microseconds for an answer, and halves of a nanodollar are rounded now up, now down by its floating
//! point. Most answers use nothing but input, output, cached input and reasoning: for these a model's rates are read off
//! the list once, and kept as long as the list says the same.

use super::PriceRequest;
use super::list::{Query, consistent};
use super::rates::{Rates, rate};
use crate::lane::lock;
use crate::money::{Cost, Usd};
use crate::time::Timestamp;
use crate::usage::{More, Usage};
use crate::usage_unit::UsageUnit;
use genai_prices::{Usage as Units, UsageKey};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// Cards that are kept; when there are more, all are made anew.
const MOST_CARDS: usize = 1_024;

/// Nanoseconds. Prices that depend on the time of day change at whole minutes; one that does not is found out.
const MINUTE: i64 = 60_000_000_000;

/// Cards by a hash of who asks for what.
#[derive(Debug, Default)]
pub(super) struct Cards {
    kept: Mutex<HashMap<u64, Arc<Card>>>,
    hasher: RandomState,
}

/// What a model charges, as long as the list says the same.
#[derive(Debug)]
struct Card {
    provider: Option<String>,
    model: String,
    api_url: Option<String>,
    context: Vec<(String, String)>,
    /// The minute that it was last found to hold for.
    minute: AtomicI64,
    sample: Sample,
    charges: Charges,
}

/// What the list asks for two samples, bit by bit: another one means other rates.
type Sample = [u64; 2];

#[derive(Debug)]
struct Charges {
    tiers: Vec<Tier>,
    /// Whether the list has a price for the context, or there is nothing special about it.
    context_is_known: bool,
}

/// The rates of requests with more input tokens than a number: thousandths of a nanodollar for a million, which no price
/// is finer than; `None` for what has no price of its own.
#[derive(Debug)]
struct Tier {
    above: u64,
    input: Option<i128>,
    cache_read: Option<i128>,
    cache_write: Option<i128>,
    output: Option<i128>,
    reasoning: Option<i128>,
    /// For a thousand requests.
    requests: i128,
}

impl Cards {
    /// The cost of a request that uses nothing rare; `None` where the list itself has to be asked.
    pub(super) fn price<'a>(
        &self,
        request: &PriceRequest<'a>,
        query: impl FnOnce() -> Query<'a>,
    ) -> Option<Cost> {
        let Usage { more, input_audio, output_audio, .. } = request.usage;
        if *more != More::NONE || input_audio.unwrap_or(0) > 0 || output_audio.unwrap_or(0) > 0 {
            return None;
        }
        let minute = Timestamp::from(request.at).nanos().div_euclid(MINUTE);
        let hash = self.hasher.hash_one((request.provider, request.model, request.api_url, request.context));
        let known = lock(&self.kept).get(&hash).filter(|card| card.is_for(request)).map(Arc::clone);
        if let Some(card) = known.as_ref().filter(|card| card.minute.load(Relaxed) == minute) {
            return Some(card.charges.cost(request.usage));
        }
        let query = &query();
        if let Some(card) = known
            && sample(query, minute)? == card.sample
        {
            card.minute.store(minute, Relaxed);
            return Some(card.charges.cost(request.usage));
        }
        let card = Card::new(query, minute)?;
        let cost = card.charges.cost(request.usage);
        let mut kept = lock(&self.kept);
        if kept.len() >= MOST_CARDS {
            kept.clear();
        }
        kept.insert(hash, Arc::new(card));
        Some(cost)
    }
}

/// What two requests cost throughout a minute; `None` where a price changes in it, or there is none.
fn sample(query: &Query<'_>, minute: i64) -> Option<Sample> {
    let units = |scale: f64| {
        Units::from([
            (UsageKey::INPUT_TOKENS, 1_000_003.0 * scale),
            (UsageKey::CACHE_READ_TOKENS, 299_993.0 * scale),
            (UsageKey::CACHE_WRITE_TOKENS, 99_991.0 * scale),
            (UsageKey::OUTPUT_TOKENS, 499_979.0 * scale),
            (UsageKey::OUTPUT_REASONING_TOKENS, 49_999.0 * scale),
        ])
    };
    let (small, large) = (units(0.001), units(100.0));
    let at = |nanos: i64| {
        let query = query.at(SystemTime::from(Timestamp::from_nanos(nanos)));
        let total = |units| {
            let calculation = query.calculate(units).ok()?;
            let is_whole = query.is_of(&calculation) && calculation.warnings.is_empty();
            is_whole.then(|| calculation.total_price.to_bits())
        };
        Some([total(&small)?, total(&large)?])
    };
    let start = minute.checked_mul(MINUTE)?;
    let first = at(start)?;
    (at(start.checked_add(MINUTE - 1)?)? == first).then_some(first)
}

impl Card {
    fn new(query: &Query<'_>, minute: i64) -> Option<Self> {
        let request = query.request();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Some(Self {
            provider: owned(request.provider),
            model: request.model.to_owned(),
            api_url: owned(request.api_url),
            context: request.context.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            minute: AtomicI64::new(minute),
            sample: sample(query, minute)?,
            charges: Charges::of(query),
        })
    }

    fn is_for(&self, request: &PriceRequest<'_>) -> bool {
        let context = self.context.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        self.model == request.model
            && self.provider.as_deref() == request.provider
            && self.api_url.as_deref() == request.api_url
            && context.eq(request.context.iter().copied())
    }
}

impl Charges {
    fn of(query: &Query<'_>) -> Self {
        let tiers = Rates::starts(query).into_iter().map(|above| Tier::of(query, above)).collect();
        Self { tiers, context_is_known: query.context_is_known() }
    }

    /// The same cost and grade as the list's, with halves rounded up.
    fn cost(&self, usage: &Usage) -> Cost {
        let used = usage.reported().any(|(_, count)| count > 0);
        let (usage, fits) = consistent(usage);
        let input = usage.input.unwrap_or(0);
        let Some(tier) = self.tiers.iter().rev().find(|tier| tier.above == 0 || input > tier.above) else {
            return Cost::Unpriced;
        };
        if !used && tier.input.is_none() && tier.output.is_none() {
            return Cost::Unpriced;
        }
        // What was not reported has no price, or is missing; what was used has one.
        let direction = |used: Option<u64>, rate: Option<i128>| match used {
            Some(0) => true,
            used => used.is_some() == rate.is_some(),
        };
        let complete = fits
            && self.context_is_known
            && direction(usage.input, tier.input)
            && direction(usage.output, tier.output)
            && (usage.cache_write.unwrap_or(0) == 0 || tier.cache_write.is_some());
        match i64::try_from(tier.nanos(&usage)).map(Usd::from_nanos) {
            Ok(usd) if complete => Cost::Known(usd),
            Ok(usd) if usd > Usd::ZERO || !used => Cost::AtLeast(usd),
            _ => Cost::Unpriced,
        }
    }
}

impl Tier {
    fn of(query: &Query<'_>, above: u64) -> Self {
        let rate = |unit: UsageUnit| {
            let dollars = query.has(unit).then(|| rate(query, unit, above.saturating_add(1)))??;
            // As money in another unit: the bounds of money hold for rates, too.
            Usd::from_price(dollars * 1e3).map(|usd| i128::from(usd.nanos()))
        };
        Self {
            above,
            input: rate(UsageUnit::InputTokens),
            cache_read: rate(UsageUnit::CacheReadTokens),
            cache_write: rate(UsageUnit::CacheWriteTokens),
            output: rate(UsageUnit::OutputTokens),
            reasoning: rate(UsageUnit::OutputReasoningTokens),
            requests: rate(UsageUnit::Requests).unwrap_or(0),
        }
    }

    /// The price of consistent usage, rounded once.
    fn nanos(&self, usage: &Usage) -> i128 {
        let part = |used: Option<u64>, rate: Option<i128>| match (used, rate) {
            (Some(used), Some(rate)) => (i128::from(used), rate),
            // Without a price of its own it is charged as the rest.
            _ => (0, 0),
        };
        let parts = [
            part(usage.cache_read, self.cache_read),
            part(usage.cache_write, self.cache_write),
            part(usage.reasoning, self.reasoning),
        ];
        let [read, written, reasoning] = parts.map(|(count, _)| count);
        let input = i128::from(usage.input.unwrap_or(0)) - read - written;
        let output = i128::from(usage.output.unwrap_or(0)) - reasoning;
        let rest = input * self.input.unwrap_or(0) + output * self.output.unwrap_or(0);
        let sum = rest + parts.iter().map(|(count, rate)| count * rate).sum::<i128>() + self.requests * 1_000;
        (sum + 500_000_000).div_euclid(1_000_000_000)
    }
}

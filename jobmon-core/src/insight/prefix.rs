//! Beginnings of requests that the provider could have cached.

use super::saving::{Saving, difference, of_calls};
use super::{Function, InsightKind, InsightOptions, Told};
use crate::costing::Request;
use crate::event::{CallRecord, PricedAnswer};
use crate::measure::{grouped, human};
use crate::money::{Cost, Usd};
use crate::price::Prices;
use crate::text::Text;
use crate::time::Timestamp;
use crate::usage::Usage;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// Tokens below which providers cache nothing: 1,024 with
/// [OpenAI](https://platform.openai.com/docs/guides/prompt-caching),
/// [Anthropic](https://docs.claude.com/en/docs/build-with-claude/prompt-caching) and
/// [Gemini](https://ai.google.dev/gemini-api/docs/caching); some models of theirs want more.
const SHORTEST: u64 = 1_024;

pub(super) struct Prefixes {
    prices: Prices,
    lifetime: Duration,
    found: BTreeMap<(Function, Text), Repeated>,
}

#[derive(Default)]
struct Repeated {
    last: Option<Timestamp>,
    tokens: u64,
    saving: Saving,
}

impl Prefixes {
    pub(super) fn new(options: &InsightOptions) -> Self {
        let (prices, lifetime) = (options.prices.clone(), options.prefix_lifetime);
        Self { prices, lifetime, found: BTreeMap::new() }
    }

    /// Calls come in order of time.
    pub(super) fn add(&mut self, call: &CallRecord) {
        let Some(prefix) = call.request.as_ref().and_then(|request| request.prefix.as_ref()) else { return };
        let found = self.found.entry((Function::of(call), prefix.digest.clone())).or_default();
        found.saving.call(call.start);
        let is_kept = found.last.is_some_and(|last| call.start <= last.plus(self.lifetime));
        found.last = Some(call.start);
        let mut saved: Option<Cost> = None;
        for answer in &call.answers {
            let Some(usage) = answer.answer.usage else { continue };
            let tokens = prefix.tokens(usage.input.unwrap_or(0));
            let (read, written) = (usage.cache_read.unwrap_or(0), usage.cache_write.unwrap_or(0));
            let uncached = tokens.saturating_sub(read);
            if tokens < SHORTEST || uncached == 0 {
                continue;
            }
            let price = |usage: Usage| price(call, answer, usage, &self.prices);
            if is_kept {
                let cheaper = difference(price(usage), price(usage.with_cache_read(read + uncached)));
                found.tokens = found.tokens.saturating_add(uncached);
                saved = Some(saved.map_or(cheaper, |saved| both(saved, cheaper)));
            } else {
                let more = uncached.saturating_sub(written);
                let dearer = difference(price(usage), price(usage.with_cache_write(written + more)));
                // Who charges nothing for writing has no price for it.
                if dearer.floor() < Usd::ZERO {
                    found.saving.pay(call.start, dearer);
                }
            }
        }
        if let Some(saved) = saved {
            found.saving.save(call.start, saved);
        }
    }

    pub(super) fn tell(self, told: &mut Told) {
        for ((function, digest), Repeated { tokens, saving, .. }) in self.found {
            let mut subject = function.subject();
            subject.push(("prefix", Some(digest)));
            let arithmetic = format!(
                "{} begin as one at most {} before did: {} tokens at the price of input, less the price of cached \
                 input, less what writing them costs",
                of_calls(saving.affected(), saving.calls()),
                human(self.lifetime),
                grouped(tokens)
            );
            saving.tell(told, InsightKind::PrefixCache, subject, &arithmetic);
        }
    }
}

fn both(a: Cost, b: Cost) -> Cost {
    let mut sum = crate::money::CostSum::default();
    sum.add(a);
    sum.add(b);
    sum.cost().unwrap_or(Cost::Unpriced)
}

/// What an answer would cost with another usage.
fn price(call: &CallRecord, answer: &PricedAnswer, usage: Usage, prices: &Prices) -> Cost {
    let request = Request {
        provider: call.provider.as_ref(),
        asked: call.model.as_ref(),
        at: SystemTime::from(call.start),
        pricing: &call.pricing,
    };
    let mut answer = answer.clone();
    answer.answer.usage = Some(usage);
    request.price(&answer, prices)
}

//! Bursts of calls that could have been sent as a batch.

use super::saving::{Saving, difference, of_calls};
use super::{Function, InsightKind, InsightOptions, Told};
use crate::costing::Request;
use crate::event::{CallRecord, Pricing};
use crate::money::{Cost, CostSum, Usd};
use crate::price::Prices;
use crate::text::Text;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// Calls of a burst follow each other at most this far apart, and are at least so many.
const GAP: Duration = Duration::from_secs(10);
const SMALLEST: usize = 20;

pub(super) struct Batches {
    prices: Prices,
    functions: BTreeMap<Function, Bursts>,
}

#[derive(Default)]
struct Bursts {
    /// The burst that may go on: when each call was, and what it would have saved.
    open: Vec<(Timestamp, Cost)>,
    saving: Saving,
}

impl Bursts {
    fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        if open.len() >= SMALLEST {
            let cheaper = open.into_iter().filter(|(_, cost)| cost.floor() > Usd::ZERO);
            cheaper.for_each(|(at, cost)| self.saving.save(at, cost));
        }
    }
}

impl Batches {
    pub(super) fn new(options: &InsightOptions) -> Self {
        Self { prices: options.prices.clone(), functions: BTreeMap::new() }
    }

    /// Calls come in order of time.
    pub(super) fn add(&mut self, call: &CallRecord) {
        if call.streams {
            // Somebody waits for it.
            return;
        }
        let bursts = self.functions.entry(Function::of(call)).or_default();
        bursts.saving.call(call.start);
        if bursts.open.last().is_some_and(|(last, _)| call.start > last.plus(GAP)) {
            bursts.close();
        }
        bursts.open.push((call.start, cheaper(call, &self.prices)));
    }

    pub(super) fn tell(self, told: &mut Told) {
        for (function, mut bursts) in self.functions {
            bursts.close();
            let arithmetic = format!(
                "{} come in bursts of at least {SMALLEST}; their price, less their price in a batch, whose answers may \
                 take a day",
                of_calls(bursts.saving.affected(), bursts.saving.calls())
            );
            bursts.saving.tell(told, InsightKind::Batch, function.subject(), &arithmetic);
        }
    }
}

/// The price of a call, less its price in a batch; nothing where the list has none.
fn cheaper(call: &CallRecord, prices: &Prices) -> Cost {
    let mut batched = call.pricing.clone();
    batched.context.retain(|(key, _)| key != "processing");
    batched.context.push((Text::literal("processing"), Text::literal("batch")));
    let mut sum = CostSum::default();
    for answer in call.answers.iter().filter(|answer| answer.answer.service_tier.is_none()) {
        let price = |pricing: &Pricing| {
            let (provider, asked) = (call.provider.as_ref(), call.model.as_ref());
            Request { provider, asked, at: SystemTime::from(call.start), pricing }.price(answer, prices)
        };
        // What is not known for sure is not charged so.
        if let cost @ Cost::Known(_) = price(&batched) {
            sum.add(difference(price(&call.pricing), cost));
        }
    }
    sum.cost().unwrap_or(Cost::Known(Usd::ZERO))
}

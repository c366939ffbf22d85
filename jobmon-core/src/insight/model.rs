//! Models that would do, and are cheaper.

use super::saving::{Saving, difference};
use super::worse::{Quality, Verdict};
use super::{Function, InsightKind, InsightOptions, Told, Undecided};
use crate::costing::Request;
use crate::event::{CallRecord, Pricing, Score};
use crate::measure::grouped;
use crate::money::{Cost, CostSum, Usd};
use crate::price::Prices;
use crate::text::Text;
use std::collections::BTreeMap;
use std::time::SystemTime;

pub(super) struct Models {
    prices: Prices,
    margin: f64,
    functions: BTreeMap<Function, Used>,
    /// Models that are not worse than another, by that other.
    instead: BTreeMap<Function, Vec<Candidate>>,
}

#[derive(Default)]
struct Used {
    quality: Quality,
    calls: u64,
    cost: CostSum,
}

struct Candidate {
    function: Function,
    figures: String,
    saving: Saving,
}

/// `gcp.gemini gemini-2.5-flash`.
fn title(function: &Function) -> Option<Text> {
    let model = function.model.as_ref()?;
    Some(match &function.provider {
        Some(provider) => Text::from(format!("{provider} {model}")),
        None => model.clone(),
    })
}

fn subject(function: &Function, instead: &Function) -> Vec<(&'static str, Option<Text>)> {
    vec![("name", Some(function.name.clone())), ("model", title(function)), ("instead", title(instead))]
}

impl Models {
    pub(super) fn new(options: &InsightOptions) -> Self {
        let (functions, instead) = (BTreeMap::new(), BTreeMap::new());
        Self { prices: options.prices.clone(), margin: options.margin, functions, instead }
    }

    pub(super) fn add(&mut self, call: &CallRecord) {
        if call.model_name().is_some() {
            let used = self.functions.entry(Function::of(call)).or_default();
            used.quality.call(call);
            if let Some(cost) = call.cost {
                used.calls += 1;
                used.cost.add(cost);
            }
        }
    }

    /// Scores come after all calls.
    pub(super) fn score(&mut self, score: &Score) {
        let Some(subject) = &score.fact.subject else { return };
        let (name, provider, model) = (subject.name.clone(), subject.provider.clone(), subject.model.clone());
        if let Some(used) = self.functions.get_mut(&Function { name, provider, model }) {
            used.quality.score(&score.name, score.value);
        }
    }

    /// Finds which models are not worse, among those that cost less for each call.
    pub(super) fn compare(&mut self, told: &mut Told) {
        for (function, used) in &self.functions {
            let others = self.functions.iter().filter(|(other, candidate)| {
                other.name == function.name && *other != function && candidate.per_call() < used.per_call()
            });
            for (other, candidate) in others {
                let undecided = |reason| {
                    let (kind, subject) = (InsightKind::CheaperModel, subject(function, other));
                    Undecided { kind, subject, reason }
                };
                match used.quality.compare(&candidate.quality, self.margin) {
                    Verdict::NotWorse(figures) => {
                        let candidate =
                            Candidate { function: other.clone(), figures, saving: Saving::default() };
                        self.instead.entry(function.clone()).or_default().push(candidate);
                    }
                    Verdict::Worse(reason) => told.ruled_out.push(undecided(reason)),
                    Verdict::Unknown(reason) => told.not_enough.push(undecided(reason)),
                }
            }
        }
    }

    /// Prices a call as each model that would have done.
    pub(super) fn price(&mut self, call: &CallRecord) {
        let Some(cost) = call.cost else { return };
        let Some(candidates) = self.instead.get_mut(&Function::of(call)) else { return };
        for Candidate { function, saving, .. } in candidates {
            let request = Request {
                provider: function.provider.as_ref(),
                asked: function.model.as_ref(),
                at: SystemTime::from(call.start),
                pricing: &Pricing::default(),
            };
            let mut sum = CostSum::default();
            for answer in &call.answers {
                let mut answer = answer.clone();
                answer.answer.model.clone_from(&function.model);
                answer.answer.service_tier = None;
                sum.add(request.price(&answer, &self.prices));
            }
            saving.call(call.start);
            saving.save(call.start, difference(cost, sum.cost().unwrap_or(Cost::Known(Usd::ZERO))));
        }
    }

    /// Tells the best of each.
    pub(super) fn tell(self, told: &mut Told) {
        for (function, candidates) in self.instead {
            let best = candidates.into_iter().max_by_key(|candidate| candidate.saving.usd());
            let Some(Candidate { function: other, figures, saving }) = best else { continue };
            let arithmetic = format!(
                "{} calls at their cost, less the price of their tokens at the other model; not worse: {figures}",
                grouped(saving.calls()),
            );
            saving.tell(told, InsightKind::CheaperModel, subject(&function, &other), &arithmetic);
        }
    }
}

impl Used {
    /// Nanodollars for a call; nothing is known of what has no price.
    #[expect(clippy::cast_precision_loss, reason = "compared only")]
    fn per_call(&self) -> f64 {
        match self.cost.cost() {
            Some(Cost::Unpriced) | None => f64::NAN,
            Some(cost) => cost.floor().nanos() as f64 / self.calls as f64,
        }
    }
}

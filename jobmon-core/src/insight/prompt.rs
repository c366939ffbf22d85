//! Versions of a prompt that are shorter, and no worse.

use super::saving::Saving;
use super::worse::{Quality, Verdict};
use super::{InsightKind, InsightOptions, Told, Undecided};
use crate::event::{CallRecord, Score};
use crate::measure::grouped;
use crate::money::{Cost, CostSum, Usd};
use crate::text::Text;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// Of the input tokens of the longer version, what the shorter one has at most.
const SHORTER: f64 = 0.95;

pub(super) struct Prompts {
    margin: f64,
    /// By prompt, provider and model; then by version.
    prompts: BTreeMap<[Option<Text>; 3], BTreeMap<Option<Text>, Used>>,
}

#[derive(Default)]
struct Used {
    quality: Quality,
    at: Vec<Timestamp>,
    input: u64,
    cost: CostSum,
}

#[expect(clippy::cast_precision_loss, reason = "means are rounded figures")]
impl Used {
    fn input(&self) -> f64 {
        self.input as f64 / self.at.len() as f64
    }

    fn per_call(&self) -> f64 {
        self.cost.usd.nanos() as f64 / self.at.len() as f64
    }
}

impl Prompts {
    pub(super) const fn new(options: &InsightOptions) -> Self {
        Self { margin: options.margin, prompts: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, call: &CallRecord) {
        let (Some(prompt), Some(cost)) = (&call.prompt, call.cost) else { return };
        let of = [Some(prompt.name.clone()), call.provider.clone(), call.model_name().cloned()];
        let used = self.prompts.entry(of).or_default().entry(prompt.version.clone()).or_default();
        used.quality.call(call);
        used.at.push(call.start);
        used.input = used.input.saturating_add(call.usage().and_then(|usage| usage.input).unwrap_or(0));
        used.cost.add(cost);
    }

    /// Scores come after all calls.
    pub(super) fn score(&mut self, score: &Score) {
        let Some(subject) = &score.fact.subject else { return };
        let Some(prompt) = &subject.prompt else { return };
        let of = [Some(prompt.name.clone()), subject.provider.clone(), subject.model.clone()];
        let used = self.prompts.get_mut(&of).and_then(|versions| versions.get_mut(&prompt.version));
        if let Some(used) = used {
            used.quality.score(&score.name, score.value);
        }
    }

    /// Of each version, the cheapest that is shorter and no worse.
    pub(super) fn tell(self, told: &mut Told) {
        for (of, versions) in &self.prompts {
            for (version, used) in versions {
                let mut shorter: Vec<_> = versions
                    .iter()
                    .filter(|(_, other)| {
                        other.input() <= SHORTER * used.input() && other.per_call() < used.per_call()
                    })
                    .collect();
                shorter.sort_by(|(_, a), (_, b)| a.per_call().total_cmp(&b.per_call()));
                for (instead, other) in shorter {
                    let [prompt, provider, model] = of.clone();
                    let kind = InsightKind::ShorterPrompt;
                    let (version, instead) = (version.clone(), instead.clone());
                    let subject = vec![
                        ("prompt", prompt),
                        ("provider", provider),
                        ("model", model),
                        ("version", version),
                        ("instead", instead),
                    ];
                    match used.quality.compare(&other.quality, self.margin) {
                        Verdict::NotWorse(figures) => {
                            used.saving(other).tell(told, kind, subject, &used.arithmetic(other, &figures));
                            break;
                        }
                        Verdict::Worse(reason) => told.ruled_out.push(Undecided { kind, subject, reason }),
                        Verdict::Unknown(reason) => told.not_enough.push(Undecided { kind, subject, reason }),
                    }
                }
            }
        }
    }
}

impl Used {
    /// So many calls, each cheaper by the same.
    fn saving(&self, other: &Self) -> Saving {
        let mut saving = Saving::default();
        let (mine, theirs) = (i128::from(self.cost.usd.nanos()), i128::from(other.cost.usd.nanos()));
        let (n, m) = (self.at.len() as i128, other.at.len() as i128);
        let known =
            matches!((self.cost.cost(), other.cost.cost()), (Some(Cost::Known(_)), Some(Cost::Known(_))));
        // What the calls up to each save in all, so that roundings do not add up.
        let up_to = |calls: i128| calls * (mine * m - theirs * n) / (n * m).max(1);
        for (before, at) in self.at.iter().enumerate() {
            let share = up_to(before as i128 + 1) - up_to(before as i128);
            let usd = Usd::from_nanos(i64::try_from(share).unwrap_or(0));
            saving.call(*at);
            saving.save(*at, if known { Cost::Known(usd) } else { Cost::AtLeast(usd) });
        }
        saving
    }

    fn arithmetic(&self, other: &Self, figures: &str) -> String {
        let per_call = |used: &Self| used.cost.usd.shared(used.at.len() as u64);
        format!(
            "{} calls × ({} for each - {} for each of {} with the shorter version, of {:.0} input tokens instead of \
             {:.0}); not worse: {figures}",
            grouped(self.at.len() as u64),
            per_call(self),
            per_call(other),
            grouped(other.at.len() as u64),
            other.input(),
            self.input(),
        )
    }
}

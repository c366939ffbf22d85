//! Whether repeated analyses of the same input agree.

use crate::event::{Label, Score, Side, Subject};
use crate::measure::Quantity;
use crate::report::Section;
use crate::stats::Moments;
use crate::text::Text;
use std::collections::{BTreeMap, HashMap};

/// Scores and predictions by what they are about.
#[derive(Default)]
pub(super) struct Consistency {
    scores: BTreeMap<About, HashMap<Text, Scored>>,
    labels: BTreeMap<About, HashMap<Text, [u64; 2]>>,
}

/// Name, provider and model of the call, and the name of the score or label.
type About = [Option<Text>; 4];

struct Scored {
    moments: Moments,
    least: f64,
    most: f64,
}

fn about(subject: Option<&Subject>, what: &Text) -> About {
    let of = |part: fn(&Subject) -> Option<Text>| subject.and_then(part);
    [
        of(|subject| Some(subject.name.clone())),
        of(|subject| subject.provider.clone()),
        of(|subject| subject.model.clone()),
        Some(what.clone()),
    ]
}

impl Consistency {
    pub(super) fn score(&mut self, score: &Score) {
        let subject = score.fact.subject.as_ref();
        let Some(key) = subject.and_then(|subject| subject.cache_key.clone()) else { return };
        let scored = self.scores.entry(about(subject, &score.name)).or_default().entry(key);
        let scored = scored.or_insert(Scored {
            moments: Moments::default(),
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
        });
        scored.moments.add(score.value);
        scored.least = scored.least.min(score.value);
        scored.most = scored.most.max(score.value);
    }

    pub(super) fn label(&mut self, label: &Label) {
        let subject = label.fact.subject.as_ref();
        let cache_key = subject.and_then(|subject| subject.cache_key.as_ref());
        let Some(key) = cache_key.or(label.key.as_ref()) else { return };
        if label.side == Side::Prediction {
            let said = self.labels.entry(about(subject, &label.name)).or_default().entry(key.clone());
            said.or_default()[usize::from(label.value)] += 1;
        }
    }

    pub(super) fn section(self) -> Section {
        let groups = ["name", "provider", "model", "kind", "what"];
        let columns = ["inputs", "repeats", "score_deviation", "largest_spread", "agreement"];
        let mut section = Section::new("consistency", "Repeated analyses of the same input", groups, columns);
        let mut rows: Vec<(About, &str, Vec<Option<Quantity>>)> = Vec::new();
        for (about, inputs) in self.scores {
            let repeated: Vec<_> = inputs.values().filter(|scored| scored.moments.count > 1).collect();
            let repeats: u64 = repeated.iter().map(|scored| scored.moments.count).sum();
            let squares: f64 = repeated.iter().map(|scored| scored.moments.squares()).sum();
            let free = repeats - repeated.len() as u64;
            let spread = repeated.iter().map(|scored| scored.most - scored.least).fold(0.0, f64::max);
            if free > 0 {
                #[expect(clippy::cast_precision_loss, reason = "a deviation is a rounded figure")]
                let deviation = (squares / free as f64).sqrt();
                let figures = [Quantity::Number(deviation), Quantity::Number(spread)].map(Some);
                let counts = counts(repeated.len(), repeats);
                rows.push((about, "score", counts.into_iter().chain(figures).chain([None]).collect()));
            }
        }
        for (about, inputs) in self.labels {
            let repeated: Vec<_> = inputs.values().filter(|[no, yes]| no + yes > 1).collect();
            let pairs = |n: u64| n.saturating_mul(n.saturating_sub(1)) / 2;
            let agree: u64 = repeated.iter().map(|[no, yes]| pairs(*no) + pairs(*yes)).sum();
            let all: u64 = repeated.iter().map(|[no, yes]| pairs(no + yes)).sum();
            if all > 0 {
                #[expect(clippy::cast_precision_loss, reason = "a share is a rounded figure")]
                let agreement = Quantity::Ratio(agree as f64 / all as f64);
                let counts = counts(repeated.len(), repeated.iter().map(|[no, yes]| no + yes).sum());
                rows.push((
                    about,
                    "label",
                    counts.into_iter().chain([None, None, Some(agreement)]).collect(),
                ));
            }
        }
        rows.sort_by(|(one, kind, _), (other, its, _)| (one, kind).cmp(&(other, its)));
        for ([name, provider, model, what], kind, figures) in rows {
            section.push(vec![name, provider, model, Some(Text::literal(kind)), what], figures);
        }
        section
    }
}

fn counts(inputs: usize, repeats: u64) -> [Option<Quantity>; 2] {
    [Some(Quantity::Count(inputs as u64)), Some(Quantity::Count(repeats))]
}

//! Whether scores are what they used to be.

use crate::aggregate::{Aggregate, SCORE_UNIT};
use crate::dimension::{Dimension, Key};
use crate::measure::Quantity;
use crate::query::{Engine, Query, QueryError, Range};
use crate::report::Section;
use crate::sketch::Sketch;
use crate::stats::ranks;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
/// Scores that either side must have.
const FEWEST: u64 = 20;
const BY: [Dimension; 2] = [Dimension::Score, Dimension::Name];

/// The last seven days of a time, of a shorter one its second half, and up to 28 days before.
fn periods(range: Range) -> [Range; 2] {
    let until = range.until.min(Timestamp::now());
    let half = until.nanos().saturating_sub(range.since.nanos()).unsigned_abs() / 2;
    let since = until.minus((DAY * 7).min(Duration::from_nanos(half)));
    [Range { since: since.minus(DAY * 28), until: since }, Range { since, until }]
}

/// Scores of a time by name of the score and of the call.
fn scores(engine: &dyn Engine, range: Range) -> Result<BTreeMap<Key, Aggregate>, QueryError> {
    let all = Query::new([]).by(BY).range(range).aggregate(engine)?;
    Ok(all
        .into_iter()
        .map(|((_, key), sums)| (key, sums))
        .filter(|(_, sums)| sums.scores.count() > 0)
        .collect())
}

pub(super) fn section(engine: &dyn Engine, range: Range) -> Result<Section, QueryError> {
    let columns =
        ["scores_before", "scores", "mean_before", "mean_score", "change", "superiority", "p_value"];
    let mut section = Section::new("drift", "Scores now and before", BY.map(Dimension::name), columns);
    let [before, now] = periods(range);
    let (before, now) = (scores(engine, before)?, scores(engine, now)?);
    for (key, sums) in &now {
        let Some(past) = before.get(key) else { continue };
        let group = BY.iter().map(|dimension| key.get(*dimension).cloned()).collect();
        let enough = past.scores.count().min(sums.scores.count()) >= FEWEST;
        let ranks = ranks(&past.scores, &sums.scores).filter(|_| enough);
        let (old, new) = (mean(&past.scores), mean(&sums.scores));
        let figures = vec![
            Some(Quantity::Count(past.scores.count())),
            Some(Quantity::Count(sums.scores.count())),
            old.map(Quantity::Number),
            new.map(Quantity::Number),
            old.zip(new)
                .filter(|(old, _)| *old != 0.0)
                .map(|(old, new)| Quantity::Change((new - old) / old.abs())),
            ranks.map(|ranks| Quantity::Ratio(ranks.superiority)),
            ranks.map(|ranks| Quantity::Ratio(ranks.p_value)),
        ];
        section.push(group, figures);
    }
    Ok(section)
}

fn mean(scores: &Sketch) -> Option<f64> {
    scores.mean().map(|mean| mean / SCORE_UNIT)
}

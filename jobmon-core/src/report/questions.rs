//! The questions of the report.

use super::Section;
use super::section::is_something;
use crate::dimension::Dimension;
use crate::measure::{Measure, Quantity};
use crate::query::{Engine, Filter, Query, QueryError, Range, Row};

/// One question of the report.
pub(super) struct Question {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) by: &'static [Dimension],
    /// Keeps events that have a value for it.
    pub(super) only: Option<Dimension>,
    pub(super) measures: &'static [&'static str],
    /// Rows in which all of these are zero or unknown say nothing here.
    pub(super) about: &'static [&'static str],
    /// How a missing value of a dimension is called.
    pub(super) nothing: &'static str,
}

/// What comes before the costs by feature.
pub(super) const BEFORE: &[Question] = &[Question {
    id: "summary",
    title: "Summary",
    by: &[],
    only: None,
    measures: &[
        "calls",
        "success_rate",
        "errors",
        "cancelled",
        "model_calls",
        "calls_without_usage",
        "late_reports",
        "cost",
        "wasted_cost",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "p50_latency",
        "p95_latency",
        "retried_calls",
        "recovered_calls",
        "recovery_rate",
        "searches",
        "relevance",
        "outcomes",
        "outcome_value",
        "roi",
        "cost_per_outcome",
        "outcomes_per_search",
        "feedback",
        "feedback_rate",
    ],
    about: &[],
    nothing: "",
}];

/// What comes after them.
pub(super) const AFTER: &[Question] = &[
    Question {
        id: "models",
        title: "Models",
        by: &[Dimension::Provider, Dimension::Model],
        only: None,
        measures: &[
            "model_calls",
            "success_rate",
            "cost",
            "cost_per_call",
            "input_tokens",
            "output_tokens",
            "p50_latency",
            "p95_latency",
            "tokens_per_second",
            "mean_score",
        ],
        about: &["model_calls", "cost"],
        nothing: "(not given)",
    },
    Question {
        id: "operations",
        title: "Operations",
        by: &[Dimension::Operation, Dimension::Name],
        only: None,
        measures: &[
            "calls",
            "success_rate",
            "errors",
            "cancelled",
            "attempts",
            "retried_calls",
            "recovered_calls",
            "p50_latency",
            "p95_latency",
        ],
        about: &["calls"],
        nothing: "-",
    },
    Question {
        id: "errors",
        title: "Failed and retried attempts, and what they cost",
        by: &[Dimension::Category],
        only: None,
        measures: &["failed_attempts", "recovered_attempts", "attempt_recovery_rate", "wasted_cost"],
        about: &["failed_attempts", "wasted_cost"],
        nothing: "(calls that ended without an error)",
    },
    SCORES,
    Question {
        id: "strategies",
        title: "Strategies",
        by: &[Dimension::Strategy],
        only: Some(Dimension::Strategy),
        measures: &[
            "searches",
            "results",
            "relevance",
            "cost",
            "outcomes",
            "cost_per_outcome",
            "outcome_value",
            "roi",
            "outcomes_per_search",
        ],
        about: &["searches", "model_calls", "cost"],
        nothing: "-",
    },
    Question {
        id: "outcomes",
        title: "Outcomes",
        by: &[Dimension::Outcome],
        only: None,
        measures: &["outcomes", "outcome_value", "cost_per_outcome"],
        about: &["outcomes"],
        nothing: "-",
    },
];

/// How scores are distributed.
pub(super) const SCORES: Question = Question {
    id: "scores",
    title: "Scores",
    by: &[Dimension::Score],
    only: None,
    measures: &["scores", "mean_score", "min_score", "p10_score", "p50_score", "p90_score", "max_score"],
    about: &["scores"],
    nothing: "-",
};

/// What comes last, and is always there.
pub(super) const UNPRICED: Question = Question {
    id: "unpriced",
    title: "Unpriced: calls that are missing from the costs above, or of which a part is",
    by: &[Dimension::Provider, Dimension::Model, Dimension::Name],
    only: None,
    measures: &[
        "unpriced_calls",
        "partly_priced_calls",
        "calls_without_usage",
        "input_tokens",
        "output_tokens",
    ],
    about: &["unpriced_calls", "partly_priced_calls"],
    nothing: "(not given)",
};

impl Question {
    pub(super) fn ask(&self, engine: &dyn Engine, range: Range) -> Result<Section, QueryError> {
        let measure = |name: &&str| Measure::named(name).map_err(QueryError::from);
        let measures = self.measures.iter().map(measure).collect::<Result<Vec<_>, _>>()?;
        let about = self.about.iter().map(measure).collect::<Result<Vec<_>, _>>()?;
        // Asked together, so that the engine is gone through once.
        let asked = measures.iter().chain(&about).copied();
        let mut query = Query::new(asked).by(self.by.iter().copied()).range(range);
        if let Some(dimension) = self.only {
            query = query.filter(Filter { dimension, negated: true, values: vec![None] });
        }
        let mut rows = query.run(engine)?;
        rows.retain_mut(|row| {
            let about = row.figures.split_off(measures.len());
            about.is_empty() || about.into_iter().any(is_something)
        });
        rows.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.group.cmp(&b.group)));
        let groups = self.by.iter().map(|dimension| dimension.name());
        let columns = measures.iter().map(|measure| measure.name);
        let section = Section::new(self.id, self.title, groups, columns);
        Ok(Section { rows, nothing: self.nothing, always: self.id == UNPRICED.id, ..section })
    }
}

/// Money first, then numbers.
fn weight(row: &Row) -> (i64, u64) {
    let figures = || row.figures.iter().flatten();
    let money = figures().find_map(|figure| match figure {
        Quantity::Cost(cost) => Some(cost.floor().nanos()),
        _ => None,
    });
    let count = figures().find_map(|figure| if let Quantity::Count(n) = figure { Some(*n) } else { None });
    (money.unwrap_or(0), count.unwrap_or(0))
}

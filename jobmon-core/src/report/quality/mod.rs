//! Was it any good: scores, predictions, searches, consistency, feedback, drift.

mod consistency;
mod drift;
mod ranges;
mod searches;

use super::questions::{self, Question};
use super::{Once, Report, ReportKind, Section};
use crate::dimension::Dimension;
use crate::event::Event;
use crate::query::{Engine, QueryError, Range};

const PREDICTIONS: &[&str] = &[
    "predictions",
    "judged_predictions",
    "true_positives",
    "false_positives",
    "true_negatives",
    "false_negatives",
    "accuracy",
    "precision",
    "recall",
    "false_positive_rate",
];

const PREDICTED: Question = Question {
    id: "predictions",
    title: "Predictions, and whether they were right",
    by: &[Dimension::Label],
    only: None,
    measures: PREDICTIONS,
    about: &["predictions", "judged_predictions"],
    nothing: "-",
};

const PREDICTED_BY_MODEL: Question = Question {
    id: "predictions_by_model",
    title: "Predictions by model",
    by: &[Dimension::Label, Dimension::Provider, Dimension::Model],
    ..PREDICTED
};

const FEEDBACK: Question = Question {
    id: "feedback",
    title: "Feedback",
    by: &[Dimension::Feature, Dimension::Name],
    only: None,
    measures: &["feedback", "positive_feedback", "negative_feedback", "feedback_rate"],
    about: &["feedback"],
    nothing: "-",
};

impl Report {
    /// Whether results were any good: how scores are distributed and whether they drift, which predictions turned out to be
    /// right, what searches found and led to, whether repeated analyses agree, what people said. `docs/analysis.md`
    /// defines each figure.
    ///
    /// It goes through all single facts of the time.
    ///
    /// # Errors
    /// When the engine cannot answer, or keeps no single events.
    pub fn quality(engine: &dyn Engine, range: Range) -> Result<Self, QueryError> {
        let engine = &Once::new(engine);
        let mut ranges = ranges::Ranges::default();
        let mut searches = searches::Searches::default();
        let mut consistency = consistency::Consistency::default();
        engine.facts(range, &mut |_, event| match event {
            Event::Score(score) => {
                ranges.add(score);
                consistency.score(score);
            }
            Event::Label(label) => consistency.label(label),
            Event::Search(search) => searches.search(search),
            Event::Outcome(outcome) => searches.outcome(outcome),
            _ => {}
        })?;
        let sections = vec![
            questions::SCORES.ask(engine, range)?,
            ranges.section(),
            PREDICTED.ask(engine, range)?,
            PREDICTED_BY_MODEL.ask(engine, range)?,
            searches.section(),
            consistency.section(),
            FEEDBACK.ask(engine, range)?,
            drift::section(engine, range)?,
        ];
        Ok(Self::new(ReportKind::Quality, range, sections))
    }
}

/// How many rows are shown of what has many.
pub(super) const MOST_ROWS: usize = 20;

/// Cuts rows that are too many, and says so.
pub(super) fn cut(section: &mut Section, what: &str) {
    let more = section.rows.len().saturating_sub(MOST_ROWS);
    section.rows.truncate(MOST_ROWS);
    if more > 0 {
        section.note = Some(format!("and {more} more {what}"));
    }
}

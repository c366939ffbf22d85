//! What fails: categories, patterns, recovery, impact.

mod impact;
mod patterns;
pub(crate) mod recovery;

use super::{Report, ReportKind, Section};
use crate::dimension::Dimension;
use crate::event::Event;
use crate::measure::{Measure, Quantity};
use crate::query::{Engine, Query, QueryError, Range};

impl Report {
    /// What failed: by category and by pattern of the message, which retries helped, and whom it hurt. `docs/analysis.md`
    /// defines each figure.
    ///
    /// It goes through all single events of the time.
    ///
    /// # Errors
    /// When the engine cannot answer, or keeps no single events.
    pub fn errors(engine: &dyn Engine, range: Range) -> Result<Self, QueryError> {
        let mut patterns = patterns::Patterns::new(range);
        let mut recovery = recovery::Recovery::default();
        let mut impact = impact::Impact::default();
        engine.events(range, &mut |_, event| match event {
            Event::Call(call) => {
                patterns.add(call);
                recovery.add(call);
                impact.call(call);
            }
            Event::Outcome(outcome) => impact.outcome(outcome),
            _ => {}
        })?;
        let sections =
            vec![categories(engine, range)?, patterns.section(), recovery.section(), impact.section()];
        Ok(Self::new(ReportKind::Errors, range, sections))
    }
}

/// Failed attempts by category, most frequent first.
fn categories(engine: &dyn Engine, range: Range) -> Result<Section, QueryError> {
    const COLUMNS: [&str; 6] =
        ["failed_attempts", "share", "recovered_attempts", "attempt_recovery_rate", "errors", "wasted_cost"];
    let mut section =
        Section::new("categories", "Failures by category", [Dimension::Category.name()], COLUMNS);
    let all = Query::new([]).by([Dimension::Category]).range(range).aggregate(engine)?;
    let mut all: Vec<_> =
        all.into_iter().filter(|(_, sums)| sums.failed_attempts > 0 || sums.errors() > 0).collect();
    all.sort_by(|((_, one), a), ((_, other), b)| {
        b.failed_attempts.cmp(&a.failed_attempts).then_with(|| one.cmp(other))
    });
    let whole: u64 = all.iter().map(|(_, sums)| sums.failed_attempts).sum();
    for ((_, key), sums) in &all {
        let mut figures = Vec::new();
        for name in COLUMNS {
            #[expect(clippy::cast_precision_loss, reason = "a share is a rounded figure")]
            let share = || (whole > 0).then(|| Quantity::Ratio(sums.failed_attempts as f64 / whole as f64));
            figures.push(if name == "share" { share() } else { Measure::named(name)?.of(sums) });
        }
        section.push(vec![key.get(Dimension::Category).cloned()], figures);
    }
    Ok(section)
}

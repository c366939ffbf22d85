//! The report: the questions everybody asks first, answered from any [`Engine`].

mod comparison;
pub(crate) mod errors;
mod experience;
mod features;
mod figures;
mod forecast;
mod formats;
mod once;
mod only;
mod period;
mod quality;
mod questions;
mod section;
mod sessions;

#[cfg(test)]
mod tests;

use crate::aggregate::Aggregate;
use crate::query::{Engine, Query, QueryError, Range};
use crate::words::words;

pub use figures::{figure_parts, figure_to_csv, figure_to_json, notice_to_json, one_line, row_to_json};
pub use once::Once;
pub use only::Only;
pub use period::{Period, PeriodError, PeriodKind};
pub use section::Section;
pub use sessions::Sessions;

words! {
    /// What a report is about.
    enum ReportKind, "report" {
        Overview "report" "LLM report"
        Quality "quality" "LLM quality"
        Errors "errors" "LLM errors"
        Experience "experience" "LLM experience"
        Compliance "compliance" "LLM data and who has it"
    }
}

/// What happened in a time: costs, models, errors, quality, outcomes; of a [`Period`] also a comparison with the one
/// before, costs by day, and a forecast to its end.
///
/// ```
/// use jobmon_core::{Memory, Range, Timestamp, report::Report};
/// let range = Range { since: Timestamp::from_nanos(0), until: Timestamp::now() };
/// let report = Report::of(&Memory::default(), range)?;
/// assert!(report.to_text().contains("Nothing happened"));
/// # Ok::<(), jobmon_core::QueryError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// What it is about.
    pub kind: ReportKind,
    /// The time it covers.
    pub range: Range,
    /// The period it covers, where it is about one.
    pub period: Option<Period>,
    /// Its parts; those with nothing to say are left out, but for `features` and `unpriced`, which are always there.
    pub sections: Vec<Section>,
}

impl Report {
    /// Asks an engine all questions of the report.
    ///
    /// # Errors
    /// When the engine cannot answer.
    pub fn of(engine: &dyn Engine, range: Range) -> Result<Self, QueryError> {
        Self::about(engine, range, None)
    }

    /// The report of a calendar period, compared with the one before it.
    ///
    /// ```
    /// use jobmon_core::{Memory, Timestamp, report::{Period, PeriodKind, Report}};
    /// let month = Period::of(PeriodKind::Monthly, Timestamp::now());
    /// let report = Report::of_period(&Memory::default(), month)?;
    /// assert!(report.to_text().starts_with(&format!("LLM report, {} so far", month.title())));
    /// # Ok::<(), jobmon_core::QueryError>(())
    /// ```
    ///
    /// # Errors
    /// When the engine cannot answer.
    pub fn of_period(engine: &dyn Engine, period: Period) -> Result<Self, QueryError> {
        Self::about(engine, period.range(), Some(period))
    }

    fn about(engine: &dyn Engine, range: Range, period: Option<Period>) -> Result<Self, QueryError> {
        let engine = &Once::new(engine);
        let total = total(engine, range)?;
        let mut sections = Vec::new();
        for question in questions::BEFORE {
            sections.push(question.ask(engine, range)?);
        }
        if let Some(period) = &period {
            sections.push(comparison::section(engine, period, &total)?);
            if !period.is_over() {
                sections.push(forecast::section(engine, period, total.cost)?);
            }
        }
        sections.push(features::section(engine, range, period.as_ref())?);
        for question in questions::AFTER {
            sections.push(question.ask(engine, range)?);
        }
        sections.extend(sessions::section(engine, range, total.calls)?);
        if let Some(period) = &period {
            sections.push(comparison::by_time(engine, period)?);
        }
        sections.push(questions::UNPRICED.ask(engine, range)?);
        Ok(Self { period, ..Self::new(ReportKind::Overview, range, sections) })
    }

    /// What a period will have cost at its end; `None` for one that is over.
    ///
    /// # Errors
    /// When the engine cannot answer.
    pub fn forecast_of(engine: &dyn Engine, period: &Period) -> Result<Option<Section>, QueryError> {
        if period.is_over() {
            return Ok(None);
        }
        let spent = total(engine, period.range())?.cost;
        forecast::section(engine, period, spent).map(Some)
    }

    /// The parts of the report that tell the most at once: a summary, models, errors. Read from sums alone.
    ///
    /// # Errors
    /// When the engine cannot answer.
    pub fn summary_of(engine: &dyn Engine, range: Range) -> Result<Vec<Section>, QueryError> {
        let questions = questions::BEFORE.iter().chain(questions::AFTER);
        let told = questions.filter(|question| matches!(question.id, "summary" | "models" | "errors"));
        let mut sections = told.map(|question| question.ask(engine, range)).collect::<Result<Vec<_>, _>>()?;
        sections.retain(Section::has_something_to_say);
        Ok(sections)
    }

    /// A report of one's own: those sections that have something to say.
    pub fn of_sections(kind: ReportKind, range: Range, sections: Vec<Section>) -> Self {
        Self::new(kind, range, sections)
    }

    fn new(kind: ReportKind, range: Range, mut sections: Vec<Section>) -> Self {
        sections.retain(Section::has_something_to_say);
        Self { kind, range, period: None, sections }
    }

    /// Its section of an id.
    pub fn section(&self, id: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.id == id)
    }
}

/// All of a time in one aggregate.
fn total(engine: &dyn Engine, range: Range) -> Result<Aggregate, QueryError> {
    let mut all = Query::new([]).range(range).aggregate(engine)?;
    Ok(all.pop_first().map(|(_, aggregate)| aggregate).unwrap_or_default())
}

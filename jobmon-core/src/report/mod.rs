//! The report: the questions everybody asks first, answered from any [`Engine`].

mod figures;
mod questions;

use crate::dimension::Dimension;
use crate::measure::{Measure, Quantity};
use crate::query::{Engine, QueryError, Range, Row};
use crate::table::{Align, Table};
use crate::time::Timestamp;
use questions::QUESTIONS;
use serde_json::{Map, Value, json};

pub use figures::{figure_to_csv, figure_to_json, one_line, row_to_json};

/// What happened in a time: costs, models, errors, quality, outcomes.
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
    /// The time it covers.
    pub range: Range,
    /// Its parts; those with nothing to say are left out.
    pub sections: Vec<Section>,
}

/// One part of a report: a question and its rows, most expensive first.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Section {
    /// Stable name for machines.
    pub id: &'static str,
    /// Heading.
    pub title: &'static str,
    /// What it is grouped by.
    pub by: &'static [Dimension],
    /// Its columns.
    pub measures: Vec<&'static Measure>,
    /// Its rows.
    pub rows: Vec<Row>,
    nothing: &'static str,
}

impl Report {
    /// Asks an engine all questions of the report.
    ///
    /// # Errors
    /// When the engine cannot answer.
    pub fn of(engine: &dyn Engine, range: Range) -> Result<Self, QueryError> {
        let mut sections = Vec::new();
        for question in QUESTIONS {
            let section = question.ask(engine, range)?;
            if !section.rows.is_empty() {
                sections.push(section);
            }
        }
        Ok(Self { range, sections })
    }

    /// For a terminal.
    pub fn to_text(&self) -> String {
        let mut text = format!("LLM report, {}\n", self.period());
        for section in &self.sections {
            text.push_str(&format!("\n{}\n", section.title));
            text.push_str(&indented(&section.table().to_text()));
        }
        text.push_str(if self.sections.is_empty() { "\nNothing happened in this time.\n" } else { "" });
        text
    }

    /// For a document.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("# LLM report\n\n{}\n", self.period());
        for section in &self.sections {
            text.push_str(&format!("\n## {}\n\n{}", section.title, section.table().to_markdown()));
        }
        text.push_str(if self.sections.is_empty() { "\nNothing happened in this time.\n" } else { "" });
        text
    }

    /// For machines: `{"since", "until", "sections": {id: [{dimension or measure: value, ..}, ..], ..}}`.
    pub fn to_json(&self) -> Value {
        let sections: Map<_, _> = self
            .sections
            .iter()
            .map(|section| {
                let rows = section.rows.iter();
                let rows = rows.map(|row| row_to_json(row, section.by, &section.measures)).collect();
                (section.id.to_owned(), Value::Array(rows))
            })
            .collect();
        json!({
            "since": moment(self.range.since), "until": moment(self.range.until), "sections": sections,
        })
    }

    fn period(&self) -> String {
        let end = |at: Timestamp| moment(at).unwrap_or_default();
        match (moment(self.range.since), moment(self.range.until)) {
            (None, None) => "all of the history".to_owned(),
            (Some(since), None) => format!("since {since}"),
            (None, Some(until)) => format!("until {until}"),
            (Some(_), Some(_)) => format!("{} to {}", end(self.range.since), end(self.range.until)),
        }
    }
}

fn moment(at: Timestamp) -> Option<String> {
    (at != Timestamp::MIN && at != Timestamp::MAX).then(|| at.to_string())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

impl Section {
    /// Its rows as a table; one row without groups stands upright.
    pub fn table(&self) -> Table {
        let text =
            |figure: &Option<Quantity>| figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string());
        if self.by.is_empty() {
            let mut table = Table::new([("measure", Align::Left), ("value", Align::Right)]);
            for row in &self.rows {
                for (measure, figure) in self.measures.iter().zip(&row.figures) {
                    if !matches!(figure, None | Some(Quantity::Count(0))) {
                        table.row([label(measure.name), text(figure)]);
                    }
                }
            }
            return table;
        }
        let groups = self.by.iter().map(|dimension| (dimension.name().to_owned(), Align::Left));
        let figures = self.measures.iter().map(|measure| (label(measure.name), Align::Right));
        let mut table = Table::new(groups.chain(figures));
        for row in &self.rows {
            let group = row.group.iter().map(|value| value.as_deref().unwrap_or(self.nothing).to_owned());
            table.row(group.chain(row.figures.iter().map(text)));
        }
        table
    }
}

/// `p95_latency` reads better as `p95 latency`.
fn label(name: &str) -> String {
    name.replace('_', " ")
}

//! The report: the questions everybody asks first, answered from any [`Engine`].

use crate::dimension::Dimension;
use crate::measure::{Measure, Quantity};
use crate::query::{Engine, Filter, Query, QueryError, Range, Row};
use crate::table::{Align, Table, printable};
use crate::text::Text;
use crate::time::Timestamp;
use serde_json::{Map, Value, json};

/// One question of the report.
struct Question {
    id: &'static str,
    title: &'static str,
    by: &'static [Dimension],
    /// Keeps events that have a value for it.
    only: Option<Dimension>,
    measures: &'static [&'static str],
    /// Rows in which all of these are zero or unknown say nothing here.
    about: &'static [&'static str],
    /// How a missing value of a dimension is called.
    nothing: &'static str,
}

const QUESTIONS: &[Question] = &[
    Question {
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
    },
    Question {
        id: "features",
        title: "Costs by feature",
        by: &[Dimension::Feature],
        only: None,
        measures: &[
            "cost",
            "wasted_cost",
            "model_calls",
            "cost_per_call",
            "total_tokens",
            "success_rate",
            "p95_latency",
        ],
        about: &["model_calls"],
        nothing: "(unattributed)",
    },
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
        about: &["model_calls"],
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
        title: "Failed attempts by category",
        by: &[Dimension::Category],
        only: Some(Dimension::Category),
        measures: &["failed_attempts", "recovered_attempts", "attempt_recovery_rate"],
        about: &["failed_attempts"],
        nothing: "-",
    },
    Question {
        id: "scores",
        title: "Scores",
        by: &[Dimension::Score],
        only: None,
        measures: &["scores", "mean_score", "min_score", "p10_score", "p50_score", "p90_score", "max_score"],
        about: &["scores"],
        nothing: "-",
    },
    Question {
        id: "strategies",
        title: "Strategies",
        by: &[Dimension::Strategy],
        only: None,
        measures: &[
            "searches",
            "results",
            "relevance",
            "cost",
            "outcomes",
            "outcome_value",
            "roi",
            "outcomes_per_search",
        ],
        about: &["searches", "model_calls"],
        nothing: "(none)",
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
    Question {
        id: "unpriced",
        title: "Unpriced: calls missing from the costs above",
        by: &[Dimension::Provider, Dimension::Model, Dimension::Name],
        only: None,
        measures: &["unpriced_calls", "calls_without_usage", "input_tokens", "output_tokens"],
        about: &["unpriced_calls"],
        nothing: "(not given)",
    },
];

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

impl Question {
    fn ask(&self, engine: &dyn Engine, range: Range) -> Result<Section, QueryError> {
        let measure = |name: &&str| Measure::named(name).map_err(QueryError::from);
        let measures = self.measures.iter().map(measure).collect::<Result<Vec<_>, _>>()?;
        let mut query = Query::new(measures.iter().copied()).by(self.by.iter().copied()).range(range);
        if let Some(dimension) = self.only {
            query = query.filter(Filter { dimension, negated: true, values: vec![None] });
        }
        let mut rows = query.run(engine)?;
        if !self.about.is_empty() {
            let measures = self.about.iter().map(measure).collect::<Result<_, _>>()?;
            let said: Vec<_> = Query { measures, ..query }.run(engine)?;
            let says = |figure: &Option<Quantity>| !matches!(figure, None | Some(Quantity::Count(0)));
            let has = |row: &Row| said.iter().any(|s| s.group == row.group && s.figures.iter().any(says));
            rows.retain(has);
        }
        rows.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.group.cmp(&b.group)));
        Ok(Section { id: self.id, title: self.title, by: self.by, measures, rows, nothing: self.nothing })
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

/// A row as a JSON object: groups as text or null, figures as [`figure_to_json`] writes them.
pub fn row_to_json(row: &Row, by: &[Dimension], measures: &[&'static Measure]) -> Value {
    let mut object = Map::new();
    if let Some(bucket) = row.bucket {
        object.insert("time".to_owned(), json!(bucket.to_string()));
    }
    for (dimension, value) in by.iter().zip(&row.group) {
        object.insert(dimension.name().to_owned(), json!(value.as_ref().map(Text::as_str)));
    }
    for (measure, figure) in measures.iter().zip(&row.figures) {
        object.insert(measure.name.to_owned(), figure.map_or(Value::Null, figure_to_json));
    }
    Value::Object(object)
}

/// A figure for machines: counts and ratios as numbers (an upper bound as `{"at_most": n}`), times in seconds, money in whole nanodollars with its
/// grade.
pub fn figure_to_json(figure: Quantity) -> Value {
    match figure {
        Quantity::Count(count) => json!(count),
        Quantity::Ratio(number) | Quantity::Number(number) => json!(number),
        Quantity::AtMost(number) => json!({"at_most": number}),
        Quantity::Duration(duration) => json!(duration.as_secs_f64()),
        Quantity::Usd(usd) => json!({"nanodollars": usd.nanos()}),
        Quantity::Cost(cost) => json!({"nanodollars": cost.floor().nanos(), "grade": cost.grade()}),
    }
}

/// A figure for a spreadsheet: as [`figure_to_json`], money in dollars to the nanodollar.
pub fn figure_to_csv(figure: Quantity) -> String {
    let dollars = |usd: crate::Usd| usd.to_string().replace('$', "");
    match figure {
        Quantity::Usd(usd) => dollars(usd),
        Quantity::AtMost(number) => format!("<={number}"),
        Quantity::Cost(crate::Cost::Unpriced) => String::new(),
        Quantity::Cost(cost) => dollars(cost.floor()),
        other => figure_to_json(other).to_string(),
    }
}

/// Text on one line that cannot steer a terminal.
pub fn one_line(text: &str) -> String {
    printable(text)
}

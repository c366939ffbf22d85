//! What each command does: arguments in, text out.

use crate::args::{Args, Command, QueryArgs, QueryFormat, Slice, Span};
use crate::time::Moment;
use crate::{analysis, csv, history, report};
use clap::CommandFactory;
use jobmon_core::report::row_to_json;
use jobmon_core::{Align, Bucket, Quantity, Query, Range, Row, Table, Timestamp};
use jobmon_export::Difference;
use serde_json::Value;
use std::collections::BTreeSet;

/// A message for the user: what was wrong and what to do.
pub(crate) type Message = String;

pub(crate) fn message(error: impl std::fmt::Display) -> Message {
    error.to_string()
}

/// What a command has to say, and the status that it ends with.
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) status: u8,
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self { text, status: 0 }
    }
}

pub(crate) fn run(args: Args) -> Result<Answer, Message> {
    let text = match args.command {
        Command::Alerts(command) => return crate::alerts::run(&command),
        Command::Generate(command) => crate::generate::run(&command)?,
        Command::Report(args) => report::run(&args)?,
        Command::Query(args) => query(args)?,
        Command::Quality(args) => analysis::quality(&args)?,
        Command::Errors(args) => analysis::errors(&args)?,
        Command::Experience(args) => analysis::experience(&args)?,
        Command::Insights(args) => crate::insights::run(&args)?,
        Command::Prices(args) => crate::prices::run(args)?,
        Command::History(command) => history::run(command)?,
        Command::Import(args) => crate::import::run(&args)?,
        Command::Top(args) => crate::top::run(&args)?,
        Command::Serve(args) => return crate::serve::run(args),
        Command::Audit(command) => return history::audit(&command),
        Command::Compliance(args) => history::compliance(&args)?,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "jobmon", &mut script);
            String::from_utf8(script).map_err(message)?
        }
    };
    Ok(text.into())
}

/// The range that was asked for; `until` is now unless it is said.
pub(crate) fn range(span: &Span) -> Result<Range, Message> {
    let now = Timestamp::now();
    let since = span.since.map_or(Timestamp::MIN, |since: Moment| since.at(now));
    let until = span.until.map_or(Timestamp::MAX, |until: Moment| until.at(now));
    if since >= until {
        return Err(format!(
            "the time range is empty: --since is {since} and --until is {until}; --since must be earlier"
        ));
    }
    Ok(Range { since, until })
}

pub(crate) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Each name once: two columns of one name would be one key in JSON.
fn once(names: impl Iterator<Item = &'static str>) -> Result<(), Message> {
    let mut seen = BTreeSet::new();
    names.into_iter().try_for_each(|name| {
        seen.insert(name).then_some(()).ok_or_else(|| format!("`{name}` is asked for twice; name it once"))
    })
}

fn query(args: QueryArgs) -> Result<String, Message> {
    once(args.measures.iter().map(|measure| measure.name))?;
    once(args.by.iter().map(|dimension| dimension.name()))?;
    let mut query = Query::new(args.measures).by(args.by).range(range(&args.span)?);
    query.filters = args.filter;
    query.bucket = args.bucket.map(|slice| match slice {
        Slice::Hour => Bucket::Hour,
        Slice::Day => Bucket::Day,
    });
    let history = args.source.open()?;
    let rows = query.run(&*history).map_err(message)?;
    Ok(match args.format {
        QueryFormat::Table => table(&query, &rows).to_text(),
        QueryFormat::Csv => csv::of(&query, &rows),
        QueryFormat::Json => {
            let by: Vec<_> = query.by.iter().map(|dimension| dimension.name()).collect();
            let measures: Vec<_> = query.measures.iter().map(|measure| measure.name).collect();
            let rows = rows.iter().map(|row| row_to_json(row, &by, &measures)).collect();
            pretty(&Value::Array(rows))
        }
    })
}

fn table(query: &Query, rows: &[Row]) -> Table {
    let time = query.bucket.map(|_| ("time", Align::Left));
    let groups = query.by.iter().map(|dimension| (dimension.name(), Align::Left));
    let figures = query.measures.iter().map(|measure| (measure.name, Align::Right));
    let mut table = Table::new(time.into_iter().chain(groups).chain(figures));
    for row in rows {
        let time = row.bucket.map(|at| at.to_string());
        let groups = row.group.iter().map(|value| value.as_ref().map_or("-".to_owned(), ToString::to_string));
        let figure = |figure: &Option<Quantity>| figure.map_or("-".to_owned(), |figure| figure.to_string());
        table.row(time.into_iter().chain(groups).chain(row.figures.iter().map(figure)));
    }
    table
}

pub(crate) fn check(differences: &[Difference]) -> Result<String, Message> {
    if differences.is_empty() {
        return Ok("The sums of hours, days and sessions agree with the events.\n".to_owned());
    }
    let mut table = Table::new([
        ("sums", Align::Left),
        ("from", Align::Left),
        ("calls in sums", Align::Right),
        ("calls in events", Align::Right),
    ]);
    for difference in differences {
        table.row([
            difference.table.to_owned(),
            difference.start.to_string(),
            difference.stored_calls.to_string(),
            difference.event_calls.to_string(),
        ]);
    }
    Err(format!(
        "sums and events differ in {} places (sampling, or events past their retention, explain sums that are \
         larger):\n{}",
        differences.len(),
        table.to_text()
    ))
}

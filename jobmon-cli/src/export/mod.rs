//! `jobmon history export`: single events as JSON lines, CSV or Parquet.

mod columns;
mod parquet;

use crate::args::{Source, Span};
use crate::commands::{Message, message, range};
use crate::csv::{cell_text, line};
use crate::history::exported_events;
use clap::ValueEnum;
use columns::{CALLS, Cell, Column, FACTS};
use jobmon_core::report::Only;
use jobmon_core::{
    CallId, CallRecord, Engine, Event, Fact, Filter, Operation, Outcome, Resource, Scope, SpanId, Text,
    Timestamp, TraceId,
};
use jobmon_export::event_to_json;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// What a file is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Whole events, one JSON object on each line: what `jobmon import` reads
    Jsonl,
    /// A table of comma-separated values, for spreadsheets
    Csv,
    /// A table for DuckDB, Polars, pandas and others
    Parquet,
}

/// Which events are rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rows {
    /// Calls, one row each
    Calls,
    /// What was said of them: scores, feedback, outcomes, searches, labels, late usage
    Facts,
}

impl Format {
    /// What the ending of a file says, where nothing else does.
    pub(crate) fn of(output: &Path) -> Self {
        match output.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => Self::Csv,
            Some("parquet") => Self::Parquet,
            _ => Self::Jsonl,
        }
    }
}

/// Something that takes events one by one.
trait Sink {
    fn add(&mut self, resource: &Resource, event: &Event) -> Result<bool, Message>;
    fn finish(self: Box<Self>) -> Result<(), Message>;
}

struct Lines(BufWriter<File>);

impl Sink for Lines {
    fn add(&mut self, resource: &Resource, event: &Event) -> Result<bool, Message> {
        writeln!(self.0, "{}", event_to_json(resource, event)).map_err(message)?;
        Ok(true)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Message> {
        self.0.flush().map_err(message)
    }
}

struct Csv(BufWriter<File>, Rows);

fn cells<R: ?Sized>(columns: &[Column<R>], resource: &Resource, row: &R) -> String {
    let cell = |column: &Column<R>| match (column.of)(resource, row) {
        Cell::Text(text) => text.map_or_else(String::new, |text| cell_text(&text)),
        Cell::Int(number) => number.map_or_else(String::new, |number| number.to_string()),
        Cell::Float(number) => number.map_or_else(String::new, |number| number.to_string()),
        Cell::Bool(flag) => flag.map_or_else(String::new, |flag| flag.to_string()),
        Cell::Moment(nanos) => Timestamp::from_nanos(nanos).to_string(),
    };
    line(&columns.iter().map(cell).collect::<Vec<_>>())
}

fn heads<R: ?Sized>(columns: &[Column<R>]) -> String {
    line(&columns.iter().map(|column| column.name.to_owned()).collect::<Vec<_>>())
}

impl Sink for Csv {
    fn add(&mut self, resource: &Resource, event: &Event) -> Result<bool, Message> {
        let row = match (self.1, event) {
            (Rows::Calls, Event::Call(call)) => cells(CALLS, resource, call.as_ref()),
            (Rows::Facts, event) if event.fact().is_some() => cells(FACTS, resource, event),
            _ => return Ok(false),
        };
        self.0.write_all(row.as_bytes()).map_err(message)?;
        Ok(true)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Message> {
        self.0.flush().map_err(message)
    }
}

enum Parquet {
    Calls(parquet::Rows<CallRecord, BufWriter<File>>),
    Facts(parquet::Rows<Event, BufWriter<File>>),
}

impl Sink for Parquet {
    fn add(&mut self, resource: &Resource, event: &Event) -> Result<bool, Message> {
        match (self, event) {
            (Self::Calls(rows), Event::Call(call)) => rows.add(resource, call).map_err(message)?,
            (Self::Facts(rows), event) if event.fact().is_some() => {
                rows.add(resource, event).map_err(message)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(self: Box<Self>) -> Result<(), Message> {
        match *self {
            Self::Calls(rows) => rows.finish().map_err(message),
            Self::Facts(rows) => rows.finish().map_err(message),
        }
    }
}

fn sink(output: &Path, format: Format, rows: Rows) -> Result<Box<dyn Sink>, Message> {
    let mut file = BufWriter::new(File::create(output).map_err(message)?);
    Ok(match (format, rows) {
        (Format::Jsonl, _) => Box::new(Lines(file)),
        (Format::Csv, rows) => {
            let heads = if rows == Rows::Calls { heads(CALLS) } else { heads(FACTS) };
            file.write_all(heads.as_bytes()).map_err(message)?;
            Box::new(Csv(file, rows))
        }
        (Format::Parquet, Rows::Calls) => {
            let id = CallId { trace: TraceId::random(), span: SpanId::random() };
            let sample = CallRecord::new(id, Text::literal(""), Operation::Chat, Timestamp::MIN);
            Box::new(Parquet::Calls(parquet::Rows::new(file, CALLS, &sample).map_err(message)?))
        }
        (Format::Parquet, Rows::Facts) => {
            let sample =
                Outcome::new(Fact::new(Timestamp::MIN, None, Scope::default()), Text::literal(""), None);
            Box::new(Parquet::Facts(
                parquet::Rows::new(file, FACTS, &Event::Outcome(sample)).map_err(message)?,
            ))
        }
    })
}

/// Writes the events of a time that filters keep, and tells the audit log.
pub(crate) fn run(
    source: &Source,
    span: &Span,
    filters: Vec<Filter>,
    output: &Path,
    (format, rows): (Option<Format>, Option<Rows>),
) -> Result<String, Message> {
    let format = format.unwrap_or_else(|| Format::of(output));
    if format == Format::Jsonl && rows.is_some() {
        return Err(
            "`--rows` is for tables: JSON lines have calls and facts; leave it out, or write csv or parquet"
                .to_owned(),
        );
    }
    let range = range(span)?;
    let history = source.open()?;
    let failed = |problem: Message| format!("cannot write {}: {problem}", output.display());
    let mut sink = sink(output, format, rows.unwrap_or(Rows::Calls)).map_err(failed)?;
    let progress = crate::progress::counted("Events written");
    let (mut events, mut written) = (0_u64, Ok(()));
    Only::new(&*history, filters)
        .events(range, &mut |resource, event| {
            if written.is_ok() {
                match sink.add(resource, event) {
                    Ok(taken) => {
                        events += u64::from(taken);
                        progress.inc(u64::from(taken));
                    }
                    Err(problem) => written = Err(problem),
                }
            }
        })
        .map_err(message)?;
    progress.finish_and_clear();
    written.and_then(|()| sink.finish()).map_err(failed)?;
    drop(history);
    exported_events(source, events, output)?;
    Ok(format!("{events} events written to {}\n", output.display()))
}

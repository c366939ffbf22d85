//! `jobmon import`: events of elsewhere, into a history.

mod langfuse;

use crate::args::Source;
use crate::commands::{Message, message};
use crate::otlp::{self, Received};
use crate::place::Keep;
use clap::{Args as Group, ValueEnum};
use indicatif::ProgressBar;
use jobmon_core::{Event, Intake, Resource};
use jobmon_export::{Imported, event_from_json};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Events of one transaction, about.
const AT_ONCE: usize = 1_000;

#[derive(Debug, Group)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    source: Source,
    /// JSON or JSON lines: of the `jsonl` exporter and `jobmon history export`, OTLP/JSON, or an export of Langfuse
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the files are; without it, each is looked at
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The configuration with prices, redaction and `user_key`; default: `JOBMON_CONFIG`, else `jobmon.toml`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Events of jobmon, one on each line
    Jobmon,
    /// Requests of OTLP as JSON: spans and log records
    Otlp,
    /// Observations, traces and scores of Langfuse
    Langfuse,
}

impl Format {
    const ALL: &str = "events of jobmon (`type`), OTLP/JSON (`resourceSpans`, `resourceLogs`) or an export of Langfuse \
                       (observations with `type` and `traceId`, traces with `observations`, scores)";

    fn of(value: &Value) -> Option<Self> {
        if otlp::json::is_otlp(value) {
            Some(Self::Otlp)
        } else if langfuse::is_langfuse(value) {
            Some(Self::Langfuse)
        } else if value["type"].is_string() {
            Some(Self::Jobmon)
        } else {
            None
        }
    }
}

/// Reads all files before it writes anything, so that a mistake in one leaves the history as it was.
pub(crate) fn run(args: &ImportArgs) -> Result<String, Message> {
    let settings = jobmon_export::settings(args.config.as_deref()).map_err(message)?;
    let place = args.source.place(|| Ok(settings.clone()))?;
    let intake = Intake::new(settings);
    for file in &args.files {
        let mut reader = Reader::new(args.format);
        each(file, &ProgressBar::hidden(), &mut |value| reader.read(value).map(drop))?;
    }
    let mut importer = place.writer()?;
    let mut text = String::new();
    for file in &args.files {
        let name = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut reader = Reader::new(args.format);
        let mut writer = Writer {
            importer: &mut *importer,
            intake: &intake,
            batch: Vec::new(),
            done: Imported::default(),
        };
        let length = std::fs::metadata(file).map_or(0, |file| file.len());
        let progress = crate::progress::bytes(&name, length);
        each(file, &progress, &mut |value| {
            let found = reader.read(value)?;
            writer.add(found)
        })?;
        writer.add(Found::Received(reader.langfuse.finish()))?;
        writer.write()?;
        progress.finish_and_clear();
        let (done, left_out) = (writer.done, reader.left_out);
        importer.account(done, &name)?;
        let (written, known) = (done.written, done.known);
        text.push_str(&format!("{}: {written} events written, {known} were there already", file.display()));
        if left_out > 0 {
            text.push_str(&format!("; {left_out} spans have no id and were left out"));
        }
        text.push('\n');
    }
    Ok(text)
}

/// What one document of a file brings.
enum Found {
    Event(Box<(Resource, Event)>),
    Received(Vec<Received>),
}

struct Reader {
    format: Option<Format>,
    langfuse: langfuse::Export,
    left_out: u64,
}

impl Reader {
    fn new(format: Option<Format>) -> Self {
        Self { format, langfuse: langfuse::Export::default(), left_out: 0 }
    }

    fn read(&mut self, value: &Value) -> Result<Found, String> {
        let format = match self.format {
            Some(format) => format,
            None => Format::of(value).ok_or_else(|| format!("not one of: {}", Format::ALL))?,
        };
        // A file is of one kind.
        self.format = Some(format);
        match format {
            Format::Jobmon => Ok(Found::Event(Box::new(event_from_json(value)?))),
            Format::Otlp if !otlp::json::is_otlp(value) => {
                Err("OTLP/JSON has `resourceSpans`, `resourceLogs` or `resourceMetrics`".to_owned())
            }
            Format::Otlp => {
                let (received, rejected) = otlp::json::read(value);
                self.left_out += rejected.0;
                Ok(Found::Received(received))
            }
            Format::Langfuse => {
                self.langfuse.add(value)?;
                Ok(Found::Received(Vec::new()))
            }
        }
    }
}

struct Writer<'a> {
    importer: &'a mut dyn Keep,
    intake: &'a Intake,
    batch: Vec<(Resource, Vec<Event>)>,
    done: Imported,
}

impl Writer<'_> {
    fn add(&mut self, found: Found) -> Result<(), Message> {
        match found {
            Found::Event(event) => {
                let (resource, event) = *event;
                match self.batch.last_mut().filter(|(of, _)| *of == resource) {
                    Some((_, events)) => events.push(event),
                    None => self.batch.push((resource, vec![event])),
                }
            }
            Found::Received(received) => {
                // What is written by now may be what is around these.
                self.write()?;
                let importer = &self.importer;
                let mut failed = None;
                let mut events = otlp::events(received, &mut |trace| {
                    importer.known(trace).unwrap_or_else(|error| {
                        failed = Some(error);
                        Vec::new()
                    })
                });
                failed.map_or(Ok(()), Err)?;
                events.iter_mut().flat_map(|(_, events)| events).for_each(|event| self.intake.take(event));
                self.batch = events;
            }
        }
        let waiting: usize = self.batch.iter().map(|(_, events)| events.len()).sum();
        if waiting >= AT_ONCE { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), Message> {
        for (resource, events) in std::mem::take(&mut self.batch) {
            let part = self.importer.write(resource, events)?;
            self.done.written += part.written;
            self.done.known += part.known;
        }
        Ok(())
    }
}

/// Goes through the documents of a file: one JSON value, a list of them, or one on each line.
fn each(
    file: &Path,
    progress: &ProgressBar,
    visit: &mut dyn FnMut(&Value) -> Result<(), String>,
) -> Result<(), Message> {
    let place = file.display();
    let unreadable = |error: std::io::Error| format!("{place}: cannot be read: {error}");
    let mut reader = BufReader::new(File::open(file).map_err(unreadable)?);
    let mut first = String::new();
    let mut number = 0;
    while first.trim().is_empty() {
        first.clear();
        number += 1;
        if reader.read_line(&mut first).map_err(unreadable)? == 0 {
            return Ok(());
        }
    }
    let is_lines = serde_json::from_str::<Value>(&first).is_ok_and(|value| value.is_object());
    if !is_lines {
        // Not one on each line: all of it is one value, or its first line is wrong.
        let mut rest = String::new();
        reader.read_to_string(&mut rest).map_err(unreadable)?;
        let whole = first.clone() + &rest;
        return match serde_json::from_str::<Value>(&whole) {
            Ok(Value::Array(items)) => items.iter().enumerate().try_for_each(|(at, item)| {
                visit(item).map_err(|problem| format!("{place}: item {}: {problem}", at + 1))
            }),
            Ok(value) => visit(&value).map_err(|problem| format!("{place}: {problem}")),
            Err(error) => Err(format!(
                "{place}:{}: no JSON, at column {}: expected one event on each line, or one JSON document",
                number - 1 + error.line(),
                error.column()
            )),
        };
    }
    let mut line = first;
    loop {
        if !line.trim().is_empty() {
            let value = serde_json::from_str::<Value>(line.trim_end()).map_err(|error| {
                format!(
                    "{place}:{number}: no JSON, at column {}: expected one event on each line",
                    error.column()
                )
            })?;
            visit(&value).map_err(|problem| format!("{place}:{number}: {problem}"))?;
        }
        progress.inc(line.len() as u64);
        line.clear();
        number += 1;
        if reader
            .read_line(&mut line)
            .map_err(|error| format!("{place}:{number}: cannot be read: {error}"))?
            == 0
        {
            return Ok(());
        }
    }
}

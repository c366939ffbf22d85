//! `jobmon import`: events of elsewhere, into a history.

use crate::args::Source;
use crate::commands::{Message, message};
use crate::history::actor;
use clap::Args as Group;
use jobmon_core::{Event, Resource};
use jobmon_export::{Sqlite, event_from_json};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

#[derive(Debug, Group)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    source: Source,
    /// JSON lines, as the `jsonl` exporter and `jobmon history export` write them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Reads all files before it writes anything, so that a mistake in one leaves the history as it was.
pub(crate) fn run(args: &ImportArgs) -> Result<String, Message> {
    for file in &args.files {
        for event in events(file)? {
            event?;
        }
    }
    let mut text = String::new();
    for file in &args.files {
        let name = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        // They were read a moment ago; what has changed since is told below.
        let mut wrong = None;
        let events = events(file)?.map_while(|event| event.map_err(|error| wrong = Some(error)).ok());
        let done = Sqlite::import(&args.source.db, events, &name, &actor()).map_err(message)?;
        wrong.map_or(Ok(()), Err)?;
        let (written, known) = (done.written, done.known);
        text.push_str(&format!("{}: {written} events written, {known} were there already\n", file.display()));
    }
    Ok(text)
}

type Read = Result<(Resource, Event), Message>;

fn events(file: &Path) -> Result<impl Iterator<Item = Read>, Message> {
    let place = file.display().to_string();
    let open = File::open(file).map_err(|error| format!("{place}: cannot be read: {error}"))?;
    let lines = BufReader::new(open).lines().enumerate();
    Ok(lines.filter_map(move |(at, line)| {
        let wrong = |problem: String| format!("{place}:{}: {problem}", at + 1);
        let line = match line {
            Ok(line) if line.trim().is_empty() => return None,
            Ok(line) => line,
            Err(error) => return Some(Err(wrong(format!("cannot be read: {error}")))),
        };
        let event = serde_json::from_str::<Value>(&line).map_err(|error| {
            format!("no JSON, at column {}: expected one event on each line", error.column())
        });
        Some(event.and_then(|value| event_from_json(&value)).map_err(wrong))
    }))
}

//! `jobmon quality`, `jobmon errors` and `jobmon experience`: reports that go through single events.

use crate::args::{Source, Span};
use crate::commands::{Message, message, range};
use crate::report::Format;
use crate::time::Moment;
use clap::Args as Group;
use jobmon_core::report::{Only, Report};
use jobmon_core::{Engine, Filter, QueryError, Range};
use std::path::PathBuf;

/// Which events, and how they are shown.
#[derive(Debug, Group)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) span: Span,
    /// Which events: `dimension=value`, `dimension!=value`, `dimension=a,b`; `dimension=` for those without one
    #[arg(long, value_name = "FILTER", value_parser = crate::args::filter)]
    pub(crate) filter: Vec<Filter>,
    /// How to print it
    #[arg(long, value_enum, default_value = "terminal")]
    format: Format,
    /// Where to write it, instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A report about a time.
type Make = fn(&dyn Engine, Range) -> Result<Report, QueryError>;

pub(crate) fn quality(args: &Args) -> Result<String, Message> {
    run(args, Report::quality, None)
}

/// Of the last 24 hours, where nothing else is said.
pub(crate) fn errors(args: &Args) -> Result<String, Message> {
    run(args, Report::errors, Some(Moment::hours_ago(24)))
}

pub(crate) fn experience(args: &Args) -> Result<String, Message> {
    run(args, Report::experience, None)
}

fn run(args: &Args, make: Make, since: Option<Moment>) -> Result<String, Message> {
    let range = range(&Span { since: args.span.since.or(since), until: args.span.until })?;
    let history = args.source.open()?;
    let report = make(&Only::new(&*history, args.filter.clone()), range).map_err(message)?;
    let text = args.format.print(&report, args.output.as_deref())?;
    crate::history::exported(&args.source, report.kind.name(), args.output.as_deref())?;
    Ok(text)
}

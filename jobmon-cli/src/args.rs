//! What the command line accepts.

use crate::alerts::AlertsCommand;
use crate::generate::GenerateCommand;
use crate::history::{AuditCommand, ComplianceArgs, HistoryCommand};
pub(crate) use crate::place::Source;
use crate::prices::PricesArgs;
use crate::time::Moment;
use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jobmon_core::{Dimension, Filter, Measure};

/// Reports and queries over the history that agents write with the `sqlite` exporter.
///
/// It only reads: it can run while agents write.
#[derive(Debug, Parser)]
#[command(name = "jobmon", version, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What happened: costs, models, errors, quality, outcomes
    Report(crate::report::Args),
    /// Any measures, grouped and filtered
    Query(QueryArgs),
    /// Whether results were any good: scores, predictions and truths, searches, consistency, feedback, drift
    Quality(crate::analysis::Args),
    /// What fails, of the last 24 hours: categories, patterns, which retries helped, whom it hurt
    Errors(crate::analysis::Args),
    /// What it is like for users: end-to-end latency, features, parameters, sessions and what they lead to
    Experience(crate::analysis::Args),
    /// What would save money, with the arithmetic: what to cache, batch, shorten or move to another model
    Insights(crate::insights::Args),
    /// What must not go unseen: which alerts fire, and which would have
    #[command(subcommand)]
    Alerts(AlertsCommand),
    /// What models cost: show, check and update prices, and price requests
    Prices(PricesArgs),
    /// Write what other programs need: rules for Prometheus, a dashboard for Grafana, a configuration of a Collector
    #[command(subcommand)]
    Generate(GenerateCommand),
    /// Look after the history: check, prune, export, erase a user
    #[command(subcommand)]
    History(HistoryCommand),
    /// Write events of elsewhere into a history: JSON lines of jobmon, OTLP/JSON, exports of Langfuse
    Import(crate::import::ImportArgs),
    /// Take OTLP of any program into a history, and show it: pages, an API, alerts
    Serve(crate::serve::ServeArgs),
    /// What happens now, in a terminal: throughput, cost a minute, errors, budgets, the slowest calls
    Top(crate::top::TopArgs),
    /// What was done to the history, and whether the account of it is whole
    #[command(subcommand)]
    Audit(AuditCommand),
    /// What is stored where, for how long, of whom, by which models
    Compliance(ComplianceArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Which time.
#[derive(Debug, Group)]
pub(crate) struct Span {
    /// From: an age (`24h`, `7d`), a date (`2026-11-01`) or a moment (`2026-11-01T12:00:00Z`); default: the beginning
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Moment>,
    /// Up to, and without: the same forms; default: now
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Moment>,
}

#[derive(Debug, Group)]
#[command(after_help = catalogue())]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) span: Span,
    /// What to compute, separated by commas (see below)
    #[arg(long, required = true, value_delimiter = ',', value_parser = measure)]
    pub(crate) measures: Vec<&'static Measure>,
    /// What to group by, separated by commas (see below)
    #[arg(long, value_delimiter = ',', value_parser = dimension)]
    pub(crate) by: Vec<Dimension>,
    /// Which events: `dimension=value`, `dimension!=value`, `dimension=a,b`; `dimension=` for those without one
    #[arg(long, value_name = "FILTER", value_parser = filter)]
    pub(crate) filter: Vec<Filter>,
    /// Slices of time (UTC)
    #[arg(long, value_enum)]
    pub(crate) bucket: Option<Slice>,
    /// How to print it
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: QueryFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Slice {
    /// One row for each hour
    Hour,
    /// One row for each day
    Day,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum QueryFormat {
    /// Text in columns
    Table,
    /// A JSON array of objects
    Json,
    /// Comma-separated values
    Csv,
}

fn measure(name: &str) -> Result<&'static Measure, String> {
    Measure::named(name.trim()).map_err(|error| error.to_string())
}

fn dimension(name: &str) -> Result<Dimension, String> {
    name.trim().parse().map_err(|error: jobmon_core::UnknownWord| error.to_string())
}

pub(crate) fn filter(text: &str) -> Result<Filter, String> {
    text.parse().map_err(|error: jobmon_core::QueryError| error.to_string())
}

/// Every measure and dimension with its meaning.
fn catalogue() -> String {
    let mut text = String::from("Measures:\n");
    for measure in Measure::ALL {
        text.push_str(&format!("  {:<25}  {}\n", measure.name, measure.meaning));
    }
    text.push_str("\nDimensions:\n");
    for dimension in Dimension::ALL {
        text.push_str(&format!("  {:<25}  {}\n", dimension.name(), dimension.meaning()));
    }
    text
}

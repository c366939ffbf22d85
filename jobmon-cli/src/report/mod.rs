//! `jobmon report`.

mod csv;

pub(crate) use csv::section as section_to_csv;
mod values;

use crate::args::{Source, Span};
use crate::commands::{Message, message, pretty, range};
use crate::html;
use clap::{Args as Group, ValueEnum};
use jobmon_core::report::{Only, Period, PeriodKind, Report};
use jobmon_core::{Filter, Range, Text, Timestamp, Usd};
use std::path::{Path, PathBuf};
use std::time::Duration;
use values::Valued;

#[derive(Debug, Group)]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// The running day, week (from Monday) or month in UTC, compared with the one before; without it, all of the history
    /// or what --since and --until say
    #[arg(value_enum, value_name = "PERIOD", conflicts_with = "since")]
    period: Option<Kind>,
    /// Which one: `2026-10`, `2026-W47` or `2026-11-23`
    #[arg(long = "for", value_name = "NAME", conflicts_with = "since")]
    named: Option<String>,
    /// The last one that is over
    #[arg(long, requires = "period", conflicts_with_all = ["named", "until"])]
    previous: bool,
    /// With a period, --until is the moment at which it is looked at.
    #[command(flatten)]
    span: Span,
    /// Which events: `dimension=value`, `dimension!=value`, `dimension=a,b`; `dimension=` for those without one
    #[arg(long, value_name = "FILTER", value_parser = crate::args::filter)]
    filter: Vec<Filter>,
    /// How to print it
    #[arg(long, value_enum, default_value = "terminal")]
    format: Format,
    /// What an outcome of a kind is worth, in US dollars, whatever was reported: `application=25`; can be repeated
    #[arg(long = "value", value_name = "KIND=DOLLARS", value_parser = values::parse)]
    values: Vec<(Text, Usd)>,
    /// Where `[outcomes]` says what outcomes are worth that were reported without a value; default: jobmon.toml, where
    /// there is one
    #[arg(long, value_name = "FILE", env = "JOBMON_CONFIG")]
    config: Option<PathBuf>,
    /// Where to write it, instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A day
    Daily,
    /// An ISO week, from Monday
    Weekly,
    /// A month
    Monthly,
}

impl Kind {
    const fn kind(self) -> PeriodKind {
        match self {
            Self::Daily => PeriodKind::Daily,
            Self::Weekly => PeriodKind::Weekly,
            Self::Monthly => PeriodKind::Monthly,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// Text in columns
    Terminal,
    /// Markdown
    Markdown,
    /// One HTML file with charts, for screens, phones and print
    Html,
    /// JSON
    Json,
    /// One long table of comma-separated values
    Csv,
}

pub(crate) fn run(args: &Args) -> Result<String, Message> {
    let period = args.which_period()?;
    let range = range(&args.span)?;
    let configured = jobmon_export::outcome_values(args.config.as_deref()).map_err(message)?;
    let history = args.source.open()?;
    // A period is compared with the one before.
    let looked_at =
        period.map_or(range, |period| Range { since: period.previous().start(), until: period.as_of() });
    let engine = Valued::new(&*history, &args.values, configured, looked_at)?;
    let some = Only::new(&engine, args.filter.clone());
    let report = match period {
        Some(period) => Report::of_period(&some, period),
        None => Report::of(&some, range),
    };
    let mut report = report.map_err(message)?;
    // The line about what is unpriced stays the last one.
    report.sections.splice(report.sections.len() - 1..report.sections.len() - 1, engine.section());
    let text = args.format.print(&report, args.output.as_deref())?;
    crate::history::exported(&args.source, report.kind.name(), args.output.as_deref())?;
    Ok(text)
}

impl Format {
    /// The report in this form; nothing where it went to a file.
    pub(crate) fn print(self, report: &Report, output: Option<&Path>) -> Result<String, Message> {
        let text = match self {
            Self::Terminal => report.to_text(),
            Self::Markdown => report.to_markdown(),
            Self::Html => html::of(report),
            Self::Json => pretty(&report.to_json()),
            Self::Csv => csv::of(report),
        };
        match output {
            None => Ok(text),
            Some(path) => {
                std::fs::write(path, text)
                    .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
                Ok(String::new())
            }
        }
    }
}

impl Args {
    fn which_period(&self) -> Result<Option<Period>, Message> {
        let now = Timestamp::now();
        // What happens at the moment itself does not belong to the time up to it.
        let last = |until: Timestamp| until.minus(Duration::from_nanos(1));
        let until = self.span.until.map(|until| until.at(now));
        let kind = self.period.map(Kind::kind);
        match (kind, &self.named) {
            (None, None) => Ok(None),
            (Some(kind), None) => {
                let Some(until) = until else {
                    let period = Period::of(kind, now);
                    return Ok(Some(if self.previous { period.previous() } else { period }));
                };
                let name = Period::of(kind, last(until)).name();
                Period::named(&name, until).map(Some).map_err(|error| format!("--until: {error}"))
            }
            (kind, Some(name)) => {
                let period =
                    Period::named(name, until.unwrap_or(now)).map_err(|error| format!("--for: {error}"))?;
                match kind.filter(|kind| *kind != period.kind()) {
                    Some(kind) => {
                        let example = Period::of(kind, now).name();
                        Err(format!("--for: `{name}` is not {kind}; expected a name such as `{example}`"))
                    }
                    None => Ok(Some(period)),
                }
            }
        }
    }
}

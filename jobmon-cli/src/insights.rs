//! `jobmon insights`.

use crate::args::{Source, Span, filter};
use crate::commands::{Message, message, pretty, range};
use crate::prices::List;
use crate::time::{Moment, age};
use clap::{Args as Group, ValueEnum};
use jobmon_core::report::Only;
use jobmon_core::{Filter, InsightOptions, Insights};
use std::time::Duration;

#[derive(Debug, Group)]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// Default: the last 30 days
    #[command(flatten)]
    span: Span,
    /// Which events: `dimension=value`, `dimension!=value`, `dimension=a,b`; `dimension=` for those without one
    #[arg(long, value_name = "FILTER", value_parser = filter)]
    filter: Vec<Filter>,
    /// How long answers may be kept: `15m`, `24h`, `7d`
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
    lifetime: Duration,
    /// How long providers keep how a request begins
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration)]
    prefix_lifetime: Duration,
    /// By how much a score may be worse, in per cent of it, and a rate in points
    #[arg(long, value_name = "PERCENT", default_value = "2", value_parser = margin)]
    margin: f64,
    #[command(flatten)]
    list: List,
    /// How to print it
    #[arg(long, value_enum, default_value = "terminal")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Text
    Terminal,
    /// Markdown
    Markdown,
    /// JSON
    Json,
}

fn duration(text: &str) -> Result<Duration, String> {
    age(text)
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "expected a time such as `15m`, `24h` or `7d`".to_owned())
}

fn margin(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim().parse::<f64>().ok();
    let number = number.filter(|number| (0.0..=100.0).contains(number));
    number.map(|percent| percent / 100.0).ok_or_else(|| "expected per cent, 0 to 100".to_owned())
}

pub(crate) fn run(args: &Args) -> Result<String, Message> {
    let since = args.span.since.unwrap_or(Moment::hours_ago(30 * 24));
    let range = range(&Span { since: Some(since), until: args.span.until })?;
    let mut options = InsightOptions::new(args.list.load()?);
    (options.lifetime, options.prefix_lifetime) = (args.lifetime, args.prefix_lifetime);
    options.margin = args.margin;
    let history = args.source.open()?;
    let insights =
        Insights::of(&Only::new(&*history, args.filter.clone()), range, &options).map_err(message)?;
    Ok(match args.format {
        Format::Terminal => insights.to_text(),
        Format::Markdown => insights.to_markdown(),
        Format::Json => pretty(&insights.to_json()),
    })
}

//! `jobmon prices reprice`: prices the history again.

use super::{List, Message};
use crate::args::Source;
use crate::history::actor;
use crate::time::Moment;
use clap::Args as Group;
use jobmon_core::{Align, CostSum, Prices, Range, Table, Timestamp};
use jobmon_export::{Repriced, Sqlite};

#[derive(Debug, Group)]
pub(crate) struct RepriceArgs {
    #[command(flatten)]
    source: Source,
    /// From: an age (`24h`, `7d`), a date (`2026-11-01`) or a moment; `all` for the whole history
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Since,
    /// Up to, and without: the same forms; default: now
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug)]
enum Since {
    Beginning,
    Moment(Moment),
}

fn since(text: &str) -> Result<Since, String> {
    if text == "all" { Ok(Since::Beginning) } else { text.parse().map(Since::Moment) }
}

pub(super) fn reprice(list: &List, args: &RepriceArgs) -> Result<String, Message> {
    let prices = list.load()?;
    let now = Timestamp::now();
    let range = Range {
        since: match args.since {
            Since::Beginning => Timestamp::MIN,
            Since::Moment(moment) => moment.at(now),
        },
        until: args.until.map_or(Timestamp::MAX, |until| until.at(now)),
    };
    if range.since >= range.until {
        return Err("the time range is empty: --since must be earlier than --until".to_owned());
    }
    let progress = crate::progress::waited("Pricing the history again");
    let done = Sqlite::reprice(&args.source.db, range, &prices, args.dry_run, &actor())
        .map_err(|error| error.to_string());
    progress.finish_and_clear();
    let done = done?;
    Ok(text(&done, &prices, args.dry_run))
}

fn text(done: &Repriced, prices: &Prices, dry_run: bool) -> String {
    let sum = |sum: &CostSum| sum.cost().map_or_else(|| "-".to_owned(), |cost| cost.to_string());
    let would = if dry_run { " would" } else { "" };
    let mut text = format!(
        "{} of {} priced calls{would} cost something else with {}: {} before, {} now\n",
        done.changed,
        done.looked_at,
        prices.version(),
        sum(&done.before),
        sum(&done.after)
    );
    if !done.models.is_empty() {
        let mut table = Table::new([
            ("provider", Align::Left),
            ("model", Align::Left),
            ("calls", Align::Right),
            ("before", Align::Right),
            ("now", Align::Right),
        ]);
        for ((provider, model), of_model) in &done.models {
            let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "(not given)".to_owned());
            table.row([
                name(provider),
                name(model),
                of_model.changed.to_string(),
                sum(&of_model.before),
                sum(&of_model.after),
            ]);
        }
        text.push_str(&table.to_text());
    }
    if done.without_events > 0 {
        text.push_str(&format!(
            "{} calls of that time have no event any more (sampling, retention): their cost stays as it was\n",
            done.without_events
        ));
    }
    if dry_run {
        text.push_str("Nothing was written: --dry-run.\n");
    }
    text
}

//! `jobmon prices`: shows, checks and updates price lists, and prices requests.

mod cost;
mod reprice;
mod show;
mod update;

use crate::time::Moment;
use clap::{Args as Group, Subcommand};
use jobmon_core::{Prices, Timestamp};
use std::path::PathBuf;
use std::time::SystemTime;

/// A message for the user: what was wrong and what to do.
pub(crate) type Message = String;

/// Which prices: those that an agent in this folder takes, unless others are named.
#[derive(Debug, Group)]
pub(crate) struct List {
    /// A price list in the format of genai-prices, instead of the bundled one
    #[arg(long, value_name = "FILE", env = "JOBMON_PRICES_FILE", global = true)]
    prices: Option<PathBuf>,
    /// The `jobmon.toml` with `[prices]`; default: the one that an agent in this folder finds
    #[arg(long, value_name = "FILE", env = "JOBMON_CONFIG", global = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(crate) struct PricesArgs {
    #[command(flatten)]
    list: List,
    #[command(subcommand)]
    command: PricesCommand,
}

#[derive(Debug, Subcommand)]
enum PricesCommand {
    /// Models and what a million tokens of them cost
    List(show::ListArgs),
    /// All prices of one model: tiers, dates, times of day, service tiers
    Show(show::ShowArgs),
    /// Which prices are in force, how old they are, and whether the history has models without one
    Check(CheckArgs),
    /// Take over a newer price list from a file or URL
    Update(update::UpdateArgs),
    /// Price the history again after a correction; each call keeps what it cost at first
    Reprice(reprice::RepriceArgs),
    /// Price requests, one JSON object for each line of standard input
    #[command(after_help = cost::HELP)]
    Cost,
}

#[derive(Debug, Group)]
pub(crate) struct CheckArgs {
    /// The history whose models are looked for in the prices
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
}

pub(crate) fn run(args: PricesArgs) -> Result<String, Message> {
    let PricesArgs { list, command } = args;
    match command {
        PricesCommand::List(args) => show::list(&list.load()?, &args),
        PricesCommand::Show(args) => show::show(&list.load()?, &args),
        PricesCommand::Check(args) => show::check(&list, args.db.as_deref()),
        PricesCommand::Update(args) => update::update(&list, &args),
        PricesCommand::Reprice(args) => reprice::reprice(&list, &args),
        PricesCommand::Cost => cost::cost(&list.load()?),
    }
}

impl List {
    /// The prices in force.
    pub(crate) fn load(&self) -> Result<Prices, Message> {
        let prices = jobmon_export::load_prices(self.config.as_deref(), self.prices.as_deref());
        prices.map_err(|error| error.to_string())
    }
}

/// A moment on the command line; now unless it is said.
fn moment(at: Option<Moment>) -> SystemTime {
    let now = Timestamp::now();
    SystemTime::from(at.map_or(now, |at| at.at(now)))
}

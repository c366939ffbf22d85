//! [`Insights`]: what would save money, with the arithmetic.

mod batch;
mod cache;
mod formats;
mod model;
mod prefix;
mod prompt;
mod retries;
mod saving;
mod worse;

use crate::event::{CallRecord, Event};
use crate::money::Cost;
use crate::price::Prices;
use crate::query::{Engine, EngineError, Range};
use crate::text::Text;
use crate::time::Timestamp;
use crate::words::words;
use std::cmp::Reverse;
use std::time::Duration;

pub use saving::Monthly;

words! {
    /// What is to be done.
    enum InsightKind, "insight" {
        Cache "cache" "Keep answers, and give them again."
        PrefixCache "prefix_cache" "Have the provider cache how requests begin."
        Batch "batch" "Send bursts as a batch."
        ShorterPrompt "shorter_prompt" "Use the shorter version of a prompt."
        CheaperModel "cheaper_model" "Use the cheaper model."
        WastedRetries "wasted_retries" "Do not try again."
    }
}

words! {
    /// How sure a saving is.
    enum Confidence, "confidence" {
        High "high" "Within 10 % either way."
        Medium "medium" "Within 30 % either way."
        Low "low" "Anything could come of it."
    }
}

/// Something that would save money.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Insight {
    /// What is to be done.
    pub kind: InsightKind,
    /// To what: names such as `model`, and their values.
    pub subject: Vec<(&'static str, Option<Text>)>,
    /// Calls that were looked at.
    pub calls: u64,
    /// Of them, those that would have been saved, or cheaper.
    pub affected: u64,
    /// What would have been saved in the time that was looked at.
    pub saving: Cost,
    /// What that is in a month.
    pub month: Monthly,
    /// How sure that is.
    pub confidence: Confidence,
    /// How it was computed, in words and figures.
    pub arithmetic: String,
    /// Version of the prices that were used.
    pub prices: Text,
}

/// Something that may save money or not, and why that is not told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undecided {
    /// What would have to be done.
    pub kind: InsightKind,
    /// To what.
    pub subject: Vec<(&'static str, Option<Text>)>,
    /// What speaks against it, or is missing.
    pub reason: String,
}

/// What insights suppose.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InsightOptions {
    /// Prices in force.
    pub prices: Prices,
    /// How long an answer may be kept.
    pub lifetime: Duration,
    /// How long providers keep how a request begins.
    pub prefix_lifetime: Duration,
    /// By how much a score may be worse, as a share of it, and a rate as a share of 1.
    pub margin: f64,
}

impl InsightOptions {
    /// Lifetimes of a day and of five minutes, a margin of 2 %.
    pub const fn new(prices: Prices) -> Self {
        let (lifetime, prefix_lifetime) = (Duration::from_secs(86_400), Duration::from_secs(300));
        Self { prices, lifetime, prefix_lifetime, margin: 0.02 }
    }
}

/// What would have saved money in a time: what to cache, to batch, to shorten or to move to another model, and which retries
/// are for nothing. `docs/analysis.md` defines each.
///
/// ```
/// use jobmon_core::{InsightOptions, Insights, Memory, Prices, Range};
///
/// let options = InsightOptions::new(Prices::bundled());
/// // Memory keeps no single events: that takes a history.
/// assert!(Insights::of(&Memory::default(), Range::ALL, &options).is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Insights {
    /// The time that was looked at.
    pub range: Range,
    /// What would save money, the most first.
    pub found: Vec<Insight>,
    /// What would save money and is worse.
    pub ruled_out: Vec<Undecided>,
    /// What there is too little data for.
    pub not_enough: Vec<Undecided>,
}

impl Insights {
    /// Goes through the single events of a time, twice.
    ///
    /// # Errors
    /// When the engine cannot answer, or keeps no single events.
    pub fn of(engine: &dyn Engine, range: Range, options: &InsightOptions) -> Result<Self, EngineError> {
        let mut cache = cache::Caching::new(options);
        let mut prefix = prefix::Prefixes::new(options);
        let mut batch = batch::Batches::new(options);
        let mut retries = retries::Retries::default();
        let mut models = model::Models::new(options);
        let mut prompts = prompt::Prompts::new(options);
        let mut first = None;
        engine.events(range, &mut |_, event| match event {
            Event::Call(call) => {
                first.get_or_insert(call.start);
                retries.add(call);
                if call.is_model_call() {
                    cache.add(call);
                    prefix.add(call);
                    batch.add(call);
                    models.add(call);
                    prompts.add(call);
                }
            }
            Event::Score(score) => {
                models.score(score);
                prompts.score(score);
            }
            _ => {}
        })?;
        let since = if range.since == Timestamp::MIN { first.unwrap_or(range.until) } else { range.since };
        let range = Range { since, until: range.until.min(Timestamp::now()).max(since) };
        let mut told = Told { range, prices: options.prices.version(), ..Told::default() };
        models.compare(&mut told);
        engine.events(range, &mut |_, event| {
            if let Event::Call(call) = event {
                models.price(call);
            }
        })?;
        cache.tell(&mut told);
        prefix.tell(&mut told);
        batch.tell(&mut told);
        prompts.tell(&mut told);
        models.tell(&mut told);
        retries.tell(&mut told);
        let Told { mut found, mut ruled_out, mut not_enough, .. } = told;
        found.sort_by(|a, b| {
            Reverse(a.month.usd).cmp(&Reverse(b.month.usd)).then_with(|| a.subject.cmp(&b.subject))
        });
        for undecided in [&mut ruled_out, &mut not_enough] {
            undecided.sort_by(|a, b| (a.kind.name(), &a.subject).cmp(&(b.kind.name(), &b.subject)));
        }
        Ok(Self { range, found, ruled_out, not_enough })
    }
}

/// What there is to tell.
struct Told {
    range: Range,
    prices: Text,
    found: Vec<Insight>,
    ruled_out: Vec<Undecided>,
    not_enough: Vec<Undecided>,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            range: Range::ALL,
            prices: Text::literal("none"),
            found: Vec::new(),
            ruled_out: Vec::new(),
            not_enough: Vec::new(),
        }
    }
}

/// The calls of one function to one model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Function {
    name: Text,
    provider: Option<Text>,
    model: Option<Text>,
}

impl Function {
    fn of(call: &CallRecord) -> Self {
        Self { name: call.name.clone(), provider: call.provider.clone(), model: call.model_name().cloned() }
    }

    fn subject(&self) -> Vec<(&'static str, Option<Text>)> {
        let Self { name, provider, model } = self.clone();
        vec![("name", Some(name)), ("provider", provider), ("model", model)]
    }
}

//! `jobmon prices list`, `show` and `check`.

use super::cost::rates;
use super::{List, Message, moment};
use crate::csv;
use crate::time::Moment;
use clap::{Args as Group, ValueEnum};
use jobmon_core::{
    Align, Dimension, Measure, PriceRequest, Prices, Quantity, Query, Rates, Table, Timestamp, Usage,
    UsageUnit, Usd,
};
use jobmon_export::History;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, SystemTime};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Text in columns
    Table,
    /// JSON
    Json,
    /// Comma-separated values
    Csv,
}

#[derive(Debug, Group)]
pub(crate) struct ListArgs {
    /// Only models whose name or provider contains this
    text: Option<String>,
    /// Only those of this provider, by its name in the list
    #[arg(long)]
    provider: Option<String>,
    /// Prices at this time instead of now
    #[arg(long, value_name = "TIME")]
    at: Option<Moment>,
    /// How to print it
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// What a table has room for.
const UNITS: [UsageUnit; 4] = [
    UsageUnit::InputTokens,
    UsageUnit::OutputTokens,
    UsageUnit::CacheReadTokens,
    UsageUnit::CacheWriteTokens,
];

pub(super) fn list(prices: &Prices, args: &ListArgs) -> Result<String, Message> {
    let at = moment(args.at);
    let lower = args.text.as_deref().map(str::to_lowercase);
    let wanted = |provider: &str, model: &str, name: Option<&str>| {
        let contains =
            |text: &str| lower.as_deref().is_none_or(|wanted| text.to_lowercase().contains(wanted));
        args.provider.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(provider))
            && (contains(model) || contains(provider) || name.is_some_and(contains))
    };
    let models: Vec<_> = prices
        .models()
        .into_iter()
        .filter(|model| wanted(&model.provider, &model.model, model.name.as_deref()))
        .collect();
    if models.is_empty() {
        return Err(match (&args.text, &args.provider) {
            (None, None) => "the price list is empty".to_owned(),
            _ => "no model of the price list fits; `jobmon prices list` shows all of them".to_owned(),
        });
    }
    let units = if matches!(args.format, Format::Json) { UsageUnit::ALL } else { &UNITS };
    let rows = models.iter().map(|model| {
        let rates = prices.base_rates(Some(&model.provider), &model.model, at, units);
        (model, rates.unwrap_or_default())
    });
    match args.format {
        Format::Json => {
            let rows: Vec<_> = rows
                .map(|(model, base)| {
                    json!({
                        "provider": model.provider.as_str(), "model": model.model.as_str(),
                        "name": model.name.as_deref(), "context_window": model.context_window,
                        "rates": rates(&base),
                    })
                })
                .collect();
            Ok(format!("{:#}\n", json!(rows)))
        }
        Format::Csv => {
            let mut text = csv::line(
                &["provider", "model", "context_window"]
                    .into_iter()
                    .chain(UNITS.map(UsageUnit::price_name))
                    .map(str::to_owned)
                    .collect::<Vec<_>>(),
            );
            for (model, base) in rows {
                let usd =
                    |unit| rate(&base, unit).map_or_else(String::new, |usd| usd.to_string().replace('$', ""));
                let window = model.context_window.map_or_else(String::new, |tokens| tokens.to_string());
                let mut cells = vec![csv::cell_text(&model.provider), csv::cell_text(&model.model), window];
                cells.extend(UNITS.map(usd));
                text.push_str(&csv::line(&cells));
            }
            Ok(text)
        }
        Format::Table => {
            let heads = [("provider", Align::Left), ("model", Align::Left)];
            let mut table =
                Table::new(heads.into_iter().chain(UNITS.map(|unit| (unit.price_name(), Align::Right))));
            for (model, base) in rows {
                let usd = |unit| rate(&base, unit).map_or_else(|| "-".to_owned(), |usd| usd.to_string());
                let names = [model.provider.to_string(), model.model.to_string()];
                table.row(names.into_iter().chain(UNITS.map(usd)));
            }
            Ok(format!("{}\n{} models of {}\n", table.to_text(), models.len(), prices.version()))
        }
    }
}

#[derive(Debug, Group)]
pub(crate) struct ShowArgs {
    /// The model, as calls name it
    model: String,
    /// The provider, as calls name it
    #[arg(long)]
    provider: Option<String>,
    /// Prices at this time instead of now
    #[arg(long, value_name = "TIME")]
    at: Option<Moment>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Contexts that some models have prices of their own for.
const CONTEXTS: [(&str, &str); 5] = [
    ("service_tier", "flex"),
    ("service_tier", "priority"),
    ("service_tier", "fast"),
    ("processing", "batch"),
    ("search_type", "fast"),
];

/// The prices of one model.
struct Card<'a> {
    prices: &'a Prices,
    provider: Option<&'a str>,
    model: &'a str,
}

impl Card<'_> {
    fn at(&self, at: SystemTime, context: &[(&str, &str)]) -> Vec<Rates> {
        self.prices.rates(self.provider, self.model, at, context)
    }

    /// Moments from one to another at which prices change, looked for in steps.
    fn changes(
        &self,
        mut from: SystemTime,
        until: SystemTime,
        step: Duration,
    ) -> Vec<(SystemTime, Vec<Rates>)> {
        // Any price that changes changes what one of these costs; asking for all rates each time would be slow.
        let usage = |tokens: u64| {
            Usage::new(5 * tokens, 2 * tokens)
                .with_cache_read(tokens)
                .with_cache_write(tokens)
                .with(UsageUnit::WebSearches, 3)
        };
        let samples = [usage(1_000), usage(10_000_000)];
        let base = |at| {
            let cost = |usage| self.prices.price(&PriceRequest::new(self.provider, self.model, at, usage));
            samples.each_ref().map(cost)
        };
        let (mut changes, mut before) = (Vec::new(), base(from));
        while from < until {
            let next = from + step;
            let now = base(next);
            if now != before {
                changes.push((next, self.at(next, &[])));
                before = now;
            }
            from = next;
        }
        changes
    }
}

const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn show(prices: &Prices, args: &ShowArgs) -> Result<String, Message> {
    let card = Card { prices, provider: args.provider.as_deref(), model: &args.model };
    let at = moment(args.at);
    let now = card.at(at, &[]);
    if now.is_empty() {
        return Err(unknown(prices, args));
    }
    let usage = Usage::new(1, 1);
    let rule = prices.explain(&PriceRequest::new(card.provider, card.model, at, &usage)).rule;
    let today = SystemTime::from(Timestamp::from(at).day());
    let contexts: Vec<_> = CONTEXTS
        .into_iter()
        .map(|context| (context, card.at(at, &[context])))
        .filter(|(_, rates)| *rates != now)
        .collect();
    // Within the day first: whoever charges by the hour changes each day.
    let hours = card.changes(today, today + DAY - Duration::from_secs(1_800), Duration::from_secs(1_800));
    let start = SystemTime::from(Timestamp::from_date(2023, 1, 1).unwrap_or(Timestamp::MIN));
    let dates = card.changes(start, today + DAY * 400, DAY);

    if args.json {
        let tiers = |tiers: &[Rates]| -> Vec<_> {
            tiers
                .iter()
                .map(|tier| json!({ "above_input_tokens": tier.above, "rates": rates(tier) }))
                .collect()
        };
        let times = |changes: &[(SystemTime, Vec<Rates>)]| -> Vec<_> {
            changes
                .iter()
                .map(|(at, rates)| json!({ "from": Timestamp::from(*at).to_string(), "tiers": tiers(rates) }))
                .collect()
        };
        let contexts: Vec<_> = contexts
            .iter()
            .map(|((key, value), rates)| json!({ "context": { *key: value }, "tiers": tiers(rates) }))
            .collect();
        let answer = json!({
            "list": prices.version().as_str(), "provider": rule.as_ref().and_then(|rule| rule.provider.as_deref()),
            "model": rule.as_ref().map(|rule| rule.model.as_str()), "own": rule.as_ref().is_some_and(|rule| rule.own),
            "at": Timestamp::from(at).to_string(), "tiers": tiers(&now), "contexts": contexts,
            "times_of_day": times(&hours), "dates": times(&dates),
        });
        return Ok(format!("{answer:#}\n"));
    }
    let mut text = String::new();
    if let Some(rule) = &rule {
        let source = if rule.own { "your own price" } else { rule.list.as_str() };
        let provider = rule.provider.as_deref().unwrap_or("any provider");
        text.push_str(&format!("{} of {provider} ({source}), dollars\n", rule.model));
    }
    text.push_str(&tiers(&format!("at {}", Timestamp::from(at)), &now));
    for ((key, value), rates) in &contexts {
        text.push_str(&tiers(&format!("with {key} = {value}"), rates));
    }
    for (at, rates) in &hours {
        text.push_str(&tiers(
            &format!("by day, from {} UTC", &Timestamp::from(*at).to_string()[11..16]),
            rates,
        ));
    }
    for (at, rates) in &dates {
        text.push_str(&tiers(&format!("from {}", &Timestamp::from(*at).to_string()[..10]), rates));
    }
    Ok(text)
}

fn unknown(prices: &Prices, args: &ShowArgs) -> Message {
    let lower = args.model.to_lowercase();
    let models = prices.models();
    let near: Vec<_> = models
        .iter()
        .filter(|model| {
            let known = model.model.to_lowercase();
            known.contains(&lower) || lower.contains(&known)
        })
        .take(8)
        .map(|model| format!("{} of {}", model.model, model.provider))
        .collect();
    let hint = if near.is_empty() {
        "`jobmon prices list` shows all of them".to_owned()
    } else {
        format!("it has {}", near.join(", "))
    };
    let of =
        args.provider.as_deref().map_or_else(String::new, |provider| format!(" of provider `{provider}`"));
    format!("the price list has no price for model `{}`{of}; {hint}", args.model)
}

/// A table of rates: a line for each unit, a column for each tier.
fn tiers(title: &str, tiers: &[Rates]) -> String {
    let heads = tiers.iter().map(|tier| {
        let head =
            if tier.above == 0 { "price".to_owned() } else { format!("above {} input tokens", tier.above) };
        (head, Align::Right)
    });
    let mut table = Table::new([("unit".to_owned(), Align::Left)].into_iter().chain(heads));
    let units = UsageUnit::ALL.iter().filter(|unit| tiers.iter().any(|tier| rate(tier, **unit).is_some()));
    for unit in units {
        let cells =
            tiers.iter().map(|tier| rate(tier, *unit).map_or_else(|| "-".to_owned(), |usd| usd.to_string()));
        table.row([unit.price_name().to_owned()].into_iter().chain(cells));
    }
    let lines: String = table.to_text().lines().map(|line| format!("  {line}\n")).collect();
    format!("\n{title}\n{lines}")
}

fn rate(tier: &Rates, unit: UsageUnit) -> Option<Usd> {
    tier.rates.iter().find(|(known, _)| *known == unit).map(|(_, usd)| *usd)
}

/// Days after which a price list may be outdated.
const OLD: u64 = 60;

pub(super) fn check(list: &List, db: Option<&Path>) -> Result<String, Message> {
    let prices = list.load()?;
    let models = prices.models();
    let providers: std::collections::BTreeSet<_> =
        models.iter().map(|model| model.provider.as_str()).collect();
    let mut text = format!(
        "prices     {}\nmodels     {} of {} providers\n",
        prices.version(),
        models.len(),
        providers.len()
    );
    if let Some(date) = prices.date() {
        let mut parts = date.splitn(3, '-').filter_map(|part| part.parse::<u32>().ok());
        let day = match (parts.next(), parts.next(), parts.next()) {
            (Some(year), Some(month), Some(day)) => Timestamp::from_date(year.into(), month, day),
            _ => None,
        };
        let age = day.map_or(0, |day| {
            let nanos = Timestamp::now().nanos().saturating_sub(day.nanos());
            u64::try_from(nanos).unwrap_or(0) / 86_400_000_000_000
        });
        text.push_str(&format!("date       {date}, {age} days ago\n"));
        if age > OLD {
            text.push_str(
                "           older than 60 days: `jobmon prices update --from URL` takes over a newer list\n",
            );
        }
    }
    let Some(db) = db else { return Ok(text) };
    let history = History::open(db).map_err(|error| error.to_string())?;
    let measure = |name| Measure::named(name).map_err(|error| error.to_string());
    let query = Query::new([measure("unpriced_calls")?, measure("model_calls")?])
        .by([Dimension::Provider, Dimension::Model]);
    let rows = query.run(&history).map_err(|error| error.to_string())?;
    let mut table = Table::new([
        ("provider", Align::Left),
        ("model", Align::Left),
        ("calls", Align::Right),
        ("unpriced", Align::Right),
        ("now", Align::Left),
    ]);
    for row in rows {
        let (Some(Quantity::Count(unpriced)), Some(Quantity::Count(calls))) =
            (row.figures[0], row.figures[1])
        else {
            continue;
        };
        if unpriced == 0 {
            continue;
        }
        let (provider, model) = (row.group[0].as_deref(), row.group[1].as_deref());
        let known =
            model.is_some_and(|model| !prices.rates(provider, model, SystemTime::now(), &[]).is_empty());
        let now = if known { "has a price: `jobmon prices reprice`" } else { "has none" };
        let name = |name: Option<&str>| name.unwrap_or("(not given)").to_owned();
        table.row([name(provider), name(model), calls.to_string(), unpriced.to_string(), now.to_owned()]);
    }
    if table.is_empty() {
        text.push_str("history    every model call has a price\n");
    } else {
        text.push_str(&format!("\nCalls of the history without a price\n{}", table.to_text()));
    }
    Ok(text)
}

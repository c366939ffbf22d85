//! The overview: what happened, what it costs, what needs looking at. Read from sums alone.

use super::chart::{Chart, Kind, Series, number};
use super::look::Look;
use super::{App, Page};
use crate::commands::{Message, message};
use crate::html;
use crate::html::money::Decimals;
use crate::place::Archive;
use jobmon_core::report::{Period, PeriodKind, Report, Section};
use jobmon_core::{
    Amount, Bucket, BudgetStatus, Budgets, Engine, Measure, Quantity, Query, Range, Timestamp,
};
use maud::{Markup, html};
use std::time::Duration;

const TILES: [&str; 6] = ["calls", "success_rate", "p50_latency", "p95_latency", "cost", "wasted_cost"];

pub(super) fn make(app: &App, history: &dyn Archive, look: &Look) -> Result<Page, Message> {
    let engine = look.of_engine(history);
    let total = figures(&engine, look.range, &TILES)?;
    let now = Timestamp::now();
    let today = Range { since: now.day(), until: Timestamp::MAX };
    let today = figures(&engine, today, &["cost"])?.first().copied().flatten();
    let month = Period::of(PeriodKind::Monthly, now);
    let forecast = Report::forecast_of(&engine, &month).map_err(message)?;
    let firing =
        history.alert_states().map_err(message)?.iter().filter(|(_, state)| state.told.is_some()).count();
    let budgets = Budgets::left(&app.settings, history)?;
    let expected = |name: &str| forecast.as_ref().and_then(|section| figure(section, name));
    let body = html! {
        dl class="tiles" {
            @for (name, value) in TILES.iter().zip(&total) { (tile(&html::label(name), *value, None, Some(&look.to("/calls").text()))) }
            (tile("cost today", today, None, Some(&look.to("/calls").set("since", &now.day().to_string()).text())))
            (tile(
                &format!("forecast of {}", month.title()),
                expected("forecast"),
                expected("forecast_low").zip(expected("forecast_high")).map(|(low, high)| format!("80 %: {low} to {high}")),
                Some(&look.to("/features").text()),
            ))
            div class=[(firing > 0).then_some("bad")] {
                dt { "alerts that fire" }
                dd class="value" { a href=(look.to("/alerts").text()) { (firing) } }
            }
        }
        (budget_bars(&budgets))
        div class="charts" {
            (over_time(&engine, look, "Calls", Kind::Bars, &[("calls", "all"), ("errors", "failed")])?)
            (over_time(&engine, look, "Cost", Kind::Bars, &[("cost", "all"), ("wasted_cost", "wasted")])?)
            (over_time(&engine, look, "Latency", Kind::Lines, &[("p50_latency", "p50"), ("p95_latency", "p95")])?)
            (over_time(&engine, look, "Tokens", Kind::Bars, &[("input_tokens", "input"), ("output_tokens", "output")])?)
        }
    };
    let sections = Report::summary_of(&engine, look.range).map_err(message)?;
    Ok(Page::new("Overview", body, sections))
}

fn figure(section: &Section, name: &str) -> Option<Quantity> {
    let place = section.columns.iter().position(|column| *column == name)?;
    section.rows.first()?.figures.get(place).copied().flatten()
}

/// Measures of a time in one row.
fn figures(engine: &dyn Engine, range: Range, names: &[&str]) -> Result<Vec<Option<Quantity>>, Message> {
    let measures: Result<Vec<_>, _> = names.iter().map(|name| Measure::named(name)).collect();
    let rows = Query::new(measures.map_err(message)?).range(range).run(engine).map_err(message)?;
    Ok(rows.into_iter().next().map_or_else(|| vec![None; names.len()], |row| row.figures))
}

fn tile(name: &str, value: Option<Quantity>, more: Option<String>, link: Option<&str>) -> Markup {
    let text = value.map_or_else(
        || "–".to_owned(),
        |value| Decimals::of([Some(value)]).text(value).unwrap_or_else(|| value.to_string()),
    );
    html! {
        div {
            dt { (name) }
            dd class="value" { @match link { Some(link) => a href=(link) { (text) }, None => (text) } }
            @if let Some(more) = more { dd { (more) } }
        }
    }
}

/// What is spent of a budget, in thousandths of it.
fn per_mille(status: &BudgetStatus) -> i128 {
    let number = |amount: Amount| match amount {
        Amount::Usd(usd) => i128::from(usd.nanos()),
        Amount::Tokens(tokens) => i128::from(tokens),
    };
    (number(status.spent) * 1_000 / number(status.limit).max(1)).clamp(0, 1_000)
}

fn budget_bars(budgets: &[BudgetStatus]) -> Markup {
    html! {
        @if !budgets.is_empty() {
            section aria-labelledby="budgets" {
                h2 id="budgets" { "Budgets" }
                ul class="budgets" {
                    @for status in budgets {
                        @let name = status.key.as_ref().map_or_else(|| status.budget.to_string(), |key| format!("{} of {key}", status.budget));
                        li {
                            span { (html::name(&name)) @if !status.blocks { " (warns)" } }
                            meter aria-label=(format!("{name}: {} of {}", status.spent, status.limit))
                                min="0" max="1000" high="800" value=(per_mille(status)) {}
                            span class="number" { (status.spent.to_string()) " of " (status.limit.to_string()) }
                        }
                    }
                }
            }
        }
    }
}

/// Measures slice by slice.
pub(super) fn over_time(
    engine: &dyn Engine,
    look: &Look,
    title: &str,
    kind: Kind,
    measures: &[(&str, &str)],
) -> Result<Markup, Message> {
    let found: Result<Vec<_>, _> = measures.iter().map(|(name, _)| Measure::named(name)).collect();
    let found = found.map_err(message)?;
    let bucket = look.bucket();
    let rows = Query::new(found.clone()).range(look.range).bucket(bucket).run(engine).map_err(message)?;
    let series = measures.iter().enumerate().map(|(at, (_, name))| Series {
        name: (*name).to_owned(),
        points: rows.iter().filter_map(|row| Some((row.bucket?, number(row.figures[at]?)))).collect(),
    });
    Ok(Chart {
        title: format!("{title} by {}", slice(bucket)),
        kind,
        unit: found.first().map_or(jobmon_core::Unit::Count, |measure| measure.unit),
        step: step(bucket),
        range: look.range,
        series: series.collect(),
    }
    .markup())
}

pub(super) const fn slice(bucket: Bucket) -> &'static str {
    if matches!(bucket, Bucket::Day) { "day" } else { "hour" }
}

pub(super) const fn step(bucket: Bucket) -> Duration {
    Duration::from_secs(if matches!(bucket, Bucket::Day) { 86_400 } else { 3_600 })
}

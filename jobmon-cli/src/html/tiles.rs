//! The figures that are looked at first.

use super::label;
use super::money::Decimals;
use jobmon_core::Quantity;
use jobmon_core::report::{Report, Section};
use maud::{Markup, html};

const OF_SUMMARY: [&str; 8] = [
    "cost",
    "wasted_cost",
    "model_calls",
    "success_rate",
    "cost_per_call",
    "outcomes",
    "cost_per_outcome",
    "roi",
];

pub(super) fn of(report: &Report) -> Markup {
    let mut tiles: Vec<(String, Quantity, Option<String>)> = Vec::new();
    let forecast = report.section("forecast");
    for name in OF_SUMMARY {
        let compared = report.section("comparison").and_then(|section| compared(section, name));
        let summary = report.section("summary").and_then(|section| figure(section, name));
        if let Some(value) = compared.map(|(value, _)| value).or(summary) {
            let change = compared.and_then(|(_, change)| change);
            tiles.push((
                label(name),
                value,
                change.map(|change| format!("{change} against the period before")),
            ));
        }
        // What it will be stands beside what it is.
        if name == "cost"
            && let Some(section) = forecast
            && let Some(expected) = figure(section, "forecast")
        {
            let interval = figure(section, "forecast_low").zip(figure(section, "forecast_high"));
            let interval = interval.map(|(low, high)| format!("80 %: {low} to {high}"));
            tiles.push(("forecast to the end".to_owned(), expected, interval));
        }
    }
    html! {
        @if !tiles.is_empty() {
            dl class="tiles" {
                @for (name, value, more) in &tiles {
                    div {
                        dt { (name) }
                        dd class="value" { (Decimals::of([Some(*value)]).text(*value).unwrap_or_else(|| value.to_string())) }
                        @if let Some(more) = more { dd { (more) } }
                    }
                }
            }
        }
    }
}

/// A figure of a section with one row.
pub(super) fn figure(section: &Section, name: &str) -> Option<Quantity> {
    let place = section.columns.iter().position(|column| *column == name)?;
    section.rows.first()?.figures.get(place).copied().flatten()
}

/// A figure and by how much it has changed.
fn compared(section: &Section, name: &str) -> Option<(Quantity, Option<Quantity>)> {
    let row = section.rows.iter().find(|row| row.group[0].as_deref() == Some(name))?;
    let figure = |name: &str| {
        let place = section.columns.iter().position(|column| *column == name)?;
        row.figures.get(place).copied().flatten()
    };
    Some((figure("value")?, figure("change")))
}

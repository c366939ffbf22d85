//! Pages that are reports: models, features, quality, errors, sessions, insights.

use super::chart::{Chart, Kind, MOST_SERIES, Series, number};
use super::look::Look;
use super::overview::{slice, step};
use super::{App, Page};
use crate::commands::{Message, message};
use crate::html;
use crate::place::Archive;
use jobmon_core::report::{Report, Section};
use jobmon_core::{
    Dimension, Engine, Insight, InsightOptions, Insights, Measure, Query, Row, Undecided, Unit,
};
use maud::{Markup, html};
use std::collections::HashMap;

/// The section of a report about what the page is about, and charts of the most important values of a dimension.
pub(super) fn models(_: &App, history: &dyn Archive, look: &Look) -> Result<Page, Message> {
    let engine = look.of_engine(history);
    let body = html! {
        div class="charts" {
            (by(&engine, look, "Cost", "cost", Kind::Bars, Dimension::Model)?)
            (by(&engine, look, "p95 latency", "p95_latency", Kind::Lines, Dimension::Model)?)
            (by(&engine, look, "Success rate", "success_rate", Kind::Lines, Dimension::Model)?)
            (by(&engine, look, "Time to first token, p50", "p50_time_to_first_token", Kind::Lines, Dimension::Model)?)
        }
    };
    let report = Report::of(&engine, look.range).map_err(message)?;
    Ok(Page::new("Models", body, only(report, &["models", "operations", "unpriced"])))
}

pub(super) fn features(_: &App, history: &dyn Archive, look: &Look) -> Result<Page, Message> {
    let engine = look.of_engine(history);
    let body = html! {
        div class="charts" {
            (by(&engine, look, "Cost", "cost", Kind::Bars, Dimension::Feature)?)
            (by(&engine, look, "Calls", "calls", Kind::Bars, Dimension::Feature)?)
        }
    };
    let report = Report::of(&engine, look.range).map_err(message)?;
    let sections = only(report, &["features", "strategies", "outcomes", "sessions", "session_costs"]);
    Ok(Page::new("Features and costs", body, sections))
}

pub(super) fn quality(_: &App, history: &dyn Archive, look: &Look) -> Result<Page, Message> {
    let engine = look.of_engine(history);
    let body = html! {
        div class="charts" {
            (by(&engine, look, "Mean score", "mean_score", Kind::Lines, Dimension::Score)?)
            (by(&engine, look, "False-positive rate", "false_positive_rate", Kind::Lines, Dimension::Label)?)
        }
    };
    let report = Report::quality(&engine, look.range).map_err(message)?;
    Ok(Page::new("Quality", body, report.sections))
}

pub(super) fn errors(_: &App, history: &dyn Archive, look: &Look) -> Result<Page, Message> {
    let engine = look.of_engine(history);
    let body = html! {
        div class="charts" {
            (by(&engine, look, "Failed attempts", "failed_attempts", Kind::Bars, Dimension::Category)?)
            (by(&engine, look, "Error rate", "error_rate", Kind::Lines, Dimension::Model)?)
        }
    };
    let report = Report::errors(&engine, look.range).map_err(message)?;
    Ok(Page::new("Errors", body, report.sections))
}

pub(super) fn sessions(_: &App, history: &dyn Archive, look: &Look) -> Result<Page, Message> {
    let engine = look.of_engine(history);
    let mut sections = vec![latest_sessions(&engine, look)?];
    sections.extend(Report::experience(&engine, look.range).map_err(message)?.sections);
    Ok(Page::new("Sessions", html! {}, sections))
}

/// Sessions by what they cost, each with the way to its calls.
fn latest_sessions(engine: &dyn Engine, look: &Look) -> Result<Section, Message> {
    const MEASURES: [&str; 6] = ["calls", "success_rate", "cost", "p95_latency", "outcomes", "feedback"];
    const MOST: usize = 100;
    let measures: Result<Vec<_>, _> = MEASURES.iter().map(|name| Measure::named(name)).collect();
    let query = Query::new(measures.map_err(message)?).by([Dimension::Session]).range(look.range);
    let mut rows = query.run(engine).map_err(message)?;
    rows.retain(|row| row.group[0].is_some());
    let cost = |row: &Row| row.figures[2].map_or(0.0, number);
    rows.sort_by(|a, b| cost(b).total_cmp(&cost(a)));
    let mut section =
        Section::new("sessions_by_cost", "Sessions, the most expensive first", ["session"], MEASURES);
    section.note = (rows.len() > MOST).then(|| format!("{} more are not shown", rows.len() - MOST));
    section.rows = rows.into_iter().take(MOST).collect();
    section.always = true;
    Ok(section)
}

pub(super) fn insights(app: &App, history: &dyn Archive, look: &Look) -> Result<Page, Message> {
    let options = InsightOptions::new(app.settings.prices.clone());
    let found = Insights::of(&look.of_engine(history), look.range, &options).map_err(message)?;
    let body = html! {
        @if found.found.is_empty() { p { "Nothing in this time would have saved money, as far as there is enough data to say so." } }
        @for insight in &found.found { (card(look, insight)) }
        (undecided("Cheaper, and worse", &found.ruled_out))
        (undecided("Not enough data", &found.not_enough))
    };
    Ok(Page::new("Insights", body, Vec::new()))
}

fn subject(subject: &[(&'static str, Option<jobmon_core::Text>)]) -> String {
    let pair = |(name, value): &(&str, Option<jobmon_core::Text>)| {
        format!("{} {}", html::label(name), value.as_deref().unwrap_or("none"))
    };
    subject.iter().map(pair).collect::<Vec<_>>().join(", ")
}

fn card(look: &Look, insight: &Insight) -> Markup {
    let mut calls = look.to("/calls");
    for (name, value) in &insight.subject {
        if name.parse::<Dimension>().is_ok_and(|dimension| !dimension.is_of_facts()) {
            calls = calls.set(name, value.as_deref().unwrap_or_default());
        }
    }
    html! {
        article class="card" {
            h2 { (insight.kind.meaning()) }
            p { (html::name(&subject(&insight.subject))) }
            dl class="tiles" {
                div { dt { "saving in a month" } dd class="value" { (insight.month.usd.to_string()) } dd { "95 %: " (insight.month.low.to_string()) " to " (insight.month.high.to_string()) } }
                div { dt { "saving in this time" } dd class="value" { (insight.saving.to_string()) } }
                div { dt { "calls" } dd class="value" { a href=(calls.text()) { (insight.affected) " of " (insight.calls) } } }
                div { dt { "confidence" } dd class="value" { (insight.confidence.name()) } dd { (insight.confidence.meaning()) } }
            }
            p { (insight.arithmetic) }
            p class="note" { "Prices: " (insight.prices.as_str()) }
        }
    }
}

fn undecided(title: &str, all: &[Undecided]) -> Markup {
    html! {
        @if !all.is_empty() {
            h2 { (title) }
            ul { @for one in all { li { strong { (one.kind.meaning()) } " " (html::name(&subject(&one.subject))) ": " (one.reason) } } }
        }
    }
}

/// Those sections that a page is about.
fn only(mut report: Report, ids: &[&str]) -> Vec<Section> {
    report.sections.retain(|section| ids.contains(&section.id));
    report.sections
}

/// A measure slice by slice, a line for each of the values of a dimension that have the most of it.
fn by(
    engine: &dyn Engine,
    look: &Look,
    title: &str,
    measure: &str,
    kind: Kind,
    dimension: Dimension,
) -> Result<Markup, Message> {
    let Ok(measure) = Measure::named(measure) else { return Ok(html! {}) };
    let bucket = look.bucket();
    let query = Query::new([measure]).by([dimension]).range(look.range).bucket(bucket);
    let mut series: HashMap<String, Series> = HashMap::new();
    for row in query.run(engine).map_err(message)? {
        let Some(value) = row.figures[0].map(number) else { continue };
        let Some(at) = row.bucket else { continue };
        let name = row.group[0].as_ref().map_or("(none)", jobmon_core::Text::as_str).to_owned();
        let of = series.entry(name.clone()).or_insert_with(|| Series { name, points: Vec::new() });
        of.points.push((at, value));
    }
    let sum = |series: &Series| series.points.iter().map(|(_, value)| value).sum::<f64>();
    let mut series: Vec<_> =
        series.into_values().filter(|series| sum(series) > 0.0 || measure.unit == Unit::Ratio).collect();
    series.sort_by(|a, b| sum(b).total_cmp(&sum(a)).then_with(|| a.name.cmp(&b.name)));
    let more = series.len().saturating_sub(MOST_SERIES);
    series.truncate(MOST_SERIES);
    let title = format!("{title} by {} and {}", html::label(dimension.name()), slice(bucket));
    let title = if more > 0 { format!("{title} ({more} more not drawn)") } else { title };
    Ok(Chart { title, kind, unit: measure.unit, step: step(bucket), range: look.range, series }.markup())
}

//! Dashboards of one's own: shown, listed, edited in place.

use super::super::panels::{self, Dashboard, EXAMPLE, LONGEST, Panel, Shown, is_name};
use super::chart::{Chart, Kind, MOST_SERIES, Series, number};
use super::look::Look;
use super::overview::{slice, step};
use super::{App, Page, failed, layout, mistake, parts, shell};
use crate::commands::{Message, message};
use crate::html;
use crate::place::Archive;
use axum::Form;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use jobmon_core::report::Section;
use jobmon_core::{Engine, Query, Text, Unit};
use maud::{Markup, html};
use std::collections::{BTreeMap, HashMap};

pub(super) async fn list(State(app): State<App>) -> Response {
    let names = app.folder.names();
    let body = html! {
        @if names.is_empty() { p { "None so far, in " code { (app.folder.0.display()) } "." } }
        ul { @for name in &names { li { a href=(format!("/dashboards/{name}")) { (name) } " " a href=(format!("/dashboards/{name}/edit")) { "edit" } } } }
        form method="get" action="/dashboards/new" class="filters" {
            label { "A new one, named " input name="name" required pattern="[a-z0-9_\\-]{1,64}" size="20"; }
            button { "Begin" }
        }
    };
    Html(shell("Dashboards", Look::of("/dashboards", "", &[]).ok().as_ref(), &body).into_string())
        .into_response()
}

/// To the editor of a new one.
pub(super) async fn begin(RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let name =
        super::look::pairs(&query).find(|(key, _)| key == "name").map(|(_, name)| name).unwrap_or_default();
    if is_name(&name) {
        Redirect::to(&format!("/dashboards/{name}/edit")).into_response()
    } else {
        mistake("the name of a dashboard has up to 64 small letters, digits, `-` and `_`")
    }
}

fn missing(name: &str) -> Response {
    let body =
        html! { p { "There is no dashboard " code { (name) } ". " a href="/dashboards" { "All of them" } } };
    failed(StatusCode::NOT_FOUND, "No such dashboard", &body)
}

pub(super) async fn show(
    State(app): State<App>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(text) = app.folder.text(&name) else { return missing(&name) };
    let look = match Look::of("/dashboards", &query.unwrap_or_default(), &[]) {
        Ok(look) => look.at(format!("/dashboards/{name}")),
        Err(problem) => return mistake(&problem),
    };
    let dashboard = match panels::parse(&format!("{name}.toml"), &text) {
        Ok(dashboard) => dashboard,
        Err(problem) => {
            let body = html! {
                p class="mistake" role="alert" { (problem) }
                p { a href=(format!("/dashboards/{name}/edit")) { "Mend it" } }
            };
            return failed(StatusCode::UNPROCESSABLE_ENTITY, "This dashboard has a mistake", &body);
        }
    };
    let stamp = app.folder.stamp(&name);
    let asked = look.clone();
    let made = app.read(move |history| make(history, &asked, &name, &dashboard, &stamp)).await;
    match made {
        Ok(page) => match (look.more("format"), look.more("section")) {
            (None, _) => Html(layout(&look, &page).into_string()).into_response(),
            (Some(format), section) => super::machine(&page, format, section),
        },
        Err(problem) => mistake(&problem),
    }
}

/// What pages ask to know whether the file has changed.
pub(super) async fn stamp(State(app): State<App>, Path(name): Path<String>) -> Response {
    if is_name(&name) { app.folder.stamp(&name).into_response() } else { missing(&name) }
}

fn make(
    history: &dyn Archive,
    look: &Look,
    name: &str,
    dashboard: &Dashboard,
    stamp: &str,
) -> Result<Page, Message> {
    let engine = look.of_engine(history);
    let mut tables = Vec::new();
    let mut shown = Vec::new();
    for (at, panel) in dashboard.panels.iter().enumerate() {
        let (markup, table) = of_panel(&engine, look, panel, at)?;
        shown.push(markup);
        tables.push(table);
    }
    let body = html! {
        p class="note" data-dashboard=(name) data-stamp=(stamp) {
            a href=(format!("/dashboards/{name}/edit")) { "Edit" } " · " a href="/dashboards" { "All dashboards" }
        }
        div class="charts" { @for markup in &shown { (markup) } }
    };
    Ok(Page { tables, ..Page::new(&dashboard.title, body, Vec::new()) })
}

/// Ids of tables, which addresses name.
const IDS: [&str; 16] = [
    "panel1", "panel2", "panel3", "panel4", "panel5", "panel6", "panel7", "panel8", "panel9", "panel10",
    "panel11", "panel12", "panel13", "panel14", "panel15", "panel16",
];

fn of_panel(
    engine: &dyn Engine,
    look: &Look,
    panel: &Panel,
    at: usize,
) -> Result<(Markup, Section), Message> {
    let look = match &panel.since {
        Some(since) => look.over(since)?,
        None => look.clone(),
    };
    let mut query = Query::new(panel.measures.clone()).by(panel.by.clone()).range(look.range);
    query.filters.clone_from(&panel.filters);
    let id = IDS.get(at).copied().unwrap_or("panel");
    let title = panel.title.as_str();
    let mut section = Section::new(
        id,
        "Panel",
        panel.by.iter().map(|dimension| dimension.name()),
        panel.measures.iter().map(|measure| measure.name),
    );
    let is_chart = matches!(panel.shown, Shown::Lines | Shown::Bars);
    let bucket = panel.bucket.unwrap_or_else(|| look.bucket());
    if is_chart {
        query = query.bucket(bucket);
        section.groups.insert(0, "time");
    }
    let rows = query.run(engine).map_err(message)?;
    for row in &rows {
        let time = row.bucket.map(|at| Some(Text::from(at.to_string())));
        section.push(time.into_iter().chain(row.group.iter().cloned()).collect(), row.figures.clone());
    }
    let links = parts::more(&look.here().set("section", id));
    let markup = match panel.shown {
        Shown::Number => html! {
            section aria-label=(title) {
                h2 { (title) } (links)
                dl class="tiles" {
                    @for (place, measure) in panel.measures.iter().enumerate() {
                        @let figure = rows.first().and_then(|row| row.figures[place]);
                        div { dt { (html::label(measure.name)) } dd class="value" { (figure.map_or_else(|| "–".to_owned(), |figure| figure.to_string())) } }
                    }
                }
            }
        },
        Shown::Table => {
            html! { section aria-label=(title) class="wide" { h2 { (title) } (links) (parts::bare(&look, &section, title)) } }
        }
        Shown::Lines | Shown::Bars => {
            let chart = Chart {
                title: format!("{title} by {}", slice(bucket)),
                kind: if panel.shown == Shown::Bars { Kind::Bars } else { Kind::Lines },
                unit: panel.measures.first().map_or(Unit::Count, |measure| measure.unit),
                step: step(bucket),
                range: look.range,
                series: series(panel, &rows),
            };
            html! { section aria-label=(title) { h2 { (title) } (links) (chart.markup()) } }
        }
    };
    Ok((markup, section))
}

fn series(panel: &Panel, rows: &[jobmon_core::Row]) -> Vec<Series> {
    let mut all: BTreeMap<String, Series> = BTreeMap::new();
    for row in rows {
        let Some(at) = row.bucket else { continue };
        for (place, measure) in panel.measures.iter().enumerate() {
            let Some(value) = row.figures[place].map(number) else { continue };
            let name = if panel.by.is_empty() {
                html::label(measure.name)
            } else {
                let values = row.group.iter().map(|value| value.as_ref().map_or("(none)", Text::as_str));
                values.collect::<Vec<_>>().join(", ")
            };
            let of = all.entry(name.clone()).or_insert_with(|| Series { name, points: Vec::new() });
            of.points.push((at, value));
        }
    }
    let sum = |series: &Series| series.points.iter().map(|(_, value)| value).sum::<f64>();
    let mut all: Vec<_> = all.into_values().collect();
    if !panel.by.is_empty() {
        all.sort_by(|a, b| sum(b).total_cmp(&sum(a)));
    }
    all.truncate(MOST_SERIES);
    all
}

fn editor(name: &str, text: &str, problem: Option<&str>, is_new: bool) -> Markup {
    let body = html! {
        @if let Some(problem) = problem { p class="mistake" role="alert" id="problem" { (problem) } }
        form method="post" action=(format!("/dashboards/{name}/edit")) class="editor" {
            label for="text" { "Panels, as TOML: each is a query and how it is shown" }
            textarea id="text" name="text" rows="26" spellcheck="false" aria-invalid=[problem.map(|_| "true")]
                aria-describedby=[problem.map(|_| "problem")] { "\n" (text) }
            p { button name="do" value="save" { "Save" } " " @if !is_new { button name="do" value="remove" class="quiet" { "Remove" } } }
        }
        details {
            summary { "Measures and dimensions" }
            dl class="known" { @for measure in jobmon_core::Measure::ALL { dt { (measure.name) } dd { (measure.meaning) } } }
            dl class="known" { @for dimension in jobmon_core::Dimension::ALL { dt { (dimension.name()) } dd { (dimension.meaning()) } } }
        }
    };
    let title = if is_new { format!("New dashboard: {name}") } else { format!("Edit {name}") };
    shell(&title, Look::of("/dashboards", "", &[]).ok().as_ref(), &body)
}

pub(super) async fn edit(State(app): State<App>, Path(name): Path<String>) -> Response {
    if !is_name(&name) {
        return missing(&name);
    }
    let text = app.folder.text(&name);
    let problem = text.as_ref().and_then(|text| panels::parse(&format!("{name}.toml"), text).err());
    let page = editor(&name, text.as_deref().unwrap_or(EXAMPLE), problem.as_deref(), text.is_none());
    Html(page.into_string()).into_response()
}

pub(super) async fn save(
    State(app): State<App>,
    Path(name): Path<String>,
    Form(told): Form<HashMap<String, String>>,
) -> Response {
    if !is_name(&name) {
        return missing(&name);
    }
    let is_new = app.folder.text(&name).is_none();
    if told.get("do").is_some_and(|what| what == "remove") && !is_new {
        return match app.folder.remove(&name) {
            Ok(()) => Redirect::to("/dashboards").into_response(),
            Err(problem) => mistake(&problem),
        };
    }
    // Browsers send lines that end as in mail.
    let text = told.get("text").map(|text| text.replace("\r\n", "\n")).unwrap_or_default();
    let checked = if text.len() > LONGEST {
        Err(format!("it is longer than {LONGEST} bytes; make two of it"))
    } else {
        panels::parse(&format!("{name}.toml"), &text).map(drop)
    };
    match checked.and_then(|()| app.folder.write(&name, &text)) {
        Ok(()) => Redirect::to(&format!("/dashboards/{name}")).into_response(),
        Err(problem) => {
            let page = editor(&name, &text, Some(&problem), is_new);
            (StatusCode::UNPROCESSABLE_ENTITY, Html(page.into_string())).into_response()
        }
    }
}

//! The pages: each is an address that holds what it looks at, each table has CSV and JSON.

mod alerts;
mod api;
mod calls;
mod chart;
mod dashboards;
mod live;
mod login;
mod look;
mod overview;
mod parts;
mod reports;
mod trace;

use super::App;
use crate::commands::{Message, pretty};
use crate::html;
use crate::place::Archive;
use crate::report::section_to_csv;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use jobmon_core::Dimension;
use jobmon_core::report::Section;
use look::Look;
use maud::{DOCTYPE, Markup, html};

const STYLE: &str = concat!(include_str!("../../html/style.css"), include_str!("style.css"));
const SCRIPT: &str = include_str!("app.js");

/// Pages of the menu, in its order.
const MENU: [(&str, &str); 10] = [
    ("/", "Overview"),
    ("/models", "Models"),
    ("/features", "Features"),
    ("/quality", "Quality"),
    ("/errors", "Errors"),
    ("/sessions", "Sessions"),
    ("/insights", "Insights"),
    ("/alerts", "Alerts"),
    ("/dashboards", "Dashboards"),
    ("/live", "Live"),
];

/// What a page shows.
struct Page {
    title: String,
    /// What stands above the sections.
    body: Markup,
    sections: Vec<Section>,
    /// Tables of the body, for machines.
    tables: Vec<Section>,
}

impl Page {
    fn new(title: &str, body: Markup, sections: Vec<Section>) -> Self {
        Self { title: title.to_owned(), body, sections, tables: Vec::new() }
    }

    /// Whatever machines can have.
    fn all(&self) -> impl Iterator<Item = &Section> {
        self.sections.iter().chain(&self.tables)
    }
}

/// What makes a page of a history.
type Make = fn(&App, &dyn Archive, &Look) -> Result<Page, Message>;

pub(super) fn router() -> Router<App> {
    macro_rules! page {
        ($path:literal, $takes:expr, $make:path) => {
            get(|State(app): State<App>, RawQuery(query): RawQuery| async move {
                show(app, $path, query.unwrap_or_default(), $takes, $make).await
            })
        };
    }
    Router::new()
        .route("/", page!("/", &[], overview::make))
        .route("/models", page!("/models", &[], reports::models))
        .route("/features", page!("/features", &[], reports::features))
        .route("/quality", page!("/quality", &[], reports::quality))
        .route("/errors", page!("/errors", &[], reports::errors))
        .route("/sessions", page!("/sessions", &[], reports::sessions))
        .route("/insights", page!("/insights", &[], reports::insights))
        .route("/alerts", page!("/alerts", &[], alerts::make))
        .route("/calls", page!("/calls", &calls::TAKES, calls::make))
        .route("/live", page!("/live", &[], live::make))
        .route("/live/calls", get(live::calls))
        .route("/traces/{trace}", get(trace::show))
        .route("/api/query", get(api::query))
        .route("/dashboards", get(dashboards::list))
        .route("/dashboards/new", get(dashboards::begin))
        .route("/dashboards/{name}", get(dashboards::show))
        .route("/dashboards/{name}/stamp", get(dashboards::stamp))
        .route("/dashboards/{name}/edit", get(dashboards::edit).post(dashboards::save))
        .route("/login", get(login::form).post(login::enter))
        .route("/style.css", get(|| async { asset("text/css; charset=utf-8", STYLE) }))
        .route("/app.js", get(|| async { asset("text/javascript; charset=utf-8", SCRIPT) }))
        .fallback(|| async {
            let body = html! { p { "There is no such page. " a href="/" { "The overview" } " is one." } };
            failed(StatusCode::NOT_FOUND, "No such page", &body)
        })
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "max-age=300")], text).into_response()
}

/// A page, or a table of it for machines.
async fn show(
    app: App,
    path: &'static str,
    query: String,
    takes: &'static [&'static str],
    make: Make,
) -> Response {
    let look = match Look::of(path, &query, takes) {
        Ok(look) => look,
        Err(problem) => return mistake(&problem),
    };
    // What the form says becomes an address that says the same in one way.
    if query.contains("add=") {
        return Redirect::to(&look.here().text()).into_response();
    }
    let asked = look.clone();
    let of = app.clone();
    let made = app.read(move |history| make(&of, history, &asked)).await;
    let page = match made {
        Ok(page) => page,
        Err(problem) => {
            let body = html! { p class="mistake" role="alert" { (problem) } };
            return failed(StatusCode::INTERNAL_SERVER_ERROR, "This page cannot be made", &body);
        }
    };
    match (look.more("format"), look.more("section")) {
        (None, _) => Html(layout(&look, &page).into_string()).into_response(),
        (Some(format), section) => machine(&page, format, section),
    }
}

/// One table of a page, or all of them, for machines.
fn machine(page: &Page, format: &str, section: Option<&str>) -> Response {
    match (format, section) {
        ("csv" | "json", Some(id)) => match page.all().find(|section| section.id == id) {
            Some(section) => table(section, format),
            None => {
                let known: Vec<_> = page.all().map(|section| section.id).collect();
                mistake(&format!("`section={id}` is not on this page now; there are: {}", known.join(", ")))
            }
        },
        ("json", None) => {
            let sections = page.all().map(|section| (section.id.to_owned(), parts::json(section)));
            as_json(&serde_json::Value::Object(sections.collect()))
        }
        _ => mistake("`format` is `csv` (with `section`) or `json`"),
    }
}

fn table(section: &Section, format: &str) -> Response {
    if format == "json" {
        return as_json(&parts::json(section));
    }
    let name = format!("attachment; filename=\"{}.csv\"", section.id);
    let kind = [(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)];
    (kind, section_to_csv(section)).into_response()
}

fn as_json(value: &serde_json::Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], pretty(value)).into_response()
}

/// What was asked for cannot be: says what is accepted.
fn mistake(problem: &str) -> Response {
    let body = html! { p class="mistake" role="alert" { (problem) } };
    failed(StatusCode::BAD_REQUEST, "This address has a mistake", &body)
}

fn failed(status: StatusCode, title: &str, body: &Markup) -> Response {
    let page = shell(title, None, body);
    (status, Html(page.into_string())).into_response()
}

fn layout(look: &Look, page: &Page) -> Markup {
    let body = html! {
        (filters(look))
        (page.body)
        @for section in &page.sections { (parts::section(look, section)) }
    };
    shell(&page.title, Some(look), &body)
}

fn shell(title: &str, look: Option<&Look>, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · jobmon" }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="data:,";
                script src="/app.js" defer {}
            }
            body {
                a class="skip" href="#content" { "To the content" }
                header {
                    nav aria-label="Pages" {
                        strong { "jobmon" }
                        ul {
                            @for (path, name) in MENU {
                                @let address = look.map_or_else(|| path.to_owned(), |look| look.to(path).text());
                                @let is_here = look.is_some_and(|look| look.path == path);
                                li { a href=(address) aria-current=[is_here.then_some("page")] { (name) } }
                            }
                        }
                    }
                }
                main id="content" {
                    h1 { (title) }
                    (body)
                }
                footer { (html::legend()) }
            }
        }
    }
}

/// Times and filters, as a form and as links that undo each.
fn filters(look: &Look) -> Markup {
    const TIMES: [(&str, &str); 6] = [
        ("1h", "1 hour"),
        ("24h", "24 hours"),
        ("7d", "7 days"),
        ("30d", "30 days"),
        ("90d", "90 days"),
        ("all", "all"),
    ];
    let here = look.here();
    html! {
        form class="filters" method="get" action=(&look.path) aria-label="What is looked at" {
            @for (name, value) in look.pairs() { input type="hidden" name=(name) value=(value); }
            p class="times" {
                @for (since, name) in TIMES {
                    @let is_it = look.since() == since && look.until().is_empty();
                    a href=(here.clone().set("since", since).text()) aria-current=[is_it.then_some("true")] { (name) }
                }
            }
            label { "from " input name="since" size="12" value=(look.since()); }
            label { "to " input name="until" size="12" value=(look.until()) placeholder="now"; }
            label {
                "only "
                select name="add" {
                    option value="" { "everything" }
                    @for dimension in Dimension::ALL.iter().filter(|dimension| !dimension.is_of_facts()) {
                        option value=(dimension.name()) { (html::label(dimension.name())) }
                    }
                }
            }
            label { "is " input name="value" size="16"; }
            button { "Show" }
            @if !look.filters.is_empty() {
                ul class="chips" aria-label="Filters" {
                    @for (name, value) in look.pairs() {
                        li {
                            a href=(here.clone().without(&name, &value).text()) title="Remove this filter" {
                                (name) ": " (html::name(if value.is_empty() { "none" } else { &value })) " ✕"
                            }
                        }
                    }
                }
            }
        }
    }
}

//! The report as one HTML file: no script, nothing fetched, text from events always escaped.
//!
//! The templates are `maud`'s, which escapes whatever is put into them. Charts are SVG of our own: a chart library draws
//! in fixed colours and sizes, and would not follow the reader's light or dark, phone or print.

mod chart;
pub(crate) mod money;
mod tiles;

use jobmon_core::Quantity;
use jobmon_core::report::{Report, Section, one_line};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use money::Decimals;

/// Nothing is fetched and nothing runs, whatever the text of an event should try.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
/// Characters kept of a name; a longer one would push all else off the page.
const WIDEST: usize = 120;

/// The whole file.
pub(crate) fn of(report: &Report) -> String {
    let (title, range) = titles(report);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (report.kind.meaning()) ", " (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                header {
                    h1 { (report.kind.meaning()) }
                    p class="title" { (title) }
                    @if let Some(range) = range { p class="range" { (range) } }
                }
                main {
                    @if report.is_empty() { p { "Nothing happened in this time." } }
                    (tiles::of(report))
                    (chart::over_time(report))
                    @for section in &report.sections { (part(section, None)) }
                }
                footer { (legend()) }
            }
        }
    };
    page.into_string()
}

fn titles(report: &Report) -> (String, Option<String>) {
    let whole = report.title();
    match whole.split_once(" (").filter(|_| report.period.is_some()) {
        Some((title, range)) => (title.to_owned(), Some(format!("{} (UTC)", range.trim_end_matches(')')))),
        None => (whole, None),
    }
}

/// Text of an event or a file: on one line, without characters that reorder or hide text, and not endless.
pub(crate) fn name(text: &str) -> Markup {
    let text = one_line(text);
    let end = text.char_indices().nth(WIDEST).map(|(end, _)| end);
    html! { bdi { (end.map_or(text.as_str(), |end| &text[..end])) @if end.is_some() { "…" } } }
}

pub(crate) fn label(name: &str) -> String {
    name.replace('_', " ")
}

/// Where numbers of a section lead, and what stands beside its heading.
pub(crate) struct Links<'a> {
    /// The address behind a row's figure in a column.
    pub(crate) of: &'a dyn Fn(usize, &str) -> Option<String>,
    pub(crate) more: &'a Markup,
}

pub(crate) fn part(section: &Section, links: Option<&Links<'_>>) -> Markup {
    let heading = format!("{}-heading", section.id);
    html! {
        section id=(section.id) aria-labelledby=(heading) {
            h2 id=(heading) { (section.title) }
            @if let Some(links) = links { (links.more) }
            @if matches!(section.id, "features" | "models") { (chart::by_cost(section)) }
            @if section.rows.is_empty() {
                @if section.note.is_none() { p { "none" } }
            } @else if section.groups.is_empty() {
                (upright(section, section.title, links))
            } @else {
                (table(section, section.title, links))
            }
            @if let Some(note) = &section.note { p class="note" { (note) } }
        }
    }
}

/// A section's table under another title.
pub(crate) fn bare(section: &Section, title: &str, links: &Links<'_>) -> Markup {
    html! {
        @if section.rows.is_empty() { p { "Nothing in this time." } }
        @else if section.groups.is_empty() { (upright(section, title, Some(links))) }
        @else { (table(section, title, Some(links))) }
    }
}

/// One row, its figures below each other.
fn upright(section: &Section, title: &str, links: Option<&Links<'_>>) -> Markup {
    let figures = section.rows.iter().flat_map(|row| section.columns.iter().zip(&row.figures));
    html! {
        table class="upright" {
            caption { (title) }
            thead { tr { th scope="col" { "figure" } th scope="col" class="number" { "value" } } }
            tbody {
                @for (column, figure) in figures.filter(|(_, figure)| !matches!(figure, None | Some(Quantity::Count(0)))) {
                    tr {
                        th scope="row" { (label(column)) }
                        (cell(*figure, Decimals::of([*figure]), link(links, 0, column)))
                    }
                }
            }
        }
    }
}

fn table(section: &Section, title: &str, links: Option<&Links<'_>>) -> Markup {
    let (heads, rows) = section.cells();
    let groups = section.groups.len();
    let figures = |column: &str| {
        let place = section.columns.iter().position(|name| *name == column);
        section.rows.iter().map(move |row| row.figures.get(place?).copied().flatten())
    };
    // Columns that `cells` shows, and how many decimals their amounts have: a column is added up, and so is alike.
    let shown: Vec<(&str, Decimals)> = heads[groups..]
        .iter()
        .filter_map(|(head, _)| section.columns.iter().find(|column| label(column) == *head))
        .map(|column| (*column, Decimals::of(figures(column))))
        .collect();
    // Where each row is a figure of its own kind, its amounts are alike.
    let by_row = section.groups == ["compared"];
    html! {
        div class="scroll" role="region" aria-label=(format!("{title}, a table")) tabindex="0" {
            table {
                caption { (title) }
                thead {
                    tr {
                        @for (place, (head, _)) in heads.iter().enumerate() {
                            th scope="col" class=[(place >= groups).then_some("number")] { (head) }
                        }
                    }
                }
                tbody {
                    @for (number, (row, texts)) in section.rows.iter().zip(&rows).enumerate() {
                        @let own = Decimals::of(row.figures.iter().copied());
                        tr {
                            @for (place, text) in texts[..groups].iter().enumerate() {
                                @if place == 0 { th scope="row" { (name(text)) } } @else { td { (name(text)) } }
                            }
                            @for ((column, decimals), text) in shown.iter().zip(&texts[groups..]) {
                                @let place = section.columns.iter().position(|name| name == column);
                                @match place.and_then(|place| row.figures.get(place).copied().flatten()) {
                                    Some(figure) => (cell(Some(figure), if by_row { own } else { *decimals }, link(links, number, column))),
                                    // "none" or "-".
                                    None => td class="number" { (text) },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn link(links: Option<&Links<'_>>, row: usize, column: &str) -> Option<String> {
    links.and_then(|links| (links.of)(row, column))
}

fn cell(figure: Option<Quantity>, decimals: Decimals, link: Option<String>) -> Markup {
    let exact = figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string());
    let text = figure.and_then(|figure| decimals.text(figure)).unwrap_or_else(|| exact.clone());
    let rounded = text != exact;
    html! {
        td class="number" title=[rounded.then_some(exact)] {
            @match link { Some(link) => a href=(link) { (text) }, None => (text) }
        }
    }
}

pub(crate) fn legend() -> Markup {
    html! {
        p {
            "Wasted cost is the part of the cost that went into attempts and calls that failed. "
            "≥ means that part of a cost is not known, ≤ that a return is at most this, ≈ that it is an estimate. "
            "Calls without a feature are (unattributed). Amounts are rounded; "
            code { "--format json" } " and " code { "--format csv" } " have them to the nanodollar. Times are in UTC."
        }
    }
}

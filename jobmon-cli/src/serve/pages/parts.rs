//! What pages are made of: sections as tables whose numbers lead to the calls behind them.

use super::look::{Address, Look};
use crate::html::{self, Links};
use jobmon_core::report::{Section, row_to_json};
use jobmon_core::{Dimension, Timestamp};
use maud::{Markup, html};
use serde_json::Value;

/// Where a row of a section leads: to its calls.
fn calls_of(look: &Look, section: &Section, row: usize, column: &str) -> Option<String> {
    let mut address = look.to("/calls");
    for (name, value) in section.groups.iter().zip(&section.rows[row].group) {
        let value = value.as_deref().unwrap_or_default();
        address = match (*name, name.parse::<Dimension>()) {
            ("day", _) => between(address, crate::time::point(value)?, Timestamp::next_day),
            ("hour", _) => between(address, crate::time::point(value)?, Timestamp::next_hour),
            // Facts are of calls; which ones the page of calls does not know.
            (_, Ok(dimension)) if dimension.is_of_facts() => return None,
            (name, Ok(_)) => address.set(name, value),
            (_, Err(_)) => return None,
        };
    }
    if matches!(column, "errors" | "failed_attempts" | "wasted_cost") && !section.groups.contains(&"category")
    {
        address = address.set("end", "error");
    }
    Some(address.text())
}

fn between(address: Address, start: Timestamp, end: fn(Timestamp) -> Timestamp) -> Address {
    address.set("since", &start.to_string()).set("until", &end(start).to_string())
}

/// A section, with its table for machines.
pub(super) fn section(look: &Look, section: &Section) -> Markup {
    let links = |row: usize, column: &str| calls_of(look, section, row, column);
    let here = look.here().set("section", section.id);
    html! {
        (html::part(section, Some(&Links { of: &links, more: &more(&here) })))
    }
}

/// A table alone.
pub(super) fn bare(look: &Look, section: &Section, title: &str) -> Markup {
    let links = |row: usize, column: &str| calls_of(look, section, row, column);
    html::bare(section, title, &Links { of: &links, more: &html! {} })
}

/// Links to a table as CSV and JSON.
pub(super) fn more(here: &Address) -> Markup {
    html! {
        p class="more" {
            a href=(here.clone().set("format", "csv").text()) download { "CSV" } " "
            a href=(here.clone().set("format", "json").text()) { "JSON" }
        }
    }
}

/// Rows of a section for machines.
pub(super) fn json(section: &Section) -> Value {
    section.rows.iter().map(|row| row_to_json(row, &section.groups, &section.columns)).collect()
}

/// A date and time that people read, with the whole moment for machines.
pub(super) fn moment(at: Timestamp) -> Markup {
    let text = at.to_string();
    let short: String = text.chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect();
    html! { time datetime=(text) { (short) } }
}

//! The live tail: calls as they are written, by whoever writes the history.

use super::calls::{list, row};
use super::look::{Look, pairs};
use super::{App, Page, mistake};
use crate::commands::{Message, message};
use crate::place::Archive;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jobmon_core::{CallRecord, Event, Key};
use maud::html;
use serde_json::json;

/// Calls that come at once.
const MOST: usize = 200;
/// Calls that are there at first.
const FIRST: usize = 20;

pub(super) fn make(_: &App, history: &dyn Archive, look: &Look) -> Result<Page, Message> {
    let last = history.last_call_row().map_err(message)?;
    let calls = history.latest_calls(look.range, &look.filters, None, FIRST).map_err(message)?;
    let calls: Vec<CallRecord> = calls.into_iter().take(FIRST).map(|(_, call)| call).collect();
    let filters: Vec<_> = look
        .pairs()
        .iter()
        .map(|(name, value)| format!("&{}={}", super::look::encoded(name), super::look::encoded(value)))
        .collect();
    let body = html! {
        p {
            button type="button" id="pause" aria-pressed="false" { "Pause" } " "
            span id="live" role="status" data-after=(last) data-filters=(filters.concat()) { "Calls appear here as they are written." }
        }
        (list(&calls))
        noscript { p class="note" { "Without scripts this page shows what there was when it was opened." } }
    };
    Ok(Page::new("Live", body, Vec::new()))
}

/// Calls written after a row, as rows of the table.
pub(super) async fn calls(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let after = pairs(&query).find(|(name, _)| name == "after").and_then(|(_, value)| value.parse().ok());
    let Some(after) = after else { return mistake("`after` is the number of a row, such as 0") };
    let look = match Look::of("/live", &query, &["after"]) {
        Ok(look) => look,
        Err(problem) => return mistake(&problem),
    };
    let read = move |history: &dyn Archive| {
        let found = history.calls_after_row(after, MOST).map_err(message)?;
        let last = found.last().map_or(after, |(row, _)| *row);
        let mut rows = Vec::new();
        for (_, (resource, call)) in found {
            let event = Event::Call(Box::new(call));
            let key = Key::of(&resource, &event);
            if let Event::Call(call) = event
                && look.filters.iter().all(|filter| filter.keeps(&key))
            {
                rows.push(row(&call).into_string());
            }
        }
        Ok(json!({ "after": last, "rows": rows }))
    };
    match app.read(read).await {
        Ok(found) => ([(CONTENT_TYPE, "application/json")], found.to_string()).into_response(),
        Err(problem) => (axum::http::StatusCode::INTERNAL_SERVER_ERROR, problem).into_response(),
    }
}

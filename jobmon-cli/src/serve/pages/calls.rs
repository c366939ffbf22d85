//! Single calls, the newest first, page by page.

use super::look::Look;
use super::parts::moment;
use super::{App, Page};
use crate::commands::{Message, message};
use crate::html;
use crate::place::Archive;
use jobmon_core::report::Section;
use jobmon_core::{CallRecord, End, Quantity, Range, Text, Timestamp};
use maud::{Markup, html};

pub(super) const TAKES: [&str; 2] = ["end", "before"];
/// Calls of one page.
const MOST: usize = 100;

pub(super) fn make(_: &App, history: &dyn Archive, look: &Look) -> Result<Page, Message> {
    let end: Option<End> = match look.more("end").filter(|end| !end.is_empty()) {
        Some(end) => Some(end.parse().map_err(message)?),
        None => None,
    };
    let before = look.more("before").map(|text| {
        let found = text.parse().ok().map(Timestamp::from_nanos);
        found.ok_or_else(|| format!("`before={text}` is no moment: nanoseconds since 1970"))
    });
    let until = before.transpose()?.map_or(look.range.until, |before| before.min(look.range.until));
    let range = Range { since: look.range.since, until };
    let calls = history.latest_calls(range, &look.filters, end, MOST).map_err(message)?;
    let next = calls.last().filter(|_| calls.len() >= MOST).map(|(_, call)| call.start);
    let calls: Vec<CallRecord> = calls.into_iter().map(|(_, call)| call).collect();
    let body = html! {
        (super::parts::more(&look.here().set("section", "calls")))
        @if let Some(end) = end {
            p class="note" {
                "Only those that ended as " (end.name()) ": " (end.meaning()) " "
                a href=(look.to("/calls").text()) { "All of them" }
            }
        }
        @if calls.is_empty() { p { "No single calls here." @if next.is_some() { " There are older ones." } } } @else { (list(&calls)) }
        @if let Some(next) = next {
            p { a rel="next" href=(look.here().set("before", &next.nanos().to_string()).text()) { "Older calls" } }
        }
    };
    Ok(Page { tables: vec![machine(&calls)], ..Page::new("Calls", body, Vec::new()) })
}

/// For machines alone: the table above is for people.
fn machine(calls: &[CallRecord]) -> Section {
    let groups = [
        "trace",
        "span",
        "start",
        "operation",
        "name",
        "provider",
        "model",
        "feature",
        "session",
        "end",
        "category",
    ];
    let figures = ["duration", "first_token", "input_tokens", "output_tokens", "cost"];
    let mut section = Section::new("calls", "For machines", groups, figures);
    for call in calls {
        let (usage, text) = (call.usage().unwrap_or_default(), |text: &str| Some(Text::copied(text)));
        section.push(
            vec![
                text(&call.id.trace.to_string()),
                text(&call.id.span.to_string()),
                text(&call.start.to_string()),
                text(call.operation.name()),
                Some(call.name.clone()),
                call.provider.clone(),
                call.model_name().cloned(),
                call.scope.feature.clone(),
                call.scope.session.clone(),
                text(call.end.name()),
                call.failure.as_ref().and_then(|failure| text(failure.category.name())),
            ],
            vec![
                call.duration.map(Quantity::Duration),
                call.first_token.map(Quantity::Duration),
                usage.input.map(Quantity::Count),
                usage.output.map(Quantity::Count),
                call.cost.map(Quantity::Cost),
            ],
        );
    }
    section
}

/// Calls as a table, each with the way to its trace.
pub(super) fn list(calls: &[CallRecord]) -> Markup {
    html! {
        div class="scroll" role="region" aria-label="Calls, a table" tabindex="0" {
            table {
                caption { "Calls" }
                thead { tr {
                    @for head in ["start", "name", "operation", "model", "feature"] { th scope="col" { (head) } }
                    @for head in ["took", "input", "output", "cost"] { th scope="col" class="number" { (head) } }
                    th scope="col" { "end" }
                } }
                tbody { @for call in calls { (row(call)) } }
            }
        }
    }
}

pub(super) fn row(call: &CallRecord) -> Markup {
    let usage = call.usage().unwrap_or_default();
    let count =
        |count: Option<u64>| count.map_or_else(|| "–".to_owned(), |count| Quantity::Count(count).to_string());
    let text = |text: Option<&Text>| html! { @match text { Some(text) => (html::name(text)), None => "–" } };
    html! {
        tr class=[(call.end != End::Ok).then_some("failed")] {
            th scope="row" { a href=(format!("/traces/{}#{}", call.id.trace, call.id.span)) { (moment(call.start)) } }
            td { (html::name(&call.name)) }
            td { (call.operation.name()) }
            td { (text(call.model_name())) }
            td { (text(call.scope.feature.as_ref())) }
            td class="number" { (call.duration.map_or_else(|| "–".to_owned(), |took| Quantity::Duration(took).to_string())) }
            td class="number" { (count(usage.input)) }
            td class="number" { (count(usage.output)) }
            td class="number" { (call.cost.map_or_else(|| "–".to_owned(), |cost| cost.to_string())) }
            td {
                (call.end.name())
                @if let Some(failure) = &call.failure { ": " (failure.category.name()) }
            }
        }
    }
}

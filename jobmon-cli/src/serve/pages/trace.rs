//! One trace: what was inside what, when, with attempts, chunks, content and what was said of it later.

use super::look::Look;
use super::parts::moment;
use super::{App, failed, shell};
use crate::commands::{Message, message};
use crate::html;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use jobmon_core::{
    CallRecord, Content, CostSum, End, Event, Message as Said, Part, Quantity, SpanId, Timestamp, TraceId,
    UsageUnit,
};
use maud::{Markup, html};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// Units of the width of the waterfall.
const WIDE: i128 = 1_000;
/// How far inside what is shown in the name at most.
const DEEPEST: usize = 12;

pub(super) async fn show(State(app): State<App>, Path(trace): Path<String>) -> Response {
    let Ok(id) = trace.parse::<TraceId>() else {
        let body = html! { p class="mistake" role="alert" { "A trace has an id of 32 hexadecimal digits." } };
        return failed(StatusCode::BAD_REQUEST, "This is no id of a trace", &body);
    };
    match app.read(move |history| history.trace(id).map_err(message)).await {
        Ok((calls, _)) if calls.is_empty() => {
            let body = html! { p { "The history has no call of the trace " code { (id) } ": it may be past its retention." } };
            failed(StatusCode::NOT_FOUND, "No such trace", &body)
        }
        Ok((calls, facts)) => {
            let calls: Vec<CallRecord> = calls.into_iter().map(|(_, call)| call).collect();
            Html(page(id, &calls, &facts).into_string()).into_response()
        }
        Err(problem) => problem_page(&problem),
    }
}

fn problem_page(problem: &Message) -> Response {
    let body = html! { p class="mistake" role="alert" { (problem) } };
    failed(StatusCode::INTERNAL_SERVER_ERROR, "This page cannot be made", &body)
}

/// Calls in the order of a tree, each with how far inside it is.
fn tree(calls: &[CallRecord]) -> Vec<(usize, &CallRecord)> {
    let known: HashMap<SpanId, &CallRecord> = calls.iter().map(|call| (call.id.span, call)).collect();
    let parent = |call: &CallRecord| {
        call.parent.filter(|parent| known.contains_key(parent) && *parent != call.id.span)
    };
    let mut inside: HashMap<Option<SpanId>, Vec<&CallRecord>> = HashMap::new();
    for call in calls {
        inside.entry(parent(call)).or_default().push(call);
    }
    let mut seen = BTreeSet::new();
    let mut ordered = Vec::new();
    let tops = inside.get(&None).cloned().unwrap_or_default();
    // Calls that name each other as parents have no top: each of them stands for itself.
    for top in tops.into_iter().chain(calls) {
        let mut waiting = vec![(0, top)];
        while let Some((deep, call)) = waiting.pop() {
            if seen.insert(call.id.span.to_bytes()) {
                ordered.push((deep, call));
                let of = inside.get(&Some(call.id.span)).into_iter().flatten();
                waiting.extend(of.rev().map(|call| (deep + 1, *call)));
            }
        }
    }
    ordered
}

fn end(call: &CallRecord) -> Timestamp {
    call.start.plus(call.duration.unwrap_or_default())
}

fn page(id: TraceId, calls: &[CallRecord], facts: &[Event]) -> Markup {
    let first = calls.iter().map(|call| call.start).min().unwrap_or(Timestamp::MIN);
    let last = calls.iter().map(end).max().unwrap_or(first);
    let took = Duration::from_nanos(u64::try_from(last.nanos().saturating_sub(first.nanos())).unwrap_or(0));
    let cost = calls.iter().filter_map(|call| call.cost).fold(CostSum::default(), |mut sum, cost| {
        sum.add(cost);
        sum
    });
    let of_models = calls.iter().filter(|call| call.operation.is_model_call()).count();
    let failed = calls.iter().filter(|call| call.end != End::Ok).count();
    let look = Look::of("/calls", "", &[]).ok();
    let body = html! {
        p class="note" { "Trace " code { (id) } ", begun " (moment(first)) }
        dl class="tiles" {
            div { dt { "took" } dd class="value" { (Quantity::Duration(took)) } }
            div { dt { "calls of models" } dd class="value" { (of_models) } }
            div { dt { "all calls" } dd class="value" { (calls.len()) } }
            div class=[(failed > 0).then_some("bad")] { dt { "failed" } dd class="value" { (failed) } }
            div { dt { "cost" } dd class="value" { (cost.cost().map_or_else(|| "–".to_owned(), |cost| cost.to_string())) } }
        }
        ol class="waterfall" aria-label="Calls of this trace" {
            @for (deep, call) in tree(calls) { (bar(deep, call, first, last, facts)) }
        }
    };
    let title = calls.first().map_or("Trace", |call| call.name.as_str());
    shell(&format!("Trace of {}", jobmon_core::report::one_line(title)), look.as_ref(), &body)
}

/// A part of the whole in units of the width.
fn units(from: Timestamp, at: Timestamp, last: Timestamp) -> i128 {
    let whole = i128::from(last.nanos()) - i128::from(from.nanos());
    let part = i128::from(at.nanos()) - i128::from(from.nanos());
    (part * WIDE / whole.max(1)).clamp(0, WIDE)
}

fn bar(deep: usize, call: &CallRecord, first: Timestamp, last: Timestamp, facts: &[Event]) -> Markup {
    let span = |start: Timestamp, end: Timestamp| {
        let x = units(first, start, last).min(WIDE - 2);
        (x, (units(first, end, last) - x).max(2))
    };
    let (x, width) = span(call.start, end(call));
    let took = call.duration.map_or_else(|| "–".to_owned(), |took| Quantity::Duration(took).to_string());
    let kind = if call.end == End::Ok {
        if call.operation.is_model_call() { "model" } else { "other" }
    } else {
        "wrong"
    };
    html! {
        li id=(call.id.span.to_string()) class=(format!("deep{}", deep.min(DEEPEST))) {
            details {
                summary {
                    span class="what" { (html::name(&call.name)) " " small { (call.operation.name()) } }
                    svg viewBox=(format!("0 0 {WIDE} 10")) preserveAspectRatio="none" aria-hidden="true" {
                        rect class=(kind) x=(x) width=(width) height="10" {}
                        @if call.attempts.len() > 1 {
                            @for attempt in &call.attempts {
                                @let start = call.start.plus(attempt.after);
                                @let (x, width) = span(start, start.plus(attempt.duration));
                                rect class=(if attempt.failure.is_some() { "wrong" } else { "model" }) x=(x) width=(width) y="3" height="4" {}
                            }
                        }
                        @if let Some(token) = call.first_token {
                            rect class="token" x=(units(first, call.start.plus(token), last).min(WIDE - 2)) width="2" height="10" {}
                        }
                    }
                    span class="number" { (took) }
                    span class="number" { (call.cost.map_or_else(String::new, |cost| cost.to_string())) }
                    span { (call.end.name()) @if let Some(failure) = &call.failure { ": " (failure.category.name()) } }
                }
                (all(call, facts))
            }
        }
    }
}

/// Everything that is known of a call.
fn all(call: &CallRecord, facts: &[Event]) -> Markup {
    let usage = call.usage();
    let pairs = pairs(call);
    html! {
        div class="known" {
            dl {
                @for (name, value) in &pairs { dt { (name) } dd { (html::name(value)) } }
                @if let Some(usage) = usage {
                    @for unit in UsageUnit::ALL.iter().filter(|unit| usage.get(**unit).is_some()) {
                        dt { (html::label(unit.name())) } dd { (Quantity::Count(usage.get(*unit).unwrap_or(0))) }
                    }
                }
                @for (name, value) in &call.attributes { dt { (html::name(name)) } dd { (html::name(&value.to_string())) } }
            }
            @if let Some(message) = call.failure.as_ref().and_then(|failure| failure.message.as_ref()) { p class="mistake" { (message.as_str()) } }
            @if call.attempts.len() > 1 { (attempts(call)) }
            @if let Some(content) = &call.content { (said(content)) }
            @for fact in facts.iter().filter(|fact| fact.fact().and_then(|fact| fact.call) == Some(call.id)) { (later(fact)) }
            @if let Some(rollup) = &call.rollup {
                p class="note" {
                    "Inside: " (rollup.model_calls) " calls of models, " (Quantity::Count(rollup.usage.input.unwrap_or(0))) " input and "
                    (Quantity::Count(rollup.usage.output.unwrap_or(0))) " output tokens"
                    @if let Some(cost) = rollup.cost.cost() { ", " (cost.to_string()) }
                }
            }
        }
    }
}

fn pairs(call: &CallRecord) -> Vec<(&'static str, String)> {
    let text = |text: Option<&jobmon_core::Text>| text.map(ToString::to_string);
    let time = |time: Option<Duration>| time.map(|time| Quantity::Duration(time).to_string());
    let answered = call.answers.iter().rev().find_map(|answer| answer.answer.model.as_ref());
    let reasons = call
        .answers
        .iter()
        .rev()
        .map(|answer| &answer.answer.finish_reasons)
        .find(|reasons| !reasons.is_empty());
    let mut all = vec![
        ("start", Some(call.start.to_string())),
        ("span", Some(call.id.span.to_string())),
        ("provider", text(call.provider.as_ref())),
        ("model asked for", text(call.model.as_ref())),
        ("model that answered", text(answered)),
        (
            "finish reasons",
            reasons
                .map(|reasons| reasons.iter().map(jobmon_core::Text::as_str).collect::<Vec<_>>().join(", ")),
        ),
        ("time to first token", time(call.first_token)),
        ("agent", text(call.agent.as_ref())),
        ("feature", text(call.scope.feature.as_ref())),
        ("strategy", text(call.scope.strategy.as_ref())),
        ("session", text(call.scope.session.as_ref())),
        ("user", text(call.scope.user.as_ref())),
        (
            "prompt",
            call.prompt.as_ref().map(|prompt| match &prompt.version {
                Some(version) => format!("{}, {version}", prompt.name),
                None => prompt.name.to_string(),
            }),
        ),
        ("cache key", text(call.cache_key.as_ref())),
        ("prices", text(call.prices.as_ref())),
    ];
    if let Some(chunks) = &call.chunks {
        all.push((
            "chunks",
            Some(format!(
                "{}, at most {} apart",
                Quantity::Count(chunks.count),
                Quantity::Duration(chunks.longest_gap)
            )),
        ));
    }
    if let Some(request) = &call.request {
        let number = |number: Option<f64>| number.map(|number| number.to_string());
        all.push(("temperature", number(request.temperature)));
        all.push(("top p", number(request.top_p)));
        all.push(("max tokens", request.max_tokens.map(|count| count.to_string())));
    }
    if !call.location.module.is_empty() {
        all.push(("where", Some(call.location.to_string())));
    }
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn attempts(call: &CallRecord) -> Markup {
    html! {
        h3 { "Attempts" }
        ol {
            @for attempt in &call.attempts {
                li {
                    "after " (Quantity::Duration(attempt.after)) ", took " (Quantity::Duration(attempt.duration))
                    @match &attempt.failure {
                        Some(failure) => { ": " (failure.category.name()) @if let Some(message) = &failure.message { ", " (html::name(message)) } }
                        None => ": ok",
                    }
                    @if !attempt.backoff.is_zero() { ", then waited " (Quantity::Duration(attempt.backoff)) }
                }
            }
        }
    }
}

fn said(content: &Content) -> Markup {
    html! {
        @if !content.system.is_empty() { h3 { "Instructions" } @for part in &content.system { (of_part(part)) } }
        @for (title, messages) in [("Said", &content.input), ("Answered", &content.output)] {
            @if !messages.is_empty() { h3 { (title) } @for message in messages { (of_message(message)) } }
        }
        @for (title, value) in [("Arguments", &content.arguments), ("Result", &content.result)] {
            @if let Some(value) = value { h3 { (title) } pre tabindex="0" { (format!("{value:#}")) } }
        }
        @if content.truncated { p class="note" { "Some of it was cut off when it was captured." } }
    }
}

fn of_message(message: &Said) -> Markup {
    html! { div class="message" { strong { (message.role.name()) } @for part in &message.parts { (of_part(part)) } } }
}

fn of_part(part: &Part) -> Markup {
    match part {
        Part::Text(text) => html! { pre tabindex="0" { (text.as_str()) } },
        Part::Reasoning(text) => html! { pre class="quiet" tabindex="0" { (text.as_str()) } },
        Part::ToolCall { name, arguments, .. } => html! {
            pre tabindex="0" { (name.as_str()) "(" @if let Some(arguments) = arguments { (arguments.to_string()) } ")" }
        },
        Part::ToolResponse { response, .. } => html! { pre tabindex="0" { "→ " (response.to_string()) } },
        Part::Data { modality, mime_type, .. } => html! {
            p class="note" { (modality.name()) @if let Some(kind) = mime_type { " (" (kind.as_str()) ")" } ", not kept" }
        },
        _ => html! {},
    }
}

/// What was said of a call after it had ended.
fn later(fact: &Event) -> Markup {
    let text = match fact {
        Event::Score(score) => format!("score {} = {}", score.name, score.value),
        Event::Feedback(feedback) => format!("feedback: {}", feedback.verdict.name()),
        Event::Outcome(outcome) => match outcome.value {
            Some(value) => format!("outcome {}, worth {value}", outcome.kind),
            None => format!("outcome {}", outcome.kind),
        },
        Event::Label(label) => format!("{} of {}: {}", label.side.name(), label.name, label.value),
        Event::Late(late) => format!(
            "usage came late: {}",
            late.cost().map_or_else(|| "not priced".to_owned(), |cost| cost.to_string())
        ),
        _ => return html! {},
    };
    html! { p { (moment(fact.at())) " " (html::name(&text)) } }
}

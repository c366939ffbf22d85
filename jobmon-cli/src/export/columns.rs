//! Events as rows of tables: one for calls, one for what is said of them.

use jobmon_core::{CallRecord, Cost, Event, Failure, Judged, Resource, Text, Usd};
use jobmon_export::event_to_json;
use serde_json::Value;
use std::time::Duration;

/// One value of a row; none is none of any type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Text(Option<String>),
    Int(Option<i64>),
    Float(Option<f64>),
    Bool(Option<bool>),
    /// Nanoseconds since 1970.
    Moment(i64),
}

/// A column: its name, and what it has of a row.
pub(crate) struct Column<R: ?Sized + 'static> {
    pub(crate) name: &'static str,
    pub(crate) of: fn(&Resource, &R) -> Cell,
}

fn text(text: Option<&Text>) -> Cell {
    Cell::Text(text.map(ToString::to_string))
}

fn count(count: Option<u64>) -> Cell {
    Cell::Int(count.map(|count| i64::try_from(count).unwrap_or(i64::MAX)))
}

fn nanos(time: Option<Duration>) -> Cell {
    Cell::Int(time.map(|time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)))
}

fn money(usd: Option<Usd>) -> Cell {
    Cell::Int(usd.map(Usd::nanos))
}

fn of_failure<T>(call: &CallRecord, what: impl Fn(&Failure) -> Option<T>) -> Option<T> {
    call.failure.as_ref().and_then(what)
}

macro_rules! columns {
    ($row:ty; $($name:literal |$resource:ident, $event:ident| $cell:expr;)*) => {
        &[$(Column { name: $name, of: |$resource: &Resource, $event: &$row| $cell }),*]
    };
}

/// Columns of calls. Money is in nanodollars, so that sums are exact.
pub(crate) const CALLS: &[Column<CallRecord>] = columns! { CallRecord;
    "trace_id" |_r, call| Cell::Text(Some(call.id.trace.to_string()));
    "span_id" |_r, call| Cell::Text(Some(call.id.span.to_string()));
    "parent_span_id" |_r, call| Cell::Text(call.parent.map(|parent| parent.to_string()));
    "start" |_r, call| Cell::Moment(call.start.nanos());
    "duration_nanos" |_r, call| nanos(call.duration);
    "first_token_nanos" |_r, call| nanos(call.first_token);
    "project" |resource, _c| text(resource.project_id.as_ref());
    "service" |resource, _c| text(resource.service_name.as_ref());
    "environment" |resource, _c| text(resource.environment.as_ref());
    "session" |_r, call| text(call.scope.session.as_ref());
    "user" |_r, call| text(call.scope.user.as_ref());
    "feature" |_r, call| text(call.scope.feature.as_ref());
    "strategy" |_r, call| text(call.scope.strategy.as_ref());
    "operation" |_r, call| Cell::Text(Some(call.operation.name().to_owned()));
    "name" |_r, call| text(Some(&call.name));
    "agent" |_r, call| text(call.agent.as_ref());
    "provider" |_r, call| text(call.provider.as_ref());
    "model" |_r, call| text(call.model.as_ref());
    "response_model" |_r, call| text(call.answers.iter().rev().find_map(|answer| answer.answer.model.as_ref()));
    "prompt" |_r, call| text(call.prompt.as_ref().map(|prompt| &prompt.name));
    "prompt_version" |_r, call| text(call.prompt.as_ref().and_then(|prompt| prompt.version.as_ref()));
    "cache_key" |_r, call| text(call.cache_key.as_ref());
    "end" |_r, call| Cell::Text(Some(call.end.name().to_owned()));
    "error_category" |_r, call| Cell::Text(of_failure(call, |failure| Some(failure.category.name().to_owned())));
    "error_message" |_r, call| Cell::Text(of_failure(call, |failure| failure.message.as_ref().map(ToString::to_string)));
    "http_status" |_r, call| Cell::Int(of_failure(call, |failure| failure.http_status.map(i64::from)));
    "input_tokens" |_r, call| count(call.usage().and_then(|usage| usage.input));
    "output_tokens" |_r, call| count(call.usage().and_then(|usage| usage.output));
    "cache_read_tokens" |_r, call| count(call.usage().and_then(|usage| usage.cache_read));
    "cache_write_tokens" |_r, call| count(call.usage().and_then(|usage| usage.cache_write));
    "reasoning_tokens" |_r, call| count(call.usage().and_then(|usage| usage.reasoning));
    "cost_nanodollars" |_r, call| money(call.cost.map(Cost::floor));
    "cost_grade" |_r, call| Cell::Text(call.cost.map(|cost| cost.grade().to_owned()));
    "wasted_nanodollars" |_r, call| money(Some(call.wasted()));
    "prices" |_r, call| text(call.prices.as_ref());
    "attempts" |_r, call| count(Some(call.attempt_count()));
    "usage_missing" |_r, call| Cell::Bool(Some(call.usage_missing));
    "sample_rate" |_r, call| Cell::Float(Some(call.sample_rate));
    "attributes" |_r, call| Cell::Text(attributes(call));
};

/// Attributes of a call as one JSON object.
fn attributes(call: &CallRecord) -> Option<String> {
    let json = event_to_json(&Resource::default(), &Event::Call(Box::new(call.clone())));
    json.get("attributes").map(Value::to_string)
}

/// Columns of facts: scores, feedback, outcomes, searches, labels, usage that came late.
pub(crate) const FACTS: &[Column<Event>] = columns! { Event;
    "at" |_r, event| Cell::Moment(event.at().nanos());
    "type" |_r, event| Cell::Text(Some(kind(event).to_owned()));
    "name" |_r, event| Cell::Text(label(event));
    "value" |_r, event| Cell::Float(match event {
        Event::Score(score) => Some(score.value),
        Event::Label(label) => Some(f64::from(u8::from(label.value))),
        _ => None,
    });
    "value_nanodollars" |_r, event| money(match event {
        Event::Outcome(outcome) => outcome.value,
        Event::Late(late) => late.cost().map(Cost::floor),
        _ => None,
    });
    "results" |_r, event| count(match event { Event::Search(search) => Some(search.results), _ => None });
    "relevant" |_r, event| count(match event { Event::Search(search) => search.relevant, _ => None });
    "key" |_r, event| text(match event { Event::Label(label) => label.key.as_ref(), _ => None });
    "judged" |_r, event| Cell::Text(match event { Event::Label(label) => label.judged().map(|judged| Judged::name(judged).to_owned()), _ => None });
    "trace_id" |_r, event| Cell::Text(event.fact().and_then(|fact| fact.call).map(|call| call.trace.to_string()));
    "span_id" |_r, event| Cell::Text(event.fact().and_then(|fact| fact.call).map(|call| call.span.to_string()));
    "project" |resource, _e| text(resource.project_id.as_ref());
    "service" |resource, _e| text(resource.service_name.as_ref());
    "environment" |resource, _e| text(resource.environment.as_ref());
    "session" |_r, event| text(event.scope().session.as_ref());
    "user" |_r, event| text(event.scope().user.as_ref());
    "feature" |_r, event| text(event.scope().feature.as_ref());
    "strategy" |_r, event| text(event.scope().strategy.as_ref());
    "call_name" |_r, event| text(event.fact().and_then(|fact| fact.subject.as_ref()).map(|subject| &subject.name));
    "provider" |_r, event| text(event.fact().and_then(|fact| fact.subject.as_ref()).and_then(|subject| subject.provider.as_ref()));
    "model" |_r, event| text(event.fact().and_then(|fact| fact.subject.as_ref()).and_then(|subject| subject.model.as_ref()));
};

fn kind(event: &Event) -> &'static str {
    match event {
        Event::Score(_) => "score",
        Event::Feedback(_) => "feedback",
        Event::Outcome(_) => "outcome",
        Event::Search(_) => "search",
        Event::Label(label) => label.side.name(),
        Event::Late(_) => "late",
        _ => "call",
    }
}

fn label(event: &Event) -> Option<String> {
    match event {
        Event::Score(score) => Some(score.name.to_string()),
        Event::Feedback(feedback) => Some(feedback.verdict.name().to_owned()),
        Event::Outcome(outcome) => Some(outcome.kind.to_string()),
        Event::Search(search) => Some(search.query.to_string()),
        Event::Label(label) => Some(label.name.to_string()),
        _ => None,
    }
}

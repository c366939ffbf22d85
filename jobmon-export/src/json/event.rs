//! A whole event as one JSON object: a line of the `jsonl` exporter.

use super::{Object, cost, failure, late, nanos, put, redactions, rest, text, usage};
use jobmon_core::{CallRecord, Event, Fact, Judged, Prompt, Resource, Scope, Usd};
use serde_json::{Value, json};

/// An event as a JSON object: a line of the `jsonl` exporter.
///
/// ```
/// use jobmon_core::{Event, Fact, Outcome, Resource, Scope, Timestamp};
///
/// let fact = Fact::new(Timestamp::from_nanos(0), None, Scope::default());
/// let event = Event::Outcome(Outcome::new(fact, "application".into(), None));
/// let json = jobmon_export::event_to_json(&Resource::default(), &event);
/// assert_eq!((json["type"].as_str(), json["kind"].as_str()), (Some("outcome"), Some("application")));
/// ```
pub fn event_to_json(resource: &Resource, event: &Event) -> Value {
    let mut object = match event {
        Event::Call(record) => call(record),
        Event::Score(score) => {
            let mut object = fact("score", &score.fact);
            object.insert("name".to_owned(), json!(score.name.as_str()));
            object.insert("value".to_owned(), json!(score.value));
            object
        }
        Event::Feedback(feedback) => {
            let mut object = fact("feedback", &feedback.fact);
            object.insert("verdict".to_owned(), json!(feedback.verdict.name()));
            object
        }
        Event::Outcome(outcome) => {
            let mut object = fact("outcome", &outcome.fact);
            object.insert("kind".to_owned(), json!(outcome.kind.as_str()));
            put(&mut object, "value_nanodollars", outcome.value.map(Usd::nanos));
            object
        }
        Event::Search(search) => {
            let mut object = fact("search", &search.fact);
            object.insert("query".to_owned(), json!(search.query.as_str()));
            object.insert("results".to_owned(), json!(search.results));
            put(&mut object, "relevant", search.relevant);
            object
        }
        Event::Label(label) => {
            let mut object = fact(label.side.name(), &label.fact);
            object.insert("name".to_owned(), json!(label.name.as_str()));
            put(&mut object, "key", text(label.key.as_ref()));
            object.insert("value".to_owned(), json!(label.value));
            put(&mut object, "judged", label.judged().map(Judged::name));
            object
        }
        Event::Late(event) => {
            let mut object = fact("late", &event.fact);
            object.extend(late(event));
            object
        }
        _ => Object::new(),
    };
    put(&mut object, "project", text(resource.project_id.as_ref()));
    put(&mut object, "service", text(resource.service_name.as_ref()));
    put(&mut object, "environment", text(resource.environment.as_ref()));
    Value::Object(object)
}

fn scope(object: &mut Object, scope: &Scope) {
    put(object, "session", text(scope.session.as_ref()));
    put(object, "user", text(scope.user.as_ref()));
    put(object, "feature", text(scope.feature.as_ref()));
    put(object, "strategy", text(scope.strategy.as_ref()));
}

fn fact(kind: &str, fact: &Fact) -> Object {
    let mut object = Object::new();
    object.insert("type".to_owned(), json!(kind));
    object.insert("at".to_owned(), json!(fact.at.to_string()));
    object.insert("at_unix_nanos".to_owned(), json!(fact.at.nanos()));
    put(&mut object, "call", fact.call.map(|call| call.to_string()));
    scope(&mut object, &fact.scope);
    if let Some(subject) = &fact.subject {
        object.insert("call_name".to_owned(), json!(subject.name.as_str()));
        object.insert("operation".to_owned(), json!(subject.operation.name()));
        put(&mut object, "provider", text(subject.provider.as_ref()));
        put(&mut object, "model", text(subject.model.as_ref()));
        prompt(&mut object, subject.prompt.as_ref());
        put(&mut object, "cache_key", text(subject.cache_key.as_ref()));
    }
    put(&mut object, "redactions", redactions(fact.redactions));
    object
}

fn prompt(object: &mut Object, prompt: Option<&Prompt>) {
    put(object, "prompt", text(prompt.map(|prompt| &prompt.name)));
    put(object, "prompt_version", text(prompt.and_then(|prompt| prompt.version.as_ref())));
}

fn call(record: &CallRecord) -> Object {
    let mut object = Object::new();
    object.insert("type".to_owned(), json!("call"));
    object.insert("id".to_owned(), json!(record.id.to_string()));
    object.insert("trace_id".to_owned(), json!(record.id.trace.to_string()));
    object.insert("span_id".to_owned(), json!(record.id.span.to_string()));
    put(&mut object, "parent_span_id", record.parent.map(|parent| parent.to_string()));
    object.insert("root_span_id".to_owned(), json!(record.root.to_string()));
    object.insert("name".to_owned(), json!(record.name.as_str()));
    object.insert("location".to_owned(), json!(record.location.to_string()));
    object.insert("operation".to_owned(), json!(record.operation.name()));
    put(&mut object, "provider", text(record.provider.as_ref()));
    put(&mut object, "model", text(record.model.as_ref()));
    prompt(&mut object, record.prompt.as_ref());
    put(&mut object, "cache_key", text(record.cache_key.as_ref()));
    scope(&mut object, &record.scope);
    object.insert("start".to_owned(), json!(record.start.to_string()));
    object.insert("start_unix_nanos".to_owned(), json!(record.start.nanos()));
    put(&mut object, "duration_nanos", record.duration.map(nanos));
    put(&mut object, "first_token_nanos", record.first_token.map(nanos));
    object.insert("end".to_owned(), json!(record.end.name()));
    put(&mut object, "error", record.failure.as_ref().map(failure));
    put(&mut object, "usage", record.usage().as_ref().map(usage));
    put(&mut object, "cost", record.cost.map(cost));
    put(&mut object, "wasted_nanodollars", record.cost.map(|_| record.wasted().nanos()));
    put(&mut object, "prices", text(record.prices.as_ref()));
    object.insert("attempt_count".to_owned(), json!(record.attempt_count()));
    put(&mut object, "usage_missing", record.usage_missing.then_some(true));
    object.extend(rest(record));
    object
}

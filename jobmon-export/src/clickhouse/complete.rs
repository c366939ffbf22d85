//! Facts about calls that ended earlier, or elsewhere, lack what is known of them; predictions and truths find each other.

use super::client::Client;
use super::engine::quoted;
use super::schema::EVENT;
use crate::http::Trouble;
use crate::json::event_from_json;
use jobmon_core::{Batch, CallId, CallRecord, Event, Label, Resource, Subject, Text};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Calls that are asked for at once.
const AT_ONCE: usize = 1_000;

/// A batch with what is there about the calls that its facts are about. Asks only where a fact needs it.
pub(super) fn complete<'b>(client: &Client, batch: &'b Batch) -> Result<Cow<'b, [Event]>, Trouble> {
    let needs = |event: &Event| matches!(event, Event::Label(_)) || lacks(event).is_some();
    if !batch.events.iter().any(needs) {
        return Ok(Cow::Borrowed(&batch.events));
    }
    let mut events = batch.events.to_vec();
    let wanted: HashSet<CallId> = events.iter().filter_map(lacks).collect();
    let mut calls: HashMap<CallId, CallRecord> = HashMap::new();
    for event in &events {
        if let Event::Call(call) = event
            && wanted.contains(&call.id)
        {
            calls.insert(call.id, CallRecord::clone(call));
        }
    }
    let elsewhere: Vec<CallId> = wanted.into_iter().filter(|id| !calls.contains_key(id)).collect();
    for some in elsewhere.chunks(AT_ONCE) {
        ask(client, some, &mut calls)?;
    }
    for at in 0..events.len() {
        if let Some(call) = lacks(&events[at]).and_then(|id| calls.get(&id))
            && let Some(fact) = events[at].fact_mut()
        {
            fact.complete(Subject::of(call), call.scope.clone());
        }
        let Event::Label(label) = &events[at] else { continue };
        let other = match other_side(&batch.resource, label, &events[..at]) {
            Some(other) => Some(other),
            None => stored_side(client, &batch.resource, label)?,
        };
        if let (Some(other), Event::Label(label)) = (other, &mut events[at]) {
            label.join(&other);
        }
    }
    Ok(Cow::Owned(events))
}

/// The call that a fact is about and knows nothing of.
fn lacks(event: &Event) -> Option<CallId> {
    event.fact().filter(|fact| fact.subject.is_none()).and_then(|fact| fact.call)
}

fn ask(client: &Client, ids: &[CallId], calls: &mut HashMap<CallId, CallRecord>) -> Result<(), Trouble> {
    let list = |text: &dyn Fn(&CallId) -> String| {
        ids.iter().map(|id| format!("'{}'", text(id))).collect::<Vec<_>>().join(", ")
    };
    let statement = format!(
        "SELECT {EVENT} FROM {}.events FINAL WHERE kind = 'call' AND trace_id IN ({}) AND span_id IN ({}) FORMAT TSVRaw",
        client.database,
        list(&|id| id.trace.to_string()),
        list(&|id| id.span.to_string())
    );
    client.json_lines(&statement, &mut |row| {
        if let (_, Event::Call(call)) = event_from_json(row)? {
            calls.insert(call.id, *call);
        }
        Ok(())
    })
}

/// The last one of the other side among those before it: with the same key, else about the same call.
fn other_side(_: &Resource, label: &Label, before: &[Event]) -> Option<Label> {
    let others = before.iter().rev().filter_map(|event| match event {
        Event::Label(other) if other.side != label.side && other.name == label.name => Some(other),
        _ => None,
    });
    let key = label.key.as_ref().filter(|key| !key.is_empty());
    let with_key = key.and_then(|key| others.clone().find(|other| other.key.as_ref() == Some(key)));
    let of_call =
        || label.fact.call.and_then(|call| others.clone().find(|other| other.fact.call == Some(call)));
    with_key.or_else(of_call).cloned()
}

/// The last one of the other side up to the moment of this one, or of those after it.
fn stored_side(client: &Client, resource: &Resource, label: &Label) -> Result<Option<Label>, Trouble> {
    let mut about = Vec::new();
    about.extend(
        label
            .key
            .as_ref()
            .filter(|key| !key.is_empty())
            .map(|key| format!("JSONExtractString(event, 'key') = {}", quoted(key))),
    );
    about.extend(
        label.fact.call.map(|call| format!("trace_id = '{}' AND span_id = '{}'", call.trace, call.span)),
    );
    for about in about {
        let statement = format!(
            "SELECT {EVENT} FROM {}.events FINAL WHERE kind = 'fact' AND `label` = {} AND `project` = {} AND {about}
                AND JSONExtractString(event, 'type') = '{}'
             ORDER BY at <= fromUnixTimestamp64Nano(toInt64({}), 'UTC') DESC, at DESC LIMIT 1 FORMAT TSVRaw",
            client.database,
            quoted(&label.name),
            quoted(resource.project_id.as_ref().map_or("", Text::as_str)),
            label.side.other().name(),
            label.fact.at.nanos().max(0)
        );
        let mut found = None;
        client.json_lines(&statement, &mut |row| {
            if let (_, Event::Label(label)) = event_from_json(row)? {
                found = Some(label);
            }
            Ok(())
        })?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

//! Predictions and truths find each other, whoever told them and when.

use super::rows;
use jobmon_core::{Event, Label, Resource, Text};
use rusqlite::{Connection, Params};

/// The last one of the other side up to the moment of this one, or of those after it: with the same key, else about the same
/// call.
pub(super) fn other_side(
    connection: &Connection,
    resource: &Resource,
    label: &Label,
) -> rusqlite::Result<Option<Label>> {
    let (side, name) = (label.side.other().name(), label.name.as_str());
    let at = label.fact.at.nanos();
    let project = resource.project_id.as_ref().map_or("", Text::as_str);
    if let Some(key) = label.key.as_ref().filter(|key| !key.is_empty()) {
        let with_key = "key = ?5 AND key != ''";
        let found = last(connection, with_key, (side, name, project, at, key.as_str()))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    match label.fact.call {
        Some(call) => {
            let of_call = "call_span_id = ?5 AND call_trace_id = ?6";
            let (span, trace) = (call.span.to_bytes(), call.trace.to_bytes());
            last(connection, of_call, (side, name, project, at, span, trace))
        }
        None => Ok(None),
    }
}

fn last(connection: &Connection, about: &str, params: impl Params) -> rusqlite::Result<Option<Label>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {} FROM facts WHERE kind = ?1 AND label = ?2 AND project = ?3 AND {about}
         ORDER BY at <= ?4 DESC, at DESC, rowid DESC LIMIT 1",
        rows::FACT
    ))?;
    let mut found = statement.query(params)?;
    let Some(row) = found.next()? else { return Ok(None) };
    Ok(match rows::fact(row)? {
        Some((_, Event::Label(label))) => Some(label),
        _ => None,
    })
}

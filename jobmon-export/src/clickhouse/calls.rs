//! Single calls: the newest, those of a trace, those that were written since.

use super::ClickHouseHistory;
use super::engine::{quoted, within};
use super::schema::EVENT;
use crate::account::KeptCall;
use crate::json::event_from_json;
use jobmon_core::{Dimension, End, EngineError, Event, Filter, Range, TraceId};
use serde_json::Value;

/// Calls of one trace that are read at most.
const MOST_OF_TRACE: u64 = 10_000;

/// Calls for which filters hold: each dimension of a call is a column.
fn condition(filters: &[Filter], end: Option<End>) -> String {
    let mut all = String::from(" AND kind = 'call'");
    for filter in filters {
        let name = match filter.dimension {
            Dimension::Session => "session",
            Dimension::User => "user",
            other => other.name(),
        };
        let values: Vec<_> =
            filter.values.iter().map(|value| quoted(value.as_deref().unwrap_or_default())).collect();
        let not = if filter.negated { "NOT " } else { "" };
        all.push_str(&format!(" AND `{name}` {not}IN ({})", values.join(", ")));
    }
    if let Some(end) = end {
        all.push_str(&format!(" AND ending = '{}'", end.name()));
    }
    all
}

fn call_of(row: &Value) -> Result<Option<KeptCall>, String> {
    let (resource, event) = event_from_json(row)?;
    Ok(match event {
        Event::Call(call) => Some((resource, *call)),
        _ => None,
    })
}

impl ClickHouseHistory {
    /// The newest calls of a time that all filters keep and that ended so, newest first: so many, and those that began at the same
    /// moment as the last of them. Those that sampling left out are not kept.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn latest_calls(
        &self,
        range: Range,
        filters: &[Filter],
        end: Option<End>,
        most: usize,
    ) -> Result<Vec<KeptCall>, EngineError> {
        let statement = format!(
            "SELECT {EVENT} FROM {}.events FINAL WHERE {}{} ORDER BY at DESC LIMIT {most} WITH TIES FORMAT TSVRaw",
            self.client.database,
            within(range),
            condition(filters, end)
        );
        let mut calls = Vec::new();
        self.lines(&statement, &mut |row| {
            calls.extend(call_of(row)?);
            Ok(())
        })?;
        Ok(calls)
    }

    /// The calls of a trace in order of their start, at most ten thousand, and the facts about each.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn trace(&self, trace: TraceId) -> Result<(Vec<KeptCall>, Vec<Event>), EngineError> {
        let statement = format!(
            "SELECT {EVENT} FROM {}.events FINAL WHERE trace_id = '{trace}' ORDER BY kind != 'call', at, span_id
             LIMIT {MOST_OF_TRACE} BY kind FORMAT TSVRaw",
            self.client.database
        );
        let (mut calls, mut facts) = (Vec::new(), Vec::new());
        self.lines(&statement, &mut |row| {
            match event_from_json(row)? {
                (resource, Event::Call(call)) => calls.push((resource, *call)),
                (_, fact) => facts.push(fact),
            }
            Ok(())
        })?;
        Ok((calls, facts))
    }

    /// The moment when the last event was written, in nanoseconds since 1970: what [`calls_after_row`](Self::calls_after_row) goes on
    /// from.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn last_call_row(&self) -> Result<i64, EngineError> {
        let statement = format!(
            "SELECT toUnixTimestamp64Nano(max(added)) FROM {}.events FORMAT TSVRaw",
            self.client.database
        );
        let mut last = 0;
        self.lines(&statement, &mut |row| {
            last = row.as_i64().unwrap_or(0).max(0);
            Ok(())
        })?;
        Ok(last)
    }

    /// Calls that were written after a moment, in order of writing, at most so many and those written with the last of them, each with
    /// the moment when it was written. What is younger than a second is left for later: an insert that began before may still end.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn calls_after_row(&self, row: i64, most: usize) -> Result<Vec<(i64, KeptCall)>, EngineError> {
        let statement = format!(
            "SELECT toUnixTimestamp64Nano(added) AS moment, {EVENT} FROM {}.events FINAL
             WHERE kind = 'call' AND added > fromUnixTimestamp64Nano(toInt64({row}), 'UTC') AND added < now64(9) - INTERVAL 1 SECOND
             ORDER BY added, at LIMIT {most} WITH TIES FORMAT JSONCompactEachRow",
            self.client.database
        );
        let mut calls = Vec::new();
        self.lines(&statement, &mut |row| {
            let moment = row[0].as_i64().ok_or("a moment is no whole number")?;
            let event = row[1].as_str().unwrap_or_default();
            let event =
                serde_json::from_str(event).map_err(|error| format!("a stored event is damaged: {error}"))?;
            calls.extend(call_of(&event)?.map(|call| (moment, call)));
            Ok(())
        })?;
        Ok(calls)
    }
}

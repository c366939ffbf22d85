//! [`ClickHouseImporter`]: events of elsewhere, written into a ClickHouse once.

use super::complete::complete;
use super::engine::failed;
use super::schema::EVENT;
use super::{ClickHouse, ClickHouseError, rows};
use crate::account::Imported;
use crate::json::event_from_json;
use crate::same::says_the_same;
use jobmon_core::{Batch, CallId, EngineError, Event, Resource, TraceId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Ids that are asked for at once.
const AT_ONCE: usize = 1_000;

/// Writes events of elsewhere into a ClickHouse as they come, each once: for servers. One of these is to write what one sender sends:
/// two that write the same event at the same moment may both find that it is not there.
#[derive(Debug)]
pub struct ClickHouseImporter {
    to: ClickHouse,
}

impl ClickHouseImporter {
    /// Opens a history; tables are made where there are none.
    ///
    /// # Errors
    /// When the address is none, ClickHouse cannot be reached, or its tables are of a later version.
    pub fn open(url: &str) -> Result<Self, ClickHouseError> {
        let to = ClickHouse::to(url)?;
        to.ready()?;
        Ok(Self { to })
    }

    /// Writes events of one producer that the history does not have, in one insert.
    ///
    /// # Errors
    /// When the history cannot be asked or written.
    pub fn write(&mut self, resource: Resource, events: Vec<Event>) -> Result<Imported, EngineError> {
        let mut calls = self.known_calls(&events)?;
        let mut facts = self.known_facts(&resource, &events)?;
        let mut done = Imported::default();
        let mut new = Vec::new();
        for event in events {
            let is_known = match &event {
                Event::Call(call) => !calls.insert(call.id),
                event => event.fact().is_some_and(|fact| {
                    let of_moment: &mut Vec<Event> = facts.entry(fact.at.nanos()).or_default();
                    let is_known = of_moment.iter().any(|known| says_the_same(known, event));
                    if !is_known {
                        of_moment.push(event.clone());
                    }
                    is_known
                }),
            };
            if is_known {
                done.known += 1;
            } else {
                done.written += 1;
                new.push(event);
            }
        }
        if new.is_empty() {
            return Ok(done);
        }
        let batch = Batch { resource: Arc::new(resource), events: Arc::new(new) };
        let events = complete(&self.to.client, &batch).map_err(failed)?;
        let lines = rows::of_batch(&batch.resource, &events, &TraceId::random().to_string());
        self.to.client.insert("ingest", &lines, false).map_err(failed)?;
        Ok(done)
    }

    /// The calls of a trace that the history has.
    ///
    /// # Errors
    /// When it cannot be read.
    #[cfg(feature = "ingest")]
    pub fn known(&self, trace: TraceId) -> Result<Vec<crate::KnownCall>, EngineError> {
        use jobmon_core::Operation;
        let statement = format!(
            "SELECT span_id, parent_span_id, operation, input_tokens IS NOT NULL OR output_tokens IS NOT NULL
             FROM {}.events FINAL WHERE kind = 'call' AND trace_id = '{trace}' FORMAT JSONCompactEachRow",
            self.to.client.database
        );
        let mut calls = Vec::new();
        let read = self.to.client.json_lines(&statement, &mut |row| {
            let text = |at: usize| row[at].as_str().unwrap_or_default();
            let operation = text(2).parse::<Operation>();
            calls.extend(text(0).parse().ok().map(|span| crate::KnownCall {
                span,
                parent: text(1).parse().ok(),
                is_model_call: operation.is_ok_and(Operation::is_model_call) && row[3].as_u64() == Some(1),
            }));
            Ok(())
        });
        read.map_err(failed)?;
        Ok(calls)
    }

    fn known_calls(&self, events: &[Event]) -> Result<HashSet<CallId>, EngineError> {
        let traces: HashSet<TraceId> = events
            .iter()
            .filter_map(|event| if let Event::Call(call) = event { Some(call.id.trace) } else { None })
            .collect();
        let traces: Vec<_> = traces.iter().map(|trace| format!("'{trace}'")).collect();
        let mut found = HashSet::new();
        for some in traces.chunks(AT_ONCE) {
            let statement = format!(
                "SELECT trace_id, span_id FROM {}.events WHERE kind = 'call' AND trace_id IN ({}) FORMAT JSONCompactEachRow",
                self.to.client.database,
                some.join(", ")
            );
            let read = self.to.client.json_lines(&statement, &mut |row| {
                let (trace, span) = (row[0].as_str().map(str::parse), row[1].as_str().map(str::parse));
                if let (Some(Ok(trace)), Some(Ok(span))) = (trace, span) {
                    found.insert(CallId { trace, span });
                }
                Ok(())
            });
            read.map_err(failed)?;
        }
        Ok(found)
    }

    /// Facts of the same producer at the same moments.
    fn known_facts(
        &self,
        resource: &Resource,
        events: &[Event],
    ) -> Result<HashMap<i64, Vec<Event>>, EngineError> {
        let moments: HashSet<i64> =
            events.iter().filter_map(Event::fact).map(|fact| fact.at.nanos().max(0)).collect();
        let moments: Vec<_> =
            moments.iter().map(|at| format!("fromUnixTimestamp64Nano(toInt64({at}), 'UTC')")).collect();
        let mut found: HashMap<i64, Vec<Event>> = HashMap::new();
        for some in moments.chunks(AT_ONCE) {
            let statement = format!(
                "SELECT {EVENT} FROM {}.events WHERE kind = 'fact' AND at IN ({}) FORMAT TSVRaw",
                self.to.client.database,
                some.join(", ")
            );
            let read = self.to.client.json_lines(&statement, &mut |row| {
                let (of, event) = event_from_json(row)?;
                if of == *resource
                    && let Some(fact) = event.fact()
                {
                    found.entry(fact.at.nanos()).or_default().push(event);
                }
                Ok(())
            });
            read.map_err(failed)?;
        }
        Ok(found)
    }
}

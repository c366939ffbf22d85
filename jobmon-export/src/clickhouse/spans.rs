//! [`ClickHouseSpans`]: reads spans that an OpenTelemetry Collector wrote, as calls.

use super::ClickHouseError;
use super::client::Client;
use super::engine::failed;
use crate::account::KeptCall;
use crate::ingest::{
    SpanAttributes, SpanData, SpanEventData, attributes_of_texts, calls_of_spans, resource_of_attributes,
};
use jobmon_core::report::Sessions;
use jobmon_core::{
    Aggregate, CallRecord, CostSum, End, Engine, EngineError, Event, Filter, Intake, Key, Query, Range,
    Resource, Settings, SpanId, Text, Timestamp, TraceId,
};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// How far around a time spans of the same trace are looked for.
const AROUND: Duration = Duration::from_secs(86_400);

/// Spans of whichever convention.
const GENAI: &str = "arrayExists(name -> startsWith(name, 'gen_ai.') OR startsWith(name, 'llm.') OR startsWith(name, 'ai.')
    OR startsWith(name, 'langfuse.') OR name IN ('openinference.span.kind', 'traceloop.span.kind'), mapKeys(SpanAttributes))";

const COLUMNS: &str = "toUnixTimestamp64Nano(Timestamp), TraceId, SpanId, ParentSpanId, SpanName, Duration, StatusCode, StatusMessage,
    ResourceAttributes, SpanAttributes, arrayMap(at -> toUnixTimestamp64Nano(at), `Events.Timestamp`), `Events.Name`, `Events.Attributes`";

/// Reads the table of spans that the `clickhouse` exporter of the OpenTelemetry Collector writes (`otel_traces`): agents of any
/// language, without anything of jobmon between. Names of every convention are understood, and prices applied, each time anew.
///
/// ```no_run
/// use jobmon_core::{Range, Settings, report::Report};
/// use jobmon_export::ClickHouseSpans;
///
/// let spans = ClickHouseSpans::open("clickhouse://127.0.0.1:8123/otel/otel_traces", Settings::default())?;
/// println!("{}", Report::of(&spans, Range::ALL)?.to_text());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Cost
/// There are no sums: each question goes through the spans of its time.
pub struct ClickHouseSpans {
    client: Client,
    /// With its database.
    table: String,
    intake: Intake,
}

impl fmt::Debug for ClickHouseSpans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClickHouseSpans").field("table", &self.table).finish_non_exhaustive()
    }
}

/// A span, and who made it.
struct Told {
    resource: Resource,
    span: SpanData,
}

impl ClickHouseSpans {
    /// Whether an address names a table of spans: `clickhouse://host:8123/database/table`.
    pub fn is_meant(url: &str) -> bool {
        Client::of_table(url).is_ok_and(|(_, table)| table.is_some())
    }

    /// Opens a table of spans; settings have the prices, and how users are named and text redacted.
    ///
    /// # Errors
    /// When the address names no table, ClickHouse cannot be reached, or the table is none of spans.
    pub fn open(url: &str, settings: Settings) -> Result<Self, ClickHouseError> {
        let (client, table) = Client::of_table(url).map_err(ClickHouseError)?;
        let table = table.ok_or_else(|| ClickHouseError("the address names no table of spans".to_owned()))?;
        let spans =
            Self { table: format!("{}.{table}", client.database), client, intake: Intake::new(settings) };
        let tried =
            spans.client.lines(&format!("SELECT {COLUMNS} FROM {} LIMIT 0", spans.table), &mut |_| Ok(()));
        tried.map_err(|trouble| {
            ClickHouseError(format!(
                "`{table}` is no table of spans as the OpenTelemetry Collector writes it: {}",
                failed(trouble).0
            ))
        })?;
        Ok(spans)
    }

    /// The calls of traces that a condition picks, trace by trace.
    fn visit(
        &self,
        condition: &str,
        visit: &mut dyn FnMut(&Resource, CallRecord),
    ) -> Result<(), EngineError> {
        let statement = format!(
            "SELECT {COLUMNS} FROM {} WHERE {condition} ORDER BY TraceId, Timestamp FORMAT JSONCompactEachRow",
            self.table
        );
        let mut of_trace: Vec<Told> = Vec::new();
        let read = self.client.json_lines(&statement, &mut |row| {
            let Some(told) = told(row) else { return Ok(()) };
            if of_trace.first().is_some_and(|first| first.span.trace != told.span.trace) {
                self.calls(&mut of_trace, visit);
            }
            of_trace.push(told);
            Ok(())
        });
        read.map_err(failed)?;
        self.calls(&mut of_trace, visit);
        Ok(())
    }

    /// The calls of one trace, which is taken.
    fn calls(&self, told: &mut Vec<Told>, visit: &mut dyn FnMut(&Resource, CallRecord)) {
        let (resources, spans): (HashMap<SpanId, Resource>, Vec<SpanData>) =
            told.drain(..).map(|told| ((told.span.span, told.resource), told.span)).unzip();
        // All spans of the trace are here.
        for call in calls_of_spans(&spans, &mut |_| Vec::new()) {
            let Some(resource) = resources.get(&call.id.span) else { continue };
            let mut event = Event::Call(Box::new(call));
            self.intake.take(&mut event);
            if let Event::Call(call) = event {
                visit(resource, *call);
            }
        }
    }

    fn of_time(&self, range: Range, visit: &mut dyn FnMut(&Resource, CallRecord)) -> Result<(), EngineError> {
        let within = |range: Range| {
            let (since, until) = (range.since.nanos().max(0), range.until.nanos().max(0));
            format!(
                "Timestamp >= fromUnixTimestamp64Nano(toInt64({since})) AND Timestamp < fromUnixTimestamp64Nano(toInt64({until}))"
            )
        };
        let around = Range { since: range.since.minus(AROUND), until: range.until.plus(AROUND) };
        let condition = format!(
            "{} AND TraceId IN (SELECT TraceId FROM {} WHERE {} AND {GENAI})",
            within(around),
            self.table,
            within(range)
        );
        self.visit(&condition, &mut |resource, call| {
            if range.contains(call.start) {
                visit(resource, call);
            }
        })
    }

    /// As [`ClickHouseHistory::latest_calls`](crate::ClickHouseHistory::latest_calls).
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
        let mut found: Vec<KeptCall> = Vec::new();
        self.of_time(range, &mut |resource, call| {
            if end.is_some_and(|end| end != call.end) {
                return;
            }
            let event = Event::Call(Box::new(call));
            let key = Key::of(resource, &event);
            if let Event::Call(call) = event
                && filters.iter().all(|filter| filter.keeps(&key))
            {
                found.push((resource.clone(), *call));
            }
        })?;
        found.sort_by_key(|(_, call)| std::cmp::Reverse(call.start));
        if let Some(last) = found.get(most.saturating_sub(1)).map(|(_, call)| call.start) {
            let kept = found.iter().take_while(|(_, call)| call.start >= last).count();
            found.truncate(kept.max(most));
        }
        Ok(found)
    }

    /// The calls of a trace in order of their start. A table of spans has no facts.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn trace(&self, trace: TraceId) -> Result<(Vec<KeptCall>, Vec<Event>), EngineError> {
        let mut calls = Vec::new();
        self.visit(&format!("TraceId = '{trace}'"), &mut |resource, call| {
            calls.push((resource.clone(), call));
        })?;
        calls.sort_by_key(|(_, call): &KeptCall| call.start);
        Ok((calls, Vec::new()))
    }

    /// When the last span ended, in nanoseconds since 1970.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn last_call_row(&self) -> Result<i64, EngineError> {
        let statement = format!(
            "SELECT max(toUnixTimestamp64Nano(Timestamp) + toInt64(Duration)) FROM {} FORMAT TSVRaw",
            self.table
        );
        let mut last = 0;
        let read = self.client.json_lines(&statement, &mut |row| {
            last = row.as_i64().unwrap_or(0).max(0);
            Ok(())
        });
        read.map_err(failed)?;
        Ok(last)
    }

    /// Calls that ended after a moment, in that order, each with the moment when it ended.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn calls_after_row(&self, row: i64, most: usize) -> Result<Vec<(i64, KeptCall)>, EngineError> {
        let condition = format!(
            "TraceId IN (SELECT TraceId FROM {} WHERE toUnixTimestamp64Nano(Timestamp) + toInt64(Duration) > {row} AND {GENAI})",
            self.table
        );
        let mut found = Vec::new();
        self.visit(&condition, &mut |resource, call| {
            let ended = call.start.plus(call.duration.unwrap_or_default()).nanos();
            if ended > row {
                found.push((ended, (resource.clone(), call)));
            }
        })?;
        found.sort_by_key(|(ended, _)| *ended);
        found.truncate(most);
        Ok(found)
    }
}

fn told(row: &Value) -> Option<Told> {
    let text = |at: usize| row[at].as_str().unwrap_or_default();
    let attributes = |map: &Value| -> SpanAttributes {
        let pairs = map.as_object().into_iter().flatten();
        attributes_of_texts(
            pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())),
        )
    };
    let start = Timestamp::from_nanos(row[0].as_i64()?);
    let moments = row[10].as_array().into_iter().flatten().filter_map(Value::as_i64);
    let events = moments.enumerate().map(|(at, moment)| SpanEventData {
        at: Timestamp::from_nanos(moment),
        name: row[11][at].as_str().unwrap_or_default().to_owned(),
        attributes: attributes(&row[12][at]),
    });
    let span = SpanData {
        trace: text(1).parse().ok()?,
        span: text(2).parse().ok()?,
        parent: text(3).parse().ok(),
        name: text(4).to_owned(),
        start,
        end: start.plus(Duration::from_nanos(row[5].as_u64()?)),
        failed: text(6).to_ascii_lowercase().ends_with("error"),
        message: text(7).to_owned(),
        attributes: attributes(&row[9]),
        events: events.collect(),
    };
    Some(Told { resource: resource_of_attributes(&attributes(&row[8])), span })
}

impl Engine for ClickHouseSpans {
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        self.of_time(query.range, &mut |resource, call| {
            let start = call.start;
            Aggregate::sum_up(resource, &Event::Call(Box::new(call)), &mut |key, add| {
                let mut aggregate = Aggregate::default();
                add(&mut aggregate);
                visit(start, &key, &aggregate);
            });
        })
    }

    fn sessions(&self, range: Range) -> Result<Option<Sessions>, EngineError> {
        let mut sessions = Sessions::new();
        let mut costs: HashMap<Text, CostSum> = HashMap::new();
        self.of_time(range, &mut |_, call| {
            sessions.calls += 1;
            if let Some(session) = call.scope.session {
                let sum = costs.entry(session).or_default();
                call.cost.into_iter().for_each(|cost| sum.add(cost));
            }
        })?;
        sessions.costs = costs.into_values().collect();
        Ok(Some(sessions))
    }

    fn events(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        let mut calls = Vec::new();
        self.of_time(range, &mut |resource, call| calls.push((resource.clone(), call)))?;
        calls.sort_by_key(|(_, call)| call.start);
        calls.into_iter().for_each(|(resource, call)| visit(&resource, &Event::Call(Box::new(call))));
        Ok(())
    }
}

//! [`ClickHouseHistory`]: asks ClickHouse what [`History`](crate::History) asks SQLite.

use super::client::Client;
use super::schema::{EVENT, of_sketch};
use super::{ClickHouse, ClickHouseError};
use crate::http::Trouble;
use crate::json::event_from_json;
use crate::slices::{Source, singly, slices};
use jobmon_core::report::Sessions;
use jobmon_core::{
    Aggregate, CostSum, Dimension, Engine, EngineError, Event, Filter, Key, Query, Range, Resource, Sketch,
    Text, Timestamp, Usd,
};
use serde_json::Value;

/// Reads a history in ClickHouse.
///
/// ```no_run
/// use jobmon_core::{Range, report::Report};
/// use jobmon_export::ClickHouseHistory;
///
/// let history = ClickHouseHistory::open("clickhouse://127.0.0.1:8123/jobmon")?;
/// println!("{}", Report::of(&history, Range::ALL)?.to_text());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClickHouseHistory {
    pub(super) client: Client,
}

impl ClickHouseHistory {
    /// Opens a history; tables are made where there are none.
    ///
    /// # Errors
    /// When the address is none, ClickHouse cannot be reached, or its tables are of a later version.
    pub fn open(url: &str) -> Result<Self, ClickHouseError> {
        let writer = ClickHouse::to(url)?;
        writer.ready()?;
        Ok(Self { client: writer.client })
    }

    pub(super) fn lines(
        &self,
        statement: &str,
        visit: &mut dyn FnMut(&Value) -> Result<(), String>,
    ) -> Result<(), EngineError> {
        self.client.json_lines(statement, visit).map_err(failed)
    }

    /// Sums of slices that start within a range, as far as the query needs them apart.
    pub(super) fn visit_slices(
        &self,
        table: &str,
        range: Range,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        let asked = query.by.iter().chain(query.filters.iter().map(|filter| &filter.dimension));
        let needed: Vec<Dimension> = Dimension::ROLLUP
            .iter()
            .copied()
            .filter(|dimension| asked.clone().any(|one| one == dimension))
            .collect();
        let keys: Vec<String> = needed.iter().map(|dimension| format!("`{}`", dimension.name())).collect();
        let start = if query.bucket.is_some() { "toUnixTimestamp(start)" } else { "toInt64(0)" };
        let numbers = Aggregate::NUMBERS.iter().map(|name| format!("sum(sum_{name})"));
        let sketches = Aggregate::SKETCHES.iter().zip(query.distributions());
        let sketches = sketches.flat_map(|(name, wanted)| {
            of_sketch(name).map(|(name, kind, function)| match kind {
                _ if !wanted => "0".to_owned(),
                // JSON has no whole numbers of 128 bits.
                "Int128" => format!("toString({function}({name}))"),
                _ => format!("{function}({name})"),
            })
        });
        let figures: Vec<String> = numbers.chain(sketches).collect();
        let (since, until) =
            (range.since.nanos().div_euclid(1_000_000_000), range.until.nanos().div_euclid(1_000_000_000));
        let condition = condition(&query.filters);
        let groups = [vec!["slice".to_owned()], keys.clone()].concat().join(", ");
        let keys = keys.iter().map(|key| format!(", {key}")).collect::<String>();
        let (since, until) = (since.clamp(0, MOST_SECONDS), until.clamp(0, MOST_SECONDS));
        let statement = format!(
            "SELECT {start} AS slice{keys}, {} FROM {}.{table} WHERE start >= toDateTime({since}) AND start < toDateTime({until}){condition}
             GROUP BY {groups} FORMAT JSONCompactEachRow",
            figures.join(", "),
            self.client.database
        );
        self.lines(&statement, &mut |row| {
            let slice = row[0].as_i64().unwrap_or(0);
            let at = if query.bucket.is_some() {
                Timestamp::from_nanos(slice * 1_000_000_000)
            } else {
                range.since
            };
            let mut key = Key::default();
            for (at, dimension) in needed.iter().enumerate() {
                key.set(*dimension, row[at + 1].as_str().map(Text::copied));
            }
            let aggregate = aggregate(row, 1 + needed.len())?;
            visit(at, &key, &aggregate);
            Ok(())
        })
    }

    /// Visits events: calls in order of their start, then facts in order of time.
    fn visit_stored(
        &self,
        condition: &str,
        visit: &mut dyn FnMut(&Resource, &Event),
    ) -> Result<(), EngineError> {
        let statement = format!(
            "SELECT {EVENT} FROM {}.events FINAL WHERE {condition} ORDER BY kind != 'call', at, span_id FORMAT TSVRaw",
            self.client.database
        );
        self.lines(&statement, &mut |event| {
            let (resource, event) = event_from_json(event)?;
            visit(&resource, &event);
            Ok(())
        })
    }

    /// Part of an hour: single events where all of them are kept, else the whole hour.
    fn visit_edge(
        &self,
        range: Range,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        let hour = Range { since: range.since.hour(), until: range.since.next_hour() };
        let mut summed = 0_u64;
        let all = Query::new([]);
        self.visit_slices("hourly", hour, &all, &mut |_, _, sums| summed += sums.calls)?;
        let mut kept = 0_u64;
        let count = format!(
            "SELECT count() FROM {}.events FINAL WHERE kind = 'call' AND {} FORMAT JSONCompactEachRow",
            self.client.database,
            within(hour)
        );
        self.lines(&count, &mut |row| {
            kept = row[0].as_u64().unwrap_or(0);
            Ok(())
        })?;
        if summed == kept {
            self.events(range, &mut singly(visit))
        } else {
            self.visit_slices("hourly", hour, query, visit)
        }
    }
}

pub(super) fn failed(trouble: Trouble) -> EngineError {
    let (Trouble::Wrong(reason) | Trouble::Away(reason)) = trouble;
    EngineError(format!("ClickHouse cannot answer: {reason}"))
}

/// The last second that a `DateTime` holds.
const MOST_SECONDS: i64 = 4_294_967_295;

/// Single events of a time.
pub(super) fn within(range: Range) -> String {
    let since = range.since.nanos().max(0);
    // The last moment of all is no moment of a call.
    format!(
        "at >= fromUnixTimestamp64Nano(toInt64({since}), 'UTC') AND at < fromUnixTimestamp64Nano(toInt64({}), 'UTC')",
        range.until.nanos().max(0)
    )
}

/// Text of SQL in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Rows for which filters may hold. What belongs to facts of one kind says nothing about others, which stay.
fn condition(filters: &[Filter]) -> String {
    let of = |filter: &Filter| {
        if !Dimension::ROLLUP.contains(&filter.dimension) {
            return String::new();
        }
        let name = filter.dimension.name();
        let values: Vec<_> =
            filter.values.iter().map(|value| quoted(value.as_deref().unwrap_or_default())).collect();
        let not = if filter.negated { "NOT " } else { "" };
        let or = if filter.dimension.is_of_facts() { format!(" OR `{name}` = ''") } else { String::new() };
        format!(" AND (`{name}` {not}IN ({}){or})", values.join(", "))
    };
    filters.iter().map(of).collect()
}

fn aggregate(row: &Value, at: usize) -> Result<Aggregate, String> {
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let numbers: Option<Vec<i64>> = (0..Aggregate::NUMBERS.len()).map(|n| number(&row[at + n])).collect();
    let mut sketches: [Sketch; 4] = Default::default();
    for (n, sketch) in sketches.iter_mut().enumerate() {
        let at = at + Aggregate::NUMBERS.len() + 4 * n;
        let buckets = row[at].as_object().into_iter().flatten();
        let buckets: Option<Vec<(i32, u64)>> =
            buckets.map(|(bucket, count)| Some((bucket.parse().ok()?, count.as_u64()?))).collect();
        let sum = row[at + 1].as_i64().map(i128::from).or_else(|| row[at + 1].as_str()?.parse().ok());
        let extremes = number(&row[at + 2]).zip(number(&row[at + 3]));
        let made = buckets
            .zip(sum)
            .zip(extremes)
            .and_then(|((buckets, sum), extremes)| Sketch::from_buckets(buckets, extremes, sum));
        *sketch = made.ok_or("a stored distribution is damaged")?;
    }
    let numbers = numbers.ok_or("a stored sum is no whole number")?;
    Ok(Aggregate::from_parts(numbers, sketches))
}

impl Engine for ClickHouseHistory {
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        if query.range.since >= query.range.until {
            return Ok(());
        }
        if query.needs_events() {
            return self.events(query.range, &mut singly(visit));
        }
        for (source, range) in slices(query.range, query.bucket) {
            match source {
                Source::Hours => self.visit_slices("hourly", range, query, visit)?,
                Source::Days => self.visit_slices("daily", range, query, visit)?,
                Source::Events => self.visit_edge(range, query, visit)?,
            }
        }
        Ok(())
    }

    fn sessions(&self, range: Range) -> Result<Option<Sessions>, EngineError> {
        let statement = format!(
            "SELECT session, countIf(kind = 'call'), sum(ifNull(cost_nanodollars, 0)), countIf(cost_grade = 'known'),
                countIf(cost_grade = 'at_least'), countIf(cost_grade = 'unpriced')
             FROM {}.events FINAL WHERE {} AND (kind = 'call' OR cost_grade != '') GROUP BY session FORMAT JSONCompactEachRow",
            self.client.database,
            within(range)
        );
        let mut sessions = Sessions::new();
        self.lines(&statement, &mut |row| {
            let count = |at: usize| row[at].as_u64().unwrap_or(0);
            sessions.calls += count(1);
            if row[0].as_str().is_some_and(|session| !session.is_empty()) {
                let usd = Usd::from_nanos(row[2].as_i64().unwrap_or(0));
                sessions.costs.push(CostSum { usd, known: count(3), at_least: count(4), unpriced: count(5) });
            }
            Ok(())
        })?;
        Ok(Some(sessions))
    }

    fn facts(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        self.visit_stored(&format!("{} AND kind = 'fact'", within(range)), visit)
    }

    fn events(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        self.visit_stored(&within(range), visit)
    }
}

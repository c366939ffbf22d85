//! Single calls: the newest, those of a trace, those that were written since.

use super::{History, rows};
use crate::account::KeptCall;
use jobmon_core::{
    CallRecord, Dimension, End, EngineError, Event, Filter, Key, Range, Resource, Timestamp, TraceId,
};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

/// Calls of one trace that are read at most.
const MOST_OF_TRACE: i64 = 10_000;

/// Which calls are looked for.
struct Wanted<'a> {
    filters: &'a [Filter],
    end: Option<End>,
}

/// Rows of calls for which filters may hold, as SQL; what it cannot tell is looked at again.
fn condition(filters: &[Filter], values: &mut Vec<Value>) -> String {
    let mut all = String::new();
    for filter in filters {
        let dimension = filter.dimension;
        // The model may be one that answered, and facts have dimensions that calls have not.
        if dimension.is_of_facts() || (dimension == Dimension::Model && filter.negated) {
            continue;
        }
        let slots: Vec<_> = filter
            .values
            .iter()
            .map(|value| {
                values.push(Value::Text(value.as_deref().unwrap_or_default().to_owned()));
                format!("?{}", values.len())
            })
            .collect();
        let (name, slots) = (dimension.name(), slots.join(", "));
        let not = if filter.negated { "NOT " } else { "" };
        let or = if dimension == Dimension::Model { " OR model = ''" } else { "" };
        all.push_str(&format!(" AND ({name} {not}IN ({slots}){or})"));
    }
    all
}

fn keeps(filters: &[Filter], resource: &Resource, call: CallRecord) -> Option<CallRecord> {
    if filters.is_empty() {
        return Some(call);
    }
    let event = Event::Call(Box::new(call));
    let key = Key::of(resource, &event);
    match event {
        Event::Call(call) if filters.iter().all(|filter| filter.keeps(&key)) => Some(*call),
        _ => None,
    }
}

impl History {
    /// The newest calls of a time that all filters keep and that ended so, newest first: so many, and those that began at the same moment as
    /// the last of them. Those that sampling left out are not kept.
    ///
    /// ```no_run
    /// use jobmon_core::Range;
    /// use jobmon_export::History;
    ///
    /// let history = History::open("jobmon.db")?;
    /// for (_, call) in history.latest_calls(Range::ALL, &["category=timeout".parse()?], None, 20)? {
    ///     println!("{} {}", call.start, call.name);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When they cannot be read.
    ///
    /// # Cost
    /// Hours whose sums have no such call are not gone through; by `session` and `user` there are no sums.
    pub fn latest_calls(
        &self,
        range: Range,
        filters: &[Filter],
        end: Option<End>,
        most: usize,
    ) -> Result<Vec<KeptCall>, EngineError> {
        self.latest(range, &Wanted { filters, end }, most).map_err(|error| self.failed(&error))
    }

    fn latest(&self, range: Range, wanted: &Wanted<'_>, most: usize) -> rusqlite::Result<Vec<KeptCall>> {
        let mut found = Vec::new();
        if wanted.filters.is_empty() && wanted.end.is_none() {
            visit_latest(&self.connection, range, wanted, most, &mut found)?;
            return Ok(found);
        }
        let by_sums = wanted.filters.iter().filter(|filter| Dimension::ROLLUP.contains(&filter.dimension));
        let by_sums: Vec<Filter> = by_sums.cloned().collect();
        let mut values =
            vec![Value::Integer(range.since.hour().nanos()), Value::Integer(range.until.nanos())];
        let mut of_hours = condition(&by_sums, &mut values);
        of_hours.push_str(match wanted.end {
            Some(End::Ok) => " AND ok > 0",
            Some(End::Error) => " AND failed > 0",
            Some(End::Cancelled) => " AND cancelled > 0",
            Some(End::Panicked) => " AND panicked > 0",
            Some(End::Abandoned) => " AND abandoned > 0",
            _ => "",
        });
        let mut hours = self.connection.prepare_cached(&format!(
            "SELECT DISTINCT start FROM hourly WHERE start >= ?1 AND start < ?2 AND calls > 0{of_hours} ORDER BY start DESC"
        ))?;
        let mut hours = hours.query(params_from_iter(&values))?;
        while found.len() < most
            && let Some(row) = hours.next()?
        {
            let hour = Timestamp::from_nanos(row.get(0)?);
            let part = Range { since: hour.max(range.since), until: hour.next_hour().min(range.until) };
            visit_latest(&self.connection, part, wanted, most, &mut found)?;
        }
        Ok(found)
    }

    /// The calls of a trace in order of their start, at most ten thousand, and the facts about each.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn trace(&self, trace: TraceId) -> Result<(Vec<KeptCall>, Vec<Event>), EngineError> {
        self.of_trace(trace).map_err(|error| self.failed(&error))
    }

    fn of_trace(&self, trace: TraceId) -> rusqlite::Result<(Vec<KeptCall>, Vec<Event>)> {
        let mut select = self.connection.prepare_cached(&format!(
            "SELECT {} FROM calls WHERE trace_id = ?1 ORDER BY start, rowid LIMIT ?2",
            rows::CALL
        ))?;
        let found = select.query_map((trace.to_bytes(), MOST_OF_TRACE), rows::call)?;
        let calls: Vec<KeptCall> = found.collect::<rusqlite::Result<_>>()?;
        let mut select = self.connection.prepare_cached(&format!(
            "SELECT {} FROM facts WHERE call_span_id = ?1 AND call_trace_id = ?2 ORDER BY at, rowid",
            rows::FACT
        ))?;
        let mut facts = Vec::new();
        for (_, call) in &calls {
            let mut found = select.query((call.id.span.to_bytes(), trace.to_bytes()))?;
            while let Some(row) = found.next()? {
                facts.extend(rows::fact(row)?.map(|(_, event)| event));
            }
        }
        Ok((calls, facts))
    }

    /// The number of the row that was written last; 0 where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn last_call_row(&self) -> Result<i64, EngineError> {
        let last = self.connection.prepare_cached("SELECT coalesce(max(rowid), 0) FROM calls");
        let last = last.and_then(|mut last| last.query_row([], |row| row.get(0)));
        last.map_err(|error| self.failed(&error))
    }

    /// Calls that were written after a row, in order of writing, at most so many, each with the number of its row.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn calls_after_row(&self, row: i64, most: usize) -> Result<Vec<(i64, KeptCall)>, EngineError> {
        let read = || {
            let sql = format!(
                "SELECT {}, rowid AS row FROM calls WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
                rows::CALL
            );
            let mut select = self.connection.prepare_cached(&sql)?;
            let call = |row: &Row<'_>| Ok((row.get("row")?, rows::call(row)?));
            let found = select.query_map((row, i64::try_from(most).unwrap_or(i64::MAX)), call)?;
            found.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.failed(&error))
    }
}

/// Adds calls of a time to those that were found, up to so many.
fn visit_latest(
    connection: &Connection,
    range: Range,
    wanted: &Wanted<'_>,
    most: usize,
    found: &mut Vec<KeptCall>,
) -> rusqlite::Result<()> {
    let mut values = vec![Value::Integer(range.since.nanos()), Value::Integer(range.until.nanos())];
    let mut condition = condition(wanted.filters, &mut values);
    if let Some(end) = wanted.end {
        values.push(Value::Text(end.name().to_owned()));
        condition.push_str(&format!(" AND ending = ?{}", values.len()));
    }
    let mut select = connection.prepare_cached(&format!(
        "SELECT {} FROM calls WHERE start >= ?1 AND start < ?2{condition} ORDER BY start DESC, rowid DESC",
        rows::CALL
    ))?;
    let mut calls = select.query(params_from_iter(&values))?;
    while let Some(row) = calls.next()? {
        let last: Option<Timestamp> = found.last().map(|(_, call)| call.start);
        if found.len() >= most && last != Some(Timestamp::from_nanos(row.get("start")?)) {
            break;
        }
        let (resource, call) = rows::call(row)?;
        if let Some(call) = keeps(wanted.filters, &resource, call) {
            found.push((resource, call));
        }
    }
    Ok(())
}

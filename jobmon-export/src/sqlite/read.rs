//! [`History`]: reads the history, also while an agent writes it.

use super::{HistoryError, advice, rows, schema};
use crate::slices::{Source, singly, slices};
use jobmon_core::report::Sessions;
use jobmon_core::{
    Aggregate, Dimension, Engine, EngineError, Event, Key, Query, Range, Resource, Sketch, Text, Timestamp,
};
use rusqlite::{Connection, OpenFlags, Row, types::Type};
use std::path::{Path, PathBuf};

/// Reads a history; no event in it is ever changed. Agents may write to it meanwhile. One of an earlier version of
/// jobmon is brought up to date first.
///
/// ```no_run
/// use jobmon_core::{Range, report::Report};
/// use jobmon_export::History;
///
/// let history = History::open("jobmon.db")?;
/// println!("{}", Report::of(&history, Range::ALL)?.to_text());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct History {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
}

impl History {
    /// Opens a history.
    ///
    /// # Errors
    /// When there is none, or it cannot be read, or a later version wrote it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, HistoryError> {
        let path = path.as_ref().to_owned();
        if !path.exists() {
            return Err(HistoryError::Missing(path));
        }
        schema::look(&path)?;
        let failed = HistoryError::sqlite(&path);
        // Opened for writing, and forbidden to: a connection opened read-only would leave the files of the
        // write-ahead log behind, since it may not remove them when it is the last one.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags).map_err(&failed)?;
        connection.busy_handler(Some(super::write::waits)).map_err(&failed)?;
        schema::update(&mut connection, &path)?;
        connection.pragma_update(None, "query_only", true).map_err(&failed)?;
        schema::check(&connection, &path)?;
        Ok(Self { path, connection })
    }

    pub(super) fn failed(&self, error: &rusqlite::Error) -> EngineError {
        EngineError(format!("cannot read the history {}: {error}{}", self.path.display(), advice(error)))
    }

    fn visit_facts(
        &self,
        select: &str,
        range: Range,
        visit: &mut dyn FnMut(&Resource, &Event),
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(select)?;
        let mut facts = statement.query((range.since.nanos(), range.until.nanos()))?;
        while let Some(row) = facts.next()? {
            if let Some((resource, event)) = rows::fact(row)? {
                visit(&resource, &event);
            }
        }
        Ok(())
    }

    pub(super) fn visit_events(
        &self,
        range: Range,
        visit: &mut dyn FnMut(&Resource, &Event),
    ) -> rusqlite::Result<()> {
        let ends = (range.since.nanos(), range.until.nanos());
        let mut statement = self.connection.prepare_cached(rows::SELECT_CALLS)?;
        let mut calls = statement.query(ends)?;
        while let Some(row) = calls.next()? {
            let (resource, call) = rows::call(row)?;
            visit(&resource, &Event::Call(Box::new(call)));
        }
        self.visit_facts(rows::SELECT_FACTS, range, visit)
    }

    /// Visits stored aggregates of slices that start within a range, with those distributions that are wanted.
    pub(super) fn visit_slices(
        &self,
        table: &str,
        range: Range,
        distributions: [bool; Aggregate::SKETCHES.len()],
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> rusqlite::Result<()> {
        let sketches = Aggregate::SKETCHES.into_iter().zip(distributions);
        let sketches = sketches.map(|(name, wanted)| if wanted { name } else { "x''" });
        let numbers = Aggregate::NUMBERS.iter().copied();
        let columns: Vec<_> = schema::dimensions().chain(numbers).chain(sketches).collect();
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT start, {} FROM {table} WHERE start >= ?1 AND start < ?2 ORDER BY start",
            columns.join(", ")
        ))?;
        let mut slices = statement.query((range.since.nanos(), range.until.nanos()))?;
        let mut key = Key::default();
        while let Some(row) = slices.next()? {
            for (n, dimension) in Dimension::ROLLUP.iter().enumerate() {
                // Rows have much in common with the one before.
                let value = row.get_ref(n + 1)?.as_str()?;
                if key.get(*dimension).map_or("", Text::as_str) != value {
                    key.set(*dimension, Some(Text::copied(value)));
                }
            }
            visit(Timestamp::from_nanos(row.get(0)?), &key, &aggregate(row, 1 + Dimension::ROLLUP.len())?);
        }
        Ok(())
    }

    fn has_events(&self, range: Range) -> rusqlite::Result<bool> {
        let mut find = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM calls WHERE start >= ?1 AND start < ?2)
                OR EXISTS (SELECT 1 FROM facts WHERE at >= ?1 AND at < ?2)",
        )?;
        find.query_row((range.since.nanos(), range.until.nanos()), |row| row.get(0))
    }

    /// Part of an hour: single events where all of them are kept, else the whole hour.
    fn visit_edge(
        &self,
        range: Range,
        distributions: [bool; Aggregate::SKETCHES.len()],
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> rusqlite::Result<()> {
        let hour = Range { since: range.since.hour(), until: range.since.next_hour() };
        let (before, after) = (Range { until: range.since, ..hour }, Range { since: range.until, ..hour });
        // Such as in an hour that is not over.
        if !self.has_events(before)? && !self.has_events(after)? {
            return self.visit_slices("hourly", hour, distributions, visit);
        }
        let all_kept = {
            let mut count = self.connection.prepare_cached(
                "SELECT (SELECT coalesce(sum(calls), 0) FROM hourly WHERE start = ?1)
                    = (SELECT count(*) FROM calls WHERE start >= ?1 AND start < ?2)",
            )?;
            count.query_row((hour.since.nanos(), hour.until.nanos()), |row| row.get(0))?
        };
        if all_kept {
            self.visit_events(range, &mut singly(visit))
        } else {
            self.visit_slices("hourly", hour, distributions, visit)
        }
    }

    /// Answers a query in the snapshot that the connection is in.
    pub(super) fn visit(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> rusqlite::Result<()> {
        let range = query.range;
        if range.since >= range.until {
            return Ok(());
        }
        if query.needs_events() {
            return self.visit_events(range, &mut singly(visit));
        }
        let distributions = query.distributions();
        for (source, range) in slices(range, query.bucket) {
            match source {
                Source::Days => self.visit_slices("daily", range, distributions, visit)?,
                Source::Hours => self.visit_slices("hourly", range, distributions, visit)?,
                Source::Events => self.visit_edge(range, distributions, visit)?,
            }
        }
        Ok(())
    }
}

/// An aggregate from its columns, the first of which is `at`.
pub(super) fn aggregate(row: &Row<'_>, at: usize) -> rusqlite::Result<Aggregate> {
    let numbers: Vec<i64> = (0..Aggregate::NUMBERS.len())
        .map(|n| Ok(row.get_ref(at + n)?.as_i64()?))
        .collect::<rusqlite::Result<_>>()?;
    let sketch = |n: usize| {
        let column = at + numbers.len() + n;
        let damaged = || {
            let text = "a stored distribution is damaged, or of a later version";
            rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, text.into())
        };
        Sketch::decode(row.get_ref(column)?.as_blob()?).ok_or_else(damaged)
    };
    let sketches = [sketch(0)?, sketch(1)?, sketch(2)?, sketch(3)?];
    Ok(Aggregate::from_parts(numbers, sketches))
}

/// A history in the snapshot that its connection is in.
pub(super) struct Snapshot<'a>(pub(super) &'a History);

impl Engine for Snapshot<'_> {
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        self.0.visit(query, visit).map_err(|error| self.0.failed(&error))
    }

    fn events(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        self.0.visit_events(range, visit).map_err(|error| self.0.failed(&error))
    }
}

impl Engine for History {
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        // One snapshot for all its parts: an agent may be writing.
        let snapshot = self.connection.unchecked_transaction().map_err(|error| self.failed(&error))?;
        let result = Snapshot(self).scan(query, visit);
        drop(snapshot);
        result
    }

    fn facts(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        self.visit_facts(rows::SELECT_FACTS, range, visit).map_err(|error| self.failed(&error))
    }

    fn events(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        let snapshot = self.connection.unchecked_transaction().map_err(|error| self.failed(&error))?;
        let result = Snapshot(self).events(range, visit);
        drop(snapshot);
        result
    }

    fn outcomes_without_value(
        &self,
        range: Range,
        visit: &mut dyn FnMut(&Resource, &Event),
    ) -> Result<(), EngineError> {
        self.visit_facts(rows::SELECT_UNVALUED, range, visit).map_err(|error| self.failed(&error))
    }

    fn sessions(&self, range: Range) -> Result<Option<Sessions>, EngineError> {
        let snapshot = self.connection.unchecked_transaction().map_err(|error| self.failed(&error))?;
        let result = self.sum_sessions(range).map(Some).map_err(|error| self.failed(&error));
        drop(snapshot);
        result
    }
}

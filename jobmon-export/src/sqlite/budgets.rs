//! [`Follower`]: tells budgets what was spent before, and by other processes.
//!
//! What other processes spend is read from their rows, each once: those after the last one seen, without the ones that
//! this process wrote itself. So it costs as much as others write, however long windows are. What was spent before this
//! process started is read once, from the sums where they tell it, else from the rows of the window.

use super::read::{History, Snapshot};
use super::rows;
use jobmon_core::{Budgets, Event, Range, Timestamp};
use rusqlite::{Connection, Row};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often is looked for what others have written, while this process writes nothing.
const LOOK: Duration = Duration::from_secs(1);
/// How often is looked whether the history has every call.
const COUNT: Duration = Duration::from_secs(60);

/// Reads a history for the budgets of a monitor.
#[derive(Debug)]
pub(super) struct Follower {
    budgets: Budgets,
    /// The last rows that were seen.
    seen: Rows,
    /// What SQLite calls the state of the file when they were.
    version: Option<i64>,
    counted: Instant,
}

/// The last rows of calls and facts at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rows {
    calls: i64,
    facts: i64,
}

impl Rows {
    /// The last ones now.
    pub(super) fn last(connection: &Connection) -> rusqlite::Result<Self> {
        let last = |table: &str| {
            let sql = format!("SELECT coalesce(max(rowid), 0) FROM {table}");
            connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))
        };
        Ok(Self { calls: last("calls")?, facts: last("facts")? })
    }
}

impl Follower {
    /// Tells budgets what was spent before now.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub(super) fn start(path: &Path, budgets: Budgets) -> Result<Self, String> {
        let history = History::open(path).map_err(|error| error.to_string())?;
        let failed = |error: rusqlite::Error| history.failed(&error).to_string();
        // One snapshot, so that what others write meanwhile is counted once: when it is followed.
        let snapshot = history.connection.unchecked_transaction().map_err(failed)?;
        let seen = Rows::last(&snapshot).map_err(failed)?;
        let events_from = budgets.seed(&Snapshot(&history)).map_err(|error| error.to_string())?;
        if let Some(since) = events_from {
            let range = Range { since, until: Timestamp::MAX };
            history.visit_events(range, &mut |_, event| budgets.spent_before(event)).map_err(failed)?;
        }
        let complete =
            has_every_call(&snapshot, events_from.unwrap_or_else(Timestamp::now)).map_err(failed)?;
        drop(snapshot);
        let follower = Self { budgets, seen, version: None, counted: Instant::now() };
        follower.tell(complete);
        Ok(follower)
    }

    /// Says with whom budgets are shared.
    fn tell(&self, complete: bool) {
        if !self.budgets.keeps_all_calls() {
            self.budgets.keep_local("`sampling_rate` is below 1, so that the history lacks calls");
        } else if !complete {
            self.budgets.keep_local(
                "the history lacks calls: another process has a `sampling_rate` below 1, or old calls were deleted",
            );
        } else {
            self.budgets.share(LOOK);
        }
    }

    /// Follows after this process has written: what is new, without its own rows, which are those between two moments
    /// of its own transaction.
    pub(super) fn wrote(&mut self, connection: &Connection, before: Rows, after: Rows) {
        let read = self.read(connection, before);
        self.seen = after;
        self.missed(read);
    }

    /// Follows where others have written, and gives the time until it should be done again.
    pub(super) fn look(&mut self, connection: &Connection) -> Duration {
        let looked = self.look_at(connection);
        self.missed(looked);
        LOOK
    }

    fn look_at(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        // Changes when another connection has written.
        let version: i64 = connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
        if self.version.replace(version) != Some(version) {
            self.read(connection, Rows::last(connection)?)?;
        }
        if self.counted.elapsed() >= COUNT {
            self.counted = Instant::now();
            self.tell(has_every_call(connection, Timestamp::now())?);
        }
        Ok(())
    }

    /// Says so where rows could not be read: they are not read again, so that nothing is counted twice.
    fn missed(&self, read: rusqlite::Result<()>) {
        if let Err(error) = read {
            self.budgets.keep_local(&format!("the history cannot be read: {error}"));
        }
    }

    /// Reads up to the last rows of a moment.
    fn read(&mut self, connection: &Connection, last: Rows) -> rusqlite::Result<()> {
        // Also where it is less: should all rows be deleted, their numbers begin anew.
        let seen = std::mem::replace(&mut self.seen, last);
        let budgets = &self.budgets;
        let mut calls = connection
            .prepare_cached(&format!("SELECT {} FROM calls WHERE rowid > ?1 AND rowid <= ?2", rows::CALL))?;
        each(&mut calls.query((seen.calls, last.calls))?, |row| {
            let (_, call) = rows::call(row)?;
            budgets.spent_elsewhere(&Event::Call(Box::new(call)));
            Ok(())
        })?;
        let late =
            format!("SELECT {} FROM facts WHERE rowid > ?1 AND rowid <= ?2 AND kind = 'late'", rows::FACT);
        let mut facts = connection.prepare_cached(&late)?;
        each(&mut facts.query((seen.facts, last.facts))?, |row| {
            if let Some((_, event)) = rows::fact(row)? {
                budgets.spent_elsewhere(&event);
            }
            Ok(())
        })
    }
}

fn each(
    rows: &mut rusqlite::Rows<'_>,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    while let Some(row) = rows.next()? {
        read(row)?;
    }
    Ok(())
}

/// Whether single calls from the hour of a moment on are as many as the sums have.
fn has_every_call(connection: &Connection, since: Timestamp) -> rusqlite::Result<bool> {
    let hour = since.hour().nanos();
    let mut sums =
        connection.prepare_cached("SELECT coalesce(sum(calls), 0) FROM hourly WHERE start >= ?1")?;
    let mut rows = connection.prepare_cached("SELECT count(*) FROM calls WHERE start >= ?1")?;
    let count = |statement: &mut rusqlite::CachedStatement<'_>| {
        statement.query_row([hour], |row| row.get::<_, i64>(0))
    };
    // One statement after the other: who writes in between adds to the second.
    Ok(count(&mut sums)? <= count(&mut rows)?)
}

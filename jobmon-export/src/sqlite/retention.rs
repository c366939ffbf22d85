//! [`Keeper`]: deletes what is too old, a little at a time, and checks that it is gone.

use super::audit;
use crate::account::Action;
use jobmon_core::{Retention, Stored, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How far content and users were cleared.
pub(super) const TABLE: &str =
    "CREATE TABLE cleared (kind TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/// Between two looks for what has become too old.
const INTERVAL: Duration = Duration::from_secs(600);
/// Rows of one transaction: others write in between.
const AT_ONCE: u32 = 1_000;
/// A call is written when it ends: this long after its start at most, so far as that can be known.
const LONGEST_CALL: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);

/// Deletes what is too old.
#[derive(Debug)]
pub(super) struct Keeper {
    retention: Retention,
    actor: String,
    next: Instant,
    /// Rows that were deleted since the last look began, by kind.
    deleted: BTreeMap<&'static str, usize>,
}

/// What there was to delete, and what is left of it: nothing, unless it is being written again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Swept {
    pub(super) rows: BTreeMap<&'static str, usize>,
    pub(super) left: BTreeMap<&'static str, i64>,
}

impl Keeper {
    /// `None` where everything is kept.
    pub(super) fn new(retention: Retention, actor: String) -> Option<Self> {
        retention.limits().next()?;
        Some(Self { retention, actor, next: Instant::now(), deleted: BTreeMap::new() })
    }

    /// What is deleted is overwritten, so that it is not in the file any more.
    pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
        connection.pragma_update(None, "secure_delete", true)
    }

    /// Deletes a little, where there is something, and gives the time until it should be called again.
    pub(super) fn look(&mut self, connection: &mut Connection) -> rusqlite::Result<Duration> {
        let now = Instant::now();
        if now < self.next {
            return Ok(self.next - now);
        }
        let (deleted, more) = step(connection, self.retention, Timestamp::now())?;
        for (kind, rows) in deleted {
            *self.deleted.entry(kind).or_default() += rows;
        }
        if more {
            return Ok(Duration::from_millis(20));
        }
        self.next = now + INTERVAL;
        finish(connection, self.retention, &self.actor, std::mem::take(&mut self.deleted))?;
        Ok(INTERVAL)
    }
}

/// Deletes all that is too old, and tells the audit log.
pub(super) fn sweep(
    connection: &mut Connection,
    retention: Retention,
    actor: &str,
) -> rusqlite::Result<Swept> {
    Keeper::prepare(connection)?;
    let mut rows: BTreeMap<&'static str, usize> = BTreeMap::new();
    loop {
        let (deleted, more) = step(connection, retention, Timestamp::now())?;
        for (kind, count) in deleted {
            *rows.entry(kind).or_default() += count;
        }
        if !more {
            return finish(connection, retention, actor, rows);
        }
    }
}

/// Deletes some rows of each kind; says whether there may be more.
fn step(
    connection: &mut Connection,
    retention: Retention,
    now: Timestamp,
) -> rusqlite::Result<(Vec<(&'static str, usize)>, bool)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (mut deleted, mut more) = (Vec::new(), false);
    for (kind, time) in retention.limits() {
        let before = now.minus(time);
        let (rows, full) = match kind {
            Stored::Content | Stored::Users => clear(&transaction, kind, before)?,
            Stored::Calls | Stored::Facts => {
                let (table, column) =
                    if kind == Stored::Calls { ("calls", "start") } else { ("facts", "at") };
                let rows = transaction.execute(
                    &format!(
                        "DELETE FROM {table} WHERE rowid IN
                            (SELECT rowid FROM {table} WHERE {column} < ?1 ORDER BY {column} LIMIT ?2)"
                    ),
                    params![before.nanos(), AT_ONCE],
                )?;
                (rows, rows >= AT_ONCE as usize)
            }
            Stored::Hours | Stored::Days | Stored::Sessions => {
                let (table, last) = last_slice(kind, before);
                let sql = format!("DELETE FROM {table} WHERE start < ?1");
                (transaction.execute(&sql, [last.nanos()])?, false)
            }
            _ => (0, false),
        };
        more |= full;
        deleted.push((kind.name(), rows));
    }
    transaction.commit()?;
    Ok((deleted, more))
}

/// The table of sums, and the start of the first slice that is not over before a moment.
fn last_slice(kind: Stored, before: Timestamp) -> (&'static str, Timestamp) {
    match kind {
        Stored::Hours => ("hourly", before.minus(HOUR).plus(Duration::from_nanos(1))),
        Stored::Days => ("daily", before.minus(24 * HOUR).plus(Duration::from_nanos(1))),
        _ => ("sessions", before.minus(24 * HOUR).plus(Duration::from_nanos(1))),
    }
}

/// Empties some rows that stay, from where it was done last.
fn clear(transaction: &Transaction<'_>, kind: Stored, before: Timestamp) -> rusqlite::Result<(usize, bool)> {
    let cleared: Option<i64> = transaction
        .query_row("SELECT until FROM cleared WHERE kind = ?1", [kind.name()], |row| row.get(0))
        .optional()?;
    // Calls that began before and ended later were written later.
    let since = cleared.map_or(i64::MIN, |until| until.saturating_sub(nanos(LONGEST_CALL)));
    let mut rows = 0;
    for (table, column) in tables_of(kind) {
        let change = match kind {
            Stored::Content => "rest = json_remove(rest, '$.content')",
            _ => "user = ''",
        };
        rows += transaction.execute(
            &format!(
                "UPDATE {table} SET {change} WHERE rowid IN (SELECT rowid FROM {table}
                    WHERE {column} >= ?1 AND {column} < ?2 AND {} ORDER BY {column} LIMIT ?3)",
                has(kind)
            ),
            params![since, before.nanos(), AT_ONCE],
        )?;
    }
    let full = rows >= AT_ONCE as usize;
    if !full {
        transaction.execute(
            "INSERT OR REPLACE INTO cleared (kind, until) VALUES (?1, ?2)",
            params![kind.name(), before.nanos()],
        )?;
    }
    Ok((rows, full))
}

/// Tables that a kind is in, each with its column of time.
fn tables_of(kind: Stored) -> &'static [(&'static str, &'static str)] {
    match kind {
        Stored::Content | Stored::Calls => &[("calls", "start")],
        Stored::Users => &[("calls", "start"), ("facts", "at")],
        Stored::Facts => &[("facts", "at")],
        _ => &[],
    }
}

/// What a row is told by that has something of a kind.
fn has(kind: Stored) -> &'static str {
    match kind {
        Stored::Content => "json_type(rest, '$.content') IS NOT NULL",
        Stored::Users => "user != ''",
        _ => "TRUE",
    }
}

/// Looks for rows that should be gone, and tells the audit log what was deleted.
fn finish(
    connection: &mut Connection,
    retention: Retention,
    actor: &str,
    mut rows: BTreeMap<&'static str, usize>,
) -> rusqlite::Result<Swept> {
    rows.retain(|_, count| *count > 0);
    if rows.is_empty() {
        return Ok(Swept::default());
    }
    let mut left = BTreeMap::new();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (kind, time) in retention.limits() {
        let before = Timestamp::now().minus(time);
        let mut count = 0;
        for (table, column) in tables_of(kind) {
            // What became too old while this was done is for the next time.
            let before = before.minus(INTERVAL);
            let sql = format!("SELECT count(*) FROM {table} WHERE {column} < ?1 AND {}", has(kind));
            count += transaction.query_row(&sql, [before.nanos()], |row| row.get::<_, i64>(0))?;
        }
        if matches!(kind, Stored::Hours | Stored::Days | Stored::Sessions) {
            let (table, last) = last_slice(kind, before.minus(INTERVAL));
            let sql = format!("SELECT count(*) FROM {table} WHERE start < ?1");
            count += transaction.query_row(&sql, [last.nanos()], |row| row.get::<_, i64>(0))?;
        }
        if count > 0 {
            left.insert(kind.name(), count);
        }
    }
    let limits: BTreeMap<_, _> =
        retention.limits().map(|(kind, time)| (kind.name(), format!("{} s", time.as_secs()))).collect();
    audit::append(
        &transaction,
        actor,
        Action::Retention,
        &json!({ "kept": limits, "deleted": rows, "left": left }),
    )?;
    transaction.commit()?;
    // So that nothing of it stays in the log of writes. Readers may hold it for a while.
    let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    Ok(Swept { rows, left })
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

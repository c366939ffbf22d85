//! Tables of the history and their version.

use super::{HistoryError, alerts, audit, closed, retention, sessions};
use jobmon_core::{Aggregate, Dimension};
use rusqlite::Connection;
use std::io::Read;
use std::path::Path;

/// Version of the tables below, kept in `PRAGMA user_version`.
pub(super) const VERSION: i64 = 9;

/// "JOBM": what `PRAGMA application_id` tells of a history.
const APPLICATION: i64 = 0x4a4f_424d;

/// Text columns are never null: the empty text is "none", so that they can stand in keys.
const EVENTS: &str = "
CREATE TABLE calls (
    trace_id BLOB NOT NULL, span_id BLOB NOT NULL, parent_span_id BLOB, root_span_id BLOB NOT NULL,
    start INTEGER NOT NULL, duration INTEGER, first_token INTEGER,
    project TEXT NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL,
    session TEXT NOT NULL, user TEXT NOT NULL, feature TEXT NOT NULL, strategy TEXT NOT NULL,
    operation TEXT NOT NULL, name TEXT NOT NULL, location TEXT NOT NULL,
    provider TEXT NOT NULL, model TEXT NOT NULL,
    prompt TEXT NOT NULL DEFAULT '', prompt_version TEXT NOT NULL DEFAULT '', cache_key TEXT NOT NULL DEFAULT '',
    ending TEXT NOT NULL, category TEXT NOT NULL, failure TEXT,
    input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER, cache_write_tokens INTEGER,
    reasoning_tokens INTEGER,
    cost_nanodollars INTEGER, cost_grade TEXT NOT NULL, wasted_nanodollars INTEGER NOT NULL, prices TEXT NOT NULL,
    attempts INTEGER NOT NULL, usage_missing INTEGER NOT NULL, tokens_tracked INTEGER NOT NULL,
    rest TEXT NOT NULL
) STRICT;
CREATE INDEX calls_by_start ON calls (start);
CREATE INDEX calls_by_span ON calls (span_id);
CREATE TABLE facts (
    at INTEGER NOT NULL, kind TEXT NOT NULL, label TEXT NOT NULL, number REAL, nanodollars INTEGER,
    results INTEGER, relevant INTEGER,
    call_trace_id BLOB, call_span_id BLOB,
    project TEXT NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL,
    session TEXT NOT NULL, user TEXT NOT NULL, feature TEXT NOT NULL, strategy TEXT NOT NULL,
    operation TEXT NOT NULL, name TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    prompt TEXT NOT NULL DEFAULT '', prompt_version TEXT NOT NULL DEFAULT '', cache_key TEXT NOT NULL DEFAULT '',
    key TEXT NOT NULL DEFAULT '', counterpart INTEGER,
    rest TEXT
) STRICT;
CREATE INDEX facts_by_time ON facts (at);
CREATE INDEX facts_by_call ON facts (call_span_id);
";

/// Finds all of a trace.
const TRACES: &str = "CREATE INDEX calls_by_trace ON calls (trace_id);";

/// Finds the other side of a label.
const KEYS: &str = "CREATE INDEX facts_by_key ON facts (key, label) WHERE key != '';";

/// What was priced again, when, with which prices, and what that changed.
const REPRICINGS: &str = "
CREATE TABLE repricings (
    at INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, prices TEXT NOT NULL,
    looked_at INTEGER NOT NULL, changed INTEGER NOT NULL,
    before_nanodollars INTEGER NOT NULL, after_nanodollars INTEGER NOT NULL
) STRICT;
";

/// A table of aggregates: one row for each slice of time and each combination of the kept dimensions; every number
/// in a column of its own, every distribution as a sketch.
fn aggregates(table: &str) -> String {
    let keys: Vec<_> = dimensions().collect();
    let typed =
        |names: &[&str], sql: &str| names.iter().map(|name| format!("{name} {sql}")).collect::<Vec<_>>();
    let mut columns = vec!["start INTEGER NOT NULL".to_owned()];
    columns.extend(typed(&keys, "TEXT NOT NULL"));
    columns.extend(typed(Aggregate::NUMBERS, "INTEGER NOT NULL"));
    columns.extend(typed(&Aggregate::SKETCHES, "BLOB NOT NULL"));
    format!(
        "CREATE TABLE {table} ({}, PRIMARY KEY (start, {})) STRICT, WITHOUT ROWID;",
        columns.join(", "),
        keys.join(", ")
    )
}

/// One row for each day and session, and for what has no session.
fn by_session() -> String {
    let columns = sessions::COLUMNS.map(|name| format!("{name} INTEGER NOT NULL"));
    format!(
        "CREATE TABLE sessions (start INTEGER NOT NULL, session TEXT NOT NULL, {}, PRIMARY KEY (start, session))
         STRICT, WITHOUT ROWID;",
        columns.join(", ")
    )
}

/// Columns of the dimensions that aggregates are kept by, in their order.
pub(super) fn dimensions() -> impl Iterator<Item = &'static str> {
    Dimension::ROLLUP.iter().map(|dimension| dimension.name())
}

/// Columns of an aggregate, in the order in which [`super::read::aggregate`] reads them.
pub(super) fn figures() -> impl Iterator<Item = &'static str> {
    Aggregate::NUMBERS.iter().copied().chain(Aggregate::SKETCHES)
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Looks at the first bytes of a file, before SQLite does: opening it could already change it.
///
/// An empty file, or none, is a history that is still to be made.
/// ([Database file format](https://www.sqlite.org/fileformat2.html#the_database_header): the magic text, the user
/// version at offset 60, the application id at offset 68.)
pub(super) fn look(path: &Path) -> Result<(), HistoryError> {
    let mut header = Vec::with_capacity(100);
    let read = std::fs::File::open(path).and_then(|file| file.take(100).read_to_end(&mut header));
    if let Err(source) = read {
        return match source.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(HistoryError::Unreadable { path: path.to_owned(), source }),
        };
    }
    let number = |at: usize| {
        let bytes = header.get(at..at + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        bytes.map(|bytes| i64::from(u32::from_be_bytes(bytes)))
    };
    match (number(60), number(68)) {
        _ if header.is_empty() => Ok(()),
        _ if !header.starts_with(b"SQLite format 3\0") => Err(HistoryError::NotAHistory(path.to_owned())),
        (Some(found), Some(APPLICATION)) if found > VERSION => {
            Err(HistoryError::Newer { path: path.to_owned(), found })
        }
        (Some(_), Some(APPLICATION)) => Ok(()),
        _ => Err(HistoryError::NotAHistory(path.to_owned())),
    }
}

/// Opens a history that is there, to change it.
pub(super) fn connect(path: &Path) -> Result<Connection, HistoryError> {
    if !path.exists() {
        return Err(HistoryError::Missing(path.to_owned()));
    }
    look(path)?;
    let failed = HistoryError::sqlite(path);
    let mut connection = Connection::open(path).map_err(&failed)?;
    connection.busy_handler(Some(super::write::waits)).map_err(failed)?;
    update(&mut connection, path)?;
    Ok(connection)
}

/// Makes the tables in an empty file, or checks again, now under a lock, that the file is a history that we know.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), HistoryError> {
    let failed = HistoryError::sqlite(path);
    // Two agents may start at once: look and make under one lock.
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(&failed)?;
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(&failed)?;
    if tables > 0 || pragma(&transaction, "application_id").map_err(&failed)? != 0 {
        check(&transaction, path)?;
        migrate(&transaction).map_err(&failed)?;
        return transaction.commit().map_err(failed);
    }
    let make = || {
        transaction.execute_batch(EVENTS)?;
        transaction.execute_batch(TRACES)?;
        transaction.execute_batch(KEYS)?;
        transaction.execute_batch(alerts::TABLES)?;
        transaction.execute_batch(alerts::CHANGES)?;
        transaction.execute_batch(audit::TABLE)?;
        transaction.execute_batch(retention::TABLE)?;
        transaction.execute_batch(REPRICINGS)?;
        transaction.execute_batch(&by_session())?;
        transaction.execute_batch(closed::TABLE)?;
        transaction.execute_batch(&aggregates("hourly"))?;
        transaction.execute_batch(&aggregates("daily"))?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)
    };
    make().map_err(&failed)?;
    transaction.commit().map_err(failed)
}

/// Brings a history of an earlier version up to date; one of this version is only looked at.
pub(super) fn update(connection: &mut Connection, path: &Path) -> Result<(), HistoryError> {
    check(connection, path)?;
    let failed = HistoryError::sqlite(path);
    if pragma(connection, "user_version").map_err(&failed)? < VERSION {
        prepare(connection, path)
    } else {
        Ok(())
    }
}

/// Adds what later versions have, step by step; no row is lost.
fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    let found = pragma(connection, "user_version")?;
    if found >= VERSION {
        return Ok(());
    }
    // Columns first: what fills new tables reads events as this version knows them.
    if found < 2 {
        connection.execute_batch("ALTER TABLE facts ADD COLUMN rest TEXT")?;
    }
    if found < 3 {
        for table in ["calls", "facts"] {
            connection.execute_batch(&format!(
                "ALTER TABLE {table} ADD COLUMN prompt TEXT NOT NULL DEFAULT '';
                 ALTER TABLE {table} ADD COLUMN prompt_version TEXT NOT NULL DEFAULT '';"
            ))?;
        }
    }
    if found < 4 {
        connection.execute_batch(
            "ALTER TABLE calls ADD COLUMN cache_key TEXT NOT NULL DEFAULT '';
         ALTER TABLE facts ADD COLUMN cache_key TEXT NOT NULL DEFAULT '';
         ALTER TABLE facts ADD COLUMN key TEXT NOT NULL DEFAULT '';
         ALTER TABLE facts ADD COLUMN counterpart INTEGER;",
        )?;
        connection.execute_batch(KEYS)?;
    }
    // New dimensions and numbers of sums.
    ["hourly", "daily"].into_iter().try_for_each(|table| remake(connection, table))?;
    if found < 3 {
        connection.execute_batch(REPRICINGS)?;
        connection.execute_batch(&by_session())?;
        sessions::fill(connection)?;
    }
    if found < 5 {
        connection.execute_batch(audit::TABLE)?;
        connection.execute_batch(retention::TABLE)?;
    }
    if found < 7 {
        connection.execute_batch(alerts::TABLES)?;
    }
    if found < 8 {
        connection.execute_batch(TRACES)?;
        connection.execute_batch(alerts::CHANGES)?;
    }
    if found < 9 {
        connection.execute_batch(closed::TABLE)?;
    }
    connection.pragma_update(None, "user_version", VERSION)
}

/// Makes a table of aggregates anew with all its rows: a new dimension is part of its key. What it did not have is
/// empty or zero.
fn remake(connection: &Connection, table: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))?;
    let known: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let column = |name: &'static str, missing: &'static str| {
        if known.iter().any(|known| known == name) { name } else { missing }
    };
    let values: Vec<_> = ["start"]
        .into_iter()
        .chain(dimensions().map(|name| column(name, "''")))
        .chain(Aggregate::NUMBERS.iter().map(|name| column(name, "0")))
        .chain(Aggregate::SKETCHES.map(|name| column(name, "x''")))
        .collect();
    connection.execute_batch(&format!(
        "ALTER TABLE {table} RENAME TO {table}_before; {} INSERT INTO {table} SELECT {} FROM {table}_before; \
         DROP TABLE {table}_before;",
        aggregates(table),
        values.join(", ")
    ))
}

/// Checks that the file is a history that we know.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), HistoryError> {
    let failed = HistoryError::sqlite(path);
    if pragma(connection, "application_id").map_err(&failed)? != APPLICATION {
        return Err(HistoryError::NotAHistory(path.to_owned()));
    }
    let found = pragma(connection, "user_version").map_err(failed)?;
    if found > VERSION {
        return Err(HistoryError::Newer { path: path.to_owned(), found });
    }
    Ok(())
}

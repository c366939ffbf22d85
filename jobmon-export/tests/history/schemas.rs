//! Histories of earlier versions.

use super::sessions::sessions_of;
use super::whole::full_call;
use super::{DAY, late_of, write};
use jobmon_core::{Event, Measure, Query, Range, Usd};
use jobmon_export::History;
use std::collections::BTreeSet;
use std::path::Path;

/// A history as an earlier version wrote it.
fn written_by(version: i64, path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let dump = if version >= 3 {
        include_str!("../data/history_3.sql")
    } else {
        include_str!("../data/history_2.sql")
    };
    connection.execute_batch(dump).unwrap();
    drop(connection);
    if version >= 5 {
        // The dump is of version 3: bring it up to date, and take away what that version did not have.
        write(path, Vec::new());
    }
    let connection = rusqlite::Connection::open(path).unwrap();
    let drop_columns = |columns: &[&str]| {
        for (table, column) in
            ["hourly", "daily"].iter().flat_map(|table| columns.iter().map(move |one| (table, one)))
        {
            connection.execute_batch(&format!("ALTER TABLE {table} DROP COLUMN {column}")).unwrap();
        }
    };
    if version >= 5 {
        let triggers = ["added", "changed", "deleted"].map(|name| format!("DROP TRIGGER session_{name};"));
        connection.execute_batch(&format!("{} DROP TABLE session_days", triggers.concat())).unwrap();
    }
    if matches!(version, 5..8) {
        connection.execute_batch("DROP TABLE alert_changes; DROP INDEX calls_by_trace").unwrap();
    }
    if matches!(version, 5 | 6) {
        connection.execute_batch("DROP TABLE alert_states; DROP TABLE silences").unwrap();
    }
    if version == 5 {
        drop_columns(&[
            "redacted_emails",
            "redacted_phones",
            "redacted_cards",
            "redacted_ibans",
            "redacted_keys",
        ]);
        drop_columns(&["redacted_fields", "redacted_patterns", "injection_markers"]);
    }
    if version == 1 {
        drop_columns(&["backoff_nanos", "chunks", "late", "chunk_time"]);
        connection.execute_batch("ALTER TABLE facts DROP COLUMN rest").unwrap();
    }
    connection.pragma_update(None, "user_version", version).unwrap();
    let journal: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).unwrap();
    assert_eq!(journal, "wal");
}

#[test]
fn a_history_of_each_earlier_schema_is_brought_up_to_date_and_keeps_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["calls", "cost", "input_tokens", "outcomes", "scores", "p95_latency", "late_reports"];
    let figures = |path: &Path| {
        let query = Query::new(names.map(|name| Measure::named(name).unwrap()));
        let rows = query.run(&History::open(path).unwrap()).unwrap();
        rows[0].figures.iter().map(|figure| figure.unwrap().to_string()).collect::<Vec<_>>()
    };
    let versions = [1, 2, 3, 5, 6, 7, 8].into_iter().flat_map(|version| [(version, true), (version, false)]);
    for (version, begins_with_a_reader) in versions {
        let path = folder.path().join(format!("{version}-{begins_with_a_reader}.db"));
        written_by(version, &path);
        let sum = |column: &str, table: &str| -> i64 {
            let connection = rusqlite::Connection::open(&path).unwrap();
            connection.query_row(&format!("SELECT sum({column}) FROM {table}"), [], |row| row.get(0)).unwrap()
        };
        let rows = |table: &str| sum("1", table);
        let before = ["calls", "facts", "hourly", "daily"].map(rows);
        let (calls, nanos) = (sum("calls", "daily"), sum("cost_nanodollars", "daily"));
        if begins_with_a_reader {
            let now = figures(&path);
            assert_eq!((now[0].as_str(), now[6].as_str()), (calls.to_string().as_str(), "0"));
            assert!(now[1].ends_with(&Usd::from_nanos(nanos).to_string()), "{now:?}");
            assert_eq!(["calls", "facts", "hourly", "daily"].map(rows), before, "no row is lost");
            assert_eq!(sums_that_differ(version, &path), BTreeSet::new());
            let (counted, costs, _) = sessions_of(&History::open(&path).unwrap(), Range::ALL);
            assert_eq!(
                (i64::try_from(counted).unwrap(), costs.len()),
                (calls, 1),
                "sessions are those of the rows"
            );
            assert_eq!(costs[0].usd, Usd::from_nanos(nanos));
        }
        let late = Event::Late(Box::new(late_of(&full_call(), DAY + 9)));
        write(&path, vec![Event::Call(Box::new(full_call())), late]);
        let now = figures(&path);
        assert_eq!((now[0].as_str(), now[6].as_str()), ((calls + 1).to_string().as_str(), "1"));
        assert_eq!(sums_that_differ(version, &path), BTreeSet::new());
    }
}

/// Tables whose sums are not those of the events, where they should be: events of this fixture tell more than the hourly
/// and daily sums of schema 1 knew.
fn sums_that_differ(version: i64, path: &Path) -> BTreeSet<&'static str> {
    let differences = History::open(path).unwrap().check().unwrap();
    let tables = differences.iter().map(|difference| difference.table);
    tables.filter(|table| version > 1 || *table == "sessions").collect()
}

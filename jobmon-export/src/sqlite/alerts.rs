//! What alerts know after a restart, and which are silenced.

use super::read::Snapshot;
use super::{History, HistoryError, Sqlite, audit, schema};
use crate::account::{Action, AlertChange};
use crate::alerts::kept::{changes, groups_from_json, groups_to_json, owner, resource_of};
use jobmon_core::{AlertMemory, AlertState, EngineError, Range, Recent, Resource, Text, Timestamp};
use rusqlite::{Connection, Row, TransactionBehavior, params};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// `groups` is a list of pairs: a dimension, and its value or null.
pub(super) const TABLES: &str = "
CREATE TABLE alert_states (
    project TEXT NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL,
    alert TEXT NOT NULL, groups TEXT NOT NULL, since INTEGER NOT NULL, told INTEGER, heard INTEGER NOT NULL,
    PRIMARY KEY (project, service, environment, alert, groups)
) STRICT, WITHOUT ROWID;
CREATE TABLE silences (alert TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// What became of alerts; `kind` is a kind of notice.
pub(super) const CHANGES: &str = "
CREATE TABLE alert_changes (
    at INTEGER NOT NULL, project TEXT NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL,
    alert TEXT NOT NULL, groups TEXT NOT NULL, kind TEXT NOT NULL, since INTEGER NOT NULL, silent INTEGER NOT NULL
) STRICT;
CREATE INDEX alert_changes_by_time ON alert_changes (at);
";

/// The memory of the alerts of agents that write a history.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    /// In the snapshot of what was there when the monitor started.
    past: Option<History>,
    connection: Option<Connection>,
}

impl Kept {
    pub(super) const fn at(path: PathBuf) -> Self {
        Self { path, past: None, connection: None }
    }

    fn run<T>(
        &mut self,
        what: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, EngineError> {
        let told = |error: HistoryError| EngineError(error.to_string());
        if self.connection.is_none() {
            self.connection = Some(schema::connect(&self.path).map_err(told)?);
        }
        match &mut self.connection {
            Some(connection) => {
                what(connection).map_err(|error| told(HistoryError::sqlite(&self.path)(error)))
            }
            None => Err(EngineError("not connected".to_owned())),
        }
    }
}

impl AlertMemory for Kept {
    fn begin(&mut self) -> Result<(), EngineError> {
        let past = History::open(&self.path).map_err(|error| EngineError(error.to_string()))?;
        // A snapshot begins with the first read.
        let begun = past.connection.execute_batch("BEGIN; SELECT count(*) FROM calls WHERE start = 0");
        begun.map_err(|error| past.failed(&error))?;
        self.past = Some(past);
        Ok(())
    }

    fn remember(
        &mut self,
        recent: &mut Recent,
        resource: &Resource,
        until: Timestamp,
    ) -> Result<(), EngineError> {
        let Some(past) = self.past.take() else { return Ok(()) };
        recent.remember(&Snapshot(&past), resource, until)
    }

    fn states(&mut self, resource: &Resource) -> Result<Vec<AlertState>, EngineError> {
        self.run(|connection| states_of(connection, resource))
    }

    fn keep(&mut self, resource: &Resource, states: &[AlertState]) -> Result<(), EngineError> {
        let [project, service, environment] = owner(resource);
        self.run(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let before = states_of(&transaction, resource)?;
            for (state, kind) in changes(&before, states) {
                let at = Timestamp::now().nanos();
                let (alert, groups) = (state.alert.as_str(), groups_to_json(&state.group));
                transaction.execute(
                    "INSERT INTO alert_changes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                    params![
                        at,
                        project,
                        service,
                        environment,
                        alert,
                        groups,
                        kind.name(),
                        state.since.nanos(),
                        !state.heard
                    ],
                )?;
            }
            transaction.execute(
                "DELETE FROM alert_states WHERE project = ?1 AND service = ?2 AND environment = ?3",
                [project, service, environment],
            )?;
            for AlertState { alert, group, since, told, heard } in states {
                let groups = groups_to_json(group);
                let (alert, told) = (alert.as_str(), told.map(Timestamp::nanos));
                transaction.execute(
                    "INSERT INTO alert_states VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                    params![project, service, environment, alert, groups, since.nanos(), told, heard],
                )?;
            }
            transaction.commit()
        })
    }

    fn silences(&mut self) -> Result<BTreeMap<Text, Timestamp>, EngineError> {
        self.run(|connection| silences(connection))
    }
}

fn states_of(connection: &Connection, resource: &Resource) -> rusqlite::Result<Vec<AlertState>> {
    let mut statement = connection.prepare_cached(
        "SELECT alert, groups, since, told, heard FROM alert_states
         WHERE project = ?1 AND service = ?2 AND environment = ?3",
    )?;
    let found = statement.query_map(owner(resource), state)?;
    Ok(found.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// By three columns from one on.
fn whose(row: &Row<'_>, at: usize) -> rusqlite::Result<Resource> {
    let text = |column: usize| row.get::<_, String>(column);
    let texts = [text(at)?, text(at + 1)?, text(at + 2)?];
    Ok(resource_of(texts.each_ref().map(String::as_str)))
}

/// `None` where a later version wrote a dimension that this one does not know.
fn state(row: &Row<'_>) -> rusqlite::Result<Option<AlertState>> {
    let Some(group) = groups_from_json(&row.get::<_, String>(1)?) else { return Ok(None) };
    Ok(Some(AlertState {
        alert: Text::from(row.get::<_, String>(0)?),
        group,
        since: Timestamp::from_nanos(row.get(2)?),
        told: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_nanos),
        heard: row.get(4)?,
    }))
}

/// Those that go on.
fn silences(connection: &Connection) -> rusqlite::Result<BTreeMap<Text, Timestamp>> {
    let mut statement = connection.prepare_cached("SELECT alert, until FROM silences WHERE until > ?1")?;
    let silence =
        |row: &Row<'_>| Ok((Text::from(row.get::<_, String>(0)?), Timestamp::from_nanos(row.get(1)?)));
    statement.query_map([Timestamp::now().nanos()], silence)?.collect()
}

impl History {
    /// Alerts that are silenced now, by their names, and until when.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn silences(&self) -> Result<BTreeMap<Text, Timestamp>, HistoryError> {
        silences(&self.connection).map_err(HistoryError::sqlite(&self.path))
    }

    /// Where alerts stand that hold, of all services that write this history: those with `told` fire.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn alert_states(&self) -> Result<Vec<(Resource, AlertState)>, HistoryError> {
        let read = || {
            let mut statement = self.connection.prepare(
                "SELECT alert, groups, since, told, heard, project, service, environment FROM alert_states ORDER BY since",
            )?;
            let found = statement.query_map([], |row| Ok((whose(row, 5)?, state(row)?)))?;
            let found: Vec<_> = found.collect::<rusqlite::Result<_>>()?;
            Ok(found.into_iter().filter_map(|(resource, state)| Some((resource, state?))).collect())
        };
        read().map_err(HistoryError::sqlite(&self.path))
    }

    /// What became of alerts in a time, the newest first, at most so many.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn alert_changes(&self, range: Range, most: usize) -> Result<Vec<AlertChange>, HistoryError> {
        let read = || {
            let mut statement = self.connection.prepare(
                "SELECT at, alert, groups, kind, since, silent, project, service, environment FROM alert_changes
                 WHERE at >= ?1 AND at < ?2 ORDER BY at DESC, rowid DESC LIMIT ?3",
            )?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let found = statement.query_map((range.since.nanos(), range.until.nanos(), most), |row| {
                let (group, kind) =
                    (groups_from_json(&row.get::<_, String>(2)?), row.get::<_, String>(3)?.parse());
                let (Some(group), Ok(kind)) = (group, kind) else { return Ok(None) };
                Ok(Some(AlertChange {
                    at: Timestamp::from_nanos(row.get(0)?),
                    resource: whose(row, 6)?,
                    alert: Text::from(row.get::<_, String>(1)?),
                    group,
                    kind,
                    since: Timestamp::from_nanos(row.get(4)?),
                    silent: row.get(5)?,
                }))
            })?;
            Ok(found.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
        };
        read().map_err(HistoryError::sqlite(&self.path))
    }

    /// Names of the alerts that agents had when they started last, by the audit log.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn alert_names(&self) -> Result<BTreeSet<Text>, HistoryError> {
        let names = || {
            let mut statement = self.connection.prepare(
                "SELECT DISTINCT key FROM audit, json_each(detail, '$.alerts') WHERE seq IN
                    (SELECT max(seq) FROM audit WHERE action = 'configuration' GROUP BY actor)",
            )?;
            let name = |row: &Row<'_>| row.get::<_, String>(0).map(Text::from);
            statement.query_map([], name)?.collect::<rusqlite::Result<BTreeSet<_>>>()
        };
        names().map_err(HistoryError::sqlite(&self.path))
    }
}

impl Sqlite {
    /// Silences an alert up to a moment, in all agents that write this history, or ends that: they tell nobody of it, from
    /// their next look on. The audit log is told. Gives until when it was silenced before.
    ///
    /// ```
    /// use jobmon_core::Timestamp;
    /// use jobmon_export::{History, Monitor, Sqlite};
    /// use std::time::Duration;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("jobmon.db");
    /// let guard = Monitor::builder().exporter(Sqlite::open(&path)?).install_local()?;
    /// let until = Timestamp::now().plus(Duration::from_secs(7_200));
    /// Sqlite::silence(&path, "High error rate", Some(until), "anna")?;
    /// assert_eq!(History::open(&path)?.silences()?["High error rate"], until);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When there is no history, or it cannot be written.
    pub fn silence(
        path: impl AsRef<Path>,
        alert: &str,
        until: Option<Timestamp>,
        actor: &str,
    ) -> Result<Option<Timestamp>, HistoryError> {
        let path = path.as_ref();
        let mut connection = schema::connect(path)?;
        let mut change = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let before = silences(&transaction)?.remove(alert);
            // Those that are over, too.
            transaction.execute(
                "DELETE FROM silences WHERE alert = ?1 OR until <= ?2",
                params![alert, Timestamp::now().nanos()],
            )?;
            if let Some(until) = until {
                transaction.execute("INSERT INTO silences VALUES (?1, ?2)", params![alert, until.nanos()])?;
            }
            let text = |moment: Option<Timestamp>| moment.map(|moment| moment.to_string());
            let detail = json!({ "alert": alert, "until": text(until), "before": text(before) });
            audit::append(&transaction, actor, Action::Silence, &detail)?;
            transaction.commit()?;
            Ok(before)
        };
        change().map_err(HistoryError::sqlite(path))
    }
}

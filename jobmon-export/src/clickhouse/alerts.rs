//! Where alerts stand that are looked at over a ClickHouse, and what became of them.

use super::ClickHouseHistory;
use super::client::Client;
use super::engine::{failed, quoted};
use crate::account::AlertChange;
use crate::alerts::kept::{
    changes, groups_from_json, groups_to_json, owner, resource_of, states_from_json, states_to_json,
};
use crate::http::Trouble;
use jobmon_core::{AlertMemory, AlertState, EngineError, Range, Recent, Resource, Text, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Keeps them for an agent, or for one who looks at all that is there.
#[derive(Debug)]
pub(super) struct Kept {
    history: ClickHouseHistory,
    /// Whether what happened before is to be remembered: who looks at all that is there asks for it.
    remembers: bool,
}

impl Kept {
    pub(super) const fn of(history: ClickHouseHistory) -> Self {
        Self { history, remembers: false }
    }
}

fn insert(client: &Client, table: &str, rows: &[Value]) -> Result<(), Trouble> {
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    client.insert(table, lines.as_bytes(), false)
}

impl AlertMemory for Kept {
    fn begin(&mut self) -> Result<(), EngineError> {
        self.remembers = true;
        Ok(())
    }

    fn remember(
        &mut self,
        recent: &mut Recent,
        resource: &Resource,
        until: Timestamp,
    ) -> Result<(), EngineError> {
        if !std::mem::take(&mut self.remembers) {
            return Ok(());
        }
        recent.remember(&self.history, resource, until)
    }

    fn states(&mut self, resource: &Resource) -> Result<Vec<AlertState>, EngineError> {
        let [project, service, environment] = owner(resource).map(quoted);
        let statement = format!(
            "SELECT states FROM {}.alert_states FINAL WHERE project = {project} AND service = {service} AND environment = {environment}
             FORMAT TSVRaw",
            self.history.client.database
        );
        let mut states = Vec::new();
        let read = self.history.client.json_lines(&statement, &mut |row| {
            states.extend(states_from_json(row));
            Ok(())
        });
        read.map_err(failed)?;
        Ok(states)
    }

    fn keep(&mut self, resource: &Resource, states: &[AlertState]) -> Result<(), EngineError> {
        let before = self.states(resource)?;
        let [project, service, environment] = owner(resource);
        let at = Timestamp::now().nanos();
        let row = |state: &AlertState, kind: &str| {
            json!({
                "at": at, "project": project, "service": service, "environment": environment, "alert": state.alert.as_str(),
                "groups": groups_to_json(&state.group), "kind": kind, "since": state.since.nanos(), "silent": !state.heard,
            })
        };
        let rows: Vec<_> =
            changes(&before, states).into_iter().map(|(state, kind)| row(state, kind.name())).collect();
        if !rows.is_empty() {
            insert(&self.history.client, "alert_changes", &rows).map_err(failed)?;
        }
        let kept = json!({
            "project": project, "service": service, "environment": environment, "kept": at,
            "states": states_to_json(states).to_string(),
        });
        insert(&self.history.client, "alert_states", &[kept]).map_err(failed)
    }

    fn silences(&mut self) -> Result<BTreeMap<Text, Timestamp>, EngineError> {
        silences(&self.history.client)
    }
}

/// Those that go on.
fn silences(client: &Client) -> Result<BTreeMap<Text, Timestamp>, EngineError> {
    let statement = format!(
        "SELECT alert, until FROM {}.silences FINAL WHERE until > {} FORMAT JSONCompactEachRow",
        client.database,
        Timestamp::now().nanos()
    );
    let mut found = BTreeMap::new();
    let read = client.json_lines(&statement, &mut |row| {
        let alert = Text::copied(row[0].as_str().unwrap_or_default());
        found.insert(alert, Timestamp::from_nanos(row[1].as_i64().unwrap_or(0)));
        Ok(())
    });
    read.map_err(failed)?;
    Ok(found)
}

/// Whose alerts a row is of, by three of its columns.
fn whose(row: &Value, at: usize) -> Resource {
    resource_of([at, at + 1, at + 2].map(|at| row[at].as_str().unwrap_or_default()))
}

impl ClickHouseHistory {
    /// The memory of one who looks at alerts over it.
    #[cfg(all(feature = "config", feature = "sqlite"))]
    pub(crate) fn alert_memory(&self) -> Box<dyn AlertMemory> {
        Box::new(Kept::of(self.clone()))
    }

    /// Alerts that are silenced now, by their names, and until when.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn silences(&self) -> Result<BTreeMap<Text, Timestamp>, EngineError> {
        silences(&self.client)
    }

    /// Silences an alert up to a moment, or ends that: whoever looks at alerts over this history tells nobody of it, from the next look
    /// on. Gives until when it was silenced before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn silence(&self, alert: &str, until: Option<Timestamp>) -> Result<Option<Timestamp>, EngineError> {
        let before = self.silences()?.get(alert).copied();
        let until = until.map_or(0, Timestamp::nanos);
        let row = json!({ "alert": alert, "until": until, "said": Timestamp::now().nanos() });
        insert(&self.client, "silences", &[row]).map_err(failed)?;
        Ok(before)
    }

    /// Where alerts stand that hold, of all who look at them over this history: those with `told` fire.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn alert_states(&self) -> Result<Vec<(Resource, AlertState)>, EngineError> {
        let statement = format!(
            "SELECT project, service, environment, states FROM {}.alert_states FINAL FORMAT JSONCompactEachRow",
            self.client.database
        );
        let mut found = Vec::new();
        self.lines(&statement, &mut |row| {
            let states = serde_json::from_str(row[3].as_str().unwrap_or_default()).unwrap_or_default();
            found.extend(states_from_json(&states).into_iter().map(|state| (whose(row, 0), state)));
            Ok(())
        })?;
        found.sort_by_key(|(_, state)| state.since);
        Ok(found)
    }

    /// What became of alerts in a time, the newest first, at most so many.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn alert_changes(&self, range: Range, most: usize) -> Result<Vec<AlertChange>, EngineError> {
        let statement = format!(
            "SELECT at, alert, groups, kind, since, silent, project, service, environment
             FROM {}.alert_changes WHERE at >= {} AND at < {} ORDER BY at DESC LIMIT {most} FORMAT JSONCompactEachRow",
            self.client.database,
            range.since.nanos(),
            range.until.nanos()
        );
        let mut found = Vec::new();
        self.lines(&statement, &mut |row| {
            let group = groups_from_json(row[2].as_str().unwrap_or_default());
            let (Some(group), Ok(kind)) = (group, row[3].as_str().unwrap_or_default().parse()) else {
                return Ok(());
            };
            found.push(AlertChange {
                at: Timestamp::from_nanos(row[0].as_i64().unwrap_or(0)),
                resource: whose(row, 6),
                alert: Text::copied(row[1].as_str().unwrap_or_default()),
                group,
                kind,
                since: Timestamp::from_nanos(row[4].as_i64().unwrap_or(0)),
                silent: row[5] == true,
            });
            Ok(())
        })?;
        Ok(found)
    }
}

//! Looking after a history in ClickHouse: checks, deletions.

use super::client::Client;
use super::engine::{failed, quoted};
use super::{ClickHouse, ClickHouseHistory};
use crate::account::{Difference, Erased, Pruned};
use crate::difference::{Expected, Slices, differing};
use jobmon_core::{Bucket, Dimension, Engine, EngineError, Query, Range, Redaction, Retention, UserKey};
use std::collections::BTreeMap;

/// Ids below so many bytes are found by accident.
const SHORTEST: usize = 6;

/// What is deleted by age, with the rows that are counted.
const KEPT: [(&str, &str); 4] = [
    ("calls", "events WHERE kind = 'call'"),
    ("facts", "events WHERE kind = 'fact'"),
    ("hours", "hourly"),
    ("days", "daily"),
];

fn count(client: &Client, of: &str) -> Result<usize, EngineError> {
    let mut found = 0;
    let read =
        client.lines(&format!("SELECT count() FROM {}.{of} FORMAT TSVRaw", client.database), &mut |line| {
            found = line.parse().map_err(|_| "a count is no number".to_owned())?;
            Ok(())
        });
    read.map_err(failed)?;
    Ok(found)
}

impl ClickHouseHistory {
    /// Compares the stored sums with the events they were made of: every figure of every key.
    ///
    /// Empty when they agree. Meant for histories without sampling whose events are all still kept: what has
    /// no event any more differs.
    ///
    /// # Errors
    /// When the history cannot be read.
    ///
    /// # Cost
    /// Reads every event.
    pub fn check(&self) -> Result<Vec<Difference>, EngineError> {
        let mut expected = Expected::default();
        self.events(Range::ALL, &mut |resource, event| expected.add(resource, event))?;
        let Expected { hours, days } = expected;
        let mut differences = Vec::new();
        let apart = Query::new([]).by(Dimension::ROLLUP.iter().copied());
        for (table, bucket, expected) in [("hourly", Bucket::Hour, hours), ("daily", Bucket::Day, days)] {
            let mut stored = Slices::new();
            let query = apart.clone().bucket(bucket);
            self.visit_slices(table, Range::ALL, &query, &mut |start, key, aggregate| {
                stored.insert((start, key.clone()), aggregate.clone());
            })?;
            differences.extend(differing(table, &stored, &expected, |aggregate| aggregate.calls));
        }
        Ok(differences)
    }

    /// Says how long what is kept, and deletes what is older, at once; ClickHouse does it by and by.
    ///
    /// # Errors
    /// When the tables cannot be changed.
    pub fn prune(&self, retention: Retention) -> Result<Pruned, EngineError> {
        ClickHouse::keep(&self.client, retention).map_err(failed)?;
        let before = KEPT.map(|(_, of)| count(&self.client, of));
        for table in ["events", "hourly", "daily"] {
            // A table without any cannot.
            let has = ClickHouse::created(&self.client, table).map_err(failed)?.contains(" TTL ");
            if has {
                let statement = format!(
                    "ALTER TABLE {}.{table} MATERIALIZE TTL SETTINGS mutations_sync = 1",
                    self.client.database
                );
                self.client.run(&statement).map_err(failed)?;
            }
        }
        let mut pruned = Pruned { deleted: BTreeMap::new(), left: BTreeMap::new() };
        for ((kind, of), before) in KEPT.into_iter().zip(before) {
            let deleted = before?.saturating_sub(count(&self.client, of)?);
            if deleted > 0 {
                pruned.deleted.insert(kind, deleted);
            }
        }
        Ok(pruned)
    }

    /// Deletes what there is of a user: calls and facts. Sums, which know no user, stay. With a key, the user's pseudonym is looked
    /// for, too.
    ///
    /// # Errors
    /// When the tables cannot be changed.
    ///
    /// # Cost
    /// Writes the parts of the table anew that have the user.
    pub fn erase_user(&self, user: &str, key: Option<&UserKey>) -> Result<Erased, EngineError> {
        let mut names = vec![user.to_owned(), Redaction::stand_in(user).to_string()];
        names.extend(key.map(|key| key.pseudonym(user).to_string()));
        let list = names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        let database = &self.client.database;
        let theirs = format!(
            "(user IN ({list}) OR (kind = 'fact' AND (trace_id, span_id) IN
                (SELECT trace_id, span_id FROM {database}.events WHERE kind = 'call' AND user IN ({list}))))"
        );
        let calls = count(&self.client, &format!("events FINAL WHERE kind = 'call' AND {theirs}"))?;
        let facts = count(&self.client, &format!("events FINAL WHERE kind = 'fact' AND {theirs}"))?;
        let groups = names.iter().map(|name| {
            let pair = serde_json::json!(["user", name]).to_string();
            // Where alerts stand is JSON in JSON.
            let within = serde_json::json!(pair).to_string();
            (pair, within.trim_matches('"').to_owned())
        });
        let holds = |column: &str, texts: &mut dyn Iterator<Item = String>| {
            texts
                .map(|text| format!("position({column}, {}) > 0", quoted(&text)))
                .collect::<Vec<_>>()
                .join(" OR ")
        };
        let (plain, within): (Vec<_>, Vec<_>) = groups.unzip();
        let deletions = [
            format!("ALTER TABLE {database}.events DELETE WHERE {theirs}"),
            format!(
                "ALTER TABLE {database}.alert_changes DELETE WHERE {}",
                holds("groups", &mut plain.into_iter())
            ),
            format!(
                "ALTER TABLE {database}.alert_states DELETE WHERE {}",
                holds("states", &mut within.into_iter())
            ),
        ];
        for deletion in deletions {
            self.client.run(&format!("{deletion} SETTINGS mutations_sync = 1")).map_err(failed)?;
        }
        let mut gone = None;
        if user.len() >= SHORTEST {
            let found = names
                .iter()
                .flat_map(|name| ["user", "content", "event"].map(|column| (column, name.clone())))
                .map(|(column, name)| format!("position({column}, {}) > 0", quoted(&name)));
            let found = found.collect::<Vec<_>>().join(" OR ");
            gone = Some(count(&self.client, &format!("events WHERE {found}"))? == 0);
        }
        Ok(Erased { calls, facts, sessions: 0, gone })
    }
}

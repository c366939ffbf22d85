//! The audit log: what was done to a history and to what it is made by, each entry chained to the one before.

use super::{History, HistoryError, Sqlite, schema};
use crate::account::{Action, AuditBroken, AuditEntry, AuditHead};
use jobmon_core::{Text, Timestamp};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;

pub(super) const TABLE: &str = "
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, detail TEXT NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is never changed'); END;
CREATE TRIGGER audit_is_never_shortened BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is never shortened'); END;
";

/// A row as it is.
struct Row {
    seq: i64,
    at: i64,
    actor: String,
    action: String,
    detail: String,
    hash: Vec<u8>,
}

impl Row {
    /// SHA-256 of the hash before and of all fields, each after its length.
    fn hash_after(&self, before: &[u8]) -> Vec<u8> {
        let mut hasher = Sha256::new();
        let (seq, at) = (self.seq.to_be_bytes(), self.at.to_be_bytes());
        let texts = [&self.actor, &self.action, &self.detail].map(String::as_bytes);
        for field in [before, &seq, &at].into_iter().chain(texts) {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
        hasher.finalize().to_vec()
    }
}

/// Appends an entry, in the transaction that the connection is in.
pub(super) fn append(
    connection: &Connection,
    actor: &str,
    action: Action,
    detail: &Value,
) -> rusqlite::Result<()> {
    let last = connection
        .query_row("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    let (seq, before) = last.map_or((1, Vec::new()), |(seq, hash)| (seq + 1, hash));
    let (at, actor, action) = (Timestamp::now().nanos(), actor.to_owned(), action.name().to_owned());
    let mut row = Row { seq, at, actor, action, detail: detail.to_string(), hash: Vec::new() };
    row.hash = row.hash_after(&before);
    connection.execute(
        "INSERT INTO audit (seq, at, actor, action, detail, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![row.seq, row.at, row.actor, row.action, row.detail, row.hash],
    )?;
    Ok(())
}

/// Appends what a monitor was set up with, where that is not what its service had before.
pub(super) fn configured(connection: &Connection, service: &str, detail: &Value) -> rusqlite::Result<()> {
    let known: Option<String> = connection
        .query_row(
            "SELECT detail FROM audit WHERE action = 'configuration' AND actor = ?1 ORDER BY seq DESC LIMIT 1",
            [service],
            |row| row.get(0),
        )
        .optional()?;
    if known.as_deref() != Some(detail.to_string().as_str()) {
        append(connection, service, Action::Configuration, detail)?;
    }
    Ok(())
}

/// Visits the rows in order.
fn each(connection: &Connection, visit: &mut dyn FnMut(Row)) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare("SELECT seq, at, actor, action, detail, hash FROM audit ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        visit(Row {
            seq: row.get(0)?,
            at: row.get(1)?,
            actor: row.get(2)?,
            action: row.get(3)?,
            detail: row.get(4)?,
            hash: row.get(5)?,
        });
    }
    Ok(())
}

fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl History {
    /// The entries of the audit log, oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn audit(&self) -> Result<Vec<AuditEntry>, HistoryError> {
        let mut entries = Vec::new();
        let mut add = |row: Row| {
            entries.push(AuditEntry {
                number: row.seq,
                at: Timestamp::from_nanos(row.at),
                actor: Text::from(row.actor),
                action: Text::from(row.action),
                detail: serde_json::from_str(&row.detail).unwrap_or_default(),
            });
        };
        each(&self.connection, &mut add).map_err(HistoryError::sqlite(&self.path))?;
        Ok(entries)
    }

    /// Checks that the audit log is what was written: each entry has the hash that follows from it and the one before, and
    /// none is missing. With a head that was kept elsewhere, also that nothing was cut off or written anew since.
    ///
    /// # Errors
    /// When it cannot be read; inside, where it is broken.
    pub fn verify_audit(&self, kept: Option<&str>) -> Result<Result<AuditHead, AuditBroken>, HistoryError> {
        let (mut number, mut before) = (0, Vec::new());
        let (mut broken, mut found) = (None, kept.is_none());
        let mut check = |row: Row| {
            number += 1;
            if broken.is_some() {
                return;
            }
            if row.seq != number {
                broken = Some(AuditBroken::Missing { number });
            } else if row.hash_after(&before) != row.hash {
                broken = Some(AuditBroken::Changed { number });
            }
            found |= kept.is_some_and(|kept| kept.eq_ignore_ascii_case(&hex(&row.hash)));
            before = row.hash;
        };
        each(&self.connection, &mut check).map_err(HistoryError::sqlite(&self.path))?;
        Ok(match broken {
            Some(broken) => Err(broken),
            None if !found => Err(AuditBroken::Head { entries: number }),
            None => Ok(AuditHead { entries: number, hash: hex(&before) }),
        })
    }
}

impl Sqlite {
    /// Appends an entry to the audit log of a history: what a command does with it.
    ///
    /// # Errors
    /// When the history cannot be written.
    pub fn record_audit(
        path: impl AsRef<Path>,
        actor: &str,
        action: Action,
        detail: &Value,
    ) -> Result<(), HistoryError> {
        let path = path.as_ref();
        let mut connection = schema::connect(path)?;
        let failed = HistoryError::sqlite(path);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        append(&transaction, actor, action, detail).map_err(&failed)?;
        transaction.commit().map_err(failed)
    }
}

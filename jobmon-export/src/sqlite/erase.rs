//! Deletes all about one user, and checks that it is gone.

use super::audit;
use super::retention::{self, Keeper};
use super::{HistoryError, Sqlite, schema, sessions, vacuum};
use crate::account::{Action, Erased, Pruned};
use jobmon_core::{Redaction, Retention, UserKey};
use rusqlite::{Connection, Transaction, TransactionBehavior, params_from_iter};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

impl Sqlite {
    /// Deletes what a history has of a user: calls, facts, and which session cost what. Sums, which know no user, stay. With a key,
    /// the user's pseudonym is looked for, too. The audit log is told, without the id.
    ///
    /// ```
    /// use jobmon_core::{Batch, Event};
    /// # use jobmon_core::{CallId, CallRecord, Exporter, Operation, SpanId, Timestamp, TraceId};
    /// use jobmon_export::Sqlite;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("jobmon.db");
    /// # let id = CallId { trace: TraceId::random(), span: SpanId::random() };
    /// # let mut call = CallRecord::new(id, "ask".into(), Operation::Chat, Timestamp::now());
    /// # call.scope.user = Some("anna-7f3a".into());
    /// # let events = vec![Event::Call(Box::new(call))].into();
    /// # Sqlite::open(&path)?.export(&Batch { resource: Default::default(), events })?;
    /// let erased = Sqlite::erase_user(&path, "anna-7f3a", None, "cli")?;
    /// assert_eq!((erased.calls, erased.gone), (1, Some(true)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the history cannot be written, such as when an agent holds it for long; then nothing is deleted.
    ///
    /// # Cost
    /// Rewrites the file. Agents that write meanwhile wait.
    pub fn erase_user(
        path: impl AsRef<Path>,
        user: &str,
        key: Option<&UserKey>,
        actor: &str,
    ) -> Result<Erased, HistoryError> {
        let path = path.as_ref();
        let failed = HistoryError::sqlite(path);
        let mut connection = schema::connect(path)?;
        Keeper::prepare(&connection).map_err(&failed)?;
        let mut names = vec![user.to_owned()];
        names.push(Redaction::stand_in(user).to_string());
        names.extend(key.map(|key| key.pseudonym(user).to_string()));
        let (calls, facts, sessions) = delete(&mut connection, &names, actor).map_err(&failed)?;
        // What was changed before deletions overwrote anything may still be in free pages.
        vacuum::run(&connection).map_err(&failed)?;
        drop(connection);
        // Of a short id nothing can be said: it may be part of any word.
        let long = names.iter().filter(|_| user.len() >= SHORTEST);
        let mut gone = None;
        for name in long {
            gone = Some(gone != Some(false) && !is_in_files(path, name.as_bytes())?);
        }
        Ok(Erased { calls, facts, sessions, gone })
    }

    /// Deletes what is older than a retention says, at once; agents with the same settings do it by and by.
    ///
    /// # Errors
    /// When the history cannot be written.
    pub fn prune(path: impl AsRef<Path>, retention: Retention, actor: &str) -> Result<Pruned, HistoryError> {
        let path = path.as_ref();
        let mut connection = schema::connect(path)?;
        let swept =
            retention::sweep(&mut connection, retention, actor).map_err(HistoryError::sqlite(path))?;
        Ok(Pruned { deleted: swept.rows, left: swept.left })
    }
}

/// Ids below so many bytes are found by accident.
const SHORTEST: usize = 6;

fn delete(
    connection: &mut Connection,
    names: &[String],
    actor: &str,
) -> rusqlite::Result<(usize, usize, usize)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let users = vec!["?"; names.len()].join(", ");
    let run = |sql: &str| transaction.execute(sql, params_from_iter(names));
    let mut of_user = transaction.prepare(&format!(
        "SELECT DISTINCT session FROM calls WHERE user IN ({users}) AND session != ''
         UNION SELECT DISTINCT session FROM facts WHERE user IN ({users}) AND session != ''"
    ))?;
    // The same places twice.
    let theirs = of_user
        .query_map(params_from_iter(names.iter().chain(names)), |row| row.get::<_, String>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    drop(of_user);
    let about = format!("call_span_id IN (SELECT span_id FROM calls WHERE user IN ({users}))");
    let mut facts = run(&format!("DELETE FROM facts WHERE {about}"))?;
    facts += run(&format!("DELETE FROM facts WHERE user IN ({users})"))?;
    let calls = run(&format!("DELETE FROM calls WHERE user IN ({users})"))?;
    for table in ["alert_states", "alert_changes"] {
        run(&format!(
            "DELETE FROM {table} WHERE EXISTS (SELECT 1 FROM json_each(groups) WHERE
                json_extract(value, '$[0]') = 'user' AND json_extract(value, '$[1]') IN ({users}))"
        ))?;
    }
    let mut sessions = 0;
    for session in &theirs {
        sessions += usize::from(forget_session(&transaction, session)?);
    }
    // Who knows the id can show that this is about it.
    let salt = jobmon_core::SpanId::random().to_string();
    let proof = Sha256::digest(format!("{salt}{}", names[0]));
    let proof: String = proof.iter().map(|byte| format!("{byte:02x}")).collect();
    let detail =
        json!({ "calls": calls, "facts": facts, "sessions": sessions, "salt": salt, "sha256": proof });
    audit::append(&transaction, actor, Action::Erasure, &detail)?;
    transaction.commit()?;
    Ok((calls, facts, sessions))
}

/// Puts the sums of a session to what has none, where no call of another user is in it.
fn forget_session(transaction: &Transaction<'_>, session: &str) -> rusqlite::Result<bool> {
    let others: i64 =
        transaction
            .query_row("SELECT count(*) FROM calls WHERE session = ?1", [session], |row| row.get(0))?;
    if others > 0 {
        return Ok(false);
    }
    sessions::forget(transaction, session)?;
    transaction.execute("UPDATE facts SET session = '' WHERE session = ?1", [session])?;
    Ok(true)
}

/// Whether bytes are anywhere in the file or its log.
fn is_in_files(path: &Path, wanted: &[u8]) -> Result<bool, HistoryError> {
    let unreadable = |source| HistoryError::Unreadable { path: path.to_owned(), source };
    for suffix in ["", "-wal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let Ok(mut file) = std::fs::File::open(PathBuf::from(name)) else { continue };
        let (mut buffer, mut kept) = (vec![0; 1 << 20], 0);
        loop {
            let read = file.read(&mut buffer[kept..]).map_err(unreadable)?;
            if read == 0 {
                break;
            }
            let filled = kept + read;
            if buffer[..filled].windows(wanted.len()).any(|bytes| bytes == wanted) {
                return Ok(true);
            }
            // It may lie across two reads.
            kept = filled.min(wanted.len() - 1);
            buffer.copy_within(filled - kept..filled, 0);
        }
    }
    Ok(false)
}

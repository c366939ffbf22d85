//! Events of elsewhere, written into a history once.

use super::closed::Closer;
use super::{HistoryError, Sqlite, audit, rows, write};
use crate::account::{Action, Imported};
use crate::same::says_the_same;
use jobmon_core::{Batch, Event, Resource};
use rusqlite::{Connection, TransactionBehavior};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Events of one transaction: agents write in between.
const AT_ONCE: usize = 1_000;

impl Sqlite {
    /// Writes events into a history, which is made where there is none, and leaves out those that it has already: so that an
    /// import can be done again. The audit log is told.
    ///
    /// ```
    /// use jobmon_core::{Event, Fact, Outcome, Resource, Scope, Timestamp};
    /// use jobmon_export::Sqlite;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("jobmon.db");
    /// let fact = Fact::new(Timestamp::now(), None, Scope::default());
    /// let events = [(Resource::default(), Event::Outcome(Outcome::new(fact, "application".into(), None)))];
    /// let first = Sqlite::import(&path, events.clone(), "events of last year", "anna")?;
    /// let again = Sqlite::import(&path, events, "events of last year", "anna")?;
    /// assert_eq!((first.written, again.written, again.known), (1, 0, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the history cannot be written. What was written until then stays, and is known next time.
    ///
    /// # Cost
    /// A transaction for each thousand events.
    pub fn import(
        path: impl AsRef<Path>,
        events: impl IntoIterator<Item = (Resource, Event)>,
        source: &str,
        actor: &str,
    ) -> Result<Imported, HistoryError> {
        let mut importer = Importer::open(path)?;
        let mut done = Imported::default();
        let mut events = events.into_iter().peekable();
        while let Some((resource, _)) = events.peek() {
            let resource = resource.clone();
            let mut batch = Vec::new();
            while batch.len() < AT_ONCE
                && let Some((_, event)) = events.next_if(|(of, _)| *of == resource)
            {
                batch.push(event);
            }
            let part = importer.write(resource, batch)?;
            done.written += part.written;
            done.known += part.known;
        }
        importer.account(done, source, actor)?;
        Ok(done)
    }
}

/// Writes events of elsewhere into a history as they come, each once: for servers.
///
/// ```
/// use jobmon_core::{Event, Fact, Outcome, Resource, Scope, Timestamp};
/// use jobmon_export::Importer;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("jobmon.db");
/// let mut importer = Importer::open(path)?;
/// let fact = Fact::new(Timestamp::now(), None, Scope::default());
/// let event = Event::Outcome(Outcome::new(fact, "application".into(), None));
/// assert_eq!(importer.write(Resource::default(), vec![event.clone()])?.written, 1);
/// assert_eq!(importer.write(Resource::default(), vec![event])?.known, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Importer {
    connection: Connection,
    path: PathBuf,
    closer: Closer,
}

impl Importer {
    /// Opens a history, which is made where there is none.
    ///
    /// # Errors
    /// When it cannot be opened or made.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, HistoryError> {
        let path = path.as_ref().to_owned();
        Ok(Self { connection: Sqlite::open(&path)?.connect()?, path, closer: Closer::later() })
    }

    /// Writes events of one producer that the history does not have, in one transaction.
    ///
    /// # Errors
    /// When the history cannot be written; nothing was then.
    pub fn write(&mut self, resource: Resource, events: Vec<Event>) -> Result<Imported, HistoryError> {
        let failed = HistoryError::sqlite(&self.path);
        let done = put(&mut self.connection, Arc::new(resource), events).map_err(&failed)?;
        // A history that is busy is looked at again.
        let _ = self.closer.look(&mut self.connection);
        Ok(done)
    }

    /// The calls of a trace that the history has.
    ///
    /// # Errors
    /// When it cannot be read.
    #[cfg(feature = "ingest")]
    pub fn known(&self, trace: jobmon_core::TraceId) -> Result<Vec<crate::KnownCall>, HistoryError> {
        known(&self.connection, trace).map_err(HistoryError::sqlite(&self.path))
    }

    /// Tells the audit log what was written, from where and by whom.
    ///
    /// # Errors
    /// When the history cannot be written.
    pub fn account(&mut self, done: Imported, source: &str, actor: &str) -> Result<(), HistoryError> {
        let failed = HistoryError::sqlite(&self.path);
        let detail = json!({ "source": source, "written": done.written, "known": done.known });
        let immediate = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(immediate).map_err(&failed)?;
        audit::append(&transaction, actor, Action::Import, &detail).map_err(&failed)?;
        transaction.commit().map_err(failed)?;
        // It only makes reports faster: whoever writes next does it, where it fails.
        let _ = self.closer.finish(&mut self.connection);
        Ok(())
    }
}

fn put(
    connection: &mut Connection,
    resource: Arc<Resource>,
    events: Vec<Event>,
) -> rusqlite::Result<Imported> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let batch = Batch { resource, events: Arc::new(events) };
    let mut done = Imported::default();
    write::all(&transaction, &batch, &mut |event| {
        let is_known = is_known(&transaction, &batch.resource, event)?;
        *if is_known { &mut done.known } else { &mut done.written } += 1;
        Ok(!is_known)
    })?;
    transaction.commit()?;
    Ok(done)
}

#[cfg(feature = "ingest")]
fn known(connection: &Connection, trace: jobmon_core::TraceId) -> rusqlite::Result<Vec<crate::KnownCall>> {
    use jobmon_core::{Operation, SpanId};
    let mut find = connection.prepare_cached(
        "SELECT span_id, parent_span_id, operation, input_tokens IS NOT NULL OR output_tokens IS NOT NULL
         FROM calls WHERE trace_id = ?1",
    )?;
    let mut found = find.query([trace.to_bytes()])?;
    let mut calls = Vec::new();
    while let Some(row) = found.next()? {
        let operation = row.get::<_, String>(2)?.parse::<Operation>();
        calls.extend(SpanId::from_bytes(row.get(0)?).map(|span| crate::KnownCall {
            span,
            parent: row.get::<_, Option<[u8; 8]>>(1).ok().flatten().and_then(SpanId::from_bytes),
            is_model_call: operation.is_ok_and(Operation::is_model_call) && row.get(3).unwrap_or(false),
        }));
    }
    Ok(calls)
}

/// Whether a call has a row, by its id; or a fact, by its moment and what it says.
fn is_known(connection: &Connection, resource: &Resource, event: &Event) -> rusqlite::Result<bool> {
    if let Event::Call(call) = event {
        let mut find =
            connection.prepare_cached("SELECT 1 FROM calls WHERE span_id = ?1 AND trace_id = ?2")?;
        return find.exists((call.id.span.to_bytes(), call.id.trace.to_bytes()));
    }
    let Some(fact) = event.fact() else { return Ok(false) };
    let mut find = connection.prepare_cached(rows::SELECT_AT)?;
    let mut found = find.query([fact.at.nanos()])?;
    while let Some(row) = found.next()? {
        if rows::fact(row)?.is_some_and(|(of, known)| of == *resource && says_the_same(&known, event)) {
            return Ok(true);
        }
    }
    Ok(false)
}

//! Events of elsewhere, written into a history once.

use super::{HistoryError, Sqlite, audit, rows, write};
use crate::account::{Action, Imported};
use jobmon_core::{Batch, Event, Resource};
use rusqlite::{Connection, TransactionBehavior};
use serde_json::json;
use std::path::Path;
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
        let path = path.as_ref();
        let failed = HistoryError::sqlite(path);
        let mut connection = Self::open(path)?.connect()?;
        let mut done = Imported::default();
        let mut events = events.into_iter().peekable();
        while let Some((resource, _)) = events.peek() {
            let resource = Arc::new(resource.clone());
            let mut batch = Vec::new();
            while batch.len() < AT_ONCE
                && let Some((_, event)) = events.next_if(|(of, _)| *of == *resource)
            {
                batch.push(event);
            }
            put(&mut connection, resource, batch, &mut done).map_err(&failed)?;
        }
        let detail = json!({ "source": source, "written": done.written, "known": done.known });
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        audit::append(&transaction, actor, Action::Import, &detail).map_err(&failed)?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }
}

fn put(
    connection: &mut Connection,
    resource: Arc<Resource>,
    events: Vec<Event>,
    done: &mut Imported,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let batch = Batch { resource, events: Arc::new(events) };
    let (mut written, mut known) = (0, 0);
    write::all(&transaction, &batch, &mut |event| {
        let is_known = is_known(&transaction, &batch.resource, event)?;
        *if is_known { &mut known } else { &mut written } += 1;
        Ok(!is_known)
    })?;
    transaction.commit()?;
    done.written += written;
    done.known += known;
    Ok(())
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

/// Whether two facts of one moment are one: a history knows more of the call that a fact is about than who told it.
fn says_the_same(known: &Event, event: &Event) -> bool {
    let call = |event: &Event| event.fact().and_then(|fact| fact.call);
    if call(known) != call(event) {
        return false;
    }
    match (known, event) {
        (Event::Score(a), Event::Score(b)) => a.name == b.name && a.value.to_bits() == b.value.to_bits(),
        (Event::Feedback(a), Event::Feedback(b)) => a.verdict == b.verdict,
        (Event::Outcome(a), Event::Outcome(b)) => a.kind == b.kind && a.value == b.value,
        (Event::Search(a), Event::Search(b)) => a.query == b.query && a.results == b.results,
        (Event::Label(a), Event::Label(b)) => {
            (a.side, &a.name, &a.key, a.value) == (b.side, &b.name, &b.key, b.value)
        }
        (Event::Late(a), Event::Late(b)) => a.answer == b.answer,
        _ => false,
    }
}

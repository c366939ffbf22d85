//! [`Sqlite`]: writes the history.

use super::alerts::Kept;
use super::audit;
use super::budgets::{Follower, Rows};
use super::closed::Closer;
use super::retention::Keeper;
use super::{HistoryError, labels, rows, schema, sessions};
use jobmon_core::{
    Aggregate, AlertMemory, Batch, Budgets, Dimension, Event, ExportError, Exporter, Key, Operation, Prompt,
    Resource, Retention, Scope, Settings, Subject, Text, Timestamp,
};
use rusqlite::{
    Connection, OptionalExtension, Transaction, TransactionBehavior, params_from_iter, types::Value,
};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Writes the history: raw events, hourly and daily aggregates, and sums of sessions by day, in one SQLite file.
///
/// Each batch is one transaction, so a reader, or a restart after a crash, finds raw rows and aggregates in
/// agreement. Other processes may read the file meanwhile, and other agents may write it.
/// Calls that sampling leaves out have no raw row; aggregates and sums of sessions count them.
///
/// ```
/// use jobmon_export::{Monitor, Sqlite};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("jobmon.db");
/// let _guard = Monitor::builder().exporter(Sqlite::open(path)?).install()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    /// None until a monitor starts.
    connection: Option<Connection>,
    /// Until it starts.
    budgets: Option<Budgets>,
    follower: Option<Follower>,
    retention: Retention,
    keeper: Option<Keeper>,
    closer: Closer,
    /// Who writes, and what it was set up with.
    configuration: Option<(String, Text)>,
}

/// After what could not be deleted.
const RETRY: Duration = Duration::from_secs(10);
/// How long is waited for a file that others hold, and between two tries.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);
const STEP: Duration = Duration::from_millis(2);

/// Waits for others who write: up to five seconds, in steps so short that whoever waits longest is not left behind, as with the
/// growing ones of SQLite itself.
pub(super) fn waits(tries: i32) -> bool {
    std::thread::sleep(STEP);
    u128::from(tries.unsigned_abs()) * STEP.as_millis() < PATIENCE.as_millis()
}

impl Sqlite {
    /// Opens a history for writing. Where there is none it is made, once a monitor starts.
    ///
    /// # Errors
    /// When the file is something else, cannot be read, or was written by a later version, or when there is no such
    /// folder. Nothing is changed then.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, HistoryError> {
        let path = path.as_ref().to_owned();
        if cfg!(feature = "disabled") {
            return Ok(Self::at(path));
        }
        if path.as_os_str().is_empty() {
            // SQLite would take it for a file that is deleted in the end.
            return Err(HistoryError::NoFolder(path));
        }
        schema::look(&path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            return Err(HistoryError::NoFolder(path));
        }
        Ok(Self::at(path))
    }

    fn at(path: PathBuf) -> Self {
        let (retention, keeper, configuration) = (Retention::default(), None, None);
        let closer = Closer::default();
        Self {
            path,
            connection: None,
            budgets: None,
            follower: None,
            retention,
            keeper,
            closer,
            configuration,
        }
    }

    /// Waits a while for others who make the file or change its mode: for that SQLite itself does not wait.
    pub(super) fn connect(&self) -> Result<Connection, HistoryError> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.try_to_connect() {
                Err(error) if error.is_busy() && Instant::now() < end => std::thread::sleep(PAUSE),
                done => return done,
            }
        }
    }

    fn try_to_connect(&self) -> Result<Connection, HistoryError> {
        let failed = HistoryError::sqlite(&self.path);
        let mut connection = Connection::open(&self.path).map_err(&failed)?;
        connection.busy_handler(Some(waits)).map_err(&failed)?;
        schema::prepare(&mut connection, &self.path)?;
        // With WAL and NORMAL a killed process loses nothing that was committed; a power cut may lose the last
        // commits, never the file.
        connection.pragma_update(None, "journal_mode", "WAL").map_err(&failed)?;
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(&failed)?;
        Ok(connection)
    }

    fn connection(&mut self) -> Result<&mut Connection, ExportError> {
        if self.connection.is_none() {
            let refused = |error: HistoryError| ExportError::Refused { reason: error.to_string() };
            self.connection = Some(self.connect().map_err(refused)?);
        }
        self.connection.as_mut().ok_or_else(|| ExportError::Refused { reason: "not connected".to_owned() })
    }
}

impl Exporter for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn settings(&mut self, settings: &Settings) {
        self.retention = settings.retention;
        let service = settings.resource.service_name.as_ref().map_or("agent", Text::as_str);
        self.configuration = settings.configuration.clone().map(|detail| (service.to_owned(), detail));
    }

    fn alert_memory(&self) -> Option<Box<dyn AlertMemory>> {
        Some(Box::new(Kept::at(self.path.clone())))
    }

    fn budgets(&mut self, budgets: Budgets) {
        self.budgets = budgets.claim().then_some(budgets);
    }

    fn start(&mut self) -> Result<(), ExportError> {
        let configuration = self.configuration.take();
        let service = configuration.as_ref().map_or("agent", |(service, _)| service).to_owned();
        self.keeper = Keeper::new(self.retention, service);
        let keeps_all = self.keeper.is_none();
        let connection = self.connection()?;
        let mut account = || {
            if !keeps_all {
                Keeper::prepare(connection)?;
            }
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if let Some((service, detail)) = &configuration {
                let detail = serde_json::from_str(detail).unwrap_or_default();
                audit::configured(&transaction, service, &detail)?;
            }
            transaction.commit()
        };
        account().map_err(|error: rusqlite::Error| ExportError::Refused {
            reason: format!("cannot write the history: {error}"),
        })?;
        if let Some(budgets) = self.budgets.take() {
            let follower = Follower::start(&self.path, budgets);
            self.follower = Some(follower.map_err(|reason| ExportError::Refused { reason })?);
        }
        Ok(())
    }

    fn tick(&mut self) -> Option<Duration> {
        let connection = self.connection.as_mut()?;
        let follow = self.follower.as_mut().map(|follower| follower.look(connection));
        // A history that is busy is looked at again.
        let keep = self.keeper.as_mut().map(|keeper| keeper.look(connection).unwrap_or(RETRY));
        let close = self.closer.look(connection).unwrap_or(RETRY);
        follow.into_iter().chain(keep).chain([close]).min()
    }

    fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
        let written = write(self.connection()?, batch);
        if let (Ok((before, after)), Some(follower), Some(connection)) =
            (&written, &mut self.follower, &self.connection)
        {
            follower.wrote(connection, *before, *after);
        }
        written.map(|_| ()).map_err(|error| {
            let reason = format!("cannot write {}: {error}", self.path.display());
            match error.sqlite_error_code() {
                Some(
                    rusqlite::ErrorCode::DatabaseBusy
                    | rusqlite::ErrorCode::DatabaseLocked
                    | rusqlite::ErrorCode::DiskFull
                    | rusqlite::ErrorCode::SystemIoFailure
                    | rusqlite::ErrorCode::CannotOpen,
                ) => ExportError::Busy { after: Duration::from_millis(500), reason },
                _ => ExportError::Refused { reason },
            }
        })
    }
}

/// Writes a batch; gives the last rows before and after it.
fn write(connection: &mut Connection, batch: &Batch) -> rusqlite::Result<(Rows, Rows)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = Rows::last(&transaction)?;
    all(&transaction, batch, &mut |_| Ok(true))?;
    let after = Rows::last(&transaction)?;
    transaction.commit()?;
    Ok((before, after))
}

/// Writes those events of a batch that are to be taken: rows and sums.
pub(super) fn all(
    transaction: &Transaction<'_>,
    batch: &Batch,
    takes: &mut dyn FnMut(&Event) -> rusqlite::Result<bool>,
) -> rusqlite::Result<()> {
    let mut hours: HashMap<(Timestamp, Key), Aggregate> = HashMap::new();
    let mut by_session = sessions::Sums::new();
    {
        let mut call = transaction.prepare_cached(rows::INSERT_CALL)?;
        let mut fact = transaction.prepare_cached(rows::INSERT_FACT)?;
        for event in batch.events.iter() {
            if !takes(event)? {
                continue;
            }
            let completed = complete(transaction, &batch.resource, event)?;
            let event = completed.as_ref().unwrap_or(event);
            match event {
                Event::Call(record) if record.sampled => {
                    rows::insert_call(&mut call, &batch.resource, record)?;
                }
                Event::Call(_) => {}
                event => rows::insert_fact(&mut fact, &batch.resource, event)?,
            }
            sessions::count(&mut by_session, event);
            let hour = event.at().hour();
            Aggregate::sum_up(&batch.resource, event, &mut |key, add| {
                add(hours.entry((hour, key.only(Dimension::ROLLUP))).or_default());
            });
        }
    }
    let mut days: HashMap<(Timestamp, Key), Aggregate> = HashMap::new();
    for ((hour, key), aggregate) in &hours {
        days.entry((hour.day(), key.clone())).or_default().merge(aggregate);
    }
    for (table, slices) in [("hourly", hours), ("daily", days)] {
        merge(transaction, table, slices)?;
    }
    sessions::add(transaction, &by_session)
}

/// A fact about a call that ended earlier, or elsewhere, lacks what is known of the call: look it up.
fn complete(
    transaction: &Transaction<'_>,
    resource: &Resource,
    event: &Event,
) -> rusqlite::Result<Option<Event>> {
    let event = of_its_call(transaction, event)?.map_or(Cow::Borrowed(event), Cow::Owned);
    if let Event::Label(label) = event.as_ref()
        && let Some(other) = labels::other_side(transaction, resource, label)?
    {
        let mut label = label.clone();
        label.join(&other);
        return Ok(Some(Event::Label(label)));
    }
    Ok(if let Cow::Owned(event) = event { Some(event) } else { None })
}

/// What is known of the call that a fact is about.
fn of_its_call(transaction: &Transaction<'_>, event: &Event) -> rusqlite::Result<Option<Event>> {
    let Some(call) = event.fact().filter(|fact| fact.subject.is_none()).and_then(|fact| fact.call) else {
        return Ok(None);
    };
    let mut statement = transaction.prepare_cached(
        "SELECT name, operation, provider, model, session, user, feature, strategy, prompt, prompt_version,
            cache_key
         FROM calls
         WHERE span_id = ?1 AND trace_id = ?2",
    )?;
    let found = statement
        .query_row((call.span.to_bytes(), call.trace.to_bytes()), |row| {
            let text =
                |column: usize| Ok::<_, rusqlite::Error>(Some(Text::from(row.get::<_, String>(column)?)));
            let mut columns = Vec::new();
            for column in 0..11 {
                columns.push(text(column)?.filter(|text| !text.is_empty()));
            }
            Ok(columns)
        })
        .optional()?;
    let Some([name, operation, provider, model, session, user, feature, strategy, prompt, version, key]) =
        found.and_then(|columns| <[Option<Text>; 11]>::try_from(columns).ok())
    else {
        return Ok(None);
    };
    let mut event = event.clone();
    if let Some(fact) = event.fact_mut() {
        let operation = operation.and_then(|name| name.parse().ok()).unwrap_or(Operation::InvokeAgent);
        let mut subject = Subject::new(name.unwrap_or(Text::literal("")), operation, provider, model);
        subject.prompt = prompt.map(|name| Prompt::new(name, version));
        subject.cache_key = key;
        let mut scope = Scope::default();
        (scope.session, scope.user, scope.feature, scope.strategy) = (session, user, feature, strategy);
        fact.complete(subject, scope);
    }
    Ok(Some(event))
}

/// Adds aggregates to those that are stored.
fn merge(
    transaction: &Transaction<'_>,
    table: &str,
    slices: HashMap<(Timestamp, Key), Aggregate>,
) -> rusqlite::Result<()> {
    let (keys, figures): (Vec<_>, Vec<_>) = (schema::dimensions().collect(), schema::figures().collect());
    let same: Vec<_> = keys.iter().enumerate().map(|(n, column)| format!("{column} = ?{}", n + 2)).collect();
    let slots = vec!["?"; 1 + same.len() + figures.len()];
    let mut find = transaction.prepare_cached(&format!(
        "SELECT {} FROM {table} WHERE start = ?1 AND {}",
        figures.join(", "),
        same.join(" AND ")
    ))?;
    // A table that was brought up to date has its columns in another order.
    let mut put = transaction.prepare_cached(&format!(
        "INSERT OR REPLACE INTO {table} (start, {}, {}) VALUES ({})",
        keys.join(", "),
        figures.join(", "),
        slots.join(", ")
    ))?;
    for ((start, key), mut aggregate) in slices {
        let mut values = vec![Value::Integer(start.nanos())];
        for dimension in Dimension::ROLLUP {
            values.push(Value::Text(key.get(*dimension).map_or_else(String::new, ToString::to_string)));
        }
        let stored =
            find.query_row(params_from_iter(&values), |row| super::read::aggregate(row, 0)).optional()?;
        if let Some(stored) = stored {
            aggregate.merge(&stored);
        }
        values.extend(aggregate.numbers().into_iter().map(Value::Integer));
        values.extend(aggregate.sketches().map(|sketch| Value::Blob(sketch.encode())));
        put.execute(params_from_iter(&values))?;
    }
    Ok(())
}

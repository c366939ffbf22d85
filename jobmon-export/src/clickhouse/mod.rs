//! [`ClickHouse`]: writes the history of many machines; [`ClickHouseHistory`] reads it.

mod alerts;
mod calls;
mod client;
mod complete;
mod engine;
mod import;
mod rows;
mod schema;
#[cfg(feature = "ingest")]
mod spans;
mod upkeep;

pub use engine::ClickHouseHistory;
pub use import::ClickHouseImporter;
#[cfg(feature = "ingest")]
pub use spans::ClickHouseSpans;

use crate::http::Trouble;
use client::Client;
use jobmon_core::{AlertMemory, Batch, ExportError, Exporter, Retention, Settings, TraceId};
use std::fmt;
use std::time::Duration;

/// After what could not be written.
const RETRY: Duration = Duration::from_secs(1);

/// Writes the history of many machines to ClickHouse, over HTTP: single events with typed columns, and sums by hour and day that
/// materialised views keep. Tables are made where there are none.
///
/// ```no_run
/// use jobmon_export::{ClickHouse, Monitor};
/// let _guard = Monitor::builder().exporter(ClickHouse::to("clickhouse://127.0.0.1:8123/jobmon")?).install()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Each batch is one insert. Where its answer is lost, it is looked for before it is sent again, so that nothing counts twice.
#[derive(Debug)]
pub struct ClickHouse {
    client: Client,
    retention: Retention,
    is_async: bool,
    /// The id of a batch that may have been written.
    unsure: Option<String>,
}

/// An address is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClickHouseError(String);

impl fmt::Display for ClickHouseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ClickHouseError {}

impl ClickHouse {
    /// To an address such as `clickhouse://user:password@host:8123/database`; `https://` for TLS. Nothing is asked until a monitor
    /// starts.
    ///
    /// # Errors
    /// When it is no address.
    pub fn to(url: &str) -> Result<Self, ClickHouseError> {
        let client = Client::to(url).map_err(ClickHouseError)?;
        Ok(Self { client, retention: Retention::default(), is_async: true, unsure: None })
    }

    /// Whether ClickHouse may gather inserts of many agents before it writes them (`async_insert`); the answer is waited for either
    /// way. On by default.
    #[must_use]
    pub const fn async_inserts(mut self, on: bool) -> Self {
        self.is_async = on;
        self
    }

    /// Makes what is not there, for who reads or imports.
    fn ready(&self) -> Result<(), ClickHouseError> {
        self.prepare().map_err(|trouble| {
            let (Trouble::Wrong(reason) | Trouble::Away(reason)) = trouble;
            ClickHouseError(format!("ClickHouse cannot be used: {reason}"))
        })
    }

    fn prepare(&self) -> Result<(), Trouble> {
        // Who may only read asks nothing else.
        let found = match self.version() {
            Ok(found) if found >= schema::VERSION => found,
            Err(Trouble::Away(reason)) => return Err(Trouble::Away(reason)),
            _ => {
                for statement in schema::statements(&self.client.database) {
                    self.client.run(&statement)?;
                }
                self.version()?
            }
        };
        if found > schema::VERSION {
            let text = format!(
                "its tables were made by a later version of jobmon (schema {found}; this one knows up to {})",
                schema::VERSION
            );
            return Err(Trouble::Wrong(text));
        }
        Self::keep(&self.client, self.retention)
    }

    /// Says how long what is kept, where that is not so yet: saying it again would be a change.
    fn keep(client: &Client, retention: Retention) -> Result<(), Trouble> {
        for (statement, table, done) in schema::keeping(&client.database, retention) {
            if !Self::created(client, table)?.contains(&done) {
                client.run(&statement)?;
            }
        }
        Ok(())
    }

    /// The statement that would make a table.
    fn created(client: &Client, table: &str) -> Result<String, Trouble> {
        let mut text = String::new();
        client.lines(
            &format!("SHOW CREATE TABLE {}.{table} FORMAT TSVRaw", client.database),
            &mut |line| {
                text.push_str(line.trim());
                text.push(' ');
                Ok(())
            },
        )?;
        Ok(text)
    }

    /// The version of the tables that are there; 0 where they are not whole.
    fn version(&self) -> Result<u32, Trouble> {
        let mut found = 0;
        let ask = format!("SELECT max(version) FROM {}.jobmon_schema FORMAT TSVRaw", self.client.database);
        self.client.lines(&ask, &mut |line| {
            found = line.parse().unwrap_or(0);
            Ok(())
        })?;
        Ok(found)
    }

    /// Whether a batch is there.
    fn has(&self, id: &str) -> Result<bool, Trouble> {
        let ask = format!(
            "SELECT count() FROM {}.batches WHERE batch = '{id}' FORMAT TSVRaw",
            self.client.database
        );
        let mut count = 0_u64;
        self.client.lines(&ask, &mut |line| {
            count = line.parse().unwrap_or(0);
            Ok(())
        })?;
        Ok(count > 0)
    }
}

fn told(trouble: Trouble) -> ExportError {
    match trouble {
        Trouble::Wrong(reason) => ExportError::Refused { reason },
        Trouble::Away(reason) => ExportError::Busy { after: RETRY, reason },
    }
}

impl Exporter for ClickHouse {
    fn name(&self) -> &'static str {
        "clickhouse"
    }

    fn alert_memory(&self) -> Option<Box<dyn AlertMemory>> {
        Some(Box::new(alerts::Kept::of(ClickHouseHistory { client: self.client.clone() })))
    }

    fn settings(&mut self, settings: &Settings) {
        self.retention = settings.retention;
    }

    fn start(&mut self) -> Result<(), ExportError> {
        self.prepare().map_err(|trouble| match trouble {
            Trouble::Wrong(reason) | Trouble::Away(reason) => ExportError::Refused { reason },
        })
    }

    fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
        // A batch is offered again until it is taken, before any other.
        let id = match self.unsure.take() {
            Some(id) => {
                if self.has(&id).inspect_err(|_| self.unsure = Some(id.clone())).map_err(told)? {
                    return Ok(());
                }
                id
            }
            None => TraceId::random().to_string(),
        };
        let events = match complete::complete(&self.client, batch) {
            Ok(events) => events,
            Err(trouble) => {
                self.unsure = Some(id);
                return Err(told(trouble));
            }
        };
        let lines = rows::of_batch(&batch.resource, &events, &id);
        self.client.insert("ingest", &lines, self.is_async).map_err(|trouble| {
            if let Trouble::Away(_) = trouble {
                self.unsure = Some(id);
            }
            told(trouble)
        })
    }
}

//! Where a history is, and what commands and pages want of it: a file, a ClickHouse, or spans that others wrote to one.

use crate::commands::{Message, message};
use crate::history::actor;
use clap::Args as Group;
use jobmon_core::{
    AlertState, End, Engine, EngineError, Event, Filter, Range, Resource, Settings, Text, Timestamp, TraceId,
};
use jobmon_export::{
    AlertChange, ClickHouseHistory, ClickHouseImporter, ClickHouseSpans, History, HistoryAlerts, Imported,
    Importer, KeptCall, KnownCall, SetupError, Sqlite,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the history is.
#[derive(Clone, Debug, Group)]
pub(crate) struct Source {
    /// The history
    #[arg(long, value_name = "FILE", env = "JOBMON_SQLITE_PATH", default_value = "jobmon.db")]
    pub(crate) db: PathBuf,
    /// A history in ClickHouse instead, such as `clickhouse://user:password@127.0.0.1:8123/jobmon`; with the table of a Collector
    /// after the database, its spans: `clickhouse://127.0.0.1:8123/otel/otel_traces`
    #[arg(long, value_name = "URL", env = "JOBMON_HISTORY", hide_env_values = true)]
    pub(crate) history: Option<String>,
}

/// A history whose single calls and alerts can be looked at.
pub(crate) trait Archive: Engine {
    /// The newest calls, newest first.
    fn latest_calls(
        &self,
        range: Range,
        filters: &[Filter],
        end: Option<End>,
        most: usize,
    ) -> Result<Vec<KeptCall>, EngineError>;
    /// The calls of a trace, and the facts about them.
    fn trace(&self, trace: TraceId) -> Result<(Vec<KeptCall>, Vec<Event>), EngineError>;
    /// A number that only grows with what is written.
    fn last_call_row(&self) -> Result<i64, EngineError>;
    /// Calls that were written after such a number, each with its own.
    fn calls_after_row(&self, row: i64, most: usize) -> Result<Vec<(i64, KeptCall)>, EngineError>;
    /// Where alerts stand.
    fn alert_states(&self) -> Result<Vec<(Resource, AlertState)>, Message>;
    /// What became of alerts.
    fn alert_changes(&self, range: Range, most: usize) -> Result<Vec<AlertChange>, Message>;
    /// Which alerts are silenced, and until when.
    fn silences(&self) -> Result<BTreeMap<Text, Timestamp>, Message>;
    /// Alerts that agents had when they started last.
    fn alert_names(&self) -> Result<BTreeSet<Text>, Message>;
}

macro_rules! archive {
    ($kind:ty { $($alerts:item)* }) => {
        impl Archive for $kind {
            fn latest_calls(
                &self,
                range: Range,
                filters: &[Filter],
                end: Option<End>,
                most: usize,
            ) -> Result<Vec<KeptCall>, EngineError> {
                self.latest_calls(range, filters, end, most)
            }

            fn trace(&self, trace: TraceId) -> Result<(Vec<KeptCall>, Vec<Event>), EngineError> {
                self.trace(trace)
            }

            fn last_call_row(&self) -> Result<i64, EngineError> {
                self.last_call_row()
            }

            fn calls_after_row(&self, row: i64, most: usize) -> Result<Vec<(i64, KeptCall)>, EngineError> {
                self.calls_after_row(row, most)
            }

            $($alerts)*
        }
    };
}

archive!(History {
    fn alert_states(&self) -> Result<Vec<(Resource, AlertState)>, Message> {
        self.alert_states().map_err(message)
    }

    fn alert_changes(&self, range: Range, most: usize) -> Result<Vec<AlertChange>, Message> {
        self.alert_changes(range, most).map_err(message)
    }

    fn silences(&self) -> Result<BTreeMap<Text, Timestamp>, Message> {
        self.silences().map_err(message)
    }

    fn alert_names(&self) -> Result<BTreeSet<Text>, Message> {
        self.alert_names().map_err(message)
    }
});

archive!(ClickHouseHistory {
    fn alert_states(&self) -> Result<Vec<(Resource, AlertState)>, Message> {
        self.alert_states().map_err(message)
    }

    fn alert_changes(&self, range: Range, most: usize) -> Result<Vec<AlertChange>, Message> {
        self.alert_changes(range, most).map_err(message)
    }

    fn silences(&self) -> Result<BTreeMap<Text, Timestamp>, Message> {
        self.silences().map_err(message)
    }

    // Agents keep no account of themselves there.
    fn alert_names(&self) -> Result<BTreeSet<Text>, Message> {
        Ok(BTreeSet::new())
    }
});

// A table of spans has nothing of alerts.
archive!(ClickHouseSpans {
    fn alert_states(&self) -> Result<Vec<(Resource, AlertState)>, Message> {
        Ok(Vec::new())
    }

    fn alert_changes(&self, _: Range, _: usize) -> Result<Vec<AlertChange>, Message> {
        Ok(Vec::new())
    }

    fn silences(&self) -> Result<BTreeMap<Text, Timestamp>, Message> {
        Ok(BTreeMap::new())
    }

    fn alert_names(&self) -> Result<BTreeSet<Text>, Message> {
        Ok(BTreeSet::new())
    }
});

/// Takes events of elsewhere, each once.
pub(crate) trait Keep: Send {
    /// The calls of a trace that are there.
    fn known(&self, trace: TraceId) -> Result<Vec<KnownCall>, Message>;
    /// Writes those of one producer that are not there.
    fn write(&mut self, resource: Resource, events: Vec<Event>) -> Result<Imported, Message>;
    /// Tells the account of what was done what was written, from where.
    fn account(&mut self, done: Imported, source: &str) -> Result<(), Message>;
}

impl Keep for Importer {
    fn known(&self, trace: TraceId) -> Result<Vec<KnownCall>, Message> {
        self.known(trace).map_err(message)
    }

    fn write(&mut self, resource: Resource, events: Vec<Event>) -> Result<Imported, Message> {
        self.write(resource, events).map_err(message)
    }

    fn account(&mut self, done: Imported, source: &str) -> Result<(), Message> {
        self.account(done, source, &actor()).map_err(message)
    }
}

impl Keep for ClickHouseImporter {
    fn known(&self, trace: TraceId) -> Result<Vec<KnownCall>, Message> {
        self.known(trace).map_err(message)
    }

    fn write(&mut self, resource: Resource, events: Vec<Event>) -> Result<Imported, Message> {
        self.write(resource, events).map_err(message)
    }

    // Its own `system.query_log` has who wrote what.
    fn account(&mut self, _: Imported, _: &str) -> Result<(), Message> {
        Ok(())
    }
}

/// What only refuses.
struct ReadOnly;

pub(crate) const READ_ONLY: &str = "a table of spans is only read: name a database of jobmon, such as `clickhouse://127.0.0.1:8123/jobmon`, \
                         or send to the Collector";

impl Keep for ReadOnly {
    fn known(&self, _: TraceId) -> Result<Vec<KnownCall>, Message> {
        Ok(Vec::new())
    }

    fn write(&mut self, _: Resource, _: Vec<Event>) -> Result<Imported, Message> {
        Err(READ_ONLY.to_owned())
    }

    fn account(&mut self, _: Imported, _: &str) -> Result<(), Message> {
        Ok(())
    }
}

/// A history that can be looked at again and again.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    File(PathBuf),
    ClickHouse { history: ClickHouseHistory, url: String },
    Spans { spans: Arc<ClickHouseSpans>, url: String },
}

impl Place {
    /// Reads what there is now.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&dyn Archive) -> Result<T, Message>,
    ) -> Result<T, Message> {
        match self {
            Self::File(path) => read(&History::open(path).map_err(message)?),
            Self::ClickHouse { history, .. } => read(history),
            Self::Spans { spans, .. } => read(&**spans),
        }
    }

    /// To be written by servers and imports; a file is made where there is none.
    pub(crate) fn writer(&self) -> Result<Box<dyn Keep>, Message> {
        Ok(match self {
            Self::File(path) => Box::new(Importer::open(path).map_err(message)?),
            Self::ClickHouse { url, .. } => Box::new(ClickHouseImporter::open(url).map_err(message)?),
            Self::Spans { .. } => Box::new(ReadOnly),
        })
    }

    /// The alerts of a configuration, over all that is there.
    pub(crate) fn alerts(&self, config: Option<&Path>) -> Result<Option<HistoryAlerts>, SetupError> {
        match self {
            Self::File(path) => HistoryAlerts::open(path, config),
            Self::ClickHouse { history, .. } => HistoryAlerts::clickhouse(history, config),
            Self::Spans { spans, .. } => HistoryAlerts::over(spans, config),
        }
    }
}

/// Without who asks, and with which password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::ClickHouse { url, .. } | Self::Spans { url, .. } => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
                write!(f, "{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host))
            }
        }
    }
}

impl Source {
    /// Where that is; prices and redaction are for spans alone, whose calls have none yet.
    pub(crate) fn place(
        &self,
        settings: impl FnOnce() -> Result<Settings, Message>,
    ) -> Result<Place, Message> {
        let Some(url) = &self.history else { return Ok(Place::File(self.db.clone())) };
        let url = url.clone();
        if ClickHouseSpans::is_meant(&url) {
            let spans = ClickHouseSpans::open(&url, settings()?).map_err(message)?;
            return Ok(Place::Spans { spans: Arc::new(spans), url });
        }
        let history = ClickHouseHistory::open(&url).map_err(message)?;
        Ok(Place::ClickHouse { history, url })
    }

    /// With the configuration that is around.
    pub(crate) fn here(&self) -> Result<Place, Message> {
        self.place(|| jobmon_export::settings(None).map_err(message))
    }

    /// To be read.
    pub(crate) fn open(&self) -> Result<Box<dyn Archive>, Message> {
        Ok(match self.here()? {
            Place::File(path) => Box::new(History::open(path).map_err(message)?),
            Place::ClickHouse { history, .. } => Box::new(history),
            Place::Spans { spans, .. } => Box::new(Arc::into_inner(spans).ok_or("it is read already")?),
        })
    }

    /// For what is done to files alone.
    pub(crate) fn file(&self, what: &str) -> Result<&Path, Message> {
        match &self.history {
            None => Ok(&self.db),
            Some(_) => Err(format!(
                "{what} is for a history in a file (`--db`); what ClickHouse has for it is in docs/clickhouse.md"
            )),
        }
    }

    /// Silences an alert, or ends that; gives until when it was silenced before.
    pub(crate) fn silence(
        &self,
        alert: &str,
        until: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, Message> {
        match self.here()? {
            Place::File(path) => Sqlite::silence(path, alert, until, &actor()).map_err(message),
            Place::ClickHouse { history, .. } => history.silence(alert, until).map_err(message),
            Place::Spans { .. } => Err(READ_ONLY.to_owned()),
        }
    }
}

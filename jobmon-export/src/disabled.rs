//! What stands in for exporters while jobmon is disabled, so that a program need not change to leave them out: the
//! same names and methods, without what they depend on. Each is used only where the exporter's own feature is off.

#![allow(
    clippy::unnecessary_wraps,
    dead_code,
    unreachable_pub,
    reason = "exporters whose feature is on replace some of these"
)]

use crate::account::{
    Action, AlertChange, AuditBroken, AuditEntry, AuditHead, Difference, Erased, Imported, KeptCall, Pruned,
};
use crate::repriced::Repriced;
use jobmon_core::{
    Aggregate, AlertState, Batch, End, Engine, EngineError, Event, ExportError, Exporter, Filter, Key,
    Prices, Query, Range, Resource, Retention, Text, Timestamp, TraceId, UserKey,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

macro_rules! idle {
    ($($exporter:ident $name:literal)*) => {
        $(impl Exporter for $exporter {
            fn name(&self) -> &'static str {
                $name
            }

            fn export(&mut self, _: &Batch) -> Result<(), ExportError> {
                Ok(())
            }
        })*
    };
}
idle!(ClickHouse "clickhouse" Console "console" Jsonl "jsonl" Otlp "otlp" Prometheus "prometheus" Sqlite "sqlite");

/// Writes nothing.
#[derive(Debug)]
#[non_exhaustive]
pub struct ClickHouse;

impl ClickHouse {
    /// To nowhere.
    ///
    /// # Errors
    /// None.
    pub fn to(_: &str) -> Result<Self, ClickHouseError> {
        Ok(Self)
    }

    /// Does nothing.
    #[must_use]
    pub const fn async_inserts(self, _: bool) -> Self {
        self
    }
}

/// A history in ClickHouse that is not read.
#[derive(Debug)]
pub struct ClickHouseHistory(Infallible);

impl ClickHouseHistory {
    /// Asks nothing.
    ///
    /// # Errors
    /// Always: nothing is read while jobmon is disabled.
    pub fn open(_: &str) -> Result<Self, ClickHouseError> {
        Err(ClickHouseError("nothing is read from ClickHouse: jobmon is disabled"))
    }
}

impl Engine for ClickHouseHistory {
    fn scan(&self, _: &Query, _: &mut dyn FnMut(Timestamp, &Key, &Aggregate)) -> Result<(), EngineError> {
        match self.0 {}
    }
}

/// A history in ClickHouse that is not written.
#[derive(Debug)]
pub struct ClickHouseImporter(Infallible);

impl ClickHouseImporter {
    /// Asks nothing.
    ///
    /// # Errors
    /// Always: nothing is written while jobmon is disabled.
    pub fn open(_: &str) -> Result<Self, ClickHouseError> {
        Err(ClickHouseError("nothing is written to ClickHouse: jobmon is disabled"))
    }
}

/// Why nothing is read from ClickHouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClickHouseError(&'static str);

impl fmt::Display for ClickHouseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for ClickHouseError {}

/// Prints nothing.
#[derive(Debug)]
#[non_exhaustive]
pub struct Console;

impl Console {
    /// On standard error.
    pub fn stderr() -> Self {
        Self
    }

    /// On standard output.
    pub fn stdout() -> Self {
        Self
    }

    /// To anything that can be written to.
    pub fn to(_: impl Write + Send + 'static) -> Self {
        Self
    }

    /// With or without colours.
    #[must_use]
    pub const fn with_colour(self, _: bool) -> Self {
        self
    }

    /// With or without the table at the end.
    #[must_use]
    pub const fn with_summary(self, _: bool) -> Self {
        self
    }

    /// With or without a line for each call.
    #[must_use]
    pub const fn with_lines(self, _: bool) -> Self {
        self
    }
}

/// Opens and writes no file.
#[derive(Debug)]
#[non_exhaustive]
pub struct Jsonl;

impl Jsonl {
    /// Opens nothing.
    ///
    /// # Errors
    /// None.
    pub fn open(_: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self)
    }
}

/// Sends nothing.
#[derive(Debug)]
#[non_exhaustive]
pub struct Otlp;

macro_rules! ignoring {
    ($($method:ident($($argument:ty),*))*) => {
        $(
            /// Does nothing.
            #[must_use]
            pub fn $method(self, $(_: $argument),*) -> Self {
                self
            }
        )*
    };
}

impl Otlp {
    /// To nowhere.
    pub fn to(_: impl Into<String>) -> Self {
        Self
    }

    /// To nowhere.
    ///
    /// # Errors
    /// None.
    pub fn from_env() -> Result<Self, OtlpError> {
        Ok(Self)
    }

    /// To nowhere.
    pub fn logfire(_: &str, _: &str) -> Self {
        Self
    }

    /// To nowhere.
    pub fn langfuse(_: &str, _: &str, _: &str) -> Self {
        Self
    }

    ignoring! {
        name(impl Into<Text>)
        grpc()
        header(impl Into<String>, impl Into<String>)
        timeout(std::time::Duration)
        gzip(bool)
        certificate(impl Into<PathBuf>)
        client_certificate(impl Into<PathBuf>, impl Into<PathBuf>)
        profile(Profile)
        spool(impl Into<PathBuf>)
        spool_limit(u64)
        memory_limit(usize)
        max_request_bytes(usize)
        batch_delay(std::time::Duration)
        metric_interval(std::time::Duration)
        delta(bool)
        max_series(usize)
        content(ContentPlacement)
        content_limit(usize)
        signals(bool, bool, bool)
        only_traces()
    }
}

/// Never happens while jobmon is disabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpError(Infallible);

impl fmt::Display for OtlpError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {}
    }
}

impl std::error::Error for OtlpError {}

/// A dialect that nothing is sent in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// OpenTelemetry's.
    #[default]
    Otel,
    /// Logfire's.
    Logfire,
    /// Langfuse's.
    Langfuse,
    /// OpenInference's.
    OpenInference,
    /// That of earlier conventions.
    Compat,
}

impl Profile {
    /// Any name will do.
    ///
    /// # Errors
    /// None.
    pub fn named(_: &str) -> Result<Self, String> {
        Ok(Self::Otel)
    }
}

/// Where content would go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentPlacement {
    /// Nowhere.
    None,
    /// On spans.
    #[default]
    Spans,
    /// In events.
    Events,
    /// Both.
    SpansAndEvents,
}

impl ContentPlacement {
    /// Any name will do.
    ///
    /// # Errors
    /// None.
    pub fn named(_: &str) -> Result<Self, String> {
        Ok(Self::None)
    }
}

/// Serves and writes nothing.
#[derive(Debug)]
#[non_exhaustive]
pub struct Prometheus;

impl Prometheus {
    /// Listens nowhere.
    ///
    /// # Errors
    /// None.
    pub fn listen(_: impl std::net::ToSocketAddrs + fmt::Display) -> io::Result<Self> {
        Ok(Self)
    }

    /// Writes nothing.
    pub fn file(_: impl Into<PathBuf>) -> Self {
        Self
    }

    /// There is no page.
    pub const fn local_addr(&self) -> Option<std::net::SocketAddr> {
        None
    }

    ignoring! {
        and_file(impl Into<PathBuf>)
        max_series(usize)
    }
}

/// Opens and writes no file.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sqlite;

impl Sqlite {
    /// Opens nothing.
    ///
    /// # Errors
    /// None.
    pub fn open(_: impl AsRef<Path>) -> Result<Self, HistoryError> {
        Ok(Self)
    }
}

impl Sqlite {
    /// Finds no history.
    ///
    /// # Errors
    /// Always [`HistoryError::Missing`]. Pricing one again needs the feature `sqlite`.
    pub fn reprice(
        path: impl AsRef<Path>,
        _: Range,
        _: &Prices,
        _: bool,
        _: &str,
    ) -> Result<Repriced, HistoryError> {
        Err(HistoryError::Missing(path.as_ref().to_owned()))
    }

    /// Finds no history.
    ///
    /// # Errors
    /// Always [`HistoryError::Missing`]. Silencing an alert in one needs the feature `sqlite`.
    pub fn silence(
        path: impl AsRef<Path>,
        _: &str,
        _: Option<Timestamp>,
        _: &str,
    ) -> Result<Option<Timestamp>, HistoryError> {
        Err(HistoryError::Missing(path.as_ref().to_owned()))
    }

    /// Finds no history.
    ///
    /// # Errors
    /// Always [`HistoryError::Missing`]. Vacuuming one needs the feature `sqlite`.
    pub fn vacuum(path: impl AsRef<Path>) -> Result<(u64, u64), HistoryError> {
        Err(HistoryError::Missing(path.as_ref().to_owned()))
    }

    /// Takes no events.
    ///
    /// # Errors
    /// Always [`HistoryError::Missing`]. Importing into one needs the feature `sqlite`.
    pub fn import(
        path: impl AsRef<Path>,
        _: impl IntoIterator<Item = (Resource, Event)>,
        _: &str,
        _: &str,
    ) -> Result<Imported, HistoryError> {
        Err(HistoryError::Missing(path.as_ref().to_owned()))
    }

    /// Finds no history.
    ///
    /// # Errors
    /// Always [`HistoryError::Missing`]. Erasing a user from one needs the feature `sqlite`.
    pub fn erase_user(
        path: impl AsRef<Path>,
        _: &str,
        _: Option<&UserKey>,
        _: &str,
    ) -> Result<Erased, HistoryError> {
        Err(HistoryError::Missing(path.as_ref().to_owned()))
    }

    /// Finds no history.
    ///
    /// # Errors
    /// Always [`HistoryError::Missing`]. Pruning one needs the feature `sqlite`.
    pub fn prune(path: impl AsRef<Path>, _: Retention, _: &str) -> Result<Pruned, HistoryError> {
        Err(HistoryError::Missing(path.as_ref().to_owned()))
    }

    /// Finds no history.
    ///
    /// # Errors
    /// Always [`HistoryError::Missing`]. Writing to one needs the feature `sqlite`.
    pub fn record_audit(path: impl AsRef<Path>, _: &str, _: Action, _: &Value) -> Result<(), HistoryError> {
        Err(HistoryError::Missing(path.as_ref().to_owned()))
    }
}

/// A history, of which there is none.
#[derive(Debug)]
pub struct History(Infallible);

impl History {
    /// Finds no history.
    ///
    /// # Errors
    /// Always [`HistoryError::Missing`]. Reading one needs the feature `sqlite`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, HistoryError> {
        Err(HistoryError::Missing(path.as_ref().to_owned()))
    }

    /// Never runs, as there is no history.
    ///
    /// # Errors
    /// None.
    pub fn silences(&self) -> Result<BTreeMap<Text, Timestamp>, HistoryError> {
        match self.0 {}
    }

    /// Never runs, as there is no history.
    ///
    /// # Errors
    /// None.
    pub fn alert_names(&self) -> Result<BTreeSet<Text>, HistoryError> {
        match self.0 {}
    }

    /// Never runs, as there is no history.
    ///
    /// # Errors
    /// None.
    pub fn audit(&self) -> Result<Vec<AuditEntry>, HistoryError> {
        match self.0 {}
    }

    /// Never runs, as there is no history.
    ///
    /// # Errors
    /// None.
    pub fn verify_audit(&self, _: Option<&str>) -> Result<Result<AuditHead, AuditBroken>, HistoryError> {
        match self.0 {}
    }

    /// Never runs, as there is no history.
    ///
    /// # Errors
    /// None.
    pub fn check(&self) -> Result<Vec<Difference>, EngineError> {
        match self.0 {}
    }

    /// Never runs, as there is no history.
    ///
    /// # Errors
    /// None.
    pub fn alert_states(&self) -> Result<Vec<(Resource, AlertState)>, HistoryError> {
        match self.0 {}
    }

    /// Never runs, as there is no history.
    ///
    /// # Errors
    /// None.
    pub fn alert_changes(&self, _: Range, _: usize) -> Result<Vec<AlertChange>, HistoryError> {
        match self.0 {}
    }

    /// Never runs, as there is no history.
    ///
    /// # Errors
    /// None.
    pub fn latest_calls(
        &self,
        _: Range,
        _: &[Filter],
        _: Option<End>,
        _: usize,
    ) -> Result<Vec<KeptCall>, EngineError> {
        match self.0 {}
    }

    /// Never runs, as there is no history.
    ///
    /// # Errors
    /// None.
    pub fn trace(&self, _: TraceId) -> Result<(Vec<KeptCall>, Vec<Event>), EngineError> {
        match self.0 {}
    }

    /// Never runs, as there is no history.
    ///
    /// # Errors
    /// None.
    pub fn last_call_row(&self) -> Result<i64, EngineError> {
        match self.0 {}
    }

    /// Never runs, as there is no history.
    ///
    /// # Errors
    /// None.
    pub fn calls_after_row(&self, _: i64, _: usize) -> Result<Vec<(i64, KeptCall)>, EngineError> {
        match self.0 {}
    }
}

impl Engine for History {
    fn scan(&self, _: &Query, _: &mut dyn FnMut(Timestamp, &Key, &Aggregate)) -> Result<(), EngineError> {
        match self.0 {}
    }
}

/// A history cannot be opened or read.
#[non_exhaustive]
pub enum HistoryError {
    /// There is no such file: all that can happen while jobmon is disabled.
    Missing(PathBuf),
    /// The folder that the file should be in does not exist.
    NoFolder(PathBuf),
    /// The file cannot be read.
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is something else.
    NotAHistory(PathBuf),
    /// A later version of jobmon wrote it.
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Missing(path)
        | Self::NoFolder(path)
        | Self::Unreadable { path, .. }
        | Self::NotAHistory(path)
        | Self::Newer { path, .. }) = self;
        write!(f, "no history is read from {}: jobmon is disabled", path.display())
    }
}

impl fmt::Debug for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for HistoryError {}

/// Writes nothing.
#[derive(Debug)]
pub struct Importer(Infallible);

impl Importer {
    /// Opens nothing.
    ///
    /// # Errors
    /// Always [`HistoryError::Missing`]. Importing needs the feature `sqlite`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, HistoryError> {
        Err(HistoryError::Missing(path.as_ref().to_owned()))
    }

    /// Never runs, as there is no history.
    ///
    /// # Errors
    /// None.
    pub fn write(&mut self, _: Resource, _: Vec<Event>) -> Result<Imported, HistoryError> {
        match self.0 {}
    }

    /// Never runs, as there is no history.
    ///
    /// # Errors
    /// None.
    pub fn account(&mut self, _: Imported, _: &str, _: &str) -> Result<(), HistoryError> {
        match self.0 {}
    }
}

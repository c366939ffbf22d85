//! [`HistoryAlerts`]: alerts looked at by who serves a history.

use super::Alerts;
use crate::config::{ChannelConfig, Config};
use crate::{History, SetupError, Sqlite};
use jobmon_core::{
    Aggregate, AlertMemory, Engine, EngineError, Event, Exporter, Key, Query, Range, Resource, Text,
    Timestamp,
};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The alerts of a configuration, looked at over all that a history has, whoever wrote it. Where they stand is kept in it.
///
/// An agent with the same alerts looks at its own calls and tells, too.
///
/// ```
/// use jobmon_export::{HistoryAlerts, Monitor, Sqlite};
/// # let folder = tempfile::tempdir()?;
/// # let (db, config) = (folder.path().join("jobmon.db"), folder.path().join("jobmon.toml"));
/// # Monitor::builder().without_config().exporter(Sqlite::open(&db)?).install_local()?;
/// std::fs::write(&config, "[[alerts]]\nname = 'errors'\ncondition = 'error_rate > 5%'")?;
/// let mut alerts = HistoryAlerts::open(&db, Some(&config))?.expect("there is one");
/// let wait = alerts.look();
/// assert!(wait.as_secs() <= 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct HistoryAlerts(Alerts);

impl HistoryAlerts {
    /// The alerts of a file, and the channels that they tell; `None` where there is none. Without a file, `JOBMON_CONFIG` or
    /// `jobmon.toml` in the working directory are looked at, as agents do.
    ///
    /// # Errors
    /// When the configuration has a mistake, a channel cannot be opened, or the file is no history.
    pub fn open(db: &Path, config: Option<&Path>) -> Result<Option<Self>, SetupError> {
        let path = db.to_owned();
        let engine = move || {
            let history = History::open(&path).map_err(|error| error.to_string())?;
            Ok(Box::new(history) as Box<dyn Engine>)
        };
        let memory = || {
            let sqlite = Sqlite::open(db)
                .map_err(|error| SetupError::Exporter { name: "sqlite", source: Box::new(error) })?;
            Ok(sqlite.alert_memory())
        };
        Self::with(config, memory, engine)
    }

    /// The same over a history in ClickHouse.
    ///
    /// # Errors
    /// When the configuration has a mistake, or a channel cannot be opened.
    #[cfg(feature = "clickhouse")]
    pub fn clickhouse(
        history: &crate::ClickHouseHistory,
        config: Option<&Path>,
    ) -> Result<Option<Self>, SetupError> {
        let memory = history.alert_memory();
        let history = history.clone();
        let engine = move || Ok(Box::new(history.clone()) as Box<dyn Engine>);
        Self::with(config, || Ok(Some(memory)), engine)
    }

    /// The same over anything that answers, which keeps nothing of where they stand: what fires at the end is told anew after a restart.
    ///
    /// # Errors
    /// When the configuration has a mistake, or a channel cannot be opened.
    pub fn over(
        engine: &Arc<impl Engine + Send + Sync + 'static>,
        config: Option<&Path>,
    ) -> Result<Option<Self>, SetupError> {
        let engine = Arc::clone(engine);
        let engine = move || Ok(Box::new(Shared(Arc::clone(&engine))) as Box<dyn Engine>);
        Self::with(config, || Ok(None), engine)
    }

    fn with(
        config: Option<&Path>,
        memory: impl FnOnce() -> Result<Option<Box<dyn AlertMemory>>, SetupError>,
        engine: impl Fn() -> Result<Box<dyn Engine>, String> + Send + 'static,
    ) -> Result<Option<Self>, SetupError> {
        let config = Config::around(config).map_err(SetupError::Config)?;
        if config.alerts.is_empty() {
            return Ok(None);
        }
        let channels = config.channels.iter().map(ChannelConfig::open).collect::<Result<_, _>>()?;
        let mut alerts = Alerts::new(config.alerts, channels, memory()?).map_err(SetupError::Alert)?;
        alerts.engine = Some(Box::new(engine));
        let mut resource = Resource::default();
        resource.service_name = Some(Text::literal("jobmon serve"));
        alerts.resource = Arc::new(resource);
        alerts.started = Some(Timestamp::now());
        Ok(Some(Self(alerts)))
    }

    /// Looks where it is time to, and tells channels. Gives the time until it is to be called again.
    pub fn look(&mut self) -> Duration {
        self.0.tick().unwrap_or(Duration::from_secs(1))
    }

    /// Tells what is still to be told.
    pub fn end(mut self) {
        let _ = self.0.shutdown();
    }
}

/// One engine for many looks.
struct Shared<E>(Arc<E>);

impl<E: Engine> Engine for Shared<E> {
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        self.0.scan(query, visit)
    }

    fn events(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        self.0.events(range, visit)
    }
}

impl fmt::Debug for HistoryAlerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistoryAlerts").finish_non_exhaustive()
    }
}

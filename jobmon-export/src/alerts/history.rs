//! [`HistoryAlerts`]: alerts looked at by who serves a history.

use super::Alerts;
use crate::config::{ChannelConfig, Config};
use crate::{History, SetupError, Sqlite};
use jobmon_core::{Engine, Exporter, Resource, Text, Timestamp};
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
        let config = Config::around(config).map_err(SetupError::Config)?;
        if config.alerts.is_empty() {
            return Ok(None);
        }
        let channels = config.channels.iter().map(ChannelConfig::open).collect::<Result<_, _>>()?;
        let sqlite = Sqlite::open(db)
            .map_err(|error| SetupError::Exporter { name: "sqlite", source: Box::new(error) })?;
        let mut alerts =
            Alerts::new(config.alerts, channels, sqlite.alert_memory()).map_err(SetupError::Alert)?;
        let db = db.to_owned();
        alerts.engine = Some(Box::new(move || {
            let history = History::open(&db).map_err(|error| error.to_string())?;
            Ok(Box::new(history) as Box<dyn Engine>)
        }));
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

impl fmt::Debug for HistoryAlerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistoryAlerts").finish_non_exhaustive()
    }
}

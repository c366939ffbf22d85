//! [`Monitor`] and [`MonitorBuilder`]: how a program sets jobmon up.

use crate::alerts::{Alerts, Channel};
use crate::config::{ChannelConfig, Config, ConfigError};
use crate::configuration;
use crate::spans::Spans;
use jobmon_core::{
    Alert, AlertError, Budget, Exporter, Guard, Pipeline, Prices, Redaction, Settings, StartError, Stored,
    Surroundings, Text, Usd, UserKey, Warnings,
};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where a program sets jobmon up: once, in `main`, keeping the guard.
///
/// ```
/// use jobmon_export::Monitor;
///
/// let _guard = Monitor::builder()
///     .project_id("jobsearch-ai")
///     .service_name("job-search")
///     .environment("production")
///     .sampling_rate(1.0)
///     .install()?;
/// # Ok::<(), jobmon_export::SetupError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Monitor;

impl Monitor {
    /// Starts setting up a monitor. What is not set in code is taken from `JOBMON_*` variables, then from
    /// `jobmon.toml`, then from the defaults.
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder::default()
    }
}

/// Collects the settings of a monitor. Code beats environment, environment beats file.
#[derive(Debug, Default)]
#[must_use = "nothing is monitored until `install`"]
pub struct MonitorBuilder {
    code: Config,
    file: File,
    exporters: Vec<Box<dyn Exporter>>,
    channels: Vec<Box<dyn Channel>>,
    prices: Option<Prices>,
    warnings: Option<Warnings>,
}

#[derive(Debug, Default)]
enum File {
    /// `JOBMON_CONFIG`, else `jobmon.toml` where there is one.
    #[default]
    Found,
    Named(PathBuf),
    None,
}

impl MonitorBuilder {
    /// The project, across services.
    pub fn project_id(mut self, id: impl Into<Text>) -> Self {
        self.code.project_id = Some(id.into());
        self
    }

    /// The name of this service.
    pub fn service_name(mut self, name: impl Into<Text>) -> Self {
        self.code.service_name = Some(name.into());
        self
    }

    /// Where it runs: `production`, `staging`, ..
    pub fn environment(mut self, name: impl Into<Text>) -> Self {
        self.code.environment = Some(name.into());
        self
    }

    /// Share of traces of which single calls are kept, 0 to 1. Sums and costs stay exact. Default 1.
    pub fn sampling_rate(mut self, rate: f64) -> Self {
        self.code.sampling_rate = Some(rate);
        self
    }

    /// Whether calls that fail are kept one by one whatever the sampling rate is, with the calls around them. Default
    /// true.
    pub fn keep_errors(mut self, keep: bool) -> Self {
        self.code.keep_errors = Some(keep);
        self
    }

    /// Calls that take at least so long are kept whatever the sampling rate is, with the calls around them.
    pub fn keep_slow(mut self, limit: Duration) -> Self {
        self.code.keep_slow = Some(limit);
        self
    }

    /// Calls that cost at least so much are kept whatever the sampling rate is, with the calls around them.
    pub fn keep_expensive(mut self, limit: Usd) -> Self {
        self.code.keep_expensive = Some(limit);
        self
    }

    /// Who makes the spans of calls. Default [`Spans::Exporter`].
    pub fn spans(mut self, spans: Spans) -> Self {
        self.code.spans = Some(spans);
        self
    }

    /// Whether tokens, and so costs, are recorded. Default true.
    pub fn track_tokens(mut self, track: bool) -> Self {
        self.code.track_tokens = Some(track);
        self
    }

    /// Whether durations are recorded. Default true.
    pub fn track_latency(mut self, track: bool) -> Self {
        self.code.track_latency = Some(track);
        self
    }

    /// Whether categories and messages of errors are recorded. Default true.
    pub fn track_errors(mut self, track: bool) -> Self {
        self.code.track_errors = Some(track);
        self
    }

    /// Whether single attempts are recorded. Default true.
    pub fn track_retries(mut self, track: bool) -> Self {
        self.code.track_retries = Some(track);
        self
    }

    /// Hashes ids of users with this key, so that records tell them apart and not who they are.
    pub fn user_key(mut self, key: UserKey) -> Self {
        self.code.user_key = Some(key);
        self
    }

    /// Whether what functions name in `capture(..)` is captured. Default true; false wins over every function.
    pub fn capture_content(mut self, capture: bool) -> Self {
        self.code.capture_content = Some(capture);
        self
    }

    /// Events that wait at most, in the pipeline and again for each exporter. Default 65,536.
    pub fn queue_capacity(mut self, events: usize) -> Self {
        self.code.queue_capacity = Some(events);
        self
    }

    /// How long an event waits at most before it is handed to exporters. Default 200 ms.
    pub fn flush_interval(mut self, interval: Duration) -> Self {
        self.code.flush_interval = Some(interval);
        self
    }

    /// How long dropping the guard waits for exporters. Default 5 s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.code.shutdown_timeout = Some(timeout);
        self
    }

    /// What an outcome of a kind is worth that is reported without a value, such as `application`.
    pub fn outcome_value(mut self, kind: impl Into<Text>, value: Usd) -> Self {
        self.code.outcomes.insert(kind.into(), value);
        self
    }

    /// What is removed from what is recorded, beside what file and environment say; see
    /// [`Redaction`](jobmon_core::Redaction).
    ///
    /// ```
    /// use jobmon_core::{Redacted, Redaction};
    /// use jobmon_export::Monitor;
    ///
    /// let builder = Monitor::builder().redaction(Redaction::default().keep(Redacted::Phone).name("salary"));
    /// ```
    pub fn redaction(mut self, redaction: Redaction) -> Self {
        self.code.redaction = self.code.redaction.and(redaction);
        self
    }

    /// How long a history keeps a kind of data; see [`Retention`](jobmon_core::Retention).
    ///
    /// ```
    /// use jobmon_core::Stored;
    /// use jobmon_export::Monitor;
    /// use std::time::Duration;
    ///
    /// let builder = Monitor::builder().retention(Stored::Content, Duration::from_secs(7 * 86_400));
    /// ```
    pub fn retention(mut self, what: Stored, time: Duration) -> Self {
        self.code.retention = self.code.retention.keep(what, time);
        self
    }

    /// Adds an exporter. With any added here, those of environment and file are not used.
    pub fn exporter(mut self, exporter: impl Into<Box<dyn Exporter>>) -> Self {
        self.exporters.push(exporter.into());
        self
    }

    /// Adds a budget to those of the file; of two with the same name the one given here counts.
    ///
    /// ```
    /// use jobmon_core::Budget;
    /// use jobmon_export::Monitor;
    ///
    /// let analysis = Budget::new("analysis").limit("$5").per_day().block();
    /// let guard = Monitor::builder().budget(analysis).install()?;
    /// assert_eq!(guard.budgets()[0].remaining().to_string(), "$5.00");
    /// # Ok::<(), jobmon_export::SetupError>(())
    /// ```
    pub fn budget(mut self, budget: Budget) -> Self {
        self.code.budgets.push(budget);
        self
    }

    /// Adds an alert to those of the file; of two with the same name the one given here counts. Looked at each ten seconds,
    /// on what has happened since the monitor started and, with an exporter that keeps a history, what that has from before.
    pub fn alert(mut self, alert: Alert) -> Self {
        self.code.alerts.push(alert);
        self
    }

    /// Adds a channel that alerts tell. With any added here, those of the file are not used. Without any, each notice is a
    /// line on standard error.
    pub fn channel(mut self, channel: impl Into<Box<dyn Channel>>) -> Self {
        self.channels.push(channel.into());
        self
    }

    /// Prices to use instead of those of environment and file.
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = Some(prices);
        self
    }

    /// Where jobmon's own warnings go, instead of standard error. Called on any thread; must not block.
    pub fn on_warning(mut self, warn: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.warnings = Some(Warnings::to(warn));
        self
    }

    /// Reads this file instead of looking for `jobmon.toml`. It must exist.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = File::Named(path.into());
        self
    }

    /// Reads neither file nor environment: what code says is all there is.
    pub fn without_config(mut self) -> Self {
        self.file = File::None;
        self
    }

    /// Starts the monitor and installs it for the whole process.
    ///
    /// Without any exporter, in code, environment or file, the console is used where its feature is on. With feature
    /// `disabled` nothing is read, opened or started, and nothing can go wrong.
    ///
    /// # Errors
    /// When a setting is wrong, an exporter cannot be opened, or a monitor is installed already.
    pub fn install(self) -> Result<Guard, SetupError> {
        Ok(self.start()?.install()?)
    }

    /// Starts the monitor and installs it for this thread only: for tests.
    ///
    /// # Errors
    /// When a setting is wrong or an exporter cannot be opened.
    pub fn install_local(self) -> Result<Guard, SetupError> {
        Ok(self.start()?.install_local())
    }

    fn start(self) -> Result<Pipeline, SetupError> {
        if cfg!(feature = "disabled") {
            return Ok(Pipeline::start(Settings::default(), Vec::new())?);
        }
        let around = match &self.file {
            File::Found => Config::around(None)?,
            File::Named(path) => Config::around(Some(path))?,
            File::None => Config::default(),
        };
        let config = self.code.over(around);
        let mut exporters = self.exporters;
        if exporters.is_empty() {
            exporters = config.open_exporters()?;
        }
        if !config.alerts.is_empty() {
            let mut channels = self.channels;
            if channels.is_empty() {
                channels = config.channels.iter().map(ChannelConfig::open).collect::<Result<_, _>>()?;
            }
            let memory = exporters.iter().find_map(|exporter| exporter.alert_memory());
            let alerts = Alerts::new(config.alerts.clone(), channels, memory);
            exporters.push(alerts.map_err(SetupError::Alert)?.into());
        }
        let mut settings = Settings::default();
        settings.surroundings = surroundings(config.spans.unwrap_or_default())?;
        if let Some(prices) = self.prices {
            settings.prices = prices;
        } else {
            settings.prices = config.prices.clone().watched()?;
        }
        config.clone().apply(&mut settings);
        settings.configuration = Some(configuration::of(&config, &settings, &exporters));
        if let Some(warnings) = self.warnings {
            settings.warnings = warnings;
        }
        Ok(Pipeline::start(settings, exporters)?)
    }
}

/// What calls and the spans of OpenTelemetry know each other by.
#[cfg(feature = "opentelemetry")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it can fail")]
fn surroundings(spans: Spans) -> Result<Option<Arc<dyn Surroundings>>, SetupError> {
    Ok(Some(Arc::new(crate::surroundings::OpenTelemetry { spans })))
}

#[cfg(not(feature = "opentelemetry"))]
fn surroundings(spans: Spans) -> Result<Option<Arc<dyn Surroundings>>, SetupError> {
    if spans == Spans::Exporter {
        return Ok(None);
    }
    Err(SetupError::Config(ConfigError {
        place: "spans".to_owned(),
        problem: "spans made by OpenTelemetry need the feature `opentelemetry` of jobmon".to_owned(),
    }))
}

/// A monitor could not be set up. Nothing was installed.
///
/// Its `Debug` text is its message, so that a `main` that returns it tells what is wrong.
#[non_exhaustive]
pub enum SetupError {
    /// File or environment have a mistake.
    Config(ConfigError),
    /// An exporter could not be opened.
    Exporter {
        /// Which one.
        name: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An alert cannot work.
    Alert(AlertError),
    /// A channel cannot be opened.
    Channel {
        /// Which one.
        name: String,
        /// Why.
        reason: String,
    },
    /// The monitor could not be started.
    Start(StartError),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => fmt::Display::fmt(error, f),
            Self::Exporter { name, source } => write!(f, "exporter `{name}`: {source}"),
            Self::Alert(error) => fmt::Display::fmt(error, f),
            Self::Channel { name, reason } => write!(f, "channel `{name}`: {reason}"),
            Self::Start(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl fmt::Debug for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for SetupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => error.source(),
            Self::Exporter { source, .. } => source.source(),
            Self::Alert(error) => error.source(),
            Self::Channel { .. } => None,
            Self::Start(error) => error.source(),
        }
    }
}

impl From<ConfigError> for SetupError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<StartError> for SetupError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

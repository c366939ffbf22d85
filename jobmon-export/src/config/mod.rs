//! [`Config`]: settings from code, `JOBMON_*` variables and `jobmon.toml`, key for key the same.

use crate::builder::SetupError;
use crate::spans::Spans;
pub(crate) use channels::{ChannelConfig, Secret};
use jobmon_core::{Alert, Budget, Exporter, Redaction, Retention, Settings, Text, Usd, UserKey};
use otlp::{OtlpConfig, PrometheusConfig};
use prices::PriceConfig;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[cfg(feature = "config")]
mod alerts;
#[cfg(feature = "config")]
mod budgets;
mod channels;
#[cfg(feature = "config")]
#[allow(
    missing_docs,
    clippy::missing_errors_doc,
    unnameable_types,
    reason = "for `jobmon-cli`, which reads files of the same form"
)]
pub mod document;
#[cfg(feature = "config")]
mod environment;
#[cfg(feature = "config")]
mod file;
mod otlp;
#[cfg(feature = "config")]
mod outcomes;
mod prices;
#[cfg(feature = "config")]
mod redaction;
#[cfg(feature = "config")]
mod retention;

pub use prices::load_prices;

/// What one source says; `None` where it is silent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Config {
    pub(crate) project_id: Option<Text>,
    pub(crate) service_name: Option<Text>,
    pub(crate) environment: Option<Text>,
    pub(crate) sampling_rate: Option<f64>,
    pub(crate) keep_errors: Option<bool>,
    pub(crate) keep_slow: Option<Duration>,
    pub(crate) keep_expensive: Option<Usd>,
    pub(crate) track_tokens: Option<bool>,
    pub(crate) track_latency: Option<bool>,
    pub(crate) track_errors: Option<bool>,
    pub(crate) track_retries: Option<bool>,
    pub(crate) capture_content: Option<bool>,
    pub(crate) queue_capacity: Option<usize>,
    pub(crate) flush_interval: Option<Duration>,
    pub(crate) shutdown_timeout: Option<Duration>,
    /// What outcomes of a kind are worth; each kind is a key of its own.
    pub(crate) outcomes: BTreeMap<Text, Usd>,
    /// Which exporters, in order; an empty list is none at all.
    pub(crate) exporters: Option<Vec<ExporterKind>>,
    pub(crate) console_lines: Option<bool>,
    pub(crate) jsonl_path: Option<PathBuf>,
    pub(crate) sqlite_path: Option<PathBuf>,
    pub(crate) clickhouse_url: Option<Secret>,
    pub(crate) clickhouse_async: Option<bool>,
    /// Those of the file, or the one that variables speak of.
    pub(crate) otlp: Vec<OtlpConfig>,
    pub(crate) prometheus: Option<PrometheusConfig>,
    pub(crate) prices: PriceConfig,
    pub(crate) user_key: Option<UserKey>,
    pub(crate) budgets: Vec<Budget>,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) channels: Vec<ChannelConfig>,
    pub(crate) retention: Retention,
    pub(crate) redaction: Redaction,
    pub(crate) spans: Option<Spans>,
}

/// Exporters that file and environment can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExporterKind {
    ClickHouse,
    Console,
    Jsonl,
    Otlp,
    Prometheus,
    Sqlite,
}

impl ExporterKind {
    #[cfg(feature = "config")]
    pub(crate) const ALL: &[Self] =
        &[Self::ClickHouse, Self::Console, Self::Jsonl, Self::Otlp, Self::Prometheus, Self::Sqlite];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Jsonl => "jsonl",
            Self::Otlp => "otlp",
            Self::Prometheus => "prometheus",
            Self::Sqlite => "sqlite",
            Self::ClickHouse => "clickhouse",
        }
    }

    #[cfg(feature = "config")]
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().copied().find(|kind| kind.name() == name);
        found.ok_or_else(|| {
            format!(
                "unknown exporter `{name}`; expected any of: {}",
                list(Self::ALL.iter().map(|kind| kind.name()))
            )
        })
    }
}

#[cfg(feature = "config")]
pub(crate) fn list(names: impl IntoIterator<Item = &'static str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// What [`duration`] reads, for messages.
#[cfg(feature = "config")]
pub(crate) const DURATION: &str = "a duration such as `200ms`, `5s`, `1m`, `2h` or `1d`, longer than 0";

/// An amount of money, for messages.
#[cfg(feature = "config")]
pub(crate) const USD: &str = "US dollars such as `$0.05`, with at most nine decimals";

/// What a key for users has to be, for messages.
#[cfg(feature = "config")]
pub(crate) const USER_KEY: &str =
    "a secret of at least 16 characters, such as the output of `openssl rand -hex 16`";

/// A whole number and its unit.
#[cfg(feature = "config")]
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let millis = match text[digits..].trim() {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        _ => None,
    };
    millis.filter(|millis| *millis > 0).map(Duration::from_millis)
}

/// File or environment have a mistake: where, what, and what is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub(crate) place: String,
    pub(crate) problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// What outcomes are worth that are reported without a value, by kind: what `JOBMON_OUTCOMES` says, and `[outcomes]` of a
/// file. Without a file, `JOBMON_CONFIG` or `jobmon.toml` in the working directory are looked at, as agents do.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("jobmon.toml");
/// std::fs::write(&path, "[outcomes]\napplication = '$25'")?;
/// let values = jobmon_export::outcome_values(Some(&path))?;
/// assert_eq!(values.get("application").map(ToString::to_string), Some("$25.00".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the file cannot be read, or file or environment have a mistake, also in other keys.
#[cfg(feature = "config")]
pub fn outcome_values(file: Option<&Path>) -> Result<BTreeMap<Text, Usd>, ConfigError> {
    Config::around(file).map(|config| config.outcomes)
}

/// The alerts of a file. Without one, `JOBMON_CONFIG` or `jobmon.toml` in the working directory are looked at, as agents do.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("jobmon.toml");
/// std::fs::write(&path, "[[alerts]]\nname = 'errors'\ncondition = 'error_rate > 5%'")?;
/// assert_eq!(jobmon_export::alerts(Some(&path))?[0].name().as_str(), "errors");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the file cannot be read, or file or environment have a mistake, also in other keys.
#[cfg(feature = "config")]
pub fn alerts(file: Option<&Path>) -> Result<Vec<Alert>, ConfigError> {
    Config::around(file).map(|config| config.alerts)
}

/// How long a history keeps what, by a file and `JOBMON_RETENTION`. Without a file, `JOBMON_CONFIG` or `jobmon.toml` in the
/// working directory are looked at, as agents do.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("jobmon.toml");
/// std::fs::write(&path, "[retention]\ncontent = '7d'")?;
/// let retention = jobmon_export::retention(Some(&path))?;
/// assert_eq!(retention.of(jobmon_core::Stored::Content).map(|time| time.as_secs()), Some(7 * 86_400));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the file cannot be read, or file or environment have a mistake, also in other keys.
#[cfg(feature = "config")]
pub fn retention(file: Option<&Path>) -> Result<Retention, ConfigError> {
    Config::around(file).map(|config| config.retention)
}

/// What ids of users are hashed with, by a file and `JOBMON_USER_KEY`, where anything says so.
///
/// # Errors
/// As of [`retention`].
#[cfg(feature = "config")]
pub fn user_key(file: Option<&Path>) -> Result<Option<UserKey>, ConfigError> {
    Config::around(file).map(|config| config.user_key)
}

/// The channels of a file, opened: those of `[channels.slack]` and the like. Where none is named, there is none.
///
/// # Errors
/// When the file cannot be read, has a mistake, or a channel cannot be opened, such as for a secret that is not set.
#[cfg(feature = "config")]
pub fn channels(file: Option<&Path>) -> Result<Vec<Box<dyn crate::Channel>>, SetupError> {
    Config::around(file).map_err(SetupError::Config)?.channels.iter().map(ChannelConfig::open).collect()
}

/// How a monitor would be set up by a file and `JOBMON_*`, without its exporters: prices, redaction, values of outcomes, the
/// key for users. For what works on events of other programs.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("jobmon.toml");
/// std::fs::write(&path, "environment = 'test'")?;
/// assert_eq!(jobmon_export::settings(Some(&path))?.resource.environment.as_deref(), Some("test"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As of [`retention`].
#[cfg(feature = "config")]
pub fn settings(file: Option<&Path>) -> Result<Settings, ConfigError> {
    let config = Config::around(file)?;
    let mut settings = Settings::default();
    settings.prices = config.prices.clone().watched()?;
    config.apply(&mut settings);
    Ok(settings)
}

impl Config {
    /// What environment and file say.
    #[cfg(feature = "config")]
    pub(crate) fn around(path: Option<&Path>) -> Result<Self, ConfigError> {
        let environment = environment::read(std::env::vars_os())?;
        let found = Path::new(file::NAME);
        let path = path.or(environment.file.as_deref()).or_else(|| found.exists().then_some(found));
        let mut config = match path {
            Some(path) => environment.config.over(file::read(path)?),
            None => environment.config,
        };
        config.prices.read_from = path.map(Path::to_owned);
        Ok(config)
    }

    /// Without the feature `config` only a file named in code is a mistake.
    #[cfg(not(feature = "config"))]
    pub(crate) fn around(path: Option<&Path>) -> Result<Self, ConfigError> {
        match path {
            None => Ok(Self::default()),
            Some(path) => Err(ConfigError {
                place: path.display().to_string(),
                problem: "reading a file needs the feature `config` of jobmon".to_owned(),
            }),
        }
    }

    /// This source where it says something, else the other. Budgets, alerts and what is redacted are those of both; of two
    /// with the same name, the one of this source.
    pub(crate) fn over(self, other: Self) -> Self {
        let mut budgets = self.budgets;
        let own: Vec<Text> = budgets.iter().map(|budget| budget.name().clone()).collect();
        budgets.extend(other.budgets.into_iter().filter(|budget| !own.contains(budget.name())));
        let mut alerts = self.alerts;
        let own: Vec<Text> = alerts.iter().map(|alert| alert.name().clone()).collect();
        alerts.extend(other.alerts.into_iter().filter(|alert| !own.contains(alert.name())));
        Self {
            project_id: self.project_id.or(other.project_id),
            service_name: self.service_name.or(other.service_name),
            environment: self.environment.or(other.environment),
            sampling_rate: self.sampling_rate.or(other.sampling_rate),
            keep_errors: self.keep_errors.or(other.keep_errors),
            keep_slow: self.keep_slow.or(other.keep_slow),
            keep_expensive: self.keep_expensive.or(other.keep_expensive),
            track_tokens: self.track_tokens.or(other.track_tokens),
            track_latency: self.track_latency.or(other.track_latency),
            track_errors: self.track_errors.or(other.track_errors),
            track_retries: self.track_retries.or(other.track_retries),
            capture_content: self.capture_content.or(other.capture_content),
            queue_capacity: self.queue_capacity.or(other.queue_capacity),
            flush_interval: self.flush_interval.or(other.flush_interval),
            shutdown_timeout: self.shutdown_timeout.or(other.shutdown_timeout),
            outcomes: other.outcomes.into_iter().chain(self.outcomes).collect(),
            exporters: self.exporters.or(other.exporters),
            console_lines: self.console_lines.or(other.console_lines),
            jsonl_path: self.jsonl_path.or(other.jsonl_path),
            sqlite_path: self.sqlite_path.or(other.sqlite_path),
            clickhouse_url: self.clickhouse_url.or(other.clickhouse_url),
            clickhouse_async: self.clickhouse_async.or(other.clickhouse_async),
            otlp: otlp::over(self.otlp, other.otlp),
            prometheus: otlp::page_over(self.prometheus, other.prometheus),
            prices: self.prices.over(other.prices),
            user_key: self.user_key.or(other.user_key),
            spans: self.spans.or(other.spans),
            retention: self.retention.or(other.retention),
            redaction: self.redaction.and(other.redaction),
            budgets,
            alerts,
            channels: if self.channels.is_empty() { other.channels } else { self.channels },
        }
    }

    pub(crate) fn apply(self, settings: &mut Settings) {
        settings.budgets = self.budgets;
        settings.resource.project_id = self.project_id;
        settings.resource.service_name = self.service_name;
        settings.resource.environment = self.environment;
        settings.user_key = self.user_key;
        settings.retention = self.retention;
        settings.redaction = self.redaction;
        settings.outcome_values = self.outcomes;
        let set = |setting: &mut bool, value: Option<bool>| *setting = value.unwrap_or(*setting);
        set(&mut settings.track.tokens, self.track_tokens);
        set(&mut settings.track.latency, self.track_latency);
        set(&mut settings.track.errors, self.track_errors);
        set(&mut settings.track.retries, self.track_retries);
        set(&mut settings.capture_content, self.capture_content);
        set(&mut settings.keep.errors, self.keep_errors);
        settings.keep.slow = self.keep_slow.or(settings.keep.slow);
        settings.keep.expensive = self.keep_expensive.or(settings.keep.expensive);
        settings.sampling_rate = self.sampling_rate.unwrap_or(settings.sampling_rate);
        settings.queue_capacity = self.queue_capacity.unwrap_or(settings.queue_capacity);
        settings.flush_interval = self.flush_interval.unwrap_or(settings.flush_interval);
        settings.shutdown_timeout = self.shutdown_timeout.unwrap_or(settings.shutdown_timeout);
    }

    /// Opens the exporters named; where none is named, those with a path, else the console.
    pub(crate) fn open_exporters(&self) -> Result<Vec<Box<dyn Exporter>>, SetupError> {
        let kinds = self.exporters.clone().unwrap_or_else(|| {
            let mut kinds = Vec::new();
            kinds.extend(self.jsonl_path.is_some().then_some(ExporterKind::Jsonl));
            kinds.extend((!self.otlp.is_empty()).then_some(ExporterKind::Otlp));
            kinds.extend(self.prometheus.is_some().then_some(ExporterKind::Prometheus));
            kinds.extend(self.sqlite_path.is_some().then_some(ExporterKind::Sqlite));
            kinds.extend(self.clickhouse_url.is_some().then_some(ExporterKind::ClickHouse));
            let console = self.console_lines.is_some() || (kinds.is_empty() && cfg!(feature = "console"));
            kinds.extend(console.then_some(ExporterKind::Console));
            kinds
        });
        let mut exporters = Vec::new();
        for kind in kinds {
            self.open(kind, &mut exporters)?;
        }
        Ok(exporters)
    }

    /// Opens the exporters of a kind: there may be several of `otlp`.
    #[allow(
        unused_variables,
        clippy::unused_self,
        clippy::ptr_arg,
        reason = "which exporters there are depends on the features"
    )]
    fn open(&self, kind: ExporterKind, into: &mut Vec<Box<dyn Exporter>>) -> Result<(), SetupError> {
        let name = kind.name();
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| SetupError::Exporter { name, source };
        match kind {
            #[cfg(feature = "console")]
            ExporterKind::Console => {
                into.push(crate::Console::stderr().with_lines(self.console_lines.unwrap_or(true)).into());
                Ok(())
            }
            #[cfg(feature = "jsonl")]
            ExporterKind::Jsonl => {
                let path = self.jsonl_path.as_deref().unwrap_or(Path::new("jobmon.jsonl"));
                into.push(crate::Jsonl::open(path).map_err(|error| failed(error.into()))?.into());
                Ok(())
            }
            #[cfg(feature = "otlp")]
            ExporterKind::Otlp => {
                let one = [OtlpConfig::default()];
                let all = if self.otlp.is_empty() { &one } else { &self.otlp[..] };
                for config in all {
                    into.push(config.open().map_err(|error| failed(error.into()))?.into());
                }
                Ok(())
            }
            #[cfg(feature = "prometheus")]
            ExporterKind::Prometheus => {
                let config = self.prometheus.clone().unwrap_or_default();
                into.push(config.open().map_err(|error| failed(error.into()))?.into());
                Ok(())
            }
            #[cfg(feature = "sqlite")]
            ExporterKind::Sqlite => {
                let path = self.sqlite_path.as_deref().unwrap_or(Path::new("jobmon.db"));
                into.push(crate::Sqlite::open(path).map_err(|error| failed(error.into()))?.into());
                Ok(())
            }
            #[cfg(feature = "clickhouse")]
            ExporterKind::ClickHouse => {
                let url = self.clickhouse_url.as_ref().map(|url| url.open("url")).transpose();
                let url = url.map_err(|reason| failed(reason.into()))?;
                let url = url.as_deref().unwrap_or("clickhouse://127.0.0.1:8123/jobmon");
                let exporter = crate::ClickHouse::to(url).map_err(|error| failed(error.into()))?;
                into.push(exporter.async_inserts(self.clickhouse_async.unwrap_or(true)).into());
                Ok(())
            }
            #[allow(unreachable_patterns, reason = "which kinds are left depends on the features")]
            _ => {
                let text = format!("it is not built in; turn on the feature `{name}` of jobmon");
                Err(SetupError::Exporter { name, source: text.into() })
            }
        }
    }
}

//! `JOBMON_*` variables.

use super::otlp::OtlpConfig;
use super::{Config, ConfigError, ExporterKind, Secret, outcomes, redaction};
use crate::spans::Spans;
use jobmon_core::{Text, UserKey};
use std::ffi::OsString;
use std::path::PathBuf;

const VARIABLES: [&str; 35] = [
    "JOBMON_CONFIG",
    "JOBMON_PROJECT_ID",
    "JOBMON_SERVICE_NAME",
    "JOBMON_ENVIRONMENT",
    "JOBMON_SAMPLING_RATE",
    "JOBMON_KEEP_ERRORS",
    "JOBMON_KEEP_SLOW",
    "JOBMON_KEEP_EXPENSIVE",
    "JOBMON_TRACK_TOKENS",
    "JOBMON_TRACK_LATENCY",
    "JOBMON_TRACK_ERRORS",
    "JOBMON_TRACK_RETRIES",
    "JOBMON_CAPTURE_CONTENT",
    "JOBMON_QUEUE_CAPACITY",
    "JOBMON_FLUSH_INTERVAL",
    "JOBMON_SHUTDOWN_TIMEOUT",
    "JOBMON_OUTCOMES",
    "JOBMON_EXPORTERS",
    "JOBMON_CONSOLE_LINES",
    "JOBMON_JSONL_PATH",
    "JOBMON_CLICKHOUSE_URL",
    "JOBMON_OTLP_ENDPOINT",
    "JOBMON_OTLP_PROFILE",
    "JOBMON_OTLP_SPOOL",
    "JOBMON_PROMETHEUS_FILE",
    "JOBMON_PROMETHEUS_LISTEN",
    "JOBMON_SQLITE_PATH",
    "JOBMON_PRICES_FILE",
    "JOBMON_USER_KEY",
    "JOBMON_REDACTION_KEEP",
    "JOBMON_REDACTION_NAMES",
    "JOBMON_RETENTION",
    "JOBMON_SPANS",
    "JOBMON_HISTORY",
    "JOBMON_SERVE_TOKEN",
];

#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) config: Config,
    /// Where `jobmon.toml` is.
    pub(super) file: Option<PathBuf>,
}

pub(super) fn read(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Environment, ConfigError> {
    let mut around = Environment::default();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with("JOBMON_")) else { continue };
        let mistake = |problem: String| ConfigError { place: format!("variable {name}"), problem };
        let config = &mut around.config;
        // Paths may be anything the system allows.
        match name {
            "JOBMON_CONFIG" => around.file = Some(PathBuf::from(value)),
            "JOBMON_JSONL_PATH" => config.jsonl_path = Some(PathBuf::from(value)),
            "JOBMON_PRICES_FILE" => config.prices.file = Some(PathBuf::from(value)),
            "JOBMON_OTLP_SPOOL" => otlp(config).spool = Some(PathBuf::from(value)),
            "JOBMON_PROMETHEUS_FILE" => {
                config.prometheus.get_or_insert_default().file = Some(PathBuf::from(value));
            }
            "JOBMON_SQLITE_PATH" => config.sqlite_path = Some(PathBuf::from(value)),
            _ => {
                let value = value.into_string().map_err(|_| mistake("is not valid UTF-8".to_owned()))?;
                set(config, name, &value).map_err(mistake)?;
            }
        }
    }
    Ok(around)
}

/// The one exporter `otlp` that variables speak of.
fn otlp(config: &mut Config) -> &mut OtlpConfig {
    if config.otlp.is_empty() {
        config.otlp.push(OtlpConfig::default());
    }
    &mut config.otlp[0]
}

fn set(config: &mut Config, name: &str, value: &str) -> Result<(), String> {
    let expected = |what: &str| format!("is `{value}`; expected {what}");
    let text = || Some(Text::from(value.to_owned()));
    let flag = || match value {
        "true" | "1" => Ok(Some(true)),
        "false" | "0" => Ok(Some(false)),
        _ => Err(expected("true or false")),
    };
    let duration = || super::duration(value).map(Some).ok_or_else(|| expected(super::DURATION));
    match name {
        "JOBMON_PROJECT_ID" => config.project_id = text(),
        "JOBMON_SERVICE_NAME" => config.service_name = text(),
        "JOBMON_ENVIRONMENT" => config.environment = text(),
        "JOBMON_SAMPLING_RATE" => {
            let share = value.parse().ok().filter(|share| (0.0..=1.0).contains(share));
            config.sampling_rate = Some(share.ok_or_else(|| expected("a number from 0 to 1"))?);
        }
        "JOBMON_KEEP_ERRORS" => config.keep_errors = flag()?,
        "JOBMON_KEEP_SLOW" => config.keep_slow = duration()?,
        "JOBMON_KEEP_EXPENSIVE" => {
            config.keep_expensive = Some(value.parse().map_err(|_| expected(super::USD))?);
        }
        // It may have a password: a message does not repeat it.
        "JOBMON_CLICKHOUSE_URL" => config.clickhouse_url = Some(Secret::Given(value.to_owned())),
        "JOBMON_OTLP_ENDPOINT" => otlp(config).endpoint = Some(value.to_owned()),
        "JOBMON_OTLP_PROFILE" => otlp(config).profile = Some(value.to_owned()),
        "JOBMON_PROMETHEUS_LISTEN" => {
            config.prometheus.get_or_insert_default().listen = Some(value.to_owned());
        }
        "JOBMON_SPANS" => {
            config.spans = Some(Spans::named(value).ok_or_else(|| expected(Spans::EXPECTED))?);
        }
        "JOBMON_TRACK_TOKENS" => config.track_tokens = flag()?,
        "JOBMON_TRACK_LATENCY" => config.track_latency = flag()?,
        "JOBMON_TRACK_ERRORS" => config.track_errors = flag()?,
        "JOBMON_TRACK_RETRIES" => config.track_retries = flag()?,
        "JOBMON_CAPTURE_CONTENT" => config.capture_content = flag()?,
        "JOBMON_QUEUE_CAPACITY" => {
            let count = value.parse().ok().filter(|count| *count > 0);
            config.queue_capacity = Some(count.ok_or_else(|| expected("a whole number of at least 1"))?);
        }
        "JOBMON_FLUSH_INTERVAL" => config.flush_interval = duration()?,
        "JOBMON_SHUTDOWN_TIMEOUT" => config.shutdown_timeout = duration()?,
        "JOBMON_OUTCOMES" => config.outcomes = outcomes::parse(value)?,
        "JOBMON_REDACTION_KEEP" => {
            config.redaction = std::mem::take(&mut config.redaction).and(redaction::parse_kept(value)?);
        }
        "JOBMON_REDACTION_NAMES" => {
            config.redaction = std::mem::take(&mut config.redaction).and(redaction::parse_names(value));
        }
        "JOBMON_RETENTION" => config.retention = super::retention::parse(value)?,
        "JOBMON_EXPORTERS" => {
            let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
            let mut kinds = Vec::new();
            for kind in names.map(ExporterKind::named) {
                let kind = kind?;
                if kinds.contains(&kind) {
                    return Err(format!("names `{}` twice; name it once", kind.name()));
                }
                kinds.push(kind);
            }
            config.exporters = Some(kinds);
        }
        "JOBMON_USER_KEY" => {
            // The value is a secret: a message does not repeat it.
            let key =
                UserKey::new(value).ok_or_else(|| format!("is too short; expected {}", super::USER_KEY));
            config.user_key = Some(key?);
        }
        "JOBMON_CONSOLE_LINES" => config.console_lines = flag()?,
        // The command-line program reads them itself.
        "JOBMON_HISTORY" | "JOBMON_SERVE_TOKEN" => {}
        _ => return Err(format!("is unknown; expected any of: {}", super::list(VARIABLES))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobmon_core::{Redacted, Redaction};

    fn read_all(variables: &[(&str, &str)]) -> Result<Environment, ConfigError> {
        read(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    #[test]
    fn variables_are_read_and_others_left_alone() {
        let around = read_all(&[
            ("HOME", "x"),
            ("JOBMON_PROJECT_ID", "p"),
            ("JOBMON_SAMPLING_RATE", "0.5"),
            ("JOBMON_EXPORTERS", "console, jsonl"),
            ("JOBMON_CONFIG", "elsewhere.toml"),
        ]);
        let around = around.expect("correct");
        assert_eq!(around.config.project_id, Some(Text::from("p")));
        assert_eq!(around.config.exporters, Some(vec![ExporterKind::Console, ExporterKind::Jsonl]));
        assert_eq!(around.file, Some(PathBuf::from("elsewhere.toml")));
    }

    #[test]
    fn every_listed_variable_is_accepted_and_no_other() {
        for name in VARIABLES {
            let value =
                ["1", "1s", "console", "hired=1", "0123456789abcdef", "exporter", "calls=9d", "phone"]
                    .into_iter()
                    .find(|value| read_all(&[(name, value)]).is_ok());
            assert!(value.is_some(), "{name}");
        }
        let error = read_all(&[("JOBMON_PROJECT", "p")]).expect_err("unknown").to_string();
        assert!(
            error.starts_with("variable JOBMON_PROJECT: is unknown; expected any of: JOBMON_CONFIG"),
            "{error}"
        );
        let error = read_all(&[("JOBMON_EXPORTERS", "sqlite,sqlite")]).expect_err("twice").to_string();
        assert!(error.contains("names `sqlite` twice"), "{error}");
        for (values, problem) in [
            ("hired=5,hired=6", "names `hired` twice"),
            ("hired", "has `hired`; expected a kind and US dollars"),
        ] {
            let error = read_all(&[("JOBMON_OUTCOMES", values)]).expect_err("wrong").to_string();
            assert!(error.contains(problem), "{error}");
        }
        for (values, problem) in [
            ("cals=9d", "names `cals`, which is no kind of data; expected any of: content, users"),
            ("calls=9s", "has `calls=9s`; expected a time of at least an hour"),
        ] {
            let error = read_all(&[("JOBMON_RETENTION", values)]).expect_err("wrong").to_string();
            assert!(error.contains(problem), "{error}");
        }
        let redaction =
            read_all(&[("JOBMON_REDACTION_KEEP", "phone, email"), ("JOBMON_REDACTION_NAMES", "salary")]);
        let both = Redaction::default().keep(Redacted::Email).keep(Redacted::Phone).name("salary");
        assert_eq!(redaction.expect("correct").config.redaction, both);
        let error = read_all(&[("JOBMON_REDACTION_KEEP", "phone,keys")]).expect_err("wrong").to_string();
        assert!(
            error.contains("names `keys`, which is no kind that can be kept; expected any of: email"),
            "{error}"
        );
        let error = read_all(&[("JOBMON_SAMPLING_RATE", "50%")]).expect_err("wrong").to_string();
        assert!(error.contains("is `50%`; expected a number from 0 to 1"), "{error}");
    }
}

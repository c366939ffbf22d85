//! `jobmon.toml`.

use super::document::{Item, Mistake, boolean, count, duration, expected, share, string, unknown};
use super::{Config, ConfigError, ExporterKind, Secret, list, outcomes, prices};
use crate::spans::Spans;
use jobmon_core::UserKey;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// Looked for in the working directory.
pub(super) const NAME: &str = "jobmon.toml";

const KEYS: [&str; 26] = [
    "project_id",
    "service_name",
    "environment",
    "sampling_rate",
    "keep_errors",
    "keep_slow",
    "keep_expensive",
    "track_tokens",
    "track_latency",
    "track_errors",
    "track_retries",
    "capture_content",
    "queue_capacity",
    "flush_interval",
    "shutdown_timeout",
    "outcomes",
    "exporters",
    "prices",
    "user_key",
    "budgets",
    "alerts",
    "channels",
    "redaction",
    "retention",
    "reports",
    "spans",
];

pub(super) fn read(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
        place: path.display().to_string(),
        problem: format!("cannot be read: {error}"),
    })?;
    parse(&path.display().to_string(), &text)
}

pub(super) fn parse(name: &str, text: &str) -> Result<Config, ConfigError> {
    super::document::read(name, text, config)
}

fn config(table: &DeTable<'_>) -> Result<Config, Mistake> {
    let mut config = Config::default();
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "project_id" => config.project_id = Some(string(value)?.into()),
            "service_name" => config.service_name = Some(string(value)?.into()),
            "environment" => config.environment = Some(string(value)?.into()),
            "sampling_rate" => config.sampling_rate = Some(share(value)?),
            "keep_errors" => config.keep_errors = Some(boolean(value)?),
            "keep_slow" => config.keep_slow = Some(duration(value)?),
            "keep_expensive" => {
                let usd = string(value).ok().and_then(|text| text.parse().ok());
                config.keep_expensive = Some(usd.ok_or_else(|| expected(value, super::USD))?);
            }
            "track_tokens" => config.track_tokens = Some(boolean(value)?),
            "track_latency" => config.track_latency = Some(boolean(value)?),
            "track_errors" => config.track_errors = Some(boolean(value)?),
            "track_retries" => config.track_retries = Some(boolean(value)?),
            "capture_content" => config.capture_content = Some(boolean(value)?),
            "queue_capacity" => config.queue_capacity = Some(count(value)?),
            "flush_interval" => config.flush_interval = Some(duration(value)?),
            "shutdown_timeout" => config.shutdown_timeout = Some(duration(value)?),
            "outcomes" => config.outcomes = outcomes::read(value)?,
            "exporters" => exporters(value, &mut config)?,
            "user_key" => {
                let key = UserKey::new(&string(value)?);
                config.user_key = Some(key.ok_or_else(|| expected(value, super::USER_KEY))?);
            }
            "prices" => config.prices = prices::read(value)?,
            "spans" => {
                let spans = string(value).ok().and_then(|name| Spans::named(&name));
                config.spans = Some(spans.ok_or_else(|| expected(value, Spans::EXPECTED))?);
            }
            "budgets" => config.budgets = super::budgets::read(value)?,
            "channels" => config.channels = super::channels::read(value)?,
            "alerts" => config.alerts = super::alerts::read(value)?,
            "redaction" => config.redaction = super::redaction::read(value)?,
            "retention" => config.retention = super::retention::read(value)?,
            // Read by `jobmon serve`: agents write no reports.
            "reports" => {}
            other => return Err(unknown(key.span().start, other, "key", &list(KEYS))),
        }
    }
    if let Some(alerts) = table.get("alerts") {
        super::channels::known(alerts, &config.channels)?;
    }
    Ok(config)
}

/// `[exporters.console]`, `[exporters.sqlite]`, ..: each table switches its exporter on.
fn exporters(value: &Item<'_>, config: &mut Config) -> Result<(), Mistake> {
    let DeValue::Table(table) = value.get_ref() else {
        return Err(expected(value, "tables such as `[exporters.sqlite]`"));
    };
    let mut kinds = Vec::new();
    for (name, options) in table {
        let kind = ExporterKind::named(name.get_ref())
            .map_err(|problem| Mistake { at: name.span().start, problem })?;
        kinds.push(kind);
        if kind == ExporterKind::Otlp {
            config.otlp = super::otlp::otlp(options)?;
            continue;
        }
        let DeValue::Table(options) = options.get_ref() else {
            return Err(expected(options, "a table"));
        };
        if kind == ExporterKind::Prometheus {
            config.prometheus = Some(super::otlp::prometheus(options)?);
            continue;
        }
        for (key, value) in options {
            match (kind, key.get_ref().as_ref()) {
                (ExporterKind::Console, "lines") => config.console_lines = Some(boolean(value)?),
                (ExporterKind::Jsonl, "path") => config.jsonl_path = Some(PathBuf::from(string(value)?)),
                (ExporterKind::Sqlite, "path") => config.sqlite_path = Some(PathBuf::from(string(value)?)),
                (ExporterKind::ClickHouse, "url") => {
                    config.clickhouse_url = Some(Secret::Given(string(value)?));
                }
                (ExporterKind::ClickHouse, "url_env") => {
                    config.clickhouse_url = Some(Secret::Variable(string(value)?));
                }
                (ExporterKind::ClickHouse, "async_inserts") => {
                    config.clickhouse_async = Some(boolean(value)?);
                }
                (kind, other) => {
                    let accepted = match kind {
                        ExporterKind::ClickHouse => "url, url_env, async_inserts",
                        ExporterKind::Console => "lines",
                        _ => "path",
                    };
                    let what = format!("key of exporter `{}`", kind.name());
                    return Err(unknown(key.span().start, other, &what, accepted));
                }
            }
        }
    }
    config.exporters = Some(kinds);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobmon_core::{Text, Usd};
    use std::time::Duration;

    #[test]
    fn every_key_is_read() {
        let text = r#"
            project_id = "jobsearch-ai"
            service_name = "job-search"
            environment = "production"
            sampling_rate = 0.25
            keep_errors = false
            capture_content = false
            spans = "opentelemetry"
            keep_slow = "10s"
            keep_expensive = "$0.05"
            track_tokens = true
            track_latency = false
            track_errors = true
            track_retries = false
            queue_capacity = 1_000
            flush_interval = "50ms"
            shutdown_timeout = "2s"
            [outcomes]
            application = "$25"
            "phone call" = 0.05
            [exporters.console]
            lines = false
            [exporters.jsonl]
            path = "calls.jsonl"
            [[exporters.otlp]]
            endpoint = "http://127.0.0.1:4318"
            spool = "spool"
            [[exporters.otlp]]
            name = "langfuse"
            endpoint = "https://cloud.langfuse.com/api/public/otel"
            profile = "langfuse"
            signals = ["traces"]
            timeout = "5s"
            headers = { authorization = "Basic c2VjcmV0" }
            [exporters.prometheus]
            listen = "127.0.0.1:9464"
            file = "jobmon.prom"
            [exporters.sqlite]
            path = "calls.db"
            [exporters.clickhouse]
            url_env = "CLICKHOUSE_URL"
            async_inserts = false
        "#;
        let config = parse(NAME, text).expect("correct");
        assert_eq!(config.project_id, Some(Text::from("jobsearch-ai")));
        assert_eq!(config.sampling_rate, Some(0.25));
        assert_eq!(config.keep_errors, Some(false));
        assert_eq!(config.capture_content, Some(false));
        assert_eq!(config.spans, Some(Spans::OpenTelemetry));
        assert_eq!(config.keep_slow, Some(Duration::from_secs(10)));
        assert_eq!(config.keep_expensive, Some(Usd::from_nanos(50_000_000)));
        assert_eq!(config.track_latency, Some(false));
        assert_eq!(config.queue_capacity, Some(1_000));
        assert_eq!(config.flush_interval, Some(Duration::from_millis(50)));
        assert_eq!(config.sqlite_path, Some(PathBuf::from("calls.db")));
        assert_eq!(config.clickhouse_url, Some(Secret::Variable("CLICKHOUSE_URL".to_owned())));
        assert_eq!(config.clickhouse_async, Some(false));
        let values = [("application", 25_000_000_000), ("phone call", 50_000_000)];
        let values = values.map(|(kind, nanos)| (Text::literal(kind), Usd::from_nanos(nanos)));
        assert_eq!(config.outcomes, values.into());
        assert_eq!(
            config.otlp.iter().map(|otlp| otlp.name.as_deref()).collect::<Vec<_>>(),
            [None, Some("langfuse")]
        );
        assert_eq!(config.otlp[1].headers.len(), 1);
        assert!(!format!("{config:?}").contains("c2VjcmV0"), "headers are secrets");
        assert_eq!(config.prometheus.and_then(|config| config.listen).as_deref(), Some("127.0.0.1:9464"));
        let kinds = config.exporters.expect("five tables");
        assert_eq!(kinds, ExporterKind::ALL);
    }

    #[cfg(feature = "redact-patterns")]
    #[test]
    fn patterns_are_read_and_their_mistakes_have_a_place() {
        let good = parse(NAME, "[redaction.patterns]\nemployee = 'EMP-\\d{6}'").expect("correct");
        let same = jobmon_core::Redaction::default().pattern("employee", r"EMP-\d{6}").expect("correct");
        assert_eq!(good.redaction, same);
        for (text, place, problem) in [
            ("[redaction.patterns]\nx = '('", "jobmon.toml:2:5", "pattern `x` cannot be used: "),
            ("[redaction.patterns]\nx = 'a*'", "jobmon.toml:2:5", "it finds the empty text"),
            ("[redaction.patterns]\n'a]' = 'a'", "jobmon.toml:2:8", "its name may have letters"),
            ("[redaction]\npatterns = ['a']", "jobmon.toml:2:12", "regular expressions by name"),
        ] {
            let error = parse(NAME, text).expect_err(text).to_string();
            assert!(error.starts_with(place) && error.contains(problem), "{text}: {error}");
        }
    }

    #[cfg(not(feature = "redact-patterns"))]
    #[test]
    fn patterns_need_their_feature() {
        let error = parse(NAME, "[redaction.patterns]\nx = 'y'").expect_err("not built in").to_string();
        assert!(error.contains("need the feature `redact-patterns` of jobmon"), "{error}");
    }

    #[test]
    fn mistakes_name_place_problem_and_what_is_accepted() {
        for (text, place, problem) in [
            (
                "projekt_id = 'x'",
                "jobmon.toml:1:1",
                "unknown key `projekt_id`; expected any of: project_id, ",
            ),
            ("\nsampling_rate = 2", "jobmon.toml:2:17", "expected a number from 0 to 1"),
            ("keep_expensive = '5 EUR'", "jobmon.toml:1:18", "expected US dollars such as `$0.05`"),
            ("spans = 'sdk'", "jobmon.toml:1:9", "expected `exporter` or `opentelemetry`"),
            ("keep_slow = 10", "jobmon.toml:1:13", "expected a duration such as"),
            ("sampling_rate = nan", "jobmon.toml:1:17", "expected a number from 0 to 1"),
            (
                "[exporters.sqlight]",
                "jobmon.toml:1:12",
                "unknown exporter `sqlight`; expected any of: clickhouse, console",
            ),
            (
                "[exporters.clickhouse]\nadress = 'x'",
                "jobmon.toml:2:1",
                "unknown key of exporter `clickhouse` `adress`; expected any of: url, url_env, async_inserts",
            ),
            ("[exporters.sqlite]\nfile = 'x'", "jobmon.toml:2:1", "unknown key of exporter `sqlite` `file`"),
            (
                "[exporters.otlp]\nurl = 'x'",
                "jobmon.toml:2:1",
                "unknown key of exporter `otlp` `url`; expected any of: name, endpoint",
            ),
            ("[exporters.otlp]\nprotocol = 'udp'", "jobmon.toml:2:12", "expected `http` or `grpc`"),
            ("[[exporters.otlp]]\n[[exporters.otlp]]", "jobmon.toml:2:1", "a `name` of its own"),
            (
                "[exporters.prometheus]\nport = 1",
                "jobmon.toml:2:1",
                "expected any of: listen, file, max_series",
            ),
            ("flush_interval = 5", "jobmon.toml:1:18", "expected a duration such as"),
            ("queue_capacity = 0", "jobmon.toml:1:18", "at least 1"),
            ("[outcomes]\nhired = '25 EUR'", "jobmon.toml:2:9", "expected US dollars such as `\"$25\"`"),
            ("[outcomes]\nhired = 1e3", "jobmon.toml:2:9", "expected US dollars such as `\"$25\"`"),
            ("outcomes = 25", "jobmon.toml:1:12", "expected a table such as `[outcomes]`"),
            ("redaction = true", "jobmon.toml:1:13", "expected a table such as `[redaction]`"),
            (
                "[redaction]\nkeep = ['key']",
                "jobmon.toml:2:8",
                "unknown kind that can be kept `key`; expected any of: email, phone, card, iban",
            ),
            ("[redaction]\nname = ['x']", "jobmon.toml:2:1", "expected any of: keep, names, patterns"),
            ("[redaction]\nnames = ['']", "jobmon.toml:2:9", "names of fields that are not empty"),
            ("[redaction]\nnames = 5", "jobmon.toml:2:9", "names of fields such as `[\"salary\"]`"),
            ("a = [", "jobmon.toml:1:", ""),
        ] {
            let error = parse(NAME, text).expect_err(text).to_string();
            assert!(error.starts_with(place) && error.contains(problem), "{text}: {error}");
        }
    }
}

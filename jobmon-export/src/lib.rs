//! Exporters of jobmon, and how a program sets it up. Users depend on `jobmon`, which re-exports this crate.
//!
//! | feature | what it adds |
//! |---|---|
//! | `clickhouse` | [`ClickHouse`] and [`ClickHouseHistory`]: the history of many machines |
//! | `config` | `jobmon.toml` and `JOBMON_*` variables |
//! | `console` | [`Console`]: a line per call on standard error, a summary at the end |
//! | `disabled` | nothing is started; exporters without their feature are there and do nothing |
//! | `otlp` | [`Otlp`]: spans, metrics and log events to any OpenTelemetry backend, over HTTP |
//! | `otlp-grpc` | the same over gRPC too |
//! | `prometheus` | [`Prometheus`]: a page that Prometheus reads, or a text file for it |
//! | `jsonl` | [`Jsonl`]: one JSON object per event, one per line |
//! | `tracing` | [`GenAiLayer`]: the spans that client crates make of their requests, as calls |
//! | `opentelemetry` | calls and the spans of OpenTelemetry around them and inside them know each other |
//! | `sqlite` | [`Sqlite`] and [`History`]: the history in one file |

#[cfg(any(feature = "clickhouse", feature = "disabled", feature = "sqlite"))]
#[cfg_attr(
    not(any(feature = "disabled", feature = "sqlite")),
    expect(dead_code, unreachable_pub, reason = "a ClickHouse keeps no audit log")
)]
mod account;
mod alerts;
#[cfg(any(feature = "opentelemetry", feature = "prometheus"))]
#[cfg_attr(
    not(feature = "opentelemetry"),
    expect(
        dead_code,
        unreachable_pub,
        reason = "metrics want parts of it, and dialects are those of OpenTelemetry"
    )
)]
mod attributes;
#[cfg(any(feature = "otlp", feature = "webhook"))]
mod base64;
mod builder;
#[cfg(feature = "clickhouse")]
mod clickhouse;
mod config;
mod configuration;
#[cfg(feature = "console")]
mod console;
#[cfg(any(feature = "clickhouse", feature = "sqlite"))]
mod difference;
#[cfg(feature = "disabled")]
mod disabled;
#[cfg(any(feature = "ingest", feature = "tracing"))]
mod genai;
#[cfg(feature = "tracing")]
mod genai_layer;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "ingest")]
mod ingest;
#[cfg(any(feature = "jsonl", feature = "sqlite"))]
mod json;
#[cfg(feature = "jsonl")]
mod jsonl;
#[cfg(any(feature = "jsonl", feature = "opentelemetry", feature = "prometheus", feature = "sqlite"))]
mod messages;
#[cfg(any(feature = "otlp", feature = "prometheus"))]
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "a page is read as it is, without a beginning"))]
mod metrics;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "prometheus")]
mod prometheus;
#[cfg(any(feature = "disabled", feature = "sqlite"))]
mod repriced;
#[cfg(any(feature = "clickhouse", feature = "sqlite"))]
mod same;
#[cfg(any(feature = "ingest", feature = "opentelemetry", feature = "prometheus", feature = "tracing"))]
#[cfg_attr(
    not(feature = "otlp"),
    expect(dead_code, reason = "metrics and spans want parts of it, requests all")
)]
mod semconv;
#[cfg(any(feature = "clickhouse", feature = "sqlite"))]
mod slices;
mod spans;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "opentelemetry")]
mod surroundings;

#[cfg(any(feature = "disabled", feature = "sqlite"))]
pub use account::{Action, AuditBroken, AuditEntry, AuditHead};
#[cfg(any(feature = "clickhouse", feature = "disabled", feature = "sqlite"))]
pub use account::{AlertChange, Difference, Erased, Imported, KeptCall, Pruned};
#[cfg(feature = "alertmanager")]
pub use alerts::Alertmanager;
#[cfg(feature = "email")]
pub use alerts::Email;
#[cfg(all(feature = "config", feature = "sqlite"))]
pub use alerts::HistoryAlerts;
#[cfg(feature = "slack")]
pub use alerts::Slack;
#[cfg(feature = "webhook")]
pub use alerts::Webhook;
pub use alerts::{Channel, ConsoleChannel, Document};
#[cfg(feature = "opentelemetry")]
pub use attributes::Profile;
pub use builder::{Monitor, MonitorBuilder, SetupError};
#[cfg(all(feature = "clickhouse", feature = "ingest"))]
pub use clickhouse::ClickHouseSpans;
#[cfg(feature = "clickhouse")]
pub use clickhouse::{ClickHouse, ClickHouseError, ClickHouseHistory, ClickHouseImporter};
#[cfg(feature = "config")]
#[doc(hidden)]
pub use config::document;
pub use config::{ConfigError, load_prices};
#[cfg(feature = "config")]
pub use config::{alerts, channels, outcome_values, retention, settings, user_key};
#[cfg(feature = "console")]
pub use console::Console;
#[cfg(all(feature = "disabled", not(feature = "console")))]
pub use disabled::Console;
#[cfg(all(feature = "disabled", not(feature = "jsonl")))]
pub use disabled::Jsonl;
#[cfg(all(feature = "disabled", not(feature = "opentelemetry")))]
pub use disabled::Profile;
#[cfg(all(feature = "disabled", not(feature = "prometheus")))]
pub use disabled::Prometheus;
#[cfg(all(feature = "disabled", not(feature = "clickhouse")))]
pub use disabled::{ClickHouse, ClickHouseError, ClickHouseHistory, ClickHouseImporter};
#[cfg(all(feature = "disabled", not(feature = "otlp")))]
pub use disabled::{ContentPlacement, Otlp, OtlpError};
#[cfg(all(feature = "disabled", not(feature = "sqlite")))]
pub use disabled::{History, HistoryError, Importer, Sqlite};
#[cfg(feature = "tracing")]
pub use genai_layer::GenAiLayer;
#[cfg(feature = "ingest")]
pub use ingest::{
    Known, KnownCall, LogData, SpanAttributes, SpanData, SpanEventData, attributes_of_texts, calls_of_spans,
    event_of_log, resource_of_attributes,
};
#[cfg(all(feature = "jsonl", any(feature = "clickhouse", feature = "sqlite")))]
pub use json::event_from_json;
#[cfg(feature = "jsonl")]
pub use json::event_to_json;
#[cfg(feature = "jsonl")]
pub use jsonl::Jsonl;
#[cfg(feature = "otlp")]
pub use otlp::{ContentPlacement, Otlp, OtlpError};
#[cfg(feature = "prometheus")]
pub use prometheus::Prometheus;
#[cfg(any(feature = "disabled", feature = "sqlite"))]
pub use repriced::{Repriced, RepricedModel};
pub use spans::Spans;
#[cfg(feature = "sqlite")]
pub use sqlite::{History, HistoryError, Importer, Sqlite};

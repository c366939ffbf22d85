//! What a monitor was set up with, for the audit log: names and numbers, and no secret.

use crate::config::Config;
use jobmon_core::{Exporter, Settings, Text};
use serde_json::{Map, Value, json};

/// One JSON object. The same settings give the same text.
pub(crate) fn of(config: &Config, settings: &Settings, exporters: &[Box<dyn Exporter>]) -> Text {
    let mut names: Vec<&str> = exporters.iter().map(|exporter| exporter.name()).collect();
    names.sort_unstable();
    let alerts: Map<String, Value> = config
        .alerts
        .iter()
        .map(|alert| {
            let condition = alert.condition().map_or(Value::Null, |condition| json!(condition.to_string()));
            (alert.name().to_string(), condition)
        })
        .collect();
    let budgets: Vec<_> = config.budgets.iter().map(|budget| json!(budget.name().as_str())).collect();
    let retention: Map<String, Value> = settings
        .retention
        .limits()
        .map(|(kind, time)| (kind.name().to_owned(), json!(time.as_secs())))
        .collect();
    let kept: Vec<_> = settings.redaction.kept().map(|kind| json!(kind.name())).collect();
    let track = settings.track;
    let configuration = json!({
        "project": settings.resource.project_id.as_deref(),
        "environment": settings.resource.environment.as_deref(),
        "jobmon": env!("CARGO_PKG_VERSION"),
        "exporters": names,
        "sampling_rate": settings.sampling_rate,
        "capture_content": settings.capture_content,
        "track": {
            "tokens": track.tokens, "latency": track.latency, "errors": track.errors, "retries": track.retries,
        },
        "users_are_hashed": settings.user_key.is_some(),
        "redaction_keeps": kept,
        "retention_seconds": retention,
        "alerts": alerts,
        "budgets": budgets,
        "prices": settings.prices.version().as_str(),
    });
    Text::from(configuration.to_string())
}

//! [`Alertmanager`]: Prometheus' own, which groups, silences and routes.

use super::channel::Channel;
use super::message;
use super::post::Post;
use jobmon_core::{ExportError, Notice, NoticeKind, Resource, Timestamp};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How long an alert is taken to fire that nobody speaks of any more: somewhat longer than alerts repeat by default.
const LASTS: Duration = Duration::from_secs(5 * 3_600);

/// Hands notices to a Prometheus [Alertmanager](https://prometheus.io/docs/alerting/latest/alertmanager/), by its API
/// version 2.
///
/// ```
/// use jobmon_export::Alertmanager;
/// let channel = Alertmanager::new("http://127.0.0.1:9093");
/// ```
///
/// Labels are `alertname`, the group, `service`, `environment` and `project`; annotations are `summary`, `condition` and
/// `figures`. An alert that is not repeated within five hours ends there: let alerts repeat at least so often.
#[derive(Debug)]
pub struct Alertmanager {
    name: String,
    post: Post,
}

impl Alertmanager {
    /// Its address, without a path. The channel's name is `alertmanager`.
    pub fn new(url: impl AsRef<str>) -> Self {
        let url = format!("{}/api/v2/alerts", url.as_ref().trim_end_matches('/'));
        Self { name: "alertmanager".to_owned(), post: Post::to(url) }
    }

    /// Another name, where there are several.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

impl Channel for Alertmanager {
    fn name(&self) -> &str {
        &self.name
    }

    fn tell(&mut self, notice: &Notice, from: &Resource) -> Result<(), ExportError> {
        self.post.send(&payload(notice, from).to_string(), &[])
    }
}

fn payload(notice: &Notice, from: &Resource) -> Value {
    let mut labels = Map::new();
    labels.insert("alertname".to_owned(), json!(notice.alert.as_str()));
    let resource =
        [("project", &from.project_id), ("service", &from.service_name), ("environment", &from.environment)];
    let group = notice.group.iter().map(|(dimension, value)| (dimension.name(), value));
    for (name, value) in resource.into_iter().chain(group) {
        if let Some(value) = value {
            labels.insert(name.to_owned(), json!(value.as_str()));
        }
    }
    let summary = notice.summary.as_deref().map_or_else(|| message::line(notice), ToOwned::to_owned);
    let annotations = json!({"summary": summary, "condition": notice.condition.as_str(), "figures": message::figures(notice)});
    let ends: Timestamp = if notice.kind == NoticeKind::Resolved { notice.at } else { notice.at.plus(LASTS) };
    json!([{
        "labels": labels, "annotations": annotations, "startsAt": notice.since.to_string(), "endsAt": ends.to_string(),
    }])
}

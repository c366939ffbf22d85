//! What is said of a notice: in words, and for machines.

#[cfg(any(feature = "email", feature = "slack", feature = "webhook"))]
use jobmon_core::Resource;
#[cfg(feature = "webhook")]
use jobmon_core::report::notice_to_json;
use jobmon_core::report::one_line;
use jobmon_core::{Notice, NoticeKind};
#[cfg(feature = "webhook")]
use serde_json::{Value, json};

/// In one line: `High error rate (feature=search) fires: error_rate 12.0 %`.
pub(crate) fn line(notice: &Notice) -> String {
    let group = group(notice);
    let group = if group.is_empty() { String::new() } else { format!(" ({group})") };
    let what = match notice.kind {
        NoticeKind::Resolved => "is resolved",
        NoticeKind::Still => "still fires",
        _ => "fires",
    };
    one_line(&format!("{}{group} {what}: {}", notice.alert, figures(notice)))
}

/// `feature=search, model=gpt-4o`.
pub(crate) fn group(notice: &Notice) -> String {
    let value = |value: Option<&str>| value.unwrap_or("-").to_owned();
    let pairs = notice.group.iter().map(|(dimension, of)| format!("{dimension}={}", value(of.as_deref())));
    one_line(&pairs.collect::<Vec<_>>().join(", "))
}

/// `error_rate 12.0 %, calls 40`.
pub(crate) fn figures(notice: &Notice) -> String {
    let figure =
        |figure: Option<jobmon_core::Quantity>| figure.map_or("-".to_owned(), |figure| figure.to_string());
    let told = notice.figures.iter().map(|(name, of)| format!("{name} {}", figure(*of)));
    one_line(&told.collect::<Vec<_>>().join(", "))
}

/// Where it comes from: `job-search, production`.
#[cfg(any(feature = "email", feature = "slack"))]
pub(crate) fn origin(from: &Resource) -> String {
    let parts = [&from.project_id, &from.service_name, &from.environment];
    one_line(&parts.into_iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// For machines.
#[cfg(feature = "webhook")]
pub(crate) fn json(notice: &Notice, from: &Resource) -> Value {
    let mut object = notice_to_json(notice);
    let of =
        [("project", &from.project_id), ("service", &from.service_name), ("environment", &from.environment)];
    object.extend(of.map(|(name, value)| (name.to_owned(), json!(value.as_deref()))));
    Value::Object(object)
}

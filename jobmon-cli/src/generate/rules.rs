//! Rules for Prometheus.

use super::promql;
use jobmon_core::{Alert, Comparison, Condition, NoData};
use serde_json::Value;
use std::time::Duration;

/// The file, as YAML. Alerts that Prometheus cannot know are comments that say why.
pub(super) fn of(alerts: &[Alert]) -> String {
    let mut records: Vec<(String, String)> = Vec::new();
    let mut rules = String::new();
    let mut left_out = String::new();
    for alert in alerts {
        match rule(alert, &mut records) {
            Ok(rule) => rules.push_str(&rule),
            Err(reason) => {
                left_out.push_str(&format!("# `{}` is not here: {reason}.\n", one_line(alert.name())));
            }
        }
    }
    let mut text = String::from(
        "# Made by `jobmon generate prometheus-rules` for the metrics that jobmon's exporters `prometheus` and `otlp` give.\n",
    );
    text.push_str(&left_out);
    if rules.is_empty() {
        return text + "groups: []\n";
    }
    text.push_str("groups:\n  - name: jobmon\n    interval: 10s\n    rules:\n");
    for (name, expression) in &records {
        text.push_str(&format!("      - record: {name}\n        expr: {}\n", quoted(expression)));
    }
    text + &rules
}

fn rule(alert: &Alert, records: &mut Vec<(String, String)>) -> Result<String, String> {
    let condition = alert.condition().map_err(ToString::to_string)?;
    let window = time(alert.window_length());
    let by = alert.dimensions();
    let mut made = Vec::new();
    let mut recorded = |condition: &Condition| {
        expression(condition, &mut |comparison| {
            let subject = promql::subject(comparison, &window, by)?;
            let name = record(comparison, &window, alert);
            made.push((name.clone(), subject));
            Ok(name)
        })
    };
    let mut expression = recorded(condition)?;
    let mut does_not_hold = recorded(&condition.negated())?;
    if alert.least_calls() > 0 {
        let calls = promql::calls(&window, by)?;
        let name = record_name("calls", &window, alert, "");
        for told in [&mut expression, &mut does_not_hold] {
            *told = format!("({told}) and {name} >= {}", alert.least_calls());
        }
        made.push((name, calls));
    }
    match alert.on_no_data() {
        NoData::Ok => {}
        // What fires, or is about to, does until it can be told that the condition does not hold.
        NoData::Keep => {
            let before = promql::fires(&quoted(alert.name()), by)?;
            expression = format!("({expression}) or ({before} unless ({does_not_hold}))");
        }
        NoData::Fire if by.is_empty() => {
            expression = format!("({expression}) or (vector(1) unless ({does_not_hold}))");
        }
        NoData::Fire => {
            return Err("what no group tells cannot fire there (`no_data = \"fire\"` with `by`)".to_owned());
        }
    }
    for record in made {
        if !records.contains(&record) {
            records.push(record);
        }
    }
    let mut text =
        format!("      - alert: {}\n        expr: {}\n", quoted(alert.name()), quoted(&expression));
    if !alert.held_for().is_zero() {
        text.push_str(&format!("        for: {}\n", time(alert.held_for())));
    }
    let summary = alert.told_summary().map_or_else(|| condition.to_string(), ToString::to_string);
    // Braces would be a template of Prometheus.
    let plain = |text: &str| quoted(&text.replace("{{", "{ {"));
    text.push_str(&format!(
        "        annotations:\n          summary: {}\n          condition: {}\n",
        plain(&summary),
        plain(&condition.to_string())
    ));
    Ok(text)
}

/// The condition over recorded figures.
fn expression(
    condition: &Condition,
    subject: &mut dyn FnMut(&Comparison) -> Result<String, String>,
) -> Result<String, String> {
    let mut failed = None;
    let text = condition.written(&mut |comparison| match subject(comparison) {
        Ok(name) => format!("{name} {} {}", comparison.comparator.symbol(), comparison.threshold.number()),
        Err(reason) => {
            failed.get_or_insert(reason);
            String::new()
        }
    });
    failed.map_or(Ok(text), Err)
}

/// The name of a recorded figure, by the rules of
/// [Prometheus](https://prometheus.io/docs/practices/rules/#naming): level, metric, operation.
fn record(comparison: &Comparison, window: &str, alert: &Alert) -> String {
    let subject = comparison.subject();
    let filters = comparison.filters.iter().map(|filter| {
        let values: Vec<_> = filter.values.iter().map(|value| value.as_deref().unwrap_or("none")).collect();
        format!("_{}{}_{}", if filter.negated { "not_" } else { "" }, filter.dimension, values.join("_"))
    });
    let filters: String = filters.collect();
    let function = subject.split_once('(').map_or("", |(function, _)| function);
    let function = if function.is_empty() { String::new() } else { format!("{function}_") };
    record_name(&format!("{function}{}", comparison.measure.name), window, alert, &filters)
}

fn record_name(measure: &str, window: &str, alert: &Alert, filters: &str) -> String {
    let by: Vec<_> = alert.dimensions().iter().map(|dimension| dimension.name()).collect();
    let level = if by.is_empty() { "all".to_owned() } else { by.join("_") };
    let safe = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
    };
    format!("{}:jobmon_{}{}:{}", safe(&level), safe(measure), safe(filters), window)
}

/// A duration in the words of Prometheus.
fn time(time: Duration) -> String {
    let millis = time.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let whole = units.into_iter().find(|(_, unit)| millis.is_multiple_of(*unit));
    whole.map_or_else(String::new, |(name, unit)| format!("{}{name}", millis / unit))
}

/// Text in YAML: JSON's quotes are its, too.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn one_line(text: &str) -> String {
    jobmon_core::report::one_line(text)
}

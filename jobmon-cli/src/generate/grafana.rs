//! A dashboard for Grafana, in its [JSON model](https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model/).

use super::{promql, sql};
use clap::ValueEnum;
use jobmon_core::{Dimension, Measure, Unit};
use serde_json::{Value, json};

/// Version of the model: Grafana brings earlier ones up to date.
const SCHEMA: u32 = 41;
/// Columns that a row of a dashboard has.
const WIDE: u32 = 24;

/// Where Grafana has the figures from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Data {
    /// Prometheus, with the metrics of the exporters `prometheus` and `otlp`
    Prometheus,
    /// ClickHouse, with the tables of the exporter `clickhouse`
    Clickhouse,
}

impl Data {
    /// The type of data source, as Grafana and its plugin call it.
    const fn plugin(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Clickhouse => "grafana-clickhouse-datasource",
        }
    }
}

/// What is shown, and how.
struct Panel {
    title: &'static str,
    measures: &'static [&'static str],
    by: &'static [Dimension],
    shown: Shown,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// One figure of the whole time.
    Stat,
    /// Over time.
    Series,
    /// Over time, added up.
    Stacked,
    /// A table of the whole time.
    Table,
}

const fn panel(
    title: &'static str,
    measures: &'static [&'static str],
    by: &'static [Dimension],
    shown: Shown,
) -> Panel {
    Panel { title, measures, by, shown }
}

/// Rows of panels, each with its title.
const ROWS: &[(&str, &[Panel])] = &[
    (
        "Overview",
        &[
            panel("Calls", &["calls"], &[], Shown::Stat),
            panel("Success rate", &["success_rate"], &[], Shown::Stat),
            panel("Cost", &["cost"], &[], Shown::Stat),
            panel("Wasted cost", &["wasted_cost"], &[], Shown::Stat),
            panel("p95 latency", &["p95_latency"], &[], Shown::Stat),
            panel("Recovery rate of retries", &["recovery_rate"], &[], Shown::Stat),
        ],
    ),
    (
        "Calls",
        &[
            panel("Calls by how they ended", &["successes", "errors", "cancelled"], &[], Shown::Stacked),
            panel("Error rate by feature", &["error_rate"], &[Dimension::Feature], Shown::Series),
            panel("Latency", &["p50_latency", "p95_latency", "p99_latency"], &[], Shown::Series),
            panel(
                "Time to first token",
                &["p50_time_to_first_token", "p95_time_to_first_token"],
                &[],
                Shown::Series,
            ),
        ],
    ),
    (
        "Money",
        &[
            panel("Cost by feature", &["cost"], &[Dimension::Feature], Shown::Stacked),
            panel("Cost by model", &["cost"], &[Dimension::Provider, Dimension::Model], Shown::Stacked),
            panel("Tokens", &["input_tokens", "output_tokens", "cache_read_tokens"], &[], Shown::Stacked),
            panel(
                "Features",
                &["calls", "cost", "wasted_cost", "error_rate"],
                &[Dimension::Feature],
                Shown::Table,
            ),
        ],
    ),
    (
        "Models",
        &[
            panel("p95 latency by model", &["p95_latency"], &[Dimension::Model], Shown::Series),
            panel("Success rate by model", &["success_rate"], &[Dimension::Model], Shown::Series),
        ],
    ),
    (
        "Quality and outcomes",
        &[
            panel("Mean score", &["mean_score"], &[Dimension::Score], Shown::Series),
            panel("False-positive rate", &["false_positive_rate"], &[Dimension::Label], Shown::Series),
            panel("Feedback", &["positive_feedback", "negative_feedback"], &[], Shown::Stacked),
            panel("Outcomes", &["outcomes"], &[Dimension::Outcome], Shown::Stacked),
        ],
    ),
];

/// Grafana's word for a unit.
const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Usd => "currencyUSD",
        Unit::Duration => "s",
        Unit::Ratio => "percentunit",
        Unit::Count => "short",
        _ => "none",
    }
}

/// The whole dashboard, for a source of data that its users pick.
pub(super) fn of(data: Data, database: &str) -> Value {
    let mut panels = Vec::new();
    let (mut id, mut top) = (1, 0);
    for (title, row) in ROWS {
        panels.push(json!({
            "id": id, "type": "row", "title": title, "collapsed": false, "panels": [],
            "gridPos": {"h": 1, "w": WIDE, "x": 0, "y": top},
        }));
        id += 1;
        top += 1;
        let mut left = 0;
        let mut height = 0;
        for panel in *row {
            let (wide, high) = if panel.shown == Shown::Stat { (4, 4) } else { (12, 8) };
            if left + wide > WIDE {
                (left, top) = (0, top + height);
            }
            height = high;
            panels.push(one(data, database, panel, id, &json!({"h": high, "w": wide, "x": left, "y": top})));
            id += 1;
            left += wide;
        }
        top += height;
    }
    let (uid, description) = match data {
        Data::Prometheus => (
            "jobmon-llm",
            "Made by `jobmon generate grafana` for the metrics of jobmon's exporters `prometheus` and `otlp`.",
        ),
        Data::Clickhouse => (
            "jobmon-llm-clickhouse",
            "Made by `jobmon generate grafana` for the tables of jobmon's exporter `clickhouse`.",
        ),
    };
    json!({
        "title": "LLM calls (jobmon)",
        "uid": uid,
        "description": description,
        "tags": ["jobmon", "llm"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": [{
            "name": "source", "label": "Source", "type": "datasource", "query": data.plugin(), "hide": 0,
            "skipUrlSync": false, "multi": false, "includeAll": false, "refresh": 1, "regex": "", "options": [],
        }]},
        "annotations": {"list": []},
        "links": [],
        "panels": panels,
    })
}

/// What a panel asks Prometheus: a query for each measure.
fn of_prometheus(panel: &Panel, source: &Value) -> Vec<Value> {
    let instant = matches!(panel.shown, Shown::Stat | Shown::Table);
    let window = if instant { "$__range" } else { "$__rate_interval" };
    let target = |(measure, letter): (&&str, char)| {
        let query = promql::of(measure, panel.by, window)?;
        let labels = promql::labels(measure, panel.by);
        let legend = match (panel.by.is_empty(), labels) {
            (true, _) | (_, None) => measure.replace('_', " "),
            (false, Some(labels)) => {
                labels.iter().map(|label| format!("{{{{{label}}}}}")).collect::<Vec<_>>().join(" ")
            }
        };
        Some(json!({
            "refId": letter.to_string(), "datasource": source, "expr": query, "legendFormat": legend,
            "instant": instant, "range": !instant, "editorMode": "code",
            "format": if panel.shown == Shown::Table { "table" } else { "time_series" },
        }))
    };
    panel.measures.iter().zip('A'..='Z').filter_map(target).collect()
}

/// What a panel asks ClickHouse: one query for all.
fn of_clickhouse(database: &str, panel: &Panel, source: &Value) -> Value {
    let over_time = matches!(panel.shown, Shown::Series | Shown::Stacked);
    json!({
        "refId": "A", "datasource": source, "editorType": "sql", "pluginVersion": "4.0.0",
        "rawSql": sql::query(database, panel.measures, panel.by, over_time),
        "queryType": if over_time { "timeseries" } else { "table" }, "format": i32::from(!over_time),
    })
}

fn one(data: Data, database: &str, panel: &Panel, id: u32, place: &Value) -> Value {
    let source = json!({"type": data.plugin(), "uid": "${source}"});
    let targets = match data {
        Data::Prometheus => of_prometheus(panel, &source),
        Data::Clickhouse => vec![of_clickhouse(database, panel, &source)],
    };
    let first = panel.measures.first().and_then(|name| Measure::named(name).ok());
    let unit = first.map_or("none", |measure| unit(measure.unit));
    let what =
        panel.measures.iter().filter_map(|name| Measure::named(name).ok()).map(|measure| measure.meaning);
    let (kind, options, custom) = match panel.shown {
        Shown::Stat => (
            "stat",
            json!({
                "reduceOptions": {"values": false, "calcs": ["lastNotNull"], "fields": ""}, "orientation": "auto",
                "textMode": "auto", "colorMode": "value", "graphMode": "none", "justifyMode": "auto",
                "wideLayout": true, "showPercentChange": false, "percentChangeColorMode": "standard",
            }),
            json!({}),
        ),
        Shown::Table => ("table", json!({"showHeader": true, "cellHeight": "sm"}), json!({})),
        Shown::Series | Shown::Stacked => {
            let stacked = panel.shown == Shown::Stacked;
            (
                "timeseries",
                json!({
                    "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []},
                    "tooltip": {"mode": "multi", "sort": "desc"},
                }),
                json!({
                    "drawStyle": if stacked { "bars" } else { "line" }, "fillOpacity": if stacked { 70 } else { 0 },
                    "lineWidth": 1, "showPoints": "auto", "spanNulls": false,
                    "stacking": {"mode": if stacked { "normal" } else { "none" }, "group": "A"},
                }),
            )
        }
    };
    // Several tables are one: a row for each group.
    let transformations = if panel.shown == Shown::Table && data == Data::Prometheus {
        json!([{"id": "merge", "options": {}}])
    } else {
        json!([])
    };
    json!({
        "id": id, "type": kind, "title": panel.title, "description": what.collect::<Vec<_>>().join(" "),
        "gridPos": place, "datasource": source, "targets": targets, "options": options, "transformations": transformations,
        "fieldConfig": {"defaults": {"unit": unit, "custom": custom, "min": 0}, "overrides": []},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_panel_asks_for_what_metrics_have_and_none_lies_on_another() {
        for data in [Data::Prometheus, Data::Clickhouse] {
            check(&of(data, "jobmon"));
        }
        let measures = ROWS
            .iter()
            .flat_map(|(_, panels)| *panels)
            .flat_map(|panel| panel.measures.iter().map(move |measure| (measure, panel)));
        for (measure, panel) in measures {
            assert!(promql::of(measure, panel.by, "5m").is_some(), "{measure} of {}", panel.title);
            assert!(sql::of(measure).is_some(), "{measure} of {}", panel.title);
        }
    }

    fn check(dashboard: &Value) {
        let mut ids = std::collections::BTreeSet::new();
        let mut taken = std::collections::BTreeSet::new();
        for panel in dashboard["panels"].as_array().expect("panels") {
            assert!(ids.insert(panel["id"].as_u64()), "{panel}");
            let place = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
            assert!(place("x") + place("w") <= u64::from(WIDE));
            for x in place("x")..place("x") + place("w") {
                for y in place("y")..place("y") + place("h") {
                    assert!(taken.insert((x, y)), "{} lies on another", panel["title"]);
                }
            }
            if panel["type"] != "row" {
                assert!(
                    panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()),
                    "{}",
                    panel["title"]
                );
            }
        }
    }
}

//! `jobmon generate`: what other programs need to know of jobmon.

mod collector;
mod grafana;
mod promql;
mod rules;
mod sql;

use crate::commands::Message;
use clap::{Args as Group, Subcommand};
use collector::CollectorArgs;
use grafana::Data;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum GenerateCommand {
    /// Recording and alerting rules for Prometheus, from the alerts of a configuration
    PrometheusRules(RulesArgs),
    /// A dashboard for Grafana, over what Prometheus or ClickHouse has of jobmon; import it as JSON
    Grafana(GrafanaArgs),
    /// A configuration for an OpenTelemetry Collector between agents and `jobmon serve`
    OtelCollector(CollectorArgs),
}

#[derive(Debug, Group)]
pub(crate) struct GrafanaArgs {
    /// Where Grafana has the figures from
    #[arg(long, value_enum, default_value = "prometheus")]
    data: Data,
    /// The database of ClickHouse
    #[arg(long, value_name = "NAME", default_value = "jobmon", value_parser = database)]
    database: String,
}

fn database(name: &str) -> Result<String, String> {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name { Ok(name.to_owned()) } else { Err("expected letters, digits and `_`".to_owned()) }
}

#[derive(Debug, Group)]
pub(crate) struct RulesArgs {
    /// The configuration with `[[alerts]]`; default: `JOBMON_CONFIG`, else `jobmon.toml`
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

pub(crate) fn run(command: &GenerateCommand) -> Result<String, Message> {
    match command {
        GenerateCommand::Grafana(args) => {
            Ok(crate::commands::pretty(&grafana::of(args.data, &args.database)))
        }
        GenerateCommand::OtelCollector(args) => collector::of(args),
        GenerateCommand::PrometheusRules(args) => {
            let alerts = jobmon_export::alerts(args.config.as_deref()).map_err(crate::commands::message)?;
            if alerts.is_empty() {
                return Err("no alerts are configured; write `[[alerts]]` into jobmon.toml".to_owned());
            }
            Ok(rules::of(&alerts))
        }
    }
}

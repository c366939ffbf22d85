//! `jobmon generate`: what other programs need to know of jobmon.

mod collector;
mod grafana;
mod promql;
mod rules;

use crate::commands::Message;
use clap::{Args as Group, Subcommand};
use collector::CollectorArgs;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum GenerateCommand {
    /// Recording and alerting rules for Prometheus, from the alerts of a configuration
    PrometheusRules(RulesArgs),
    /// A dashboard for Grafana, over the metrics that Prometheus has of jobmon; import it as JSON
    Grafana,
    /// A configuration for an OpenTelemetry Collector between agents and `jobmon serve`
    OtelCollector(CollectorArgs),
}

#[derive(Debug, Group)]
pub(crate) struct RulesArgs {
    /// The configuration with `[[alerts]]`; default: `JOBMON_CONFIG`, else `jobmon.toml`
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

pub(crate) fn run(command: &GenerateCommand) -> Result<String, Message> {
    match command {
        GenerateCommand::Grafana => Ok(crate::commands::pretty(&grafana::of())),
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

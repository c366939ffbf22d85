//! Where else the run goes, beside console and history.

use crate::options::Options;
use jobmon::MonitorBuilder;
use std::error::Error;
use std::io::Write;
#[cfg(feature = "otlp")]
use std::time::Duration;

/// Adds the exporters that the options name.
pub(crate) fn add(builder: MonitorBuilder, options: &Options) -> Result<MonitorBuilder, Box<dyn Error>> {
    clickhouse(prometheus(otlp(jsonl(builder, options)?, options)?, options)?, options)
}

#[cfg(feature = "clickhouse")]
fn clickhouse(builder: MonitorBuilder, options: &Options) -> Result<MonitorBuilder, Box<dyn Error>> {
    Ok(match &options.clickhouse {
        Some(url) => builder.exporter(jobmon::ClickHouse::to(url)?),
        None => builder,
    })
}

#[cfg(not(feature = "clickhouse"))]
fn clickhouse(builder: MonitorBuilder, options: &Options) -> Result<MonitorBuilder, Box<dyn Error>> {
    without(builder, options.clickhouse.is_some(), "--clickhouse", "clickhouse")
}

#[cfg(feature = "jsonl")]
fn jsonl(builder: MonitorBuilder, options: &Options) -> Result<MonitorBuilder, Box<dyn Error>> {
    Ok(match &options.jsonl {
        Some(path) => builder.exporter(jobmon::Jsonl::open(path)?),
        None => builder,
    })
}

#[cfg(not(feature = "jsonl"))]
fn jsonl(builder: MonitorBuilder, options: &Options) -> Result<MonitorBuilder, Box<dyn Error>> {
    without(builder, options.jsonl.is_some(), "--jsonl", "jsonl")
}

#[cfg(feature = "otlp")]
fn otlp(builder: MonitorBuilder, options: &Options) -> Result<MonitorBuilder, Box<dyn Error>> {
    let Some(endpoint) = &options.otlp else { return Ok(builder) };
    let mut otlp = jobmon::Otlp::to(endpoint);
    if options.grpc {
        otlp = otlp.grpc();
    }
    if let Some(profile) = &options.profile {
        otlp = otlp.profile(jobmon::Profile::named(profile)?);
    }
    if let Some(folder) = &options.spool {
        otlp = otlp.spool(folder);
    }
    for (name, value) in &options.headers {
        otlp = otlp.header(name, value);
    }
    // A backend that has just started may take its time for the first request.
    Ok(builder.shutdown_timeout(Duration::from_secs(30)).exporter(otlp))
}

#[cfg(not(feature = "otlp"))]
fn otlp(builder: MonitorBuilder, options: &Options) -> Result<MonitorBuilder, Box<dyn Error>> {
    without(builder, options.otlp.is_some(), "--otlp", "otlp")
}

#[cfg(feature = "prometheus")]
fn prometheus(builder: MonitorBuilder, options: &Options) -> Result<MonitorBuilder, Box<dyn Error>> {
    Ok(match &options.prometheus {
        Some(address) => builder.exporter(jobmon::Prometheus::listen(address)?),
        None => builder,
    })
}

#[cfg(not(feature = "prometheus"))]
fn prometheus(builder: MonitorBuilder, options: &Options) -> Result<MonitorBuilder, Box<dyn Error>> {
    without(builder, options.prometheus.is_some(), "--prometheus", "prometheus")
}

#[cfg(not(all(feature = "clickhouse", feature = "jsonl", feature = "otlp", feature = "prometheus")))]
fn without(
    builder: MonitorBuilder,
    asked: bool,
    option: &str,
    feature: &str,
) -> Result<MonitorBuilder, Box<dyn Error>> {
    if asked { Err(format!("{option} needs --features {feature}").into()) } else { Ok(builder) }
}

/// Stays until Enter is pressed, or standard input ends, where Prometheus is to come and read.
pub(crate) fn stay(options: &Options) {
    if let Some(address) = &options.prometheus {
        let text = format!("The metrics are at http://{address}/metrics until Enter is pressed.\n");
        let _ = std::io::stderr().write_all(text.as_bytes());
        let _ = std::io::stdin().read_line(&mut String::new());
    }
}

//! A configuration for the [OpenTelemetry Collector](https://opentelemetry.io/docs/collector/configuration/).

use clap::Args as Group;

#[derive(Debug, Group)]
pub(crate) struct CollectorArgs {
    /// Where `jobmon serve` is; `off` to leave it out
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4320", value_parser = address)]
    jobmon: String,
    /// A ClickHouse to write to as well, such as `tcp://127.0.0.1:9000`; needs the Collector's contrib distribution
    #[arg(long, value_name = "URL")]
    clickhouse: Option<String>,
    /// Where agents send to by HTTP
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4318")]
    http: String,
    /// Where agents send to by gRPC; not that of a `jobmon serve` beside it
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:14317")]
    grpc: String,
    /// Send only spans of GenAI on, and drop all others
    #[arg(long)]
    only_genai: bool,
    /// The server has a token, in the variable `JOBMON_SERVE_TOKEN` of the Collector's environment
    #[arg(long)]
    token: bool,
}

fn address(text: &str) -> Result<String, String> {
    let is_url = text.starts_with("http://") || text.starts_with("https://");
    if text == "off" || is_url {
        Ok(text.to_owned())
    } else {
        Err("expected a URL such as `http://127.0.0.1:4320`, or `off`".to_owned())
    }
}

/// Text of YAML in quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(super) fn of(args: &CollectorArgs) -> Result<String, String> {
    let mut exporters = Vec::new();
    let mut yaml = format!(
        "# Made by `jobmon generate otel-collector`.\n\
         receivers:\n  otlp:\n    protocols:\n      http:\n        endpoint: {}\n      grpc:\n        endpoint: {}\n\n\
         processors:\n  memory_limiter:\n    check_interval: 1s\n    limit_percentage: 75\n    spike_limit_percentage: 20\n",
        quoted(&args.http),
        quoted(&args.grpc)
    );
    if args.only_genai {
        yaml.push_str(
            "  # A request of a model, a tool or an agent, in any convention.\n  filter/genai:\n    error_mode: ignore\n    traces:\n      span:\n        - >-\n          attributes[\"gen_ai.operation.name\"] == nil and attributes[\"gen_ai.system\"] == nil and\n          attributes[\"gen_ai.request.model\"] == nil and attributes[\"openinference.span.kind\"] == nil and\n          attributes[\"llm.request.type\"] == nil and attributes[\"traceloop.span.kind\"] == nil and\n          attributes[\"ai.operationId\"] == nil and attributes[\"langfuse.observation.type\"] == nil\n",
        );
    }
    yaml.push_str(
        "  batch:\n    send_batch_size: 512\n    send_batch_max_size: 1024\n    timeout: 1s\n\nexporters:\n",
    );
    if args.jobmon != "off" {
        exporters.push("otlphttp/jobmon");
        yaml.push_str(&format!(
            "  otlphttp/jobmon:\n    endpoint: {}\n    compression: gzip\n    retry_on_failure:\n      enabled: true\n      max_elapsed_time: 0s\n    sending_queue:\n      enabled: true\n      queue_size: 1000\n",
            quoted(&args.jobmon)
        ));
        if args.token {
            yaml.push_str("    headers:\n      authorization: \"Bearer ${env:JOBMON_SERVE_TOKEN}\"\n");
        }
    }
    if let Some(clickhouse) = &args.clickhouse {
        exporters.push("clickhouse");
        yaml.push_str(&format!(
            "  clickhouse:\n    endpoint: {}\n    create_schema: true\n    async_insert: true\n    ttl: 2160h\n    traces_table_name: otel_traces\n    logs_table_name: otel_logs\n    retry_on_failure:\n      enabled: true\n",
            quoted(clickhouse)
        ));
    }
    if exporters.is_empty() {
        return Err(
            "this collector would send nothing on; leave out `--jobmon off`, or give it `--clickhouse`"
                .to_owned(),
        );
    }
    let exporters = exporters.join(", ");
    let filter = if args.only_genai { "filter/genai, " } else { "" };
    yaml.push_str(&format!(
        "\nservice:\n  pipelines:\n    traces:\n      receivers: [otlp]\n      processors: [memory_limiter, {filter}batch]\n      exporters: [{exporters}]\n    logs:\n      receivers: [otlp]\n      processors: [memory_limiter, batch]\n      exporters: [{exporters}]\n"
    ));
    Ok(yaml)
}

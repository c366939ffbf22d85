//! `services front|agent|tools ..`: one of three services that serve one search together.
//!
//! `front` is a web service with `tracing-opentelemetry`; it asks `agent`, which is monitored by jobmon and asks a model
//! and, by HTTP, `tools`, a service with `tracing-opentelemetry` again. Each prints its address and ends with its standard
//! input.

mod agent;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::{Value, json};
use std::io::Read;
use tracing::{Instrument, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["front", otlp, agent] => {
            let provider = telemetry("front", otlp)?;
            let agent = agent.to_owned();
            serve(Router::new().route("/search", get(search)).with_state(agent))?;
            Ok(provider.shutdown()?)
        }
        ["tools", otlp] => {
            let provider = telemetry("tools", otlp)?;
            serve(Router::new().route("/postings", post(postings)))?;
            Ok(provider.shutdown()?)
        }
        ["agent", otlp, tools, spans] => agent::run(otlp, tools, spans),
        _ => Err("expected `front OTLP AGENT`, `agent OTLP TOOLS exporter|opentelemetry` or `tools OTLP`".into()),
    }
}

/// What the services have that know nothing of jobmon: `tracing`, its layer, and the SDK's exporter.
fn telemetry(service: &'static str, otlp: &str) -> Result<SdkTracerProvider, Failure> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().with_endpoint(format!("{otlp}/v1/traces"));
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name(service).build())
        .with_batch_exporter(exporter.build()?)
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(service));
    tracing_subscriber::registry().with(layer).init();
    opentelemetry::global::set_tracer_provider(provider.clone());
    Ok(provider)
}

/// Serves until standard input ends.
fn serve(router: Router) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        let over = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        let serving = axum::serve(listener, router);
        Ok(serving.with_graceful_shutdown(async { drop(over.await) }).await?)
    })
}

struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}

struct Request(reqwest::RequestBuilder);

impl Injector for Request {
    fn set(&mut self, key: &str, value: String) {
        if let Some(request) = self.0.try_clone() {
            self.0 = request.header(key, value);
        }
    }
}

/// Sends a request as part of the current span, and reads the JSON it gives.
pub(crate) async fn ask(url: &str, body: &Value) -> Result<Value, reqwest::Error> {
    let mut request = Request(reqwest::Client::new().post(url).json(body));
    TraceContextPropagator::new().inject_context(&opentelemetry::Context::current(), &mut request);
    request.0.send().await?.error_for_status()?.json().await
}

/// `GET /search` of the front.
async fn search(State(agent): State<String>) -> Json<Value> {
    let span = info_span!("GET /search", otel.kind = "server");
    let found = async {
        let asking = info_span!("POST /run", otel.kind = "client");
        ask(&format!("{agent}/run"), &json!({"query": "rust"})).instrument(asking).await
    };
    Json(found.instrument(span).await.unwrap_or_else(|error| json!({"error": error.to_string()})))
}

/// `POST /postings` of the tools.
async fn postings(headers: HeaderMap, Json(wanted): Json<Value>) -> Json<Value> {
    let span = info_span!("POST /postings", otel.kind = "server");
    let _ = span.set_parent(TraceContextPropagator::new().extract(&Headers(&headers)));
    async {
        info_span!("SELECT postings", otel.kind = "client").in_scope(|| ());
        Json(json!([{"title": "Rust engineer", "for": wanted["query"]}]))
    }
    .instrument(span)
    .await
}

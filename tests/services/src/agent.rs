//! The agent: monitored by jobmon, with spans of its own in between.

use crate::{Failure, ask, serve, telemetry};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use jobmon::{Monitor, Otlp, Spans, instrument_llm};
use serde_json::{Value, json};
use tracing::{Instrument, info_span};

/// Serves `POST /run`; spans of calls are made by jobmon's exporter or by the SDK.
pub(crate) fn run(otlp: &str, tools: &str, spans: &str) -> Result<(), Failure> {
    let provider = telemetry("agent", otlp)?;
    let spans = if spans == "opentelemetry" { Spans::OpenTelemetry } else { Spans::Exporter };
    let monitor = Monitor::builder().without_config().service_name("agent").spans(spans);
    let guard = monitor.exporter(Otlp::to(otlp)).install()?;
    serve(Router::new().route("/run", post(handle)).with_state(tools.to_owned()))?;
    let delivery = guard.shutdown();
    eprintln!("{delivery}");
    provider.shutdown()?;
    if delivery.is_complete() { Ok(()) } else { Err("not everything was delivered".into()) }
}

async fn handle(State(tools): State<String>, headers: HeaderMap, Json(wanted): Json<Value>) -> Json<Value> {
    let parent = headers.get("traceparent").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let found = jobmon::continue_trace(parent, jobmon::session("search-17", job_agent(&tools, &wanted))).await;
    Json(found.unwrap_or_else(|error| json!({"error": error.to_string()})))
}

#[instrument_llm]
async fn job_agent(tools: &str, wanted: &Value) -> Result<Value, Failure> {
    let postings = find_postings(tools, wanted).await?;
    // A span of the program between two calls.
    let answer = chat(&postings).instrument(info_span!("rank")).await?;
    Ok(json!({"answer": answer["choices"][0]["message"]["content"], "postings": postings}))
}

#[instrument_llm(operation = execute_tool)]
async fn find_postings(tools: &str, wanted: &Value) -> Result<Value, Failure> {
    // Another task, which the context is carried into.
    let (url, wanted) = (format!("{tools}/postings"), wanted.clone());
    let asking = async move { ask(&url, &wanted).await };
    Ok(tokio::spawn(jobmon::InContext::in_current_context(asking)).await??)
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
async fn chat(postings: &Value) -> Result<Value, Failure> {
    tokio::task::yield_now().await;
    let content = format!("the best of {}", postings.as_array().map_or(0, Vec::len));
    Ok(json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    }))
}

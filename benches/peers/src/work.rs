//! One small agent function, bare and instrumented by each library with the same eleven attributes. It does no I/O, so
//! that what is measured is the instrumentation.

use jobmon::{LlmResponse, Text, Usage, instrument_llm};
use opentelemetry::metrics::Histogram;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;
use std::sync::OnceLock;
use std::time::Instant;
use tracing::Instrument;
use tracing::field::Empty;

/// What a client hands back.
#[derive(Debug)]
pub(crate) struct Response {
    model: String,
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
}

impl LlmResponse for Response {
    fn usage(&self) -> Option<Usage> {
        let usage = Usage::new(self.input, self.output);
        Some(usage.with_cache_read(self.cache_read).with_cache_write(self.cache_write))
    }
    fn model(&self) -> Option<Text> {
        Some(Text::copied(&self.model))
    }
    fn finish_reasons(&self) -> Vec<Text> {
        vec![Text::literal("stop")]
    }
}

fn respond(job: &str) -> Response {
    let model = String::from("gpt-4o-mini-2024-07-18");
    Response { model, input: 1_000 + job.len() as u64, output: 100, cache_read: 200, cache_write: 50 }
}

pub(crate) async fn bare(job: &str) -> Response {
    respond(job)
}

#[instrument_llm(
    operation = "chat",
    provider = "openai",
    model = "gpt-4o-mini",
    feature = "analysis",
    fields(conversation = job)
)]
pub(crate) async fn with_jobmon(job: &str) -> Response {
    respond(job)
}

/// The attributes known when the answer is there.
macro_rules! record {
    ($response:expr) => {
        let span = tracing::Span::current();
        span.record("gen_ai.response.finish_reasons", "stop");
        span.record("gen_ai.response.model", $response.model.as_str());
        span.record("gen_ai.usage.input_tokens", $response.input);
        span.record("gen_ai.usage.output_tokens", $response.output);
        span.record("gen_ai.usage.cache_read.input_tokens", $response.cache_read);
        span.record("gen_ai.usage.cache_creation.input_tokens", $response.cache_write);
    };
}

#[tracing::instrument(skip_all, fields(
    gen_ai.operation.name = "chat", gen_ai.provider.name = "openai", gen_ai.request.model = "gpt-4o-mini",
    jobmon.feature = "analysis", conversation = job, gen_ai.response.finish_reasons = Empty,
    gen_ai.response.model = Empty, gen_ai.usage.input_tokens = Empty, gen_ai.usage.output_tokens = Empty,
    gen_ai.usage.cache_read.input_tokens = Empty, gen_ai.usage.cache_creation.input_tokens = Empty,
))]
pub(crate) async fn with_tracing(job: &str) -> Response {
    let response = respond(job);
    record!(response);
    response
}

pub(crate) async fn with_logfire(job: &str) -> Response {
    let span = logfire::span!(
        "chat {model}",
        model = "gpt-4o-mini",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        jobmon.feature = "analysis",
        conversation = job,
        gen_ai.response.finish_reasons = Empty,
        gen_ai.response.model = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
        gen_ai.usage.cache_creation.input_tokens = Empty,
    );
    let work = async {
        let response = respond(job);
        record!(response);
        response
    };
    work.instrument(span).await
}

/// Where spans made by hand go.
pub(crate) static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// By hand with OpenTelemetry's own API: the least that a span of it costs.
pub(crate) async fn with_opentelemetry(job: &str) -> Response {
    let Some(tracer) = TRACER.get() else { return respond(job) };
    let builder =
        SpanBuilder::from_name("chat gpt-4o-mini").with_kind(SpanKind::Client).with_attributes(vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.provider.name", "openai"),
            KeyValue::new("gen_ai.request.model", "gpt-4o-mini"),
            KeyValue::new("jobmon.feature", "analysis"),
            KeyValue::new("conversation", job.to_owned()),
        ]);
    let mut span = tracer.build_with_context(builder, &Context::current());
    let response = respond(job);
    let tokens = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    span.set_attributes([
        KeyValue::new("gen_ai.response.finish_reasons", "stop"),
        KeyValue::new("gen_ai.response.model", response.model.clone()),
        KeyValue::new("gen_ai.usage.input_tokens", tokens(response.input)),
        KeyValue::new("gen_ai.usage.output_tokens", tokens(response.output)),
        KeyValue::new("gen_ai.usage.cache_read.input_tokens", tokens(response.cache_read)),
        KeyValue::new("gen_ai.usage.cache_creation.input_tokens", tokens(response.cache_write)),
    ]);
    span.end();
    response
}

/// Duration, and tokens of both directions.
pub(crate) static HISTOGRAMS: OnceLock<(Histogram<f64>, [Histogram<u64>; 2])> = OnceLock::new();

/// The same, and three of the twelve instruments that jobmon keeps of a call.
pub(crate) async fn with_opentelemetry_metrics(job: &str) -> Response {
    let start = Instant::now();
    let response = with_opentelemetry(job).await;
    let Some((duration, [input, output])) = HISTOGRAMS.get() else { return response };
    let labels = [
        KeyValue::new("gen_ai.operation.name", "chat"),
        KeyValue::new("gen_ai.provider.name", "openai"),
        KeyValue::new("gen_ai.request.model", "gpt-4o-mini"),
        KeyValue::new("gen_ai.response.model", response.model.clone()),
    ];
    duration.record(start.elapsed().as_secs_f64(), &labels);
    input.record(response.input, &labels);
    output.record(response.output, &labels);
    response
}

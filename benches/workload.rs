//! The same small agent function, bare and instrumented in several ways: it makes one string, returns four counts,
//! and does no I/O, so that what is measured is the instrumentation.

use jobmon::{Batch, ExportError, Exporter, LlmResponse, Text, Usage, instrument_llm};
use tracing::field::Empty;

/// What the function returns.
#[derive(Debug)]
pub struct Response {
    /// The model that answered.
    pub model: String,
    /// Tokens.
    pub usage: Usage,
}

impl LlmResponse for Response {
    fn usage(&self) -> Option<Usage> {
        Some(self.usage)
    }
    fn model(&self) -> Option<Text> {
        Some(Text::copied(&self.model))
    }
}

fn respond(job: &str) -> Response {
    Response {
        model: format!("gpt-4o-mini-{}", job.len()),
        usage: Usage::new(1_000, 100).with_cache_read(200),
    }
}

/// Nothing around it.
///
/// # Errors
/// Never.
#[expect(clippy::unused_async, reason = "an agent function is async")]
pub async fn bare(job: &str) -> Result<Response, std::io::Error> {
    Ok(respond(job))
}

/// With jobmon.
///
/// # Errors
/// Never.
#[instrument_llm(provider = "openai", model = "gpt-4o-mini", feature = "analysis", fields(job))]
pub async fn with_jobmon(job: &str) -> Result<Response, std::io::Error> {
    Ok(respond(job))
}

/// With `tracing`, recording the same attributes.
///
/// # Errors
/// Never.
#[tracing::instrument(skip_all, fields(
    gen_ai.operation.name = "chat", gen_ai.provider.name = "openai", gen_ai.request.model = "gpt-4o-mini",
    feature = "analysis", job = job, gen_ai.response.model = Empty, gen_ai.usage.input_tokens = Empty,
    gen_ai.usage.output_tokens = Empty, gen_ai.usage.cache_read.input_tokens = Empty,
))]
pub async fn with_tracing(job: &str) -> Result<Response, std::io::Error> {
    let response = respond(job);
    let span = tracing::Span::current();
    span.record("gen_ai.response.model", response.model.as_str());
    span.record("gen_ai.usage.input_tokens", response.usage.input);
    span.record("gen_ai.usage.output_tokens", response.usage.output);
    span.record("gen_ai.usage.cache_read.input_tokens", response.usage.cache_read);
    Ok(response)
}

/// An exporter that takes all, and does nothing.
#[derive(Debug)]
pub struct Nowhere;

impl Exporter for Nowhere {
    fn name(&self) -> &'static str {
        "nowhere"
    }

    fn export(&mut self, _: &Batch) -> Result<(), ExportError> {
        Ok(())
    }
}

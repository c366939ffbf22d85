//! reqwest, monitored: requests by hand, retried by `backon` or by the middleware of `reqwest-retry`.
//!
//! ```text
//! cargo run -p example-clients --features reqwest --example with_reqwest
//! ```

use backon::{ExponentialBuilder, Retryable};
use example_provider::{Config, Fault, Faults, Provider};
use jobmon::{
    Console, ErrorCategory, Failure, LlmError, Monitor, RecordAttempts, honour_retry_after, instrument_llm,
};
use reqwest_middleware::ClientWithMiddleware;
use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};
use serde_json::{Value, json};
use std::error::Error;
use std::fmt;
use std::time::Duration;

pub(crate) const MODEL: &str = "gpt-4o-mini";

/// What can go wrong; it is classified by what it carries.
#[derive(Debug, LlmError)]
pub(crate) enum AskError {
    /// No answer, or it broke off.
    Http(#[llm(source)] reqwest::Error),
    /// As above, through a middleware.
    Middleware(#[llm(source)] reqwest_middleware::Error),
    /// An answer without success: `error_for_status` read category, status, words and `Retry-After` out of it.
    Refused(#[llm(source)] Failure),
}

/// One request by hand; `jobmon::error_for_status` tells more of a failure than reqwest's own.
async fn post(http: &reqwest::Client, url: &str, question: &str) -> Result<Value, AskError> {
    let response = http.post(url).json(&body(question)).send().await?;
    Ok(jobmon::error_for_status(response).await?.json().await?)
}

fn body(question: &str) -> Value {
    json!({ "model": MODEL, "messages": [{ "role": "user", "content": question }] })
}

/// Retried by backon: each try is an attempt of the call.
#[instrument_llm(provider = "openai", model = MODEL, feature = "questions")]
pub(crate) async fn ask(http: &reqwest::Client, url: &str, question: &str) -> Result<Value, AskError> {
    (|| post(http, url, question))
        .recorded_attempts()
        .retry(ExponentialBuilder::default().with_min_delay(Duration::from_millis(20)))
        .when(|error| matches!(error.category(), ErrorCategory::RateLimit | ErrorCategory::Server))
        .adjust(honour_retry_after)
        .await
}

/// A client that retries by itself. The middleware that records stands behind the one that retries.
pub(crate) fn retrying_client() -> ClientWithMiddleware {
    let bounds = (Duration::from_millis(20), Duration::from_secs(1));
    let policy = ExponentialBackoff::builder().retry_bounds(bounds.0, bounds.1).build_with_max_retries(3);
    reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
        .with(RetryTransientMiddleware::new_with_policy(policy))
        .with(jobmon::record_attempts)
        .build()
}

/// Retried by the client: the function knows nothing of it, and the record does.
#[instrument_llm(provider = "openai", model = MODEL, feature = "letters")]
pub(crate) async fn ask_through(
    http: &ClientWithMiddleware,
    url: &str,
    question: &str,
) -> Result<Value, AskError> {
    let response = http.post(url).json(&body(question)).send().await?;
    Ok(jobmon::error_for_status(response).await?.json().await?)
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(error) => error.fmt(f),
            Self::Middleware(error) => error.fmt(f),
            Self::Refused(failure) => failure.fmt(f),
        }
    }
}

impl Error for AskError {}

impl From<reqwest::Error> for AskError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error)
    }
}

impl From<reqwest_middleware::Error> for AskError {
    fn from(error: reqwest_middleware::Error) -> Self {
        Self::Middleware(error)
    }
}

impl From<Failure> for AskError {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config { faults: Faults::First(Fault::RateLimit), ..Config::default() };
    let provider = Provider::start(config).await?;
    let _guard = Monitor::builder().service_name("with-reqwest").exporter(Console::stdout()).install()?;

    let url = format!("{}/chat/completions", provider.openai_url());
    ask(&reqwest::Client::new(), &url, "What does a staff engineer do?").await?;
    ask_through(&retrying_client(), &url, "Write me a letter.").await?;
    // A prompt that is too long is too long the next time, too.
    let busy = Provider::start(Config::always(Fault::ContextLength)).await?;
    let url = format!("{}/chat/completions", busy.openai_url());
    let _ = ask(&reqwest::Client::new(), &url, "Read all my mail.").await;
    Ok(())
}

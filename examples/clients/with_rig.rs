//! rig, monitored: a completion, a stream and an agent, on a provider that asks to slow down at first.
//!
//! ```text
//! cargo run -p example-clients --features rig --example with_rig
//! ```

use backon::{ExponentialBuilder, Retryable};
use example_provider::{Config, Fault, Faults, Provider};
use futures::StreamExt;
use jobmon::{Console, Monitor, RecordAttempts, honour_retry_after, instrument_llm};
use rig_agent::agent::PromptResponse;
use rig_agent::completion::PromptError;
use rig_agent::{Agent, AgentBuilder};
use rig_core::completion::CompletionResponse;
use rig_core::error::ProviderError;
use rig_core::providers::openai::{OpenAI, OpenAIConfig};
use rig_core::streaming::{Item, StreamEvent};
use rig_reqwest::ReqwestClient;
use std::error::Error;
use std::time::Duration;

pub(crate) const MODEL: &str = "gpt-5-mini";

/// A client of rig's for an OpenAI-compatible server.
pub(crate) fn client(url: &str) -> OpenAI {
    let http = ReqwestClient::from(reqwest::Client::new());
    OpenAIConfig::new("key").with_base_url(url).connect(http)
}

fn patiently() -> ExponentialBuilder {
    ExponentialBuilder::default().with_min_delay(Duration::from_millis(20))
}

/// The response tells its usage by itself. rig does not retry, so we do, and each try is an attempt of the call.
#[instrument_llm(provider = "openai", model = MODEL, feature = "questions")]
pub(crate) async fn ask(client: &OpenAI, question: &str) -> Result<CompletionResponse, ProviderError> {
    let model = client.chat(MODEL);
    (|| model.call(question)).recorded_attempts().retry(patiently()).adjust(honour_retry_after).await
}

/// Usage comes at the end of the stream: the function reads up to there and observes it.
#[instrument_llm(provider = "openai", model = MODEL, feature = "letters")]
pub(crate) async fn stream(client: &OpenAI, question: &str) -> Result<String, ProviderError> {
    let mut stream = client.responses(MODEL).stream(question)?;
    let mut text = String::new();
    while let Some(item) = stream.next().await {
        if let Item::Event(StreamEvent::Text { text: piece, .. }) = item? {
            jobmon::current().first_token();
            text.push_str(&piece);
        }
    }
    jobmon::observe(&stream);
    Ok(text)
}

/// All requests of an agent's run together.
#[instrument_llm(operation = invoke_agent, provider = "openai", model = MODEL, feature = "advice")]
pub(crate) async fn advise(agent: &Agent, question: &str) -> Result<PromptResponse, PromptError> {
    (async || agent.prompt(question).await)
        .recorded_attempts()
        .retry(patiently())
        .adjust(honour_retry_after)
        .await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config { faults: Faults::First(Fault::RateLimit), ..Config::default() };
    let provider = Provider::start(config).await?;
    let _guard = Monitor::builder().service_name("with-rig").exporter(Console::stdout()).install()?;

    let client = client(&provider.openai_url());
    ask(&client, "What does a staff engineer do?").await?;
    // Refused at first, and this function does not retry: its line says so.
    let _ = stream(&client, "Write me a letter.").await;
    stream(&client, "Write me a letter.").await?;
    let agent = AgentBuilder::new(client.chat(MODEL)).preamble("You advise on careers.").build();
    advise(&agent, "Should I learn Rust?").await?;
    Ok(())
}

//! rig, monitored: a completion, a stream and an agent, on a provider that asks to slow down at first.
//!
//! ```text
//! cargo run -p example-clients --features rig --example with_rig
//! ```

use example_provider::{Config, Fault, Faults, Provider};
use futures::{Stream, TryStreamExt, future};
use jobmon::{Console, Monitor, instrument_llm};
use rig_agent::agent::PromptResponse;
use rig_agent::completion::PromptError;
use rig_agent::{Agent, AgentBuilder};
use rig_core::completion::CompletionResponse;
use rig_core::error::ProviderError;
use rig_core::providers::openai::{OpenAI, OpenAIConfig};
use rig_core::streaming::{Item, StreamEvent};
use rig_reqwest::ReqwestClient;
use std::error::Error;

pub(crate) const MODEL: &str = "gpt-5-mini";

/// A client of rig's for an OpenAI-compatible server.
pub(crate) fn client(url: &str) -> OpenAI {
    let http = ReqwestClient::from(reqwest::Client::new());
    OpenAIConfig::new("key").with_base_url(url).connect(http)
}

/// The response tells its usage by itself. rig does not retry, so the attribute does.
#[instrument_llm(
    provider = "openai",
    model = MODEL,
    feature = "questions",
    retry(attempts = 4, backoff = exponential("20ms"))
)]
pub(crate) async fn ask(client: &OpenAI, question: &str) -> Result<CompletionResponse, ProviderError> {
    client.chat(MODEL).call(question).await
}

/// The call goes on as long as the stream that is returned. The items of rig's stream tell no usage: the stream itself
/// does, at its end.
///
/// rig makes its request when the stream is first polled: a refusal is an item, and not tried again.
#[instrument_llm(provider = "openai", model = MODEL, feature = "letters")]
#[expect(clippy::result_large_err, reason = "the error is rig's")]
pub(crate) fn stream(
    client: &OpenAI,
    question: &str,
) -> Result<impl Stream<Item = Result<String, ProviderError>> + use<>, ProviderError> {
    let items = jobmon::observe_at_end(client.responses(MODEL).stream(question)?);
    Ok(items.try_filter_map(|item| {
        let text = if let Item::Event(StreamEvent::Text { text, .. }) = item { Some(text) } else { None };
        future::ready(Ok(text))
    }))
}

/// All requests of an agent's run, each an answer with a price of its own.
#[instrument_llm(
    operation = invoke_agent,
    provider = "openai",
    model = MODEL,
    feature = "advice",
    retry(attempts = 4, backoff = exponential("20ms"))
)]
pub(crate) async fn advise(agent: &Agent, question: &str) -> Result<PromptResponse, PromptError> {
    agent.prompt(question).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config { faults: Faults::First(Fault::RateLimit), ..Config::default() };
    let provider = Provider::start(config).await?;
    let _guard = Monitor::builder().service_name("with-rig").exporter(Console::stdout()).install()?;

    let client = client(&provider.openai_url());
    ask(&client, "What does a staff engineer do?").await?;
    // Refused at first: its line says so.
    let refused = stream(&client, "Write me a letter.")?.try_collect::<String>().await;
    assert!(refused.is_err());
    stream(&client, "Write me a letter.")?.try_collect::<String>().await?;
    let agent = AgentBuilder::new(client.chat(MODEL)).preamble("You advise on careers.").build();
    advise(&agent, "Should I learn Rust?").await?;
    Ok(())
}

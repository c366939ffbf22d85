//! genai, monitored: one client for Gemini and OpenAI; a chat, a stream and embeddings.
//!
//! ```text
//! cargo run -p example-clients --features genai --example with_genai
//! ```

use backon::{ExponentialBuilder, Retryable};
use example_provider::{Config, Fault, Faults, Handle, Provider};
use futures::StreamExt;
use genai::adapter::AdapterKind;
use genai::chat::{ChatOptions, ChatRequest, ChatResponse, ChatStreamEvent};
use genai::embed::EmbedResponse;
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ServiceTarget};
use jobmon::{Console, Monitor, RecordAttempts, honour_retry_after, instrument_llm};
use std::error::Error;
use std::time::Duration;

/// A client whose every request goes to our provider.
pub(crate) fn client(provider: &Handle) -> Result<Client, genai::Error> {
    let (gemini, openai) =
        (format!("{}/v1beta/", provider.base_url()), format!("{}/", provider.openai_url()));
    let resolve = move |target: ServiceTarget| {
        let url = if target.model.adapter_kind == AdapterKind::Gemini { &gemini } else { &openai };
        let (endpoint, auth) = (Endpoint::from_owned(url.as_str()), AuthData::from_single("key"));
        Ok(ServiceTarget { endpoint, auth, ..target })
    };
    Client::builder().with_reqwest(reqwest::Client::new()).with_service_target_resolver_fn(resolve).build()
}

/// The response tells its usage by itself. genai does not retry, so we do, and each try is an attempt of the call.
#[instrument_llm(provider = "gcp.gemini", model = "gemini-2.5-flash", feature = "questions")]
pub(crate) async fn ask(client: &Client, question: &str) -> Result<ChatResponse, genai::Error> {
    (|| client.exec_chat("gemini-2.5-flash", ChatRequest::from_user(question), None))
        .recorded_attempts()
        .retry(ExponentialBuilder::default().with_min_delay(Duration::from_millis(20)))
        .adjust(honour_retry_after)
        .await
}

fn provider(model: &str) -> &'static str {
    if model.starts_with("gemini") { "gcp.gemini" } else { "openai" }
}

/// Usage comes with the last event, where the options ask for it.
#[instrument_llm(provider = provider(model), model = model, feature = "letters")]
pub(crate) async fn stream(client: &Client, model: &str, question: &str) -> Result<String, genai::Error> {
    let options = ChatOptions::default().with_capture_usage(true);
    let request = ChatRequest::from_user(question);
    let mut stream = client.exec_chat_stream(model, request, Some(&options)).await?.stream;
    let mut text = String::new();
    while let Some(event) = stream.next().await {
        match event? {
            ChatStreamEvent::Chunk(chunk) => {
                jobmon::current().first_token();
                text.push_str(&chunk.content);
            }
            ChatStreamEvent::End(end) => {
                jobmon::observe(end);
            }
            _ => {}
        }
    }
    Ok(text)
}

#[instrument_llm(operation = embeddings, provider = "openai", model = "text-embedding-3-small")]
pub(crate) async fn embed(client: &Client, texts: &[&str]) -> Result<EmbedResponse, genai::Error> {
    let texts = texts.iter().map(ToString::to_string).collect();
    client.embed_batch("text-embedding-3-small", texts, None).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config { faults: Faults::First(Fault::RateLimit), ..Config::default() };
    let provider = Provider::start(config).await?;
    let _guard = Monitor::builder().service_name("with-genai").exporter(Console::stdout()).install()?;

    let client = client(&provider)?;
    ask(&client, "What does a staff engineer do?").await?;
    // Refused at first, and these functions do not retry: their lines say so.
    let _ = stream(&client, "gpt-5-mini", "Write me a letter.").await;
    stream(&client, "gpt-5-mini", "Write me a letter.").await?;
    stream(&client, "gemini-2.5-flash", "Write me a letter.").await?;
    let texts = ["Rust and Kafka", "Go and Postgres"];
    let _ = embed(&client, &texts).await;
    embed(&client, &texts).await?;
    Ok(())
}

//! async-openai, monitored: chat completions, whole and streamed, the Responses API, and embeddings.
//!
//! ```text
//! cargo run -p example-clients --features async-openai --example with_async_openai
//! ```

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::ReqwestService;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessage, ChatCompletionStreamOptions, CreateChatCompletionRequest,
    CreateChatCompletionRequestArgs, CreateChatCompletionResponse,
};
use async_openai::types::embeddings::{CreateEmbeddingRequestArgs, CreateEmbeddingResponse};
use async_openai::types::responses::{CreateResponseArgs, Response};
use backon::{ExponentialBuilder, Retryable};
use example_provider::{Config, Fault, Faults, Provider};
use futures::StreamExt;
use jobmon::{Console, Monitor, RecordAttempts, honour_retry_after, instrument_llm};
use std::error::Error;
use std::time::Duration;

pub(crate) const MODEL: &str = "gpt-5-mini";

type OpenAi = Client<OpenAIConfig>;

/// By default the client retries by itself, where nobody sees it; with a service of our own it does not.
pub(crate) fn client(url: &str) -> OpenAi {
    let config = OpenAIConfig::new().with_api_base(url).with_api_key("key");
    let http = reqwest::Client::new();
    Client::build(http.clone(), config).with_http_service(ReqwestService::new(http))
}

fn patiently() -> ExponentialBuilder {
    ExponentialBuilder::default().with_min_delay(Duration::from_millis(20))
}

fn request(question: &str) -> Result<CreateChatCompletionRequest, OpenAIError> {
    let message = ChatCompletionRequestUserMessage::from(question);
    CreateChatCompletionRequestArgs::default().model(MODEL).messages(message).build()
}

/// The response tells its usage by itself; each try is an attempt of the call.
#[instrument_llm(provider = "openai", model = MODEL, feature = "questions")]
pub(crate) async fn ask(
    client: &OpenAi,
    question: &str,
) -> Result<CreateChatCompletionResponse, OpenAIError> {
    let request = request(question)?;
    let chat = client.chat();
    (|| chat.create(request.clone())).recorded_attempts().retry(patiently()).adjust(honour_retry_after).await
}

/// Usage comes with the last chunk, where the request asks for it.
#[instrument_llm(provider = "openai", model = MODEL, feature = "letters")]
pub(crate) async fn stream(client: &OpenAi, question: &str) -> Result<String, OpenAIError> {
    let options = ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None };
    let request = CreateChatCompletionRequest { stream_options: Some(options), ..request(question)? };
    let mut stream = client.chat().create_stream(request).await?;
    let mut text = String::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if chunk.usage.is_some() {
            jobmon::observe(&chunk);
        }
        for piece in chunk.choices.into_iter().filter_map(|choice| choice.delta.content) {
            jobmon::current().first_token();
            text.push_str(&piece);
        }
    }
    Ok(text)
}

#[instrument_llm(provider = "openai", model = MODEL, feature = "advice")]
pub(crate) async fn respond(client: &OpenAi, question: &str) -> Result<Response, OpenAIError> {
    let request = CreateResponseArgs::default().model(MODEL).input(question).build()?;
    let responses = client.responses();
    (|| responses.create(request.clone())).recorded_attempts().retry(patiently()).await
}

#[instrument_llm(operation = embeddings, provider = "openai", model = "text-embedding-3-small")]
pub(crate) async fn embed(client: &OpenAi, texts: &[&str]) -> Result<CreateEmbeddingResponse, OpenAIError> {
    let request = CreateEmbeddingRequestArgs::default()
        .model("text-embedding-3-small")
        .input(texts.to_vec())
        .build()?;
    let embeddings = client.embeddings();
    (|| embeddings.create(request.clone())).recorded_attempts().retry(patiently()).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config { faults: Faults::First(Fault::RateLimit), ..Config::default() };
    let provider = Provider::start(config).await?;
    let _guard =
        Monitor::builder().service_name("with-async-openai").exporter(Console::stdout()).install()?;

    let client = client(&provider.openai_url());
    ask(&client, "What does a staff engineer do?").await?;
    // Refused at first, and this function does not retry: its line says so.
    let _ = stream(&client, "Write me a letter.").await;
    stream(&client, "Write me a letter.").await?;
    respond(&client, "Should I learn Rust?").await?;
    embed(&client, &["Rust and Kafka", "Go and Postgres"]).await?;
    Ok(())
}

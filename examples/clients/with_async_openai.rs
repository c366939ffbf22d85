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
    CreateChatCompletionRequestArgs, CreateChatCompletionResponse, CreateChatCompletionStreamResponse,
};
use async_openai::types::embeddings::{CreateEmbeddingRequestArgs, CreateEmbeddingResponse};
use async_openai::types::responses::{CreateResponseArgs, Response};
use example_provider::{Config, Fault, Faults, Provider};
use futures::{Stream, TryStreamExt};
use jobmon::{Console, Monitor, Retry, instrument_llm};
use std::error::Error;
use std::time::Duration;

pub(crate) const MODEL: &str = "gpt-5-mini";

/// When a request is made again: one policy for all of them.
const PATIENTLY: Retry = Retry::new(4).exponential(Duration::from_millis(20));

type OpenAi = Client<OpenAIConfig>;

/// By default the client retries by itself, where nobody sees it; with a service of our own it does not.
pub(crate) fn client(url: &str) -> OpenAi {
    let config = OpenAIConfig::new().with_api_base(url).with_api_key("key");
    let http = reqwest::Client::new();
    Client::build(http.clone(), config).with_http_service(ReqwestService::new(http))
}

fn request(question: &str) -> Result<CreateChatCompletionRequest, OpenAIError> {
    let message = ChatCompletionRequestUserMessage::from(question);
    CreateChatCompletionRequestArgs::default().model(MODEL).messages(message).build()
}

/// The response tells its usage by itself; each try is an attempt of the call.
#[instrument_llm(provider = "openai", model = MODEL, feature = "questions", retry = PATIENTLY)]
pub(crate) async fn ask(
    client: &OpenAi,
    question: &str,
) -> Result<CreateChatCompletionResponse, OpenAIError> {
    client.chat().create(request(question)?).await
}

/// The call goes on as long as its stream. Usage comes with the last chunk, where the request asks for it.
#[instrument_llm(provider = "openai", model = MODEL, feature = "letters", retry = PATIENTLY)]
pub(crate) async fn stream(
    client: &OpenAi,
    question: &str,
) -> Result<impl Stream<Item = Result<CreateChatCompletionStreamResponse, OpenAIError>> + use<>, OpenAIError>
{
    let options = ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None };
    let request = CreateChatCompletionRequest { stream_options: Some(options), ..request(question)? };
    client.chat().create_stream(request).await
}

#[instrument_llm(provider = "openai", model = MODEL, feature = "advice", retry = PATIENTLY)]
pub(crate) async fn respond(client: &OpenAi, question: &str) -> Result<Response, OpenAIError> {
    client.responses().create(CreateResponseArgs::default().model(MODEL).input(question).build()?).await
}

#[instrument_llm(
    operation = embeddings,
    provider = "openai",
    model = "text-embedding-3-small",
    retry = PATIENTLY
)]
pub(crate) async fn embed(client: &OpenAi, texts: &[&str]) -> Result<CreateEmbeddingResponse, OpenAIError> {
    let request = CreateEmbeddingRequestArgs::default()
        .model("text-embedding-3-small")
        .input(texts.to_vec())
        .build()?;
    client.embeddings().create(request).await
}

/// What the chunks of a stream say.
pub(crate) async fn read(
    chunks: impl Stream<Item = Result<CreateChatCompletionStreamResponse, OpenAIError>>,
) -> Result<String, OpenAIError> {
    let text = |chunk: CreateChatCompletionStreamResponse| {
        chunk.choices.into_iter().filter_map(|choice| choice.delta.content).collect::<String>()
    };
    chunks.map_ok(text).try_collect().await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config { faults: Faults::First(Fault::RateLimit), ..Config::default() };
    let provider = Provider::start(config).await?;
    let _guard =
        Monitor::builder().service_name("with-async-openai").exporter(Console::stdout()).install()?;

    let client = client(&provider.openai_url());
    ask(&client, "What does a staff engineer do?").await?;
    read(stream(&client, "Write me a letter.").await?).await?;
    respond(&client, "Should I learn Rust?").await?;
    embed(&client, &["Rust and Kafka", "Go and Postgres"]).await?;
    Ok(())
}

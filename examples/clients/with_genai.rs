//! genai, monitored: one client for Gemini and OpenAI; a chat, a stream of text and embeddings.
//!
//! ```text
//! cargo run -p example-clients --features genai --example with_genai
//! ```

use example_provider::{Config, Fault, Faults, Handle, Provider};
use futures::{Stream, TryStreamExt, future};
use genai::adapter::AdapterKind;
use genai::chat::{ChatOptions, ChatRequest, ChatResponse, ChatStreamEvent};
use genai::embed::EmbedResponse;
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ServiceTarget};
use jobmon::{Console, Monitor, instrument_llm};
use std::error::Error;

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

/// Asks one model.
pub(crate) struct Model {
    pub(crate) client: Client,
    pub(crate) name: &'static str,
}

/// Each async method is a call of its own, with what is said here; genai does not retry, so the attribute does.
#[instrument_llm(
    provider = self.provider(),
    model = self.name,
    feature = "letters",
    retry(attempts = 4, backoff = exponential("20ms"), jitter)
)]
impl Model {
    fn provider(&self) -> &'static str {
        if self.name.starts_with("gemini") { "gcp.gemini" } else { "openai" }
    }

    /// The response tells its usage by itself.
    pub(crate) async fn ask(&self, question: &str) -> Result<ChatResponse, genai::Error> {
        self.client.exec_chat(self.name, ChatRequest::from_user(question), None).await
    }

    /// The call goes on as long as the stream that is returned. Text tells no usage, so genai's own events are
    /// observed; it comes with the last of them, where the options ask for it.
    ///
    /// genai makes its request when its stream is first read: a refusal is an item of it, and not tried again.
    pub(crate) async fn write(
        &self,
        question: &str,
    ) -> Result<impl Stream<Item = Result<String, genai::Error>> + use<>, genai::Error> {
        let options = ChatOptions::default().with_capture_usage(true);
        let request = ChatRequest::from_user(question);
        let events = self.client.exec_chat_stream(self.name, request, Some(&options)).await?.stream;
        Ok(jobmon::observe_stream(events).try_filter_map(|event| {
            let text = if let ChatStreamEvent::Chunk(chunk) = event { Some(chunk.content) } else { None };
            future::ready(Ok(text))
        }))
    }

    #[instrument_llm(operation = embeddings, feature = "search")]
    pub(crate) async fn embed(&self, texts: &[&str]) -> Result<EmbedResponse, genai::Error> {
        let texts = texts.iter().map(ToString::to_string).collect();
        self.client.embed_batch(self.name, texts, None).await
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config { faults: Faults::First(Fault::RateLimit), ..Config::default() };
    let provider = Provider::start(config).await?;
    let _guard = Monitor::builder().service_name("with-genai").exporter(Console::stdout()).install()?;

    let client = client(&provider)?;
    let model = |name| Model { client: client.clone(), name };
    model("gemini-2.5-flash").ask("What does a staff engineer do?").await?;
    // Refused at first: its line says so.
    let refused = model("gpt-5-mini").write("Write me a letter.").await?.try_collect::<String>().await;
    assert!(refused.is_err());
    for name in ["gpt-5-mini", "gemini-2.5-flash"] {
        model(name).write("Write me a letter.").await?.try_collect::<String>().await?;
    }
    model("text-embedding-3-small").embed(&["Rust and Kafka", "Go and Postgres"]).await?;
    Ok(())
}

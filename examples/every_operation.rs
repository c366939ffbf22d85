//! Every kind of call and fact, good and failing, as a backend gets it: to look at what it makes of each.
//!
//! ```text
//! cargo run --example every_operation --features otlp-grpc -- http://127.0.0.1:4317 --grpc
//! ```
//!
//! Options: `--grpc`, `--profile NAME`, `--capture`, `--content spans|events|spans_and_events`.

use futures::{Stream, StreamExt, stream};
use jobmon::{CallId, ContentPlacement, Monitor, Otlp, Profile, Usage, Verdict, instrument_llm};
use serde_json::{Value, json};
use std::error::Error;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let mut otlp = Otlp::to(args.next().ok_or("expected the address of a backend")?);
    let mut capture = false;
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        otlp = match arg.as_str() {
            "--grpc" => otlp.grpc(),
            "--profile" => otlp.profile(Profile::named(&value()?)?),
            "--content" => otlp.content(ContentPlacement::named(&value()?)?),
            "--capture" => {
                capture = true;
                otlp
            }
            _ => return Err(format!("unknown option {arg}").into()),
        };
    }
    let monitor = Monitor::builder().without_config().project_id("examples").service_name("every-operation");
    let guard = monitor.environment("example").capture_content(capture).exporter(otlp).install()?;

    let work = jobmon::user("candidate-1", jobmon::feature("job_search", workflow()));
    let call = jobmon::session("conversation-7", work).await?;
    jobmon::feedback(call, Verdict::Positive);
    jobmon::outcome(call, "application", jobmon::Usd::from_dollars(25));
    jobmon::search("rust, remote").results(40).relevant(12);
    let delivery = guard.shutdown();
    writeln!(io::stdout(), "{delivery}")?;
    if delivery.is_complete() { Ok(()) } else { Err("not everything was delivered".into()) }
}

#[instrument_llm(operation = invoke_workflow)]
async fn workflow() -> Result<Option<CallId>, Failure> {
    plan().await;
    let call = agent().await?;
    let _ = embeddings().await;
    let _ = refused().await;
    let _ = fails_at_once().await;
    let mut whole = streamed();
    while whole.next().await.is_some() {}
    // Left in the middle: nobody wants the rest.
    let mut left = streamed();
    left.next().await;
    drop(left);
    let late = late().await;
    late.usage(Usage::new(10, 1));
    Ok(call)
}

#[instrument_llm(operation = plan)]
async fn plan() {}

#[instrument_llm(operation = invoke_agent, capture(input("find me a job"), output))]
async fn agent() -> Result<Option<CallId>, Failure> {
    let found = retrieval("rust").await;
    let _ = tool(&json!({"query": "rust", "limit": found.len()})).await;
    let _ = broken_tool(&json!({"query": "cobol"})).await;
    let answer = chat().await?;
    let _ = generate_content().await;
    let _ = text_completion().await;
    Ok(answer)
}

#[instrument_llm(operation = retrieval, fields(gen_ai.data_source.id = "postings", gen_ai.retrieval.top_k = 5), capture(input(query)))]
async fn retrieval(query: &str) -> Vec<String> {
    vec![query.to_owned()]
}

#[instrument_llm(
    operation = execute_tool,
    fields(gen_ai.tool.call.id = "call_1", gen_ai.tool.description = "Finds postings."),
    capture(input(arguments), output),
)]
async fn tool(arguments: &Value) -> Result<Value, Failure> {
    Ok(json!([{"id": "P-1", "for": arguments["query"]}]))
}

#[instrument_llm(
    operation = execute_tool,
    fields(gen_ai.tool.call.id = "call_2", gen_ai.tool.description = "Fails."),
    capture(input(arguments), output),
)]
async fn broken_tool(arguments: &Value) -> Result<Value, Failure> {
    Err(format!("no postings for {}", arguments["query"]).into())
}

/// A request as it would be sent.
fn body(model: &str) -> Value {
    json!({
        "model": model, "temperature": 0.2, "max_completion_tokens": 400, "top_p": 1.0, "seed": 7, "n": 1,
        "presence_penalty": 0, "frequency_penalty": 0.5, "stop": ["END"], "reasoning_effort": "low",
        "response_format": {"type": "json_schema"},
        "messages": [
            {"role": "system", "content": "You score postings."},
            {"role": "user", "content": [
                {"type": "text", "text": "Score \"Rust engineer\"."},
                {"type": "image_url", "image_url": {"url": "https://example.org/logo.png"}},
            ]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "tool", "arguments": "{\"query\":\"rust\"}"}},
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "one posting"},
        ],
        "tools": [{"type": "function", "function": {
            "name": "tool", "description": "Finds postings.", "parameters": {"type": "object"},
        }}],
    })
}

fn answer(model: &str) -> Value {
    json!({
        "id": "chatcmpl-7", "object": "chat.completion", "model": model, "service_tier": "default",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "{\"score\": 87}"}}],
        "usage": {
            "prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280,
            "prompt_tokens_details": {"cached_tokens": 1000, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 30},
        },
    })
}

const API: &str = "https://api.openai.com/v1";
/// The first attempt fails.
static TRIES: AtomicU32 = AtomicU32::new(0);

#[instrument_llm(
    provider = "openai", model = "gpt-4o-mini", api_url = API, feature = "job_analysis",
    prompt(name = "score", version = "v3"), capture(input, output),
    retry(attempts = 2, backoff = fixed("5ms")),
)]
async fn chat() -> Result<Option<CallId>, Failure> {
    jobmon::current().request(&body("gpt-4o-mini"));
    if TRIES.fetch_add(1, Relaxed) == 0 {
        return Err(io::Error::from(io::ErrorKind::ConnectionReset).into());
    }
    jobmon::observe(answer("gpt-4o-mini-2024-07-18"));
    jobmon::score("match", 87.0);
    Ok(jobmon::current().id())
}

#[instrument_llm(
    operation = generate_content, provider = "gcp.gemini", model = "gemini-2.5-flash",
    api_url = "https://generativelanguage.googleapis.com", capture(input, output),
)]
async fn generate_content() -> Value {
    jobmon::current().request(&json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "hello"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}]}],
        "generationConfig": {"temperature": 1, "topK": 40, "topP": 0.9, "maxOutputTokens": 64, "stopSequences": ["x"],
            "presencePenalty": 0.1, "frequencyPenalty": 0.1},
    }));
    json!({
        "responseId": "r-1", "modelVersion": "gemini-2.5-flash",
        "candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 2, "totalTokenCount": 10},
    })
}

#[instrument_llm(
    operation = text_completion, provider = "openai", model = "gpt-3.5-turbo-instruct", api_url = API,
    capture(input("Once upon a time"), output),
)]
async fn text_completion() -> Value {
    let mut answer = answer("gpt-3.5-turbo-instruct");
    answer["choices"] = json!([{"index": 0, "finish_reason": "length", "text": "there was"}]);
    answer
}

#[instrument_llm(operation = embeddings, provider = "openai", model = "text-embedding-3-small", api_url = API)]
async fn embeddings() -> Value {
    jobmon::current().request(&json!({
        "model": "text-embedding-3-small", "input": "x", "dimensions": 256, "encoding_format": "float",
    }));
    json!({"object": "list", "model": "text-embedding-3-small", "usage": {"prompt_tokens": 4, "total_tokens": 4}})
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", api_url = API, capture(input("hello"), output))]
async fn refused() -> Result<Value, Failure> {
    Err("HTTP 429 Too Many Requests".into())
}

#[instrument_llm(operation = embeddings, provider = "openai", model = "text-embedding-3-small", api_url = API)]
async fn fails_at_once() -> Result<Value, Failure> {
    Err(io::Error::from(io::ErrorKind::ConnectionRefused).into())
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", api_url = API, capture(input("tell me"), output))]
fn streamed() -> impl Stream<Item = Value> {
    let chunk = |text: &str, reason: Option<&str>, usage: Value| {
        json!({
            "id": "chatcmpl-8", "object": "chat.completion.chunk", "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}], "usage": usage,
        })
    };
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11});
    stream::iter([
        chunk("Hel", None, Value::Null),
        chunk("lo", None, Value::Null),
        chunk("", Some("stop"), usage),
    ])
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", api_url = API)]
async fn late() -> jobmon::Current {
    jobmon::observe(Usage::new(1, 1));
    jobmon::current()
}

//! The provider as a client sees it: both wire formats, every fault, the same run twice.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use example_provider::{Config, Fault, Faults, Handle, Provider, Rates, count_tokens};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SYSTEM: &str = r#"You are the `analyze` agent.
## Candidate
{"name":"Mara","seniority":"senior","skills":["Rust","Kafka"],"remote":true,"min_salary":70000,"summary":"Eight years of backend work, the last four of them in Rust, for banks and railways."}"#;

fn user(n: u32) -> String {
    format!(
        "## Posting\n{{\"id\":\"P-{n:03}\",\"skills\":[\"Rust\"],\"seniority\":\"senior\",\"remote\":true}}"
    )
}

/// A client for plain HTTP: no certificate is needed, so that a machine without any passes too.
fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().tls_certs_only([]).build().unwrap()
}

async fn gemini(at: &Handle, model: &str, n: u32) -> Response {
    let body = json!({
        "systemInstruction": { "parts": [{ "text": SYSTEM }] },
        "contents": [{ "role": "user", "parts": [{ "text": user(n) }] }],
        "generationConfig": { "maxOutputTokens": 512 },
    });
    let url = format!("{}/v1beta/models/{model}:generateContent", at.base_url());
    client().post(url).header("x-goog-api-key", "k").json(&body).send().await.unwrap()
}

async fn openai_with(at: &Handle, model: &str, n: u32, extra: Value) -> Response {
    let mut body = json!({
        "model": model,
        "messages": [{ "role": "system", "content": SYSTEM }, { "role": "user", "content": user(n) }],
    });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let url = format!("{}/chat/completions", at.openai_url());
    client().post(url).bearer_auth("k").json(&body).send().await.unwrap()
}

async fn openai(at: &Handle, model: &str, n: u32) -> Response {
    openai_with(at, model, n, json!({})).await
}

async fn start(config: Config) -> Handle {
    Provider::start(config).await.unwrap()
}

#[tokio::test]
async fn gemini_answers_with_usage() {
    let provider = start(Config::healthy()).await;
    let body: Value = gemini(&provider, "gemini-2.5-flash", 1).await.json().await.unwrap();
    let candidate = &body["candidates"][0];
    assert_eq!(candidate["finishReason"], "STOP");
    let text = candidate["content"]["parts"][0]["text"].as_str().unwrap();
    let analysis: Value = serde_json::from_str(text).unwrap();
    assert_eq!(analysis["verdict"], "match");

    let usage = &body["usageMetadata"];
    let count = |name: &str| usage[name].as_u64();
    let prompt = count_tokens(&format!("{SYSTEM}\n{}", user(1)));
    assert_eq!(count("promptTokenCount"), Some(prompt));
    assert_eq!(count("candidatesTokenCount"), Some(count_tokens(text)));
    assert!(count("thoughtsTokenCount").unwrap() > 0);
    assert_eq!(count("cachedContentTokenCount"), None);
    assert_eq!(
        count("totalTokenCount").unwrap(),
        prompt + count_tokens(text) + count("thoughtsTokenCount").unwrap()
    );
    assert_eq!(body["modelVersion"], "gemini-2.5-flash");

    let entry = provider.ledger().remove(0);
    assert_eq!(entry.response_id, body["responseId"].as_str().unwrap());
    assert_eq!((entry.input, entry.cached), (prompt, 0));
    assert_eq!(entry.output, count_tokens(text) + entry.reasoning);
    assert_eq!(Some(entry.reasoning), count("thoughtsTokenCount"));

    let again: Value = gemini(&provider, "gemini-2.5-flash", 2).await.json().await.unwrap();
    let cached = again["usageMetadata"]["cachedContentTokenCount"].as_u64().unwrap();
    assert!(cached > 0 && cached < prompt, "{cached}");
    assert_eq!(provider.ledger()[1].cached, cached);
    provider.shutdown().await;
}

#[tokio::test]
async fn openai_answers_with_usage() {
    let provider = start(Config::healthy()).await;
    let body: Value = openai(&provider, "gpt-5-mini", 1).await.json().await.unwrap();
    let choice = &body["choices"][0];
    let text = choice["message"]["content"].as_str().unwrap();
    assert_eq!(choice["finish_reason"], "stop");
    let usage = &body["usage"];
    let reasoning = usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap();
    assert!(reasoning > 0);
    assert_eq!(usage["completion_tokens"], count_tokens(text) + reasoning);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 0);
    assert_eq!(provider.ledger()[0].response_id, body["id"].as_str().unwrap());
    assert_eq!(provider.ledger()[0].reasoning, reasoning);

    let body: Value = openai(&provider, "gpt-4o-mini", 2).await.json().await.unwrap();
    assert_eq!(body["usage"]["completion_tokens_details"]["reasoning_tokens"], 0);
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 0, "another model, another cache");

    let models: Value =
        client().get(format!("{}/models", provider.openai_url())).send().await.unwrap().json().await.unwrap();
    assert!(models["data"].as_array().unwrap().len() > 1);
}

#[tokio::test]
async fn limits_and_schemas_are_kept() {
    let provider = start(Config::healthy()).await;
    let short = openai_with(&provider, "gpt-4o-mini", 1, json!({ "max_tokens": 5 })).await;
    let short: Value = short.json().await.unwrap();
    assert_eq!(short["choices"][0]["finish_reason"], "length");
    assert_eq!(short["usage"]["completion_tokens"], 5);

    let schema = json!({ "type": "object", "properties": { "score": { "type": "integer" } } });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "score", "schema": schema } });
    let body = openai_with(&provider, "gpt-4o-mini", 1, json!({ "response_format": format })).await;
    let body: Value = body.json().await.unwrap();
    assert_eq!(body["choices"][0]["message"]["content"], r#"{"score":90}"#);
}

#[tokio::test]
async fn rate_limits_say_when_to_come_back() {
    let provider = start(Config { faults: Faults::First(Fault::RateLimit), ..Config::healthy() }).await;
    let response = openai(&provider, "gpt-4o-mini", 1).await;
    assert_eq!(response.status(), 429);
    let header = |name| response.headers()[name].to_str().unwrap().parse::<u64>().unwrap();
    let (seconds, millis) = (header("retry-after"), header("retry-after-ms"));
    assert!(seconds <= 1 && millis <= seconds * 1000, "{seconds} s, {millis} ms");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    assert_eq!(openai(&provider, "gpt-4o-mini", 1).await.status(), 200, "the second time is good");

    let response = gemini(&provider, "gemini-2.5-flash", 2).await;
    assert_eq!(response.status(), 429);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["status"], "RESOURCE_EXHAUSTED");
    assert!(body["error"]["details"][0]["retryDelay"].as_str().unwrap().ends_with('s'));
    assert_eq!(provider.ledger().len(), 1);
    assert_eq!(provider.faults()[0], (Fault::RateLimit, 2));
}

#[tokio::test]
async fn outages_and_long_prompts_are_errors_without_cost() {
    for (fault, status, gemini_status) in
        [(Fault::Unavailable, 503, "UNAVAILABLE"), (Fault::ContextLength, 400, "INVALID_ARGUMENT")]
    {
        let provider = start(Config::always(fault)).await;
        let response = openai(&provider, "gpt-4o-mini", 1).await;
        assert_eq!(response.status(), status);
        let body: Value = response.json().await.unwrap();
        assert!(body["error"]["message"].is_string());
        assert_eq!(body["error"]["code"] == "context_length_exceeded", fault == Fault::ContextLength);
        let response = gemini(&provider, "gemini-2.5-flash", 1).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.json::<Value>().await.unwrap()["error"]["status"], gemini_status);
        assert!(provider.ledger().is_empty());
    }
}

#[tokio::test]
async fn broken_content_is_paid_for_and_a_broken_body_is_not_seen() {
    let provider = start(Config::always(Fault::BrokenContent)).await;
    let body: Value = openai(&provider, "gpt-4o-mini", 1).await.json().await.unwrap();
    let text = body["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
    assert_eq!(body["usage"]["completion_tokens"], count_tokens(text));
    assert_eq!(provider.ledger().len(), 1);

    let provider = start(Config::always(Fault::BrokenBody)).await;
    for response in
        [openai(&provider, "gpt-4o-mini", 1).await, gemini(&provider, "gemini-2.5-flash", 1).await]
    {
        assert_eq!(response.status(), 200);
        assert!(serde_json::from_slice::<Value>(&response.bytes().await.unwrap()).is_err());
    }
    assert!(provider.ledger().is_empty());
}

#[tokio::test]
async fn refusals_speak_each_dialect_and_are_paid_for() {
    let provider = start(Config::always(Fault::Refusal)).await;
    let body: Value = openai(&provider, "gpt-4o-mini", 1).await.json().await.unwrap();
    assert_eq!(body["choices"][0]["finish_reason"], "content_filter");
    let (mut blocked, mut withheld) = (0, 0);
    for n in 0..20 {
        let body: Value = gemini(&provider, "gemini-2.5-flash", n).await.json().await.unwrap();
        blocked += u32::from(body["promptFeedback"]["blockReason"].is_string());
        withheld += u32::from(body["candidates"][0]["finishReason"] == "SAFETY");
        assert!(body["usageMetadata"]["candidatesTokenCount"].is_null());
    }
    assert!(blocked > 0 && withheld > 0 && blocked + withheld == 20, "{blocked} {withheld}");
    let ledger = provider.ledger();
    assert!(ledger.len() == 21 && ledger.iter().all(|entry| entry.input > 0 && entry.output == 0));
}

#[tokio::test]
async fn slow_answers_are_slow() {
    let provider = start(Config::always(Fault::Slow)).await;
    let start = Instant::now();
    assert_eq!(openai(&provider, "gpt-4o-mini", 1).await.status(), 200);
    assert!(start.elapsed() >= Duration::from_millis(300), "{:?}", start.elapsed());
}

#[tokio::test]
async fn mistakes_are_told_as_the_real_ones_do() {
    let provider = start(Config { key: Some("secret".to_owned()), ..Config::healthy() }).await;
    assert_eq!(openai(&provider, "gpt-4o-mini", 1).await.status(), 401);
    let response = gemini(&provider, "gemini-2.5-flash", 1).await;
    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["details"][0]["reason"], "API_KEY_INVALID");

    let provider = start(Config::healthy()).await;
    let post = |path: &str, body: &str| {
        client().post(format!("{}{path}", provider.base_url())).body(body.to_owned()).send()
    };
    assert_eq!(post("/v1/chat/completions", "{").await.unwrap().status(), 400);
    assert_eq!(post("/v1/chat/completions", r#"{"model":"m"}"#).await.unwrap().status(), 400);
    assert_eq!(post("/v1/responses", r#"{"model":"m"}"#).await.unwrap().status(), 400);
    assert_eq!(post("/v1/embeddings", r#"{"model":"m"}"#).await.unwrap().status(), 400);
    assert_eq!(post("/v1beta/models/m:generateContent", "{}").await.unwrap().status(), 400);
    assert_eq!(post("/v1beta/models/m:embedContent", "{}").await.unwrap().status(), 404);
    assert_eq!(post("/v1/elsewhere", "{}").await.unwrap().status(), 404);
    assert_eq!(client().get(provider.base_url()).send().await.unwrap().status(), 404);
}

/// The data of the events that arrive, and whether the connection broke.
async fn events(mut response: Response) -> (Vec<Value>, bool) {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut text, mut broken) = (String::new(), false);
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => text.push_str(std::str::from_utf8(&bytes).unwrap()),
            Ok(None) => break,
            Err(_) => {
                broken = true;
                break;
            }
        }
    }
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    (data.map(|data| serde_json::from_str(data).unwrap_or(Value::from(data))).collect(), broken)
}

async fn gemini_stream(at: &Handle, n: u32) -> Response {
    let body = json!({ "contents": [{ "role": "user", "parts": [{ "text": user(n) }] }] });
    let url = format!("{}/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", at.base_url());
    client().post(url).json(&body).send().await.unwrap()
}

async fn openai_stream(at: &Handle, n: u32) -> Response {
    let extra = json!({ "stream": true, "stream_options": { "include_usage": true } });
    openai_with(at, "gpt-5-mini", n, extra).await
}

#[tokio::test]
async fn a_stream_of_openai_tells_usage_last_where_asked_to() {
    let provider = start(Config::healthy()).await;
    let whole: Value = openai(&provider, "gpt-5-mini", 1).await.json().await.unwrap();
    let (events, broken) = events(openai_stream(&provider, 1).await).await;
    let (done, chunks) = events.split_last().unwrap();
    let (last, chunks) = chunks.split_last().unwrap();
    assert!(done == "[DONE]" && !broken && chunks.len() > 4, "{events:#?}");
    assert!(chunks.iter().all(|chunk| chunk["usage"].is_null() && chunk["id"] == last["id"]));
    assert_eq!(last["choices"], json!([]));
    let entry = provider.ledger().remove(1);
    assert_eq!(last["usage"]["completion_tokens"], entry.output);
    assert_eq!(last["usage"]["prompt_tokens_details"]["cached_tokens"], entry.cached);
    assert_eq!(last["id"], entry.response_id.as_str());
    let text: String =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(whole["choices"][0]["message"]["content"], text);

    let silent = openai_with(&provider, "gpt-5-mini", 2, json!({ "stream": true })).await;
    let (events, _) = self::events(silent).await;
    assert!(events.iter().all(|chunk| chunk["usage"].is_null()));
    assert_eq!(provider.ledger().len(), 2, "nobody was told");
}

#[tokio::test]
async fn a_stream_of_gemini_tells_usage_so_far_in_each_chunk() {
    let provider = start(Config::healthy()).await;
    let (chunks, broken) = events(gemini_stream(&provider, 1).await).await;
    assert!(chunks.len() > 2 && !broken);
    let output = |chunk: &Value| chunk["usageMetadata"]["candidatesTokenCount"].as_u64().unwrap();
    assert!(chunks.is_sorted_by(|a, b| output(a) < output(b)), "{chunks:#?}");
    let (last, others) = chunks.split_last().unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert!(others.iter().all(|chunk| chunk["candidates"][0]["finishReason"].is_null()));
    let entry = provider.ledger().remove(0);
    assert_eq!(output(last) + entry.reasoning, entry.output);
}

#[tokio::test]
async fn responses_are_answered_whole_and_in_events() {
    let provider = start(Config::healthy()).await;
    let ask = |stream: bool| {
        let input = json!([{ "role": "user", "content": [{ "type": "input_text", "text": user(1) }] }]);
        let body = json!({ "model": "gpt-5-mini", "instructions": SYSTEM, "input": input, "stream": stream });
        client().post(format!("{}/responses", provider.openai_url())).json(&body).send()
    };
    let whole: Value = ask(false).await.unwrap().json().await.unwrap();
    let (events, _) = events(ask(true).await.unwrap()).await;
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"]["output"][0]["content"], whole["output"][0]["content"]);
    assert_eq!(last["sequence_number"], events.len() - 1);
    let ledger = provider.ledger();
    for (response, entry) in [(&whole, &ledger[0]), (&last["response"], &ledger[1])] {
        assert_eq!(response["id"], entry.response_id.as_str());
        assert_eq!(response["usage"]["input_tokens"], entry.input);
        assert_eq!(response["usage"]["output_tokens_details"]["reasoning_tokens"], entry.reasoning);
    }
}

#[tokio::test]
async fn embeddings_of_like_texts_are_alike() {
    let provider = start(Config::healthy()).await;
    let body =
        json!({ "model": "text-embedding-3-small", "input": ["Rust and Kafka", "Kafka, Rust", "Haskell"] });
    let url = format!("{}/embeddings", provider.openai_url());
    let body: Value = client().post(url).json(&body).send().await.unwrap().json().await.unwrap();
    let vector = |n: usize| -> Vec<f64> {
        let list = body["data"][n]["embedding"].as_array().unwrap();
        list.iter().map(|number| number.as_f64().unwrap()).collect()
    };
    let like = |a: usize, b: usize| vector(a).iter().zip(vector(b)).map(|(a, b)| a * b).sum::<f64>();
    assert!((like(0, 0) - 1.0).abs() < 1e-9);
    assert!(like(0, 1) > 0.5 && like(0, 2) < like(0, 1), "{} {}", like(0, 1), like(0, 2));
    let entry = provider.ledger().remove(0);
    assert_eq!(body["usage"]["prompt_tokens"], entry.input);
    assert_eq!((entry.output, entry.response_id.as_str()), (0, ""));
}

#[tokio::test]
async fn streams_meet_faults_too() {
    let provider = start(Config { faults: Faults::First(Fault::RateLimit), ..Config::healthy() }).await;
    assert_eq!(openai_stream(&provider, 1).await.status(), 429);
    assert_eq!(openai_stream(&provider, 1).await.status(), 200, "the second time is good");

    let provider = start(Config::always(Fault::BrokenBody)).await;
    let (events, _) = events(openai_stream(&provider, 1).await).await;
    assert!(events.iter().all(Value::is_string), "not JSON: {events:#?}");

    let provider = start(Config::always(Fault::BrokenConnection)).await;
    let (events, broken) = self::events(openai_stream(&provider, 1).await).await;
    assert!(broken && !events.is_empty() && events.iter().all(Value::is_object));
    assert!(
        openai(&provider, "gpt-5-mini", 2).await.bytes().await.is_err(),
        "a whole answer breaks off, too"
    );
    assert!(provider.ledger().is_empty());

    let (chunks, broken) = self::events(gemini_stream(&provider, 3).await).await;
    let told = &chunks.last().unwrap()["usageMetadata"];
    assert!(broken);
    let entry = provider.ledger().remove(0);
    assert_eq!(told["totalTokenCount"], entry.input + entry.output, "what was told until then");
}

/// Asks for the same fifty analyses, up to three times each, and says what came: per posting the statuses,
/// and the ledger with the tokens that do not depend on who came first.
async fn run(concurrent: bool) -> (Vec<Vec<u16>>, Vec<(String, u64, u64)>, u64) {
    let rates = Rates { slow: 0, ..Rates::default() };
    let config = Config { faults: Faults::Seeded(rates), latency: false, ..Config::default() };
    let provider = std::sync::Arc::new(start(config).await);
    let ask = |n: u32| {
        let provider = std::sync::Arc::clone(&provider);
        async move {
            let mut statuses = Vec::new();
            for _ in 0..3 {
                statuses.push(gemini(&provider, "gemini-2.5-flash", n).await.status().as_u16());
            }
            statuses
        }
    };
    let mut statuses = Vec::new();
    if concurrent {
        let tasks: Vec<_> = (0..50).map(|n| tokio::spawn(ask(n))).collect();
        for task in tasks {
            statuses.push(task.await.unwrap());
        }
    } else {
        for n in 0..50 {
            statuses.push(ask(n).await);
        }
    }
    let ledger = provider.ledger();
    let cached = ledger.iter().map(|entry| entry.cached).sum();
    let mut ledger: Vec<_> =
        ledger.into_iter().map(|entry| (entry.response_id, entry.input, entry.output)).collect();
    ledger.sort();
    (statuses, ledger, cached)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_run_twice_is_the_same_whatever_the_order() {
    let (one, two) = (run(false).await, run(true).await);
    assert_eq!(one, two);
    assert!(one.0.iter().flatten().any(|status| *status == 429));
    let mut ids: Vec<_> = one.1.iter().map(|(id, ..)| id).collect();
    ids.dedup();
    assert_eq!(ids.len(), one.1.len(), "ids are unique");
}

#[tokio::test]
async fn shutting_down_closes_the_port() {
    let provider = start(Config::healthy()).await;
    let url = provider.base_url();
    provider.shutdown().await;
    assert!(client().get(url).send().await.unwrap_err().is_connect());
}

//! A small client for language models, as an application has one: one request in, the provider's answer out.
//!
//! It knows nothing of retries, budgets or monitoring; the functions around it are annotated for that.

use jobmon::{ErrorCategory, LlmError};
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// Where requests go.
pub(crate) enum Target {
    /// Gemini, or something that speaks like it.
    Gemini { base_url: String, key: String, model: String },
    /// OpenAI, or something that speaks like it; `base_url` ends with `/v1`.
    OpenAi { base_url: String, key: Option<String>, model: String },
}

impl Target {
    /// Google's own address for [`Target::Gemini`].
    pub(crate) const GOOGLE: &str = "https://generativelanguage.googleapis.com";

    /// The provider's name in OpenTelemetry's conventions.
    pub(crate) const fn provider(&self) -> &'static str {
        match self {
            Self::Gemini { .. } => "gcp.gemini",
            Self::OpenAi { .. } => "openai",
        }
    }

    pub(crate) fn model(&self) -> &str {
        match self {
            Self::Gemini { model, .. } | Self::OpenAi { model, .. } => model,
        }
    }

    pub(crate) fn base_url(&self) -> &str {
        match self {
            Self::Gemini { base_url, .. } | Self::OpenAi { base_url, .. } => base_url.trim_end_matches('/'),
        }
    }
}

/// What a model is asked: instructions, data, and the shape that its answer must have, if any.
///
/// What many prompts share stands first, so that providers find it in their cache.
pub(crate) struct Prompt {
    system: String,
    user: String,
    /// A JSON schema of an object.
    schema: Option<Value>,
}

impl Prompt {
    /// Which postings fit a query? The answer is a JSON list of ids.
    pub(crate) fn search(postings: &[Value], query: &str) -> Self {
        let line = |posting: &Value| {
            let skills = posting["skills"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let of = |key: &str| posting[key].as_str().unwrap_or_default().to_owned();
            format!("{} | {} | {}", of("id"), of("title"), skills.collect::<Vec<_>>().join(", "))
        };
        let catalogue: Vec<String> = postings.iter().map(line).collect();
        let task = "You are the `search` agent of a job search. Answer with a JSON list of the ids of all postings \
                    that fit the query, such as [\"P-001\"], and with nothing else.";
        let system = format!("{task}\n## Postings\n{}", catalogue.join("\n"));
        Self { system, user: format!("## Query\n{query}"), schema: None }
    }

    /// How well does a posting fit the candidate? The answer is an object with `score` (0 to 100) and, unless
    /// `brief`, `verdict` (`match` or `no_match`) and `reasons`. A brief prompt leaves out the prose.
    pub(crate) fn analyze(candidate: &Value, posting: &Value, brief: bool) -> Self {
        let mut fields = json!({ "score": { "type": "integer", "minimum": 0, "maximum": 100 } });
        let mut required = vec!["score"];
        if !brief {
            fields["verdict"] = json!({ "type": "string", "enum": ["match", "no_match"] });
            fields["reasons"] = json!({ "type": "array", "items": { "type": "string" } });
            required.extend(["verdict", "reasons"]);
        }
        let task = "You are the `analyze` agent of a job search. Score from 0 to 100 how well the posting fits the \
                    candidate. Answer in JSON.";
        let schema = json!({ "type": "object", "properties": fields, "required": required });
        Self { schema: Some(schema), ..Self::about(task, candidate, posting, brief) }
    }

    /// A cover letter, please.
    pub(crate) fn write_documents(candidate: &Value, posting: &Value, brief: bool) -> Self {
        let task = "You are the `write_documents` agent of a job search. Write the candidate's cover letter for the \
                    posting: friendly, concrete, under 150 words.";
        Self::about(task, candidate, posting, brief)
    }

    fn about(task: &str, candidate: &Value, posting: &Value, brief: bool) -> Self {
        // The truth about a posting is not the model's to read.
        let hidden: &[&str] =
            if brief { &["outcome_truth", "description", "summary"] } else { &["outcome_truth"] };
        let show = |value: &Value| {
            let mut value = value.clone();
            if let Some(fields) = value.as_object_mut() {
                fields.retain(|name, _| !hidden.contains(&name.as_str()));
            }
            value.to_string()
        };
        let system = format!("{task}\n## Candidate\n{}", show(candidate));
        Self { system, user: format!("## Posting\n{}", show(posting)), schema: None }
    }
}

/// A client for one target; it keeps its connections.
pub(crate) struct Client {
    http: reqwest::Client,
    target: Target,
}

impl Client {
    pub(crate) fn new(target: Target, timeout: Duration) -> Result<Self, ClientError> {
        // Whoever came first has installed the same one or made a choice of their own.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder().timeout(timeout);
        if target.base_url().starts_with("http://") {
            // No certificate will be asked for, so a machine that has none must not stop us.
            http = http.tls_certs_only([]);
        }
        Ok(Self { http: http.build().map_err(ClientError::Transport)?, target })
    }

    pub(crate) const fn target(&self) -> &Target {
        &self.target
    }

    /// Makes exactly one request and returns the provider's answer as it came.
    pub(crate) async fn complete(&self, prompt: &Prompt, max_tokens: u32) -> Result<Value, ClientError> {
        let base = self.target.base_url();
        let (request, body) = match &self.target {
            Target::Gemini { key, model, .. } => {
                let request = self.http.post(format!("{base}/v1beta/models/{model}:generateContent"));
                (request.header("x-goog-api-key", key), gemini_body(prompt, max_tokens))
            }
            Target::OpenAi { key, model, .. } => {
                let request = self.http.post(format!("{base}/chat/completions"));
                let request = if let Some(key) = key { request.bearer_auth(key) } else { request };
                (request, openai_body(model, prompt, max_tokens))
            }
        };
        // How the model is asked; what it is asked is kept only where that is captured.
        jobmon::current().request(&body);
        let response = request.json(&body).send().await.map_err(ClientError::sending)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let body = response.bytes().await.map_err(ClientError::sending)?;
        if (200..300).contains(&status) {
            return serde_json::from_slice(&body).map_err(|error| ClientError::BadJson(error.to_string()));
        }
        let excerpt: String = String::from_utf8_lossy(&body).chars().take(400).collect();
        if status == 429 && !excerpt.contains("insufficient_quota") {
            return Err(ClientError::RateLimited { retry_after });
        }
        Err(ClientError::Http { status, excerpt })
    }
}

fn gemini_body(prompt: &Prompt, max_tokens: u32) -> Value {
    let mut body = json!({
        "systemInstruction": { "parts": [{ "text": prompt.system }] },
        "contents": [{ "role": "user", "parts": [{ "text": prompt.user }] }],
        "generationConfig": { "maxOutputTokens": max_tokens, "temperature": 0 },
    });
    if let Some(schema) = &prompt.schema {
        body["generationConfig"]["responseMimeType"] = "application/json".into();
        body["generationConfig"]["responseSchema"] = schema.clone();
    }
    body
}

fn openai_body(model: &str, prompt: &Prompt, max_tokens: u32) -> Value {
    let mut body = json!({
        "model": model,
        "messages": [
            { "role": "system", "content": prompt.system },
            { "role": "user", "content": prompt.user },
        ],
    });
    // Models that reason know neither the old name of the limit nor a temperature.
    if model.starts_with("gpt-5") || ["o1", "o3", "o4"].iter().any(|family| model.starts_with(family)) {
        body["max_completion_tokens"] = max_tokens.into();
    } else {
        body["max_tokens"] = max_tokens.into();
        body["temperature"] = 0.into();
    }
    if let Some(schema) = &prompt.schema {
        let mut schema = schema.clone();
        schema["additionalProperties"] = false.into();
        body["response_format"] = json!({
            "type": "json_schema",
            "json_schema": { "name": "answer", "strict": true, "schema": schema },
        });
    }
    body
}

/// The precise header if there is one, else the standard one in seconds.
fn retry_after(headers: &reqwest::header::HeaderMap) -> Option<Duration> {
    let read = |name| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    read("retry-after-ms").map(Duration::from_millis).or_else(|| read("retry-after").map(Duration::from_secs))
}

/// The text of an answer, in either wire format.
pub(crate) fn text(answer: &Value) -> Result<String, ClientError> {
    let at = |path: &str| answer.pointer(path).and_then(Value::as_str);
    let refused = |reason: &str| Err(ClientError::Refused { reason: reason.to_owned() });
    if let Some(reason) = at("/promptFeedback/blockReason").or_else(|| at("/choices/0/message/refusal")) {
        return refused(reason);
    }
    if let Some(
        reason @ ("SAFETY" | "PROHIBITED_CONTENT" | "BLOCKLIST" | "SPII" | "RECITATION" | "content_filter"),
    ) = at("/candidates/0/finishReason").or_else(|| at("/choices/0/finish_reason"))
    {
        return refused(reason);
    }
    let parts = answer.pointer("/candidates/0/content/parts").and_then(Value::as_array);
    let said = parts.into_iter().flatten().filter(|part| part.get("thought").is_none());
    let text: String = said.filter_map(|part| part.get("text")?.as_str()).collect();
    match at("/choices/0/message/content") {
        Some(text) => Ok(text.to_owned()),
        None if !text.is_empty() => Ok(text),
        None => Err(ClientError::BadJson("there is no text in the answer".to_owned())),
    }
}

/// The JSON that an answer's text consists of, with or without a Markdown fence.
pub(crate) fn json(answer: &Value) -> Result<Value, ClientError> {
    let text = text(answer)?;
    let bare = text.trim().trim_start_matches("```json").trim_start_matches("```").trim_end_matches("```");
    serde_json::from_str(bare).map_err(|error| ClientError::BadJson(error.to_string()))
}

/// Why there is no answer, or none to use.
#[derive(Debug)]
pub(crate) enum ClientError {
    /// HTTP 429: too many requests, come back later.
    RateLimited { retry_after: Option<Duration> },
    /// Another HTTP status that is not a success, with the beginning of the body.
    Http { status: u16, excerpt: String },
    /// The model or its provider would not answer, in the provider's words.
    Refused { reason: String },
    /// The answer, or the text in it, is not the JSON it should be.
    BadJson(String),
    /// The connection failed.
    Transport(reqwest::Error),
    /// No answer in time.
    Timeout,
}

impl ClientError {
    fn sending(error: reqwest::Error) -> Self {
        if error.is_timeout() { Self::Timeout } else { Self::Transport(error) }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RateLimited { retry_after: Some(after) } => {
                write!(f, "too many requests; the provider asks to wait {} ms", after.as_millis())
            }
            Self::RateLimited { retry_after: None } => f.write_str("too many requests"),
            Self::Http { status, excerpt } => write!(f, "HTTP {status}: {}", excerpt.trim()),
            Self::Refused { reason } => write!(f, "refused: {reason}"),
            Self::BadJson(why) => write!(f, "not the JSON that was asked for: {why}"),
            Self::Transport(error) => {
                // The last cause ("connection refused") says more than the first ("error sending request").
                let mut cause: &dyn std::error::Error = error;
                while let Some(source) = cause.source() {
                    cause = source;
                }
                write!(f, "the connection failed: {cause}")
            }
            Self::Timeout => f.write_str("no answer in time"),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(error) => Some(error),
            _ => None,
        }
    }
}

impl LlmError for ClientError {
    fn category(&self) -> ErrorCategory {
        let says = |excerpt: &str, words: &[&str]| words.iter().any(|word| excerpt.contains(word));
        match self {
            Self::RateLimited { .. } => ErrorCategory::RateLimit,
            Self::Refused { .. } => ErrorCategory::ContentFilter,
            Self::BadJson(_) => ErrorCategory::Parsing,
            Self::Timeout => ErrorCategory::Timeout,
            Self::Transport(_) => ErrorCategory::Network,
            // Some statuses say less than the words that come with them.
            Self::Http { excerpt, .. } if says(excerpt, &["insufficient_quota"]) => ErrorCategory::Quota,
            Self::Http { excerpt, .. } if says(excerpt, &["API_KEY_INVALID", "API key not valid"]) => {
                ErrorCategory::Authentication
            }
            Self::Http { excerpt, .. }
                if says(
                    excerpt,
                    &[
                        "context_length_exceeded",
                        "exceed_context_size",
                        "exceeds the maximum number of tokens",
                    ],
                ) =>
            {
                ErrorCategory::ContextLength
            }
            Self::Http { status, .. } => {
                ErrorCategory::from_http_status(*status).unwrap_or(ErrorCategory::Other)
            }
        }
    }

    fn http_status(&self) -> Option<u16> {
        match self {
            Self::RateLimited { .. } => Some(429),
            Self::Http { status, .. } => Some(*status),
            Self::Transport(error) => error.status().map(|status| status.as_u16()),
            Self::Refused { .. } | Self::BadJson(_) | Self::Timeout => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => *retry_after,
            _ => None,
        }
    }
}

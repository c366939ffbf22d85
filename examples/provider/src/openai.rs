//! The wire format of OpenAI: `POST /v1/chat/completions`, `GET /v1/models`.

use crate::body::event;
use crate::tokens::pieces;
use crate::wire::{End, Failure, Question, Reply, Tokens};
use serde_json::{Value, json};

/// The models that are listed; any name is answered.
const MODELS: [&str; 4] = ["gpt-4o-mini", "gpt-4.1-mini", "gpt-5-mini", "gemini-2.5-flash"];

/// When every answer was made, as real time would make two runs differ: 2026-01-01.
pub(crate) const CREATED: u64 = 1_767_225_600;

pub(crate) fn read(body: &Value) -> Result<Question, Failure> {
    let model = body.get("model").and_then(Value::as_str);
    let model = model.ok_or(Failure::Malformed("you must provide a model parameter"))?;
    let messages = body.get("messages").and_then(Value::as_array).filter(|messages| !messages.is_empty());
    let messages = messages.ok_or(Failure::Malformed("Missing required parameter: 'messages'."))?;
    let (mut system, mut user) = (Vec::new(), Vec::new());
    for message in messages {
        let role = message.get("role").and_then(Value::as_str);
        match role.ok_or(Failure::Malformed("Missing required parameter: 'messages[0].role'."))? {
            "system" | "developer" => system.push(content(message)),
            _ => user.push(content(message)),
        }
    }
    let limit = body.get("max_completion_tokens").or_else(|| body.get("max_tokens"));
    Ok(Question {
        model: model.to_owned(),
        system: system.join("\n"),
        user: user.join("\n"),
        max_tokens: limit.and_then(Value::as_u64),
        schema: body.pointer("/response_format/json_schema/schema").cloned(),
        stream: body.get("stream").and_then(Value::as_bool) == Some(true),
        stream_usage: body.pointer("/stream_options/include_usage").and_then(Value::as_bool) == Some(true),
        inputs: Vec::new(),
    })
}

/// A message's text: a string, or parts of which some are text.
pub(crate) fn content(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text")?.as_str()).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

pub(crate) fn write(reply: &Reply) -> Value {
    let (content, reason) = ending(reply);
    json!({
        "id": reply.id,
        "object": "chat.completion",
        "created": CREATED,
        "model": reply.model,
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": content, "refusal": null, "annotations": [] },
            "logprobs": null,
            "finish_reason": reason,
        }],
        "usage": usage(reply.tokens),
        "service_tier": "default",
        "system_fingerprint": "fp_example",
    })
}

fn usage(tokens: Tokens) -> Value {
    json!({
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": { "cached_tokens": tokens.cached, "audio_tokens": 0 },
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

/// The events of a stream: the role, the text in pieces, the reason, usage where it is asked for, and the end.
pub(crate) fn events(reply: &Reply, with_usage: bool) -> Vec<Vec<u8>> {
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": reply.id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": reply.model,
            "choices": choices,
            "service_tier": "default",
            "system_fingerprint": "fp_example",
        });
        if with_usage {
            chunk["usage"] = usage;
        }
        event(&chunk)
    };
    let choice = |delta: Value, reason: Option<&str>| {
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason });
        chunk(json!([choice]), Value::Null)
    };
    let (text, reason) = ending(reply);
    let mut events = vec![choice(json!({ "role": "assistant", "content": "", "refusal": null }), None)];
    let pieces = pieces(text).into_iter().filter(|piece| !piece.is_empty());
    events.extend(pieces.map(|piece| choice(json!({ "content": piece }), None)));
    events.push(choice(json!({}), Some(reason)));
    if with_usage {
        events.push(chunk(json!([]), usage(reply.tokens)));
    }
    events.push(b"data: [DONE]\n\n".to_vec());
    events
}

/// What was said, and why it ended.
fn ending(reply: &Reply) -> (&str, &'static str) {
    match &reply.end {
        End::Stop(text) => (text, "stop"),
        End::Length(text) => (text, "length"),
        End::Refused => ("", "content_filter"),
    }
}

pub(crate) fn models() -> Value {
    let list =
        MODELS.map(|id| json!({ "id": id, "object": "model", "created": CREATED, "owned_by": "example" }));
    json!({ "object": "list", "data": list })
}

pub(crate) fn error(failure: Failure) -> Value {
    let (kind, code, message) = match failure {
        Failure::Malformed(what) => ("invalid_request_error", Value::Null, what.to_owned()),
        Failure::Key => (
            "invalid_request_error",
            "invalid_api_key".into(),
            "Incorrect API key provided. You can find your API key in your account.".to_owned(),
        ),
        Failure::NotFound => {
            ("invalid_request_error", "unknown_url".into(), "Unknown request URL.".to_owned())
        }
        Failure::RateLimited { after_ms } => (
            "requests",
            "rate_limit_exceeded".into(),
            format!("Rate limit reached on requests per min. Please try again in {after_ms}ms."),
        ),
        Failure::Unavailable => (
            "server_error",
            "service_unavailable".into(),
            "The server is currently overloaded with other requests. Please retry later.".to_owned(),
        ),
        Failure::ContextLength { tokens, limit } => (
            "invalid_request_error",
            "context_length_exceeded".into(),
            format!(
                "This model's maximum context length is {limit} tokens. However, your messages resulted in \
                 {tokens} tokens. Please reduce the length of the messages."
            ),
        ),
    };
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

//! The wire format of Gemini: `POST /v1beta/models/{model}:generateContent`, and `:streamGenerateContent?alt=sse`.

use crate::tokens::{count_tokens, pieces};
use crate::wire::{End, Failure, Question, Reply, Tokens};
use serde_json::{Value, json};

pub(crate) fn read(model: &str, stream: bool, body: &Value) -> Result<Question, Failure> {
    let contents = body.get("contents").and_then(Value::as_array).filter(|contents| !contents.is_empty());
    let contents = contents
        .ok_or(Failure::Malformed("* GenerateContentRequest.contents: contents is not specified\n"))?;
    let user: Vec<String> = contents.iter().map(parts).collect();
    let system = body.get("systemInstruction").or_else(|| body.get("system_instruction"));
    let config = body.get("generationConfig");
    let option = |name: &str| config.and_then(|config| config.get(name));
    Ok(Question {
        model: model.to_owned(),
        system: system.map(parts).unwrap_or_default(),
        user: user.join("\n"),
        max_tokens: option("maxOutputTokens").and_then(Value::as_u64),
        schema: option("responseSchema").or_else(|| option("responseJsonSchema")).cloned(),
        stream,
        stream_usage: true,
        inputs: Vec::new(),
    })
}

fn parts(content: &Value) -> String {
    let parts = content.get("parts").and_then(Value::as_array).into_iter().flatten();
    let texts: Vec<&str> = parts.filter_map(|part| part.get("text")?.as_str()).collect();
    texts.join("\n")
}

pub(crate) fn write(reply: &Reply) -> Value {
    let mut body = answer(reply, reply.tokens);
    match &reply.end {
        End::Stop(text) => body["candidates"] = said(text, Some("STOP")),
        End::Length(text) => body["candidates"] = said(text, Some("MAX_TOKENS")),
        // Gemini refuses in two ways: the prompt is blocked, or the answer is withheld.
        End::Refused if reply.noise.is_multiple_of(2) => {
            body["promptFeedback"] = json!({ "blockReason": "PROHIBITED_CONTENT" });
        }
        End::Refused => {
            let rating =
                json!({ "category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH", "blocked": true });
            body["candidates"] = json!([{ "finishReason": "SAFETY", "index": 0, "safetyRatings": [rating] }]);
        }
    }
    body
}

/// The chunks of a stream, each with the tokens used so far.
pub(crate) fn chunks(reply: &Reply) -> Vec<(Value, Tokens)> {
    let (text, last) = match &reply.end {
        End::Stop(text) => (text, "STOP"),
        End::Length(text) => (text, "MAX_TOKENS"),
        End::Refused => return vec![(write(reply), reply.tokens)],
    };
    let pieces = pieces(text);
    let (mut so_far, most) = (String::new(), pieces.len());
    let chunk = |(n, piece): (usize, &str)| {
        so_far.push_str(piece);
        let is_last = n + 1 == most;
        let output = reply.tokens.reasoning + count_tokens(&so_far);
        let tokens = if is_last { reply.tokens } else { Tokens { output, ..reply.tokens } };
        let mut body = answer(reply, tokens);
        body["candidates"] = said(piece, is_last.then_some(last));
        (body, tokens)
    };
    pieces.into_iter().enumerate().map(chunk).collect()
}

fn said(text: &str, reason: Option<&str>) -> Value {
    let mut candidate = json!({ "content": { "parts": [{ "text": text }], "role": "model" }, "index": 0 });
    if let Some(reason) = reason {
        candidate["finishReason"] = reason.into();
    }
    json!([candidate])
}

/// Everything but the answer itself.
fn answer(reply: &Reply, tokens: Tokens) -> Value {
    let mut usage = json!({
        "promptTokenCount": tokens.input,
        "totalTokenCount": tokens.input + tokens.output,
        "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": tokens.input }],
    });
    // Gemini leaves out what is zero.
    let mut add = |name: &str, count: u64| {
        if count > 0 {
            usage[name] = count.into();
        }
    };
    add("candidatesTokenCount", tokens.output - tokens.reasoning);
    add("thoughtsTokenCount", tokens.reasoning);
    add("cachedContentTokenCount", tokens.cached);
    json!({ "modelVersion": reply.model, "responseId": reply.id, "usageMetadata": usage })
}

pub(crate) fn error(failure: Failure) -> Value {
    let (status, message, details) = match failure {
        Failure::Malformed(what) => ("INVALID_ARGUMENT", what.to_owned(), None),
        Failure::Key => (
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.".to_owned(),
            Some(json!({
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
            })),
        ),
        Failure::NotFound => ("NOT_FOUND", "Requested entity was not found.".to_owned(), None),
        Failure::RateLimited { after_ms } => (
            "RESOURCE_EXHAUSTED",
            "You exceeded your current rate limit. Please retry later.".to_owned(),
            Some(json!({
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": format!("{}.{:03}s", after_ms / 1000, after_ms % 1000),
            })),
        ),
        Failure::Unavailable => {
            ("UNAVAILABLE", "The model is overloaded. Please try again later.".to_owned(), None)
        }
        Failure::ContextLength { tokens, limit } => (
            "INVALID_ARGUMENT",
            format!(
                "The input token count ({tokens}) exceeds the maximum number of tokens allowed ({limit})."
            ),
            None,
        ),
    };
    let mut error = json!({ "code": failure.status(true), "message": message, "status": status });
    if let Some(details) = details {
        error["details"] = json!([details]);
    }
    json!({ "error": error })
}

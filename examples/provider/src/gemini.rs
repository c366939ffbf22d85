//! The wire format of Gemini: `POST /v1beta/models/{model}:generateContent`.

use crate::wire::{End, Failure, Question, Reply};
use serde_json::{Value, json};

pub(crate) fn read(model: &str, body: &Value) -> Result<Question, Failure> {
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
    })
}

fn parts(content: &Value) -> String {
    let parts = content.get("parts").and_then(Value::as_array).into_iter().flatten();
    let texts: Vec<&str> = parts.filter_map(|part| part.get("text")?.as_str()).collect();
    texts.join("\n")
}

pub(crate) fn write(reply: &Reply) -> Value {
    let tokens = reply.tokens;
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

    let mut body = json!({ "modelVersion": reply.model, "responseId": reply.id, "usageMetadata": usage });
    let said = |text: &str, reason: &str| {
        json!([{
            "content": { "parts": [{ "text": text }], "role": "model" },
            "finishReason": reason,
            "index": 0,
        }])
    };
    match &reply.end {
        End::Stop(text) => body["candidates"] = said(text, "STOP"),
        End::Length(text) => body["candidates"] = said(text, "MAX_TOKENS"),
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

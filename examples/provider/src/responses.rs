//! The wire format of OpenAI's responses: `POST /v1/responses`.

use crate::openai::{CREATED, content};
use crate::tokens::pieces;
use crate::wire::{End, Failure, Question, Reply};
use serde_json::{Value, json};

pub(crate) fn read(body: &Value) -> Result<Question, Failure> {
    let model = body.get("model").and_then(Value::as_str);
    let model = model.ok_or(Failure::Malformed("Missing required parameter: 'model'."))?;
    let instructions = body.get("instructions").and_then(Value::as_str);
    let mut system: Vec<String> = instructions.map(str::to_owned).into_iter().collect();
    let mut user = Vec::new();
    match body.get("input") {
        Some(Value::String(text)) => user.push(text.clone()),
        Some(Value::Array(items)) => items.iter().for_each(|item| match item["role"].as_str() {
            Some("system" | "developer") => system.push(content(item)),
            _ => user.push(content(item)),
        }),
        _ => return Err(Failure::Malformed("Missing required parameter: 'input'.")),
    }
    Ok(Question {
        model: model.to_owned(),
        system: system.join("\n"),
        user: user.join("\n"),
        max_tokens: body.get("max_output_tokens").and_then(Value::as_u64),
        schema: body.pointer("/text/format/schema").cloned(),
        stream: body.get("stream").and_then(Value::as_bool) == Some(true),
        // A stream always ends with the whole response.
        stream_usage: true,
        inputs: Vec::new(),
    })
}

pub(crate) fn write(reply: &Reply) -> Value {
    let tokens = reply.tokens;
    let (status, reason) = match &reply.end {
        End::Stop(_) => ("completed", Value::Null),
        End::Length(_) => ("incomplete", json!({ "reason": "max_output_tokens" })),
        End::Refused => ("incomplete", json!({ "reason": "content_filter" })),
    };
    let mut response = begun(reply);
    response["status"] = status.into();
    response["incomplete_details"] = reason;
    response["output"] = match &reply.end {
        End::Stop(text) | End::Length(text) => json!([message(reply, status, text)]),
        End::Refused => json!([]),
    };
    response["usage"] = json!({
        "input_tokens": tokens.input,
        "input_tokens_details": { "cached_tokens": tokens.cached },
        "output_tokens": tokens.output,
        "output_tokens_details": { "reasoning_tokens": tokens.reasoning },
        "total_tokens": tokens.input + tokens.output,
    });
    response
}

/// The response as a stream begins with it.
fn begun(reply: &Reply) -> Value {
    json!({
        "id": reply.id,
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "max_output_tokens": null,
        "model": reply.model,
        "output": [],
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "store": false,
        "temperature": 1.0,
        "text": { "format": { "type": "text" } },
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": null,
        "metadata": {},
    })
}

fn message(reply: &Reply, status: &str, text: &str) -> Value {
    json!({
        "type": "message",
        "id": item(reply),
        "status": status,
        "role": "assistant",
        "content": [part(text)],
    })
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn item(reply: &Reply) -> String {
    format!("msg_{:016x}", reply.noise)
}

/// The events of a stream, each with its name.
pub(crate) fn events(reply: &Reply) -> Vec<Vec<u8>> {
    let whole = write(reply);
    let mut events = Vec::new();
    let mut add = |name: &str, fields: Value| {
        let mut event = json!({ "type": name, "sequence_number": events.len() });
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        events.push(format!("event: {name}\ndata: {event}\n\n").into_bytes());
    };
    add("response.created", json!({ "response": begun(reply) }));
    add("response.in_progress", json!({ "response": begun(reply) }));
    if let End::Stop(text) | End::Length(text) = &reply.end {
        let item = item(reply);
        let mut empty = message(reply, "in_progress", "");
        empty["content"] = json!([]);
        add("response.output_item.added", json!({ "output_index": 0, "item": empty }));
        let at = |more: Value| {
            let mut fields = json!({ "item_id": item, "output_index": 0, "content_index": 0 });
            if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
                fields.extend(more);
            }
            fields
        };
        add("response.content_part.added", at(json!({ "part": part("") })));
        for piece in pieces(text) {
            add("response.output_text.delta", at(json!({ "delta": piece, "logprobs": [] })));
        }
        add("response.output_text.done", at(json!({ "text": text, "logprobs": [] })));
        add("response.content_part.done", at(json!({ "part": part(text) })));
        add("response.output_item.done", json!({ "output_index": 0, "item": whole["output"][0] }));
    }
    let last = if whole["status"] == "completed" { "response.completed" } else { "response.incomplete" };
    add(last, json!({ "response": whole }));
    events
}

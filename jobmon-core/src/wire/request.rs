//! Requests in the wire formats of providers: how a model is asked, and what.

use super::messages;
use crate::digest::Digest;
use crate::event::{Content, Message, Prefix, Request, Role, Tool};
use crate::text::Text;
use serde_json::Value;

/// Ids and names beyond this many bytes are no ids and names.
const LONGEST: usize = 512;

fn text(value: &Value) -> Option<Text> {
    value.as_str().filter(|text| !text.is_empty() && text.len() <= LONGEST).map(Text::copied)
}

fn texts(value: &Value) -> Vec<Text> {
    match value {
        Value::Array(list) => list.iter().take(16).filter_map(text).collect(),
        one => text(one).into_iter().collect(),
    }
}

/// The first of these keys that has something.
fn any<'v>(body: &'v Value, keys: &[&str]) -> &'v Value {
    keys.iter().map(|key| &body[*key]).find(|value| !value.is_null()).unwrap_or(&Value::Null)
}

/// How a model is asked: parameters of OpenAI (chat completions, responses, embeddings), Anthropic and Gemini.
pub(crate) fn facts(body: &Value) -> Request {
    // Gemini has them one level down.
    let config = any(body, &["generationConfig", "generation_config", "config"]);
    let of = |keys: &[&str]| match any(body, keys) {
        Value::Null => any(config, keys),
        found => found,
    };
    let format = any(body, &["response_format"]);
    let format = if format.is_null() { &body["text"]["format"] } else { format };
    let output_type =
        match (format["type"].as_str(), of(&["responseMimeType", "response_mime_type"]).as_str()) {
            (Some("json_schema" | "json_object"), _) | (_, Some("application/json")) => Some("json"),
            (Some("text"), _) | (_, Some("text/plain")) => Some("text"),
            _ => None,
        };
    let reasoning =
        [&body["reasoning_effort"], &body["reasoning"]["effort"], &body["output_config"]["effort"]];
    Request {
        temperature: of(&["temperature"]).as_f64(),
        top_p: of(&["top_p", "topP"]).as_f64(),
        top_k: of(&["top_k", "topK"]).as_u64(),
        max_tokens: of(&["max_completion_tokens", "max_output_tokens", "max_tokens", "maxOutputTokens"])
            .as_u64(),
        frequency_penalty: of(&["frequency_penalty", "frequencyPenalty"]).as_f64(),
        presence_penalty: of(&["presence_penalty", "presencePenalty"]).as_f64(),
        stop_sequences: texts(of(&["stop", "stop_sequences", "stopSequences"])),
        seed: of(&["seed"]).as_i64(),
        choices: of(&["n", "candidateCount", "candidate_count"]).as_u64(),
        output_type: output_type.map(Text::literal),
        reasoning: reasoning.into_iter().find_map(text),
        service_tier: text(&body["service_tier"]),
        previous_response: text(&body["previous_response_id"]),
        stream: body["stream"].as_bool(),
        dimensions: body["dimensions"].as_u64(),
        encoding_formats: texts(&body["encoding_format"]),
        prefix: prefix(body),
    }
}

/// What a request begins with that providers can cache: tools and instructions, also those that stand first among the
/// messages. `None` where there are none.
fn prefix(body: &Value) -> Option<Prefix> {
    let mut digest = Digest::new();
    let mut take = |value: &Value| {
        if !value.is_null() {
            // It takes anything.
            let _ = serde_json::to_writer(&mut digest, value);
        }
    };
    for key in ["tools", "system", "systemInstruction", "system_instruction", "instructions"] {
        take(&body[key]);
    }
    let rest = any(body, &["messages", "contents", "input"]);
    let messages = rest.as_array().map(Vec::as_slice).unwrap_or_default();
    let instructs = |message: &&Value| matches!(message["role"].as_str(), Some("system" | "developer"));
    let first = messages.iter().take_while(instructs).count();
    messages[..first].iter().for_each(&mut take);
    let (bytes, text) = (digest.bytes(), digest.text());
    let mut take = |value: &Value| {
        let _ = serde_json::to_writer(&mut digest, value);
    };
    match rest {
        Value::Array(_) => messages[first..].iter().for_each(take),
        Value::Null => {}
        other => take(other),
    }
    (bytes > 0).then(|| Prefix::new(text, bytes, digest.bytes()))
}

/// The model that a request asks for.
pub(crate) fn model(body: &Value) -> Option<Text> {
    text(&body["model"])
}

/// The conversation in a request; `None` where it is none that we know.
pub(crate) fn content(body: &Value) -> Option<Content> {
    let mut content = Content::default();
    if let Some(list) = body["messages"].as_array() {
        // Anthropic has the instructions beside the messages, OpenAI among them.
        content.system = messages::parts(&body["system"]);
        content.input = list.iter().filter_map(messages::message).collect();
    } else if let Some(list) = body["contents"].as_array() {
        let system = any(body, &["systemInstruction", "system_instruction"]);
        content.system = messages::parts(&system["parts"]);
        content.input = list.iter().filter_map(messages::message).collect();
    } else if !body["input"].is_null() && !body["model"].is_null() {
        content.system = messages::parts(&body["instructions"]);
        content.input = match &body["input"] {
            Value::String(text) => vec![Message::text(Role::User, Text::copied(text))],
            Value::Array(list) => list.iter().filter_map(messages::item).collect(),
            _ => return None,
        };
    } else if let Some(list) = body.as_array() {
        // Messages by themselves.
        let read: Option<Vec<_>> =
            list.iter().map(|item| item.get("role").and_then(|_| messages::message(item))).collect();
        content.input = read.filter(|read| !read.is_empty())?;
    } else {
        return None;
    }
    content.tools = tools(&body["tools"]);
    Some(content)
}

/// Tools as all of them write these down: wrapped in `function`, in `functionDeclarations`, or plain.
fn tools(value: &Value) -> Vec<Tool> {
    let list = value.as_array().into_iter().flatten();
    let declared = list.flat_map(|tool| {
        let declarations = any(tool, &["functionDeclarations", "function_declarations"]);
        match declarations.as_array() {
            Some(declarations) => declarations.iter().collect::<Vec<_>>(),
            None if tool["function"].is_object() => vec![&tool["function"]],
            None => vec![tool],
        }
    });
    let tool = |tool: &Value| {
        let mut found = Tool::new(text(&tool["name"])?);
        found.description = tool["description"].as_str().map(Text::copied);
        let schema = any(tool, &["parameters", "input_schema", "parametersJsonSchema"]);
        found.parameters = (!schema.is_null()).then(|| schema.clone());
        Some(found)
    };
    declared.filter_map(tool).take(128).collect()
}

//! Messages in the wire formats of providers: OpenAI (chat completions, responses), Anthropic, Gemini.

use crate::event::{DataPlace, Message, Modality, Part, Role};
use crate::text::Text;
use serde_json::Value;

/// What models answered: one message for each choice.
pub(super) fn answers(body: &Value) -> Vec<Message> {
    let mut found = Vec::new();
    for choice in body["choices"].as_array().into_iter().flatten() {
        // A chunk of a stream has a difference instead of a message.
        let message = if choice["message"].is_object() { &choice["message"] } else { &choice["delta"] };
        found.extend(with_reason(spoken(message, Role::Assistant), &choice["finish_reason"]));
    }
    for candidate in body["candidates"].as_array().into_iter().flatten() {
        found.extend(with_reason(spoken(&candidate["content"], Role::Assistant), &candidate["finishReason"]));
    }
    if let Some(list) = body["output"].as_array() {
        let parts: Vec<_> = list.iter().filter_map(item).flat_map(|message| message.parts).collect();
        found.extend((!parts.is_empty()).then(|| Message::new(Role::Assistant, parts)));
    }
    if found.is_empty() && body["role"] == "assistant" {
        found.extend(with_reason(spoken(body, Role::Assistant), &body["stop_reason"]));
    }
    // Events of the streams of OpenAI's responses and of Anthropic.
    if found.is_empty() {
        let delta = match &body["delta"] {
            Value::String(text) if body["type"] == "response.output_text.delta" => Some(text.as_str()),
            delta => delta["text"].as_str(),
        };
        found.extend(delta.map(|text| Message::text(Role::Assistant, Text::copied(text))));
    }
    found
}

fn with_reason(message: Option<Message>, reason: &Value) -> Option<Message> {
    let mut message = message?;
    message.finish_reason = reason.as_str().map(Text::copied);
    Some(message)
}

/// A message of a conversation.
pub(super) fn message(value: &Value) -> Option<Message> {
    let role = match value["role"].as_str() {
        Some("system" | "developer") => Role::System,
        Some("assistant" | "model") => Role::Assistant,
        Some("tool" | "function") => Role::Tool,
        _ => Role::User,
    };
    spoken(value, role)
}

fn spoken(value: &Value, role: Role) -> Option<Message> {
    let mut found = Vec::new();
    if let Some(text) = value["reasoning_content"].as_str().filter(|text| !text.is_empty()) {
        found.push(Part::Reasoning(Text::copied(text)));
    }
    let content = if value["parts"].is_array() { &value["parts"] } else { &value["content"] };
    if role == Role::Tool && !value["tool_call_id"].is_null() {
        let id = value["tool_call_id"].as_str().map(Text::copied);
        found.push(Part::ToolResponse { id, response: content.clone() });
    } else {
        found.extend(parts(content));
    }
    found.extend(value["refusal"].as_str().map(|text| Part::Text(Text::copied(text))));
    for call in value["tool_calls"].as_array().into_iter().flatten() {
        let function = &call["function"];
        if let Some(name) = function["name"].as_str() {
            found.push(tool_call(&call["id"], name, &function["arguments"]));
        }
    }
    (!found.is_empty()).then(|| Message::new(role, found))
}

/// An item of the input or the output of OpenAI's responses: a message, a call of a tool, what it gave, reasoning.
pub(super) fn item(value: &Value) -> Option<Message> {
    match value["type"].as_str() {
        Some("function_call") => {
            let part = tool_call(&value["call_id"], value["name"].as_str()?, &value["arguments"]);
            Some(Message::new(Role::Assistant, vec![part]))
        }
        Some("function_call_output") => {
            let id = value["call_id"].as_str().map(Text::copied);
            Some(Message::new(Role::Tool, vec![Part::ToolResponse { id, response: value["output"].clone() }]))
        }
        Some("reasoning") => {
            let texts = value["summary"].as_array().into_iter().flatten();
            let parts: Vec<_> = texts
                .filter_map(|part| part["text"].as_str())
                .map(|text| Part::Reasoning(Text::copied(text)))
                .collect();
            (!parts.is_empty()).then(|| Message::new(Role::Assistant, parts))
        }
        _ => message(value),
    }
}

fn tool_call(id: &Value, name: &str, arguments: &Value) -> Part {
    // OpenAI writes them as text.
    let arguments = match arguments {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| arguments.clone()),
        other => other.clone(),
    };
    let arguments = (!arguments.is_null()).then_some(arguments);
    Part::ToolCall { id: id.as_str().map(Text::copied), name: Text::copied(name), arguments }
}

/// Parts of a message: text by itself, or a list.
pub(super) fn parts(value: &Value) -> Vec<Part> {
    match value {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![Part::Text(Text::copied(text))],
        Value::Array(list) => list.iter().filter_map(part).collect(),
        _ => Vec::new(),
    }
}

fn part(value: &Value) -> Option<Part> {
    if let Some(text) = value.as_str() {
        return Some(Part::Text(Text::copied(text)));
    }
    let kind = value["type"].as_str().unwrap_or_default();
    let copied = |value: &Value| value.as_str().map(Text::copied);
    match kind {
        "thinking" | "reasoning" => {
            let text = copied(&value["thinking"]).or_else(|| copied(&value["text"]))?;
            return Some(Part::Reasoning(text));
        }
        "tool_use" => return Some(tool_call(&value["id"], value["name"].as_str()?, &value["input"])),
        "tool_result" => {
            let id = copied(&value["tool_use_id"]);
            return Some(Part::ToolResponse { id, response: value["content"].clone() });
        }
        _ => {}
    }
    if let Some(text) = copied(&value["text"]) {
        // Gemini marks what it thought.
        return Some(if value["thought"] == true { Part::Reasoning(text) } else { Part::Text(text) });
    }
    if let Some(name) = value["functionCall"]["name"].as_str() {
        return Some(tool_call(&value["functionCall"]["id"], name, &value["functionCall"]["args"]));
    }
    if value["functionResponse"].is_object() {
        let id = copied(&value["functionResponse"]["id"]);
        return Some(Part::ToolResponse { id, response: value["functionResponse"]["response"].clone() });
    }
    data(kind, value)
}

/// Pictures and the like: where they are, not what they are.
fn data(kind: &str, value: &Value) -> Option<Part> {
    let source = &value["source"];
    let inline = [&value["inlineData"], &value["inline_data"], source, &value["input_audio"]];
    let inline = inline.into_iter().find(|found| found["data"].is_string());
    let mime = |found: &Value| {
        let names = ["mimeType", "mime_type", "media_type"];
        names.iter().find_map(|name| found[*name].as_str()).map(Text::copied)
    };
    if let Some(found) = inline {
        let mime_type = mime(found);
        let bytes = found["data"].as_str().map_or(0, str::len) as u64 / 4 * 3;
        return Some(Part::Data {
            modality: modality(kind, mime_type.as_deref()),
            mime_type,
            place: DataPlace::Inline(bytes),
        });
    }
    let uri =
        [&value["image_url"]["url"], &value["image_url"], &value["fileData"]["fileUri"], &source["url"]];
    if let Some(uri) = uri.into_iter().find_map(Value::as_str) {
        // An address that is the data itself.
        if let Some((mime_type, data)) =
            uri.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"))
        {
            let place = DataPlace::Inline(data.len() as u64 / 4 * 3);
            let modality = modality(kind, Some(mime_type));
            return Some(Part::Data { modality, mime_type: Some(Text::copied(mime_type)), place });
        }
        let mime_type = mime(&value["fileData"]);
        let place = DataPlace::Uri(Text::copied(uri).limited(2_048));
        return Some(Part::Data { modality: modality(kind, mime_type.as_deref()), mime_type, place });
    }
    let file = [&value["file_id"], &value["file"]["file_id"], &source["file_id"]]
        .into_iter()
        .find_map(Value::as_str)?;
    Some(Part::Data {
        modality: modality(kind, None),
        mime_type: None,
        place: DataPlace::File(Text::copied(file)),
    })
}

fn modality(kind: &str, mime_type: Option<&str>) -> Modality {
    let said = |word: &str| kind.contains(word) || mime_type.is_some_and(|mime| mime.starts_with(word));
    match () {
        () if said("image") => Modality::Image,
        () if said("audio") => Modality::Audio,
        () if said("video") => Modality::Video,
        () => Modality::Document,
    }
}

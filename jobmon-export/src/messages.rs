//! Messages, their parts and tools, as the JSON that the schemas of OpenTelemetry's GenAI conventions describe.

use jobmon_core::{DataPlace, Message, Part, Tool};
use serde_json::{Map, Value, json};

/// Messages as `gen_ai.input.messages` has them.
pub(crate) fn messages(messages: &[Message]) -> Value {
    messages.iter().map(message).collect()
}

pub(crate) fn message(message: &Message) -> Value {
    json!({"role": message.role.name(), "parts": parts(&message.parts)})
}

/// Parts of a message, or of `gen_ai.system_instructions`.
pub(crate) fn parts(parts: &[Part]) -> Value {
    parts.iter().map(part).collect()
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({"type": "text", "content": text.as_str()}),
        Part::Reasoning(text) => json!({"type": "reasoning", "content": text.as_str()}),
        Part::ToolCall { id, name, arguments } => json!({
            "type": "tool_call", "id": id.as_deref(), "name": name.as_str(), "arguments": arguments,
        }),
        Part::ToolResponse { id, response } => {
            json!({"type": "tool_call_response", "id": id.as_deref(), "response": response})
        }
        Part::Data { modality, mime_type, place } => {
            let mime_type = mime_type.as_deref();
            let modality = modality.name();
            match place {
                DataPlace::Uri(uri) => {
                    json!({"type": "uri", "modality": modality, "mime_type": mime_type, "uri": uri.as_str()})
                }
                DataPlace::File(id) => {
                    json!({"type": "file", "modality": modality, "mime_type": mime_type, "file_id": id.as_str()})
                }
                // The data itself is not kept.
                DataPlace::Inline(size) => json!({
                    "type": "blob", "modality": modality, "mime_type": mime_type, "content": "", "size": size,
                }),
                _ => json!({"type": "blob", "modality": modality, "mime_type": mime_type, "content": ""}),
            }
        }
        _ => json!({"type": "text", "content": ""}),
    }
}

/// Tools as `gen_ai.tool.definitions` has them.
pub(crate) fn tools(tools: &[Tool]) -> Value {
    let tool = |tool: &Tool| {
        let mut object = Map::new();
        object.insert("type".to_owned(), json!("function"));
        object.insert("name".to_owned(), json!(tool.name.as_str()));
        if let Some(description) = &tool.description {
            object.insert("description".to_owned(), json!(description.as_str()));
        }
        if let Some(parameters) = &tool.parameters {
            object.insert("parameters".to_owned(), parameters.clone());
        }
        Value::Object(object)
    };
    tools.iter().map(tool).collect()
}

//! How a model was asked, and what was said and heard, as JSON.

use super::{Object, put, text};
use crate::messages;
use jobmon_core::{Content, Message, Prefix, Request, Text};
use serde_json::{Value, json};

fn texts(texts: &[Text]) -> Option<Vec<Value>> {
    (!texts.is_empty()).then(|| texts.iter().map(|text| json!(text.as_str())).collect())
}

pub(crate) fn request(request: &Request) -> Value {
    let mut object = Object::new();
    put(&mut object, "temperature", request.temperature);
    put(&mut object, "top_p", request.top_p);
    put(&mut object, "top_k", request.top_k);
    put(&mut object, "max_tokens", request.max_tokens);
    put(&mut object, "frequency_penalty", request.frequency_penalty);
    put(&mut object, "presence_penalty", request.presence_penalty);
    put(&mut object, "stop_sequences", texts(&request.stop_sequences));
    put(&mut object, "seed", request.seed);
    put(&mut object, "choices", request.choices);
    put(&mut object, "output_type", text(request.output_type.as_ref()));
    put(&mut object, "reasoning", text(request.reasoning.as_ref()));
    put(&mut object, "service_tier", text(request.service_tier.as_ref()));
    put(&mut object, "previous_response", text(request.previous_response.as_ref()));
    put(&mut object, "stream", request.stream);
    put(&mut object, "dimensions", request.dimensions);
    put(&mut object, "encoding_formats", texts(&request.encoding_formats));
    put(&mut object, "prefix", request.prefix.as_ref().map(prefix));
    Value::Object(object)
}

fn prefix(prefix: &Prefix) -> Value {
    json!({ "digest": prefix.digest.as_str(), "bytes": prefix.bytes, "of_bytes": prefix.of_bytes })
}

pub(crate) fn content(content: &Content) -> Value {
    let mut object = Object::new();
    let list = |there: bool, list: &dyn Fn() -> Value| there.then(list);
    put(&mut object, "system", list(!content.system.is_empty(), &|| messages::parts(&content.system)));
    put(&mut object, "input", list(!content.input.is_empty(), &|| messages::messages(&content.input)));
    put(&mut object, "output", list(!content.output.is_empty(), &|| output(&content.output)));
    put(&mut object, "tools", list(!content.tools.is_empty(), &|| messages::tools(&content.tools)));
    put(&mut object, "arguments", content.arguments.clone());
    put(&mut object, "result", content.result.clone());
    put(&mut object, "truncated", content.truncated.then_some(true));
    Value::Object(object)
}

fn output(messages: &[Message]) -> Value {
    let message = |message: &Message| {
        let mut object = messages::message(message);
        if let Some(reason) = &message.finish_reason {
            object["finish_reason"] = json!(reason.as_str());
        }
        object
    };
    messages.iter().map(message).collect()
}

/// The way back.
#[cfg(any(feature = "clickhouse", feature = "sqlite"))]
pub(crate) mod read {
    use crate::json::read::owned;
    use jobmon_core::{Content, DataPlace, Message, Part, Prefix, Request, Text, Tool};
    use serde_json::Value;

    fn list(value: &Value) -> impl Iterator<Item = &Value> {
        value.as_array().into_iter().flatten()
    }

    fn texts(value: &Value) -> Vec<Text> {
        list(value).filter_map(owned).collect()
    }

    /// A value that may have been null itself.
    fn any(value: &Value, key: &str) -> Option<Value> {
        value.get(key).cloned()
    }

    pub(in crate::json) fn request(value: &Value) -> Request {
        let mut request = Request::default();
        request.temperature = value["temperature"].as_f64();
        request.top_p = value["top_p"].as_f64();
        request.top_k = value["top_k"].as_u64();
        request.max_tokens = value["max_tokens"].as_u64();
        request.frequency_penalty = value["frequency_penalty"].as_f64();
        request.presence_penalty = value["presence_penalty"].as_f64();
        request.stop_sequences = texts(&value["stop_sequences"]);
        request.seed = value["seed"].as_i64();
        request.choices = value["choices"].as_u64();
        request.output_type = owned(&value["output_type"]);
        request.reasoning = owned(&value["reasoning"]);
        request.service_tier = owned(&value["service_tier"]);
        request.previous_response = owned(&value["previous_response"]);
        request.stream = value["stream"].as_bool();
        request.dimensions = value["dimensions"].as_u64();
        request.encoding_formats = texts(&value["encoding_formats"]);
        request.prefix = prefix(&value["prefix"]);
        request
    }

    fn prefix(value: &Value) -> Option<Prefix> {
        Some(Prefix::new(owned(&value["digest"])?, value["bytes"].as_u64()?, value["of_bytes"].as_u64()?))
    }

    pub(in crate::json) fn content(value: &Value) -> Content {
        let mut content = Content::default();
        content.system = list(&value["system"]).filter_map(part).collect();
        content.input = list(&value["input"]).filter_map(message).collect();
        content.output = list(&value["output"]).filter_map(message).collect();
        content.tools = list(&value["tools"]).filter_map(tool).collect();
        content.arguments = any(value, "arguments");
        content.result = any(value, "result");
        content.truncated = value["truncated"] == true;
        content
    }

    pub(crate) fn message(value: &Value) -> Option<Message> {
        let role = value["role"].as_str()?.parse().ok()?;
        let mut message = Message::new(role, list(&value["parts"]).filter_map(part).collect());
        message.finish_reason = owned(&value["finish_reason"]);
        Some(message)
    }

    pub(crate) fn part(value: &Value) -> Option<Part> {
        let place = match value["type"].as_str()? {
            "text" => return owned(&value["content"]).map(Part::Text),
            "reasoning" => return owned(&value["content"]).map(Part::Reasoning),
            "tool_call" => {
                // Arguments that are null are none.
                let arguments = any(value, "arguments").filter(|arguments| !arguments.is_null());
                return Some(Part::ToolCall {
                    id: owned(&value["id"]),
                    name: owned(&value["name"])?,
                    arguments,
                });
            }
            "tool_call_response" => {
                // `result` is what earlier versions of the conventions called it.
                let response = any(value, "response").or(any(value, "result")).unwrap_or_default();
                return Some(Part::ToolResponse { id: owned(&value["id"]), response });
            }
            "uri" => DataPlace::Uri(owned(&value["uri"])?),
            "file" => DataPlace::File(owned(&value["file_id"])?),
            "blob" => DataPlace::Inline(value["size"].as_u64().unwrap_or(0)),
            _ => return None,
        };
        let modality = value["modality"].as_str()?.parse().ok()?;
        Some(Part::Data { modality, mime_type: owned(&value["mime_type"]), place })
    }

    fn tool(value: &Value) -> Option<Tool> {
        let mut tool = Tool::new(owned(&value["name"])?);
        tool.description = owned(&value["description"]);
        tool.parameters = any(value, "parameters");
        Some(tool)
    }
}

//! What a span says was said and heard, in any convention.

use super::{SpanAttributes, SpanData};
use crate::genai;
use crate::json::read;
use crate::semconv::{key, vendor};
use jobmon_core::{Content, Message, Operation, Part, Role, Text, Tool};
use serde_json::{Value, json};

/// Families of attributes that are numbered: OpenLLMetry's and OpenInference's.
const FAMILIES: [&str; 6] = [
    "gen_ai.prompt.",
    "gen_ai.completion.",
    "llm.input_messages.",
    "llm.output_messages.",
    "llm.request.functions.",
    "llm.tools.",
];

/// Whether an attribute is content, and none of what is kept as attributes.
pub(super) fn is_content(name: &str) -> bool {
    genai::is_content(name)
        || matches!(
            name,
            vendor::OI_INPUT
                | vendor::OI_OUTPUT
                | vendor::OI_INPUT_TYPE
                | vendor::OI_OUTPUT_TYPE
                | "ai.prompt"
                | "ai.prompt.messages"
                | "ai.prompt.tools"
                | "ai.response.text"
                | "ai.response.toolCalls"
                | "ai.toolCall.args"
                | "ai.toolCall.result"
                | "all_messages"
                | "events"
                | "langfuse.observation.input"
                | "langfuse.observation.output"
                | "langfuse.trace.input"
                | "langfuse.trace.output"
                | "request_data"
                | "response_data"
                | "tool_arguments"
                | "tool_response"
        )
        || FAMILIES.iter().any(|family| {
            name.strip_prefix(family).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
}

/// JSON that came as text, or as it is.
fn parsed(value: &Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        other => other.clone(),
    }
}

struct Told<'a>(&'a SpanAttributes);

impl Told<'_> {
    /// The first of some attributes that is there, as JSON.
    fn first(&self, names: &[&str]) -> Option<Value> {
        names.iter().find_map(|name| self.0.get(*name)).map(parsed)
    }

    /// Messages in the form of the conventions or, failing that, in any other.
    fn messages(&self, newest: &str, family: &[&str], others: &[&str], role: Role) -> Vec<Message> {
        if let Some(Value::Array(list)) = self.first(&[newest]) {
            let messages: Vec<_> =
                list.iter().filter_map(|item| read::message(item).or_else(|| loose(item, role))).collect();
            if !messages.is_empty() {
                return messages;
            }
        }
        for family in family {
            let messages = self.numbered(family, role);
            if !messages.is_empty() {
                return messages;
            }
        }
        self.first(others).map_or_else(Vec::new, |value| any(&value, role))
    }

    /// Messages of which each attribute is one of its parts.
    fn numbered(&self, family: &str, role: Role) -> Vec<Message> {
        let mut messages: Vec<Value> = Vec::new();
        for (name, value) in self.0 {
            let Some((number, rest)) = name.strip_prefix(family).and_then(|rest| rest.split_once('.')) else {
                continue;
            };
            let Some(number) = number.parse::<usize>().ok().filter(|number| *number < 1_000) else {
                continue;
            };
            if messages.len() <= number {
                messages.resize(number + 1, json!({}));
            }
            put(&mut messages[number], rest.strip_prefix("message.").unwrap_or(rest), value.clone());
        }
        messages.iter().filter_map(|message| loose(message, role)).collect()
    }
}

/// Sets what stands at a path of names and numbers.
fn put(into: &mut Value, path: &str, value: Value) {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let place = match first.parse::<usize>() {
        Ok(number) if number < 1_000 => {
            if !into.is_array() {
                *into = json!([]);
            }
            let Value::Array(items) = into else { return };
            if items.len() <= number {
                items.resize(number + 1, Value::Null);
            }
            &mut items[number]
        }
        _ => {
            if !into.is_object() {
                *into = json!({});
            }
            &mut into[first]
        }
    };
    match rest {
        Some(rest) => put(place, rest, value),
        None => *place = value,
    }
}

/// Messages in whatever form.
fn any(value: &Value, role: Role) -> Vec<Message> {
    match value {
        Value::Array(items) => items.iter().filter_map(|item| loose(item, role)).collect(),
        Value::Object(object) if object.contains_key("messages") => any(&value["messages"], role),
        Value::Object(object) if object.contains_key("message") => any(&value["message"], role),
        _ => loose(value, role).into_iter().collect(),
    }
}

/// A message as providers and their libraries write them.
fn loose(value: &Value, default: Role) -> Option<Message> {
    let role = match value["role"].as_str() {
        Some("human") => Role::User,
        Some("ai" | "model") => Role::Assistant,
        Some("developer") => Role::System,
        Some("function") => Role::Tool,
        Some(role) => role.parse().unwrap_or(default),
        None => default,
    };
    let mut parts = Vec::new();
    match value {
        Value::String(text) => parts.push(Part::Text(Text::copied(text))),
        Value::Object(object) => {
            let content = ["content", "contents", "text", "parts"].iter().find_map(|name| object.get(*name));
            let response = |response: &Value| Part::ToolResponse {
                id: text(&value["tool_call_id"]),
                response: response.clone(),
            };
            match content {
                Some(content) if role == Role::Tool => parts.push(response(content)),
                Some(Value::String(told)) if !told.is_empty() => parts.push(Part::Text(Text::copied(told))),
                Some(Value::Array(items)) => parts.extend(items.iter().filter_map(part)),
                _ => {}
            }
            let calls = value["tool_calls"].as_array().into_iter().flatten();
            parts.extend(calls.filter_map(tool_call));
            if parts.is_empty() && content.is_none() && !object.contains_key("role") && !object.is_empty() {
                parts.push(Part::Text(Text::from(value.to_string())));
            }
        }
        _ => {}
    }
    if parts.is_empty() {
        return None;
    }
    let mut message = Message::new(role, parts);
    message.finish_reason = text(&value["finish_reason"]);
    Some(message)
}

fn text(value: &Value) -> Option<Text> {
    value.as_str().map(Text::copied)
}

/// A part of a message: `{"type": "text", "text": ..}`, a bare text, or as the conventions have it.
fn part(value: &Value) -> Option<Part> {
    if let Some(known) = read::part(value) {
        return Some(known);
    }
    let inner = value.get("message_content").unwrap_or(value);
    let told = inner.as_str().or(inner["text"].as_str());
    told.map(|told| Part::Text(Text::copied(told))).or_else(|| tool_call(inner))
}

/// A tool call: `{"id", "function": {"name", "arguments"}}`, flat or below `tool_call`.
fn tool_call(value: &Value) -> Option<Part> {
    let value = value.get("tool_call").unwrap_or(value);
    let function = value.get("function").unwrap_or(value);
    let name = text(&function["name"]).or(text(&value["toolName"]))?;
    let arguments = function.get("arguments").or(value.get("args")).or(value.get("input")).map(parsed);
    Some(Part::ToolCall { id: text(&value["id"]).or(text(&value["toolCallId"])), name, arguments })
}

/// A definition of a tool, flat or below `function`.
fn tool(value: &Value) -> Option<Tool> {
    let value = parsed(value);
    let function = value.get("function").unwrap_or(&value);
    let mut tool = Tool::new(text(&function["name"])?);
    tool.description = text(&function["description"]);
    tool.parameters = function.get("parameters").cloned();
    Some(tool)
}

/// What was captured; nothing where nothing was.
pub(super) fn of(span: &SpanData, operation: Operation) -> Option<Content> {
    let told = Told(&span.attributes);
    let mut content = Content::default();
    if operation == Operation::ExecuteTool {
        let arguments = [key::TOOL_CALL_ARGUMENTS, "tool_arguments", "ai.toolCall.args", vendor::OI_INPUT];
        let result = [key::TOOL_CALL_RESULT, "tool_response", "ai.toolCall.result", vendor::OI_OUTPUT];
        content.arguments = told.first(&arguments).or_else(|| told.first(&["langfuse.observation.input"]));
        content.result = told.first(&result).or_else(|| told.first(&["langfuse.observation.output"]));
    } else {
        content.system = match told.first(&[key::SYSTEM_INSTRUCTIONS]) {
            Some(Value::Array(parts)) => parts.iter().filter_map(part).collect(),
            Some(Value::String(text)) => vec![Part::Text(Text::from(text))],
            _ => Vec::new(),
        };
        content.input = told.messages(
            key::INPUT_MESSAGES,
            &["gen_ai.prompt.", "llm.input_messages."],
            &[
                "ai.prompt.messages",
                "ai.prompt",
                "request_data",
                "langfuse.observation.input",
                vendor::OI_INPUT,
            ],
            Role::User,
        );
        content.output = told.messages(
            key::OUTPUT_MESSAGES,
            &["gen_ai.completion.", "llm.output_messages."],
            &["ai.response.text", "response_data", "langfuse.observation.output", vendor::OI_OUTPUT],
            Role::Assistant,
        );
        if let Some(Value::Array(tools)) = told.first(&[key::TOOL_DEFINITIONS, "ai.prompt.tools"]) {
            content.tools = tools.iter().filter_map(tool).collect();
        }
        if operation == Operation::Retrieval {
            content.arguments = told.first(&[key::RETRIEVAL_QUERY]);
        }
    }
    content.truncated = span.attributes.get(crate::semconv::own::TRUNCATED) == Some(&Value::Bool(true));
    let mut empty = Content::default();
    empty.truncated = content.truncated;
    (content != empty).then_some(content)
}

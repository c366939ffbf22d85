//! What was said and heard, as the JSON that the conventions' schemas describe, within a limit.

use super::{Attributes, last};
use crate::messages::{message, messages, parts, tools};
use crate::semconv::{key, own, vendor};
use jobmon_core::{CallRecord, Content, End, Message, Operation, Part};
use serde_json::{Map, Value, json};

/// Bytes that one attribute of content may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) usize);

impl Default for Limit {
    /// 64 KiB.
    fn default() -> Self {
        Self(64 * 1024)
    }
}

/// Messages as `gen_ai.output.messages` has them: each must say why the model stopped.
fn answers(answers: &[Message], call: &CallRecord) -> Value {
    let told = last(call, |answer| answer.finish_reasons.first());
    let answer = |answer: &Message| {
        let reason = answer.finish_reason.as_ref().or(told).map(|reason| stopped(reason));
        let otherwise = if call.end == End::Ok { "stop" } else { "error" };
        let mut object = message(answer);
        object["finish_reason"] = json!(reason.unwrap_or(otherwise));
        object
    };
    answers.iter().map(answer).collect()
}

/// The schema's word for why a model stopped, in any provider's words.
fn stopped(reason: &str) -> &str {
    match reason.to_ascii_lowercase().as_str() {
        "stop" | "end_turn" | "stop_sequence" => "stop",
        "length" | "max_tokens" | "max_output_tokens" => "length",
        "content_filter" | "safety" | "refusal" | "recitation" => "content_filter",
        "tool_calls" | "tool_use" | "tool_call" | "function_call" => "tool_call",
        _ => reason,
    }
}

/// Every part of content that there is, by the name of its attribute.
fn all(content: &Content, call: &CallRecord) -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    let mut add = |there: bool, key, value: &dyn Fn() -> Value| {
        if there {
            all.push((key, value()));
        }
    };
    add(!content.system.is_empty(), key::SYSTEM_INSTRUCTIONS, &|| parts(&content.system));
    add(!content.input.is_empty(), key::INPUT_MESSAGES, &|| messages(&content.input));
    add(!content.output.is_empty(), key::OUTPUT_MESSAGES, &|| answers(&content.output, call));
    add(!content.tools.is_empty(), key::TOOL_DEFINITIONS, &|| tools(&content.tools));
    if call.operation == Operation::ExecuteTool {
        for (key, value) in
            [(key::TOOL_CALL_ARGUMENTS, &content.arguments), (key::TOOL_CALL_RESULT, &content.result)]
        {
            all.extend(value.clone().map(|value| (key, value)));
        }
    }
    all
}

pub(super) fn write(content: &Content, call: &CallRecord, limit: Limit, to: &mut impl Attributes) {
    let mut truncated = content.truncated;
    for (key, value) in all(content, call) {
        let (text, whole) = limited(value, limit);
        truncated |= !whole;
        to.text(key, &text);
    }
    if call.operation == Operation::Retrieval
        && let Some(Value::String(query)) = &content.arguments
    {
        to.text(key::RETRIEVAL_QUERY, query);
    }
    if truncated {
        to.bool(own::TRUNCATED, true);
    }
}

/// JSON as text of at most so many bytes, and whether it is all of it. It stays valid, of the same shape: long texts are
/// cut first, then the oldest items of a list are left out.
pub(crate) fn limited(mut value: Value, Limit(limit): Limit) -> (String, bool) {
    let text = value.to_string();
    if text.len() <= limit {
        return (text, true);
    }
    let mut most = limit / 2;
    while most >= 16 {
        cut(&mut value, most);
        let text = value.to_string();
        if text.len() <= limit {
            return (text, false);
        }
        if let Value::Array(items) = &mut value
            && items.len() > 1
            && most < 1_024
        {
            items.remove(0);
        } else {
            most /= 2;
        }
    }
    let empty = match value {
        Value::Array(_) => "[]",
        Value::Object(_) => "{}",
        _ => "\"\"",
    };
    (empty.to_owned(), false)
}

/// Cuts every text to a number of bytes.
fn cut(value: &mut Value, most: usize) {
    match value {
        Value::String(text) if text.len() > most => {
            let mut end = most.saturating_sub('…'.len_utf8());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            text.push('…');
        }
        Value::Array(items) => items.iter_mut().for_each(|item| cut(item, most)),
        Value::Object(fields) => fields.values_mut().for_each(|field| cut(field, most)),
        _ => {}
    }
}

/// What tells Logfire that these attributes are JSON, and of which kind.
pub(super) fn schema(content: &Content, call: &CallRecord) -> Value {
    let kind = |value: &Value| match value {
        Value::Array(_) => json!({"type": "array"}),
        Value::Object(_) => json!({"type": "object"}),
        _ => json!({}),
    };
    let properties: Map<_, _> =
        all(content, call).iter().map(|(key, value)| ((*key).to_owned(), kind(value))).collect();
    json!({"type": "object", "properties": properties})
}

/// Content as OpenInference has it: each message in attributes of its own, numbered.
pub(super) fn openinference(content: &Content, limit: Limit, to: &mut impl Attributes) {
    for (start, list) in
        [(vendor::OI_INPUT_MESSAGES, &content.input), (vendor::OI_OUTPUT_MESSAGES, &content.output)]
    {
        for (at, message) in list.iter().enumerate() {
            let start = format!("{start}.{at}.message");
            to.text(&format!("{start}.role"), message.role.name());
            let (mut text, mut call) = (String::new(), 0);
            for part in &message.parts {
                match part {
                    Part::Text(part) => text.push_str(part),
                    Part::ToolResponse { response, .. } => text.push_str(&response.to_string()),
                    Part::ToolCall { name, arguments, .. } => {
                        let start = format!("{start}.tool_calls.{call}.tool_call.function");
                        to.text(&format!("{start}.name"), name);
                        let arguments = arguments.clone().unwrap_or_default();
                        to.text(&format!("{start}.arguments"), &limited(arguments, limit).0);
                        call += 1;
                    }
                    _ => {}
                }
            }
            if !text.is_empty() {
                let mut text = Value::String(text);
                cut(&mut text, limit.0);
                to.text(&format!("{start}.content"), text.as_str().unwrap_or_default());
            }
        }
    }
    for (value, name, kind) in [
        (&content.arguments, vendor::OI_INPUT, vendor::OI_INPUT_TYPE),
        (&content.result, vendor::OI_OUTPUT, vendor::OI_OUTPUT_TYPE),
    ] {
        match value {
            Some(Value::String(text)) => to.text(name, text),
            Some(value) => {
                to.text(name, &limited(value.clone(), limit).0);
                to.text(kind, "application/json");
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobmon_core::Role;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_cut_stays_valid_and_within_its_limit(
            texts in prop::collection::vec("(\\PC|\"|\n){0,400}", 0..12), limit in 2usize..3_000,
        ) {
            let list: Vec<_> = texts.iter().map(|text| Message::text(Role::User, text.clone())).collect();
            let whole = messages(&list);
            let (text, is_whole) = limited(whole.clone(), Limit(limit));
            prop_assert!(text.len() <= limit);
            let read: Value = serde_json::from_str(&text).expect("valid");
            prop_assert!(read.is_array());
            prop_assert_eq!(is_whole, read == whole);
            for message in read.as_array().into_iter().flatten() {
                prop_assert_eq!(&message["role"], "user");
            }
        }
    }

    #[test]
    fn the_newest_messages_are_kept_longest() {
        let list: Vec<_> =
            (0..50).map(|n| Message::text(Role::User, format!("{n} {}", "x".repeat(300)))).collect();
        let (text, whole) = limited(messages(&list), Limit(2_000));
        assert!(!whole && text.contains("\"49 x") && !text.contains("\"0 x"), "{text}");
    }
}

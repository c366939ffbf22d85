//! [`Capture`]: what can be captured of what goes in and out of a call, where a function names it.
//!
//! Nothing is captured unless a function says `capture(..)`, and the monitor allows it. What is captured is bounded, and
//! cleaned by [`Redaction`](crate::Redaction).

use crate::event::{Content, Message, Part, Role};
use crate::operation::Operation;
use crate::redact::LONGEST_TEXT;
use crate::text::Text;
use crate::wire;
use serde_json::Value;
use std::sync::Arc;

/// Bytes of all texts of a call together, about.
const MOST_BYTES: usize = 256 * 1024;
/// Messages on each side.
const MOST_MESSAGES: usize = 256;

/// What was captured of a value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Captured {
    /// Text.
    Text(Text),
    /// Data.
    Json(Value),
    /// Messages of a conversation, and the instructions apart from them.
    Conversation(Box<Content>),
}

/// A value that `capture(..)` can keep: text, JSON, messages of a conversation.
///
/// JSON that is a request in the wire format of OpenAI (chat completions, responses), Anthropic or Gemini is read as the
/// messages in it. Implement it for types of your own.
///
/// ```
/// use jobmon_core::{Capture, Captured, Text};
///
/// struct Prompt { question: String }
///
/// impl Capture for Prompt {
///     fn captured(&self) -> Captured {
///         Captured::Text(Text::from(self.question.clone()))
///     }
/// }
/// # let _ = Prompt { question: "why?".to_owned() }.captured();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be captured",
    label = "neither text, nor JSON, nor messages",
    note = "name a part of it that is: `capture(input(request.prompt))`, or format it: `capture(input(format!(\"{{request:?}}\")))`",
    note = "or implement `jobmon::Capture` for it"
)]
pub trait Capture {
    /// What is kept of it.
    fn captured(&self) -> Captured;
}

impl Capture for str {
    fn captured(&self) -> Captured {
        Captured::Text(Text::copied(self))
    }
}

impl Capture for String {
    fn captured(&self) -> Captured {
        self.as_str().captured()
    }
}

impl Capture for Text {
    fn captured(&self) -> Captured {
        Captured::Text(self.clone())
    }
}

impl Capture for Value {
    fn captured(&self) -> Captured {
        match wire::request::content(self) {
            Some(content) => Captured::Conversation(Box::new(content)),
            None => Captured::Json(self.clone()),
        }
    }
}

impl Capture for Message {
    fn captured(&self) -> Captured {
        std::slice::from_ref(self).captured()
    }
}

impl Capture for [Message] {
    fn captured(&self) -> Captured {
        Captured::Conversation(Box::new(Content { input: self.to_vec(), ..Content::default() }))
    }
}

impl Capture for Vec<Message> {
    fn captured(&self) -> Captured {
        self.as_slice().captured()
    }
}

/// Nothing is empty text.
impl<T: Capture> Capture for Option<T> {
    fn captured(&self) -> Captured {
        self.as_ref().map_or(Captured::Text(Text::literal("")), Capture::captured)
    }
}

macro_rules! forward {
    ($($outer:ty),*) => {$(
        impl<T: Capture + ?Sized> Capture for $outer {
            fn captured(&self) -> Captured { (**self).captured() }
        }
    )*};
}
forward!(&T, &mut T, Box<T>, Arc<T>, std::rc::Rc<T>);

impl Content {
    /// Adds what went into a call of an operation.
    pub(crate) fn add_input(&mut self, operation: Operation, captured: Captured) {
        let talks = talks(operation);
        match captured {
            Captured::Text(text) if text.is_empty() => {}
            Captured::Text(text) if talks => self.input.push(Message::text(Role::User, text)),
            Captured::Json(data) if talks => {
                self.input.push(Message::text(Role::User, Text::from(data.to_string())));
            }
            Captured::Text(text) => self.add_argument(Value::from(text.as_str())),
            Captured::Json(data) => self.add_argument(data),
            Captured::Conversation(content) => {
                self.system.extend(content.system);
                self.input.extend(content.input);
                self.tools.extend(content.tools);
            }
        }
    }

    fn add_argument(&mut self, value: Value) {
        self.arguments = Some(match self.arguments.take() {
            None => value,
            Some(Value::Array(mut list)) => {
                list.push(value);
                Value::Array(list)
            }
            Some(first) => Value::Array(vec![first, value]),
        });
    }

    /// Adds what came out of it.
    pub(crate) fn add_output(&mut self, operation: Operation, captured: Captured) {
        let talks = talks(operation);
        match captured {
            Captured::Text(text) if text.is_empty() => {}
            Captured::Text(text) if talks => self.output.push(Message::text(Role::Assistant, text)),
            Captured::Json(data) if talks => {
                self.output.push(Message::text(Role::Assistant, Text::from(data.to_string())));
            }
            Captured::Text(text) => self.result = Some(Value::from(text.as_str())),
            Captured::Json(data) => self.result = Some(data),
            Captured::Conversation(content) => {
                let Content { input, output, .. } = *content;
                self.output.extend(output);
                self.output.extend(input);
            }
        }
    }

    /// Leaves out what is too much: the oldest messages first.
    pub(crate) fn bound(&mut self) {
        let Self { system, input, output, tools, arguments, result, truncated } = self;
        let mut room = MOST_BYTES;
        for list in [output, input] {
            let mut kept = 0;
            for message in list.iter().rev().take(MOST_MESSAGES) {
                let bytes: usize = message.parts.iter().map(size).sum();
                let Some(left) = room.checked_sub(bytes) else { break };
                (room, kept) = (left, kept + 1);
            }
            if kept < list.len() {
                *truncated = true;
                list.drain(..list.len() - kept);
            }
        }
        for values in [arguments, result].into_iter().flatten() {
            *truncated |= shorten(values, &mut { MOST_BYTES });
        }
        let mut room = MOST_BYTES;
        for parameters in tools.iter_mut().filter_map(|tool| tool.parameters.as_mut()) {
            *truncated |= shorten(parameters, &mut room);
        }
        let mut kept = 0;
        let mut room = MOST_BYTES;
        for part in system.iter() {
            let Some(left) = room.checked_sub(size(part)) else { break };
            (room, kept) = (left, kept + 1);
        }
        *truncated |= kept < system.len();
        system.truncate(kept);
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether what goes in and out is a conversation.
const fn talks(operation: Operation) -> bool {
    !matches!(operation, Operation::ExecuteTool | Operation::Retrieval)
}

fn size(part: &Part) -> usize {
    match part {
        Part::Text(text) | Part::Reasoning(text) => text.len().min(LONGEST_TEXT),
        Part::ToolCall { arguments, .. } => arguments.as_ref().map_or(0, |value| value.to_string().len()),
        Part::ToolResponse { response, .. } => response.to_string().len(),
        Part::Data { .. } => 64,
    }
}

/// Empties texts for which there is no room; whether there were any.
fn shorten(value: &mut Value, room: &mut usize) -> bool {
    match value {
        Value::String(text) => {
            let bytes = text.len().min(LONGEST_TEXT);
            let fits = bytes <= *room;
            *room = room.saturating_sub(bytes);
            if !fits {
                "…".clone_into(text);
            }
            !fits
        }
        Value::Array(items) => items.iter_mut().fold(false, |cut, item| shorten(item, room) | cut),
        Value::Object(fields) => fields.values_mut().fold(false, |cut, field| shorten(field, room) | cut),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_is_cut_the_oldest_first() {
        let mut content = Content::default();
        for n in 0..20 {
            let text = format!("{n}{}", "x".repeat(30_000));
            content.add_input(Operation::Chat, Captured::Text(Text::from(text)));
        }
        content.bound();
        assert!(content.truncated && content.input.len() < 10);
        let last = content.input.last().expect("the newest stays");
        assert!(matches!(&last.parts[0], Part::Text(text) if text.starts_with("19x")));
    }

    #[test]
    fn large_data_loses_its_last_texts() {
        let mut content = Content::default();
        let texts: Vec<String> = (0..20).map(|n| format!("{n}{}", "x".repeat(30_000))).collect();
        content.add_input(Operation::ExecuteTool, Captured::Json(serde_json::json!({"deep": texts, "n": 1})));
        content.bound();
        let arguments = content.arguments.expect("arguments");
        assert!(
            content.truncated && arguments["deep"][0].as_str().is_some_and(|text| text.starts_with("0x"))
        );
        assert_eq!((&arguments["deep"][19], &arguments["n"]), (&Value::from("…"), &Value::from(1)));
    }
}

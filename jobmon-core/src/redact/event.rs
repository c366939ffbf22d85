//! [`Cleaner`]: takes out of an event what is to be removed, before any exporter sees it.

use super::kinds::{Redacted, Redaction, Redactions};
use super::names::{self, Named};
use super::scan::{REDACTED, Scan};
use super::{PLACEHOLDER, cut, injection};
use crate::event::{CallRecord, Content, DataPlace, Event, Message, Part, Role, Search};
use crate::text::Text;
use crate::value::Value;
use serde_json::Value as Json;

/// Bytes of one text; what is longer is cut.
pub(crate) const LONGEST_TEXT: usize = 32 * 1024;
/// Bytes beyond it that are looked at, since what is removed is often longer than what stays.
const SLACK: usize = 1_024;

/// Cleans texts by the rules of a monitor, and counts what it removes.
pub(crate) struct Cleaner<'a> {
    scan: Scan<'a>,
    markers: u32,
    truncated: bool,
}

impl<'a> Cleaner<'a> {
    pub(crate) fn new(rules: &'a Redaction) -> Self {
        let scan = Scan { rules, careful: true, found: Redactions::default() };
        Self { scan, markers: 0, truncated: false }
    }

    /// Cleans an event; what was removed is counted in it.
    pub(crate) fn event(rules: &Redaction, event: &mut Event) {
        let mut cleaner = Cleaner::new(rules);
        match event {
            Event::Call(call) => cleaner.call(call),
            Event::Search(Search { query, .. }) => cleaner.text(query),
            Event::Label(label) => cleaner.id(&mut label.key),
            Event::Late(late) => cleaner.attributes(&mut late.attributes),
            Event::Score(_) | Event::Feedback(_) | Event::Outcome(_) => {}
        }
        if let Some(fact) = event.fact_mut() {
            cleaner.id(&mut fact.scope.session);
            fact.redactions = cleaner.scan.found;
        }
    }

    fn call(&mut self, call: &mut CallRecord) {
        let already = (call.redactions, call.injection_markers);
        if let Some(content) = &mut call.content {
            self.content(content);
            if content.is_empty() {
                call.content = None;
            }
        }
        self.attributes(&mut call.attributes);
        self.id(&mut call.scope.session);
        // What a call that was tried once says of its failure, its attempt says too: it counts once.
        let tried = !call.attempts.is_empty();
        for failure in call.attempts.iter_mut().filter_map(|attempt| attempt.failure.as_mut()) {
            self.message(&mut failure.message);
        }
        if let Some(failure) = &mut call.failure {
            let before = self.scan.found;
            self.message(&mut failure.message);
            if tried {
                self.scan.found = before;
            }
        }
        call.redactions = already.0.and(self.scan.found);
        call.injection_markers = already.1.saturating_add(self.markers);
    }

    /// A message of an error, from which secrets were removed when it was made.
    fn message(&mut self, message: &mut Option<Text>) {
        let Some(text) = message else { return };
        let secrets = text.matches(REDACTED).count();
        self.scan.found.add(Redacted::Key, u32::try_from(secrets).unwrap_or(u32::MAX));
        self.text(text);
    }

    fn attributes(&mut self, attributes: &mut [(Text, Value)]) {
        for (name, value) in attributes {
            let named = names::named(name, self.scan.rules);
            match value {
                Value::Text(text)
                    if matches!(named, Some(Named::Own | Named::Sure)) && !names::is_no_value(text) =>
                {
                    *text = Text::literal(REDACTED);
                    self.scan.found.add(Redacted::Field, 1);
                }
                Value::Text(text) if text == REDACTED => self.scan.found.add(Redacted::Field, 1),
                Value::Text(text) => {
                    // A long one was cut; what a cut leaves of a word could be what is left of a secret.
                    if text.len() > SLACK && text.ends_with('…') {
                        *text = Text::from(format!("{}…", without_last_word(text)));
                    }
                    self.text(text);
                }
                _ if named == Some(Named::Own) => {
                    *value = Value::Text(Text::literal(REDACTED));
                    self.scan.found.add(Redacted::Field, 1);
                }
                _ => {}
            }
        }
    }

    /// An id, by which others are found: where there is something to remove, a digest stands for it, the same everywhere.
    fn id(&mut self, id: &mut Option<Text>) {
        let Some(text) = id else { return };
        if self.finds(text) {
            *id = Some(Redaction::stand_in(text));
        }
    }

    /// Whether there is something to remove in a short text.
    pub(super) fn finds(&mut self, text: &str) -> bool {
        !text.starts_with(PLACEHOLDER) && self.clean(cut(text, LONGEST_TEXT)).is_some()
    }

    pub(crate) fn text(&mut self, text: &mut Text) {
        if let Some(clean) = self.cleaned(text) {
            *text = Text::from(clean);
        }
    }

    fn string(&mut self, text: &mut String) {
        if let Some(clean) = self.cleaned(text) {
            *text = clean;
        }
    }

    /// The text, clean and not too long; `None` where it is so already.
    fn cleaned(&mut self, text: &str) -> Option<String> {
        if text == REDACTED {
            // A `Sensitive`.
            self.scan.found.add(Redacted::Field, 1);
            return None;
        }
        let looked_at =
            if text.len() > LONGEST_TEXT + SLACK { cut(text, LONGEST_TEXT + SLACK) } else { text };
        // What a cut leaves of a word could be what is left of a secret.
        let whole = looked_at.len() == text.len();
        let looked_at = if whole { text } else { without_last_word(looked_at) };
        let clean = self.clean(looked_at);
        let length = clean.as_ref().map_or(looked_at.len(), String::len);
        if whole && length <= LONGEST_TEXT {
            return clean;
        }
        self.truncated = true;
        let mut clean = clean.unwrap_or_else(|| looked_at.to_owned());
        clean.truncate(cut(&clean, LONGEST_TEXT).len());
        clean.push('…');
        Some(clean)
    }

    fn clean(&mut self, text: &str) -> Option<String> {
        #[cfg_attr(not(feature = "redact-patterns"), allow(unused_mut, reason = "patterns change it"))]
        let mut clean = self.scan.clean(text);
        #[cfg(feature = "redact-patterns")]
        for pattern in &self.scan.rules.patterns {
            if let Some((removed, times)) = pattern.remove(clean.as_deref().unwrap_or(text)) {
                self.scan.found.add(Redacted::Pattern, times);
                clean = Some(removed);
            }
        }
        clean
    }

    /// What was captured: secrets are removed, marks of injection in what goes in are counted, and what is too long is cut.
    fn content(&mut self, content: &mut Content) {
        content.bound();
        let Content { system, input, output, tools, arguments, result, truncated } = content;
        for message in input.iter().filter(|message| matches!(message.role, Role::User | Role::Tool)) {
            self.look(message);
        }
        if let Some(arguments) = arguments {
            self.look_at(arguments);
        }
        for message in output.iter_mut().chain(input.iter_mut()) {
            message.parts.iter_mut().for_each(|part| self.part(part));
        }
        system.iter_mut().for_each(|part| self.part(part));
        for value in [arguments, result].into_iter().flatten() {
            self.value(value);
        }
        for tool in tools {
            if let Some(description) = &mut tool.description {
                self.text(description);
            }
            if let Some(parameters) = &mut tool.parameters {
                self.value(parameters);
            }
        }
        *truncated |= self.truncated;
    }

    /// Counts marks of injection in a message.
    fn look(&mut self, message: &Message) {
        for part in &message.parts {
            match part {
                Part::Text(text) => self.inspect_markers(text),
                Part::ToolResponse { response, .. } => self.look_at(response),
                Part::Reasoning(_) | Part::ToolCall { .. } | Part::Data { .. } => {}
            }
        }
    }

    fn look_at(&mut self, value: &Json) {
        match value {
            Json::String(text) => self.inspect_markers(text),
            Json::Array(items) => items.iter().for_each(|item| self.look_at(item)),
            Json::Object(fields) => fields.values().for_each(|field| self.look_at(field)),
            _ => {}
        }
    }

    fn inspect_markers(&mut self, text: &str) {
        self.markers = self.markers.saturating_add(injection::markers(cut(text, LONGEST_TEXT)));
    }

    fn part(&mut self, part: &mut Part) {
        match part {
            Part::Text(text) | Part::Reasoning(text) => self.text(text),
            Part::ToolCall { arguments, .. } => arguments.iter_mut().for_each(|value| self.value(value)),
            Part::ToolResponse { response, .. } => self.value(response),
            Part::Data { place: DataPlace::Uri(uri), .. } => self.text(uri),
            Part::Data { .. } => {}
        }
    }

    fn value(&mut self, value: &mut Json) {
        match value {
            Json::String(text) => self.string(text),
            Json::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Json::Object(fields) => {
                for (name, field) in fields {
                    self.field(name, field);
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, name: &str, field: &mut Json) {
        let named = names::named(name, self.scan.rules);
        let is_secret = match (named, &*field) {
            (None, _) | (_, Json::Null) => false,
            (Some(Named::Own), _) => true,
            (Some(Named::Sure), Json::String(text)) => !text.is_empty() && !names::is_no_value(text),
            (Some(Named::Maybe), Json::String(text)) => names::looks_secret(text) && !text.contains(' '),
            _ => false,
        };
        if is_secret {
            *field = Json::from(REDACTED);
            self.scan.found.add(Redacted::Field, 1);
        } else {
            self.value(field);
        }
    }

    /// Only looks: what would be removed of a text, and the marks of injection in it.
    pub(crate) fn inspect(rules: &Redaction, text: &str) -> (Redactions, u32) {
        let mut cleaner = Cleaner::new(rules);
        let text = cut(text, LONGEST_TEXT);
        cleaner.clean(text);
        (cleaner.scan.found, injection::markers(text))
    }
}

fn without_last_word(text: &str) -> &str {
    let start = text.len().saturating_sub(SLACK);
    let last = text.as_bytes()[start..].iter().rposition(u8::is_ascii_whitespace);
    last.map_or(text, |last| &text[..start + last])
}

//! [`Said`]: what attributes of a GenAI span say of a call.

use super::{names, provider};
use crate::semconv::{USAGE, key, vendor};
use jobmon_core::{Answer, ErrorCategory, Failure, Operation, Text, Usage, Value};

/// Attributes kept beside what has a place of its own.
const MOST_OTHERS: usize = 64;
/// Bytes kept of the text of one.
const LONGEST_OTHER: usize = 4 * 1024;

/// What has been said so far.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) operation: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) tool: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) model: Option<String>,
    /// Whether it was asked to stream.
    pub(crate) streams: bool,
    /// Seconds until the first token had come.
    pub(crate) first_token: Option<f64>,
    pub(crate) answer: Answer,
    pub(crate) usage: Usage,
    pub(crate) error: Option<String>,
    pub(crate) failed: bool,
    pub(crate) message: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) port: Option<String>,
    pub(crate) others: Vec<(Text, Value)>,
}

/// A list as JSON, or one word.
fn words(text: &str) -> Vec<Text> {
    match serde_json::from_str::<Vec<String>>(text) {
        Ok(list) => list.into_iter().map(Text::from).collect(),
        Err(_) => {
            text.split(',').map(|word| Text::copied(word.trim())).filter(|word| !word.is_empty()).collect()
        }
    }
}

/// What another name says counts only where nothing was said under the newest one.
fn put<T>(slot: &mut Option<T>, is_alias: bool, value: impl FnOnce() -> T) {
    if !is_alias || slot.is_none() {
        *slot = Some(value());
    }
}

impl Said {
    /// The name of the call: of an agent or a tool its own.
    pub(crate) fn name(&self, operation: Operation) -> Option<String> {
        match operation {
            Operation::InvokeAgent | Operation::Plan => self.agent.clone(),
            Operation::ExecuteTool => self.tool.clone(),
            _ => None,
        }
    }

    /// Where the request went.
    pub(crate) fn api_url(&self) -> Option<String> {
        let server = self.server.as_ref()?;
        let port = self.port.as_ref().map_or_else(String::new, |port| format!(":{port}"));
        Some(format!("https://{server}{port}"))
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        let (key, is_alias) = names::newest(name);
        let owned = || value.to_owned();
        let text = || Text::copied(value);
        match key {
            key::OPERATION => put(&mut self.operation, is_alias, owned),
            key::AGENT_NAME => put(&mut self.agent, is_alias, owned),
            key::TOOL_NAME => put(&mut self.tool, is_alias, owned),
            key::PROVIDER if value != "_OTHER" => {
                put(&mut self.provider, is_alias, || provider(value).into_owned());
            }
            key::PROVIDER => {}
            key::REQUEST_MODEL => put(&mut self.model, is_alias, owned),
            key::RESPONSE_MODEL => put(&mut self.answer.model, is_alias, text),
            key::RESPONSE_ID => put(&mut self.answer.id, is_alias, text),
            key::RESPONSE_FINISH_REASONS => {
                if !is_alias || self.answer.finish_reasons.is_empty() {
                    self.answer.finish_reasons = words(value);
                }
            }
            key::OPENAI_RESPONSE_TIER => put(&mut self.answer.service_tier, is_alias, text),
            key::ERROR_TYPE => put(&mut self.error, is_alias, owned),
            "otel.status_code" | "otel.status" => self.failed |= value.eq_ignore_ascii_case("error"),
            vendor::LANGFUSE_LEVEL => self.failed |= value == "ERROR",
            "otel.status_message" | "otel.status_description" => self.message = Some(owned()),
            "error.message" => put(&mut self.message, is_alias, owned),
            key::SERVER_ADDRESS => self.server = Some(owned()),
            // A span's name and kind say nothing that the call does not.
            "otel.name" | "otel.kind" => {}
            _ if is_content(key) => {}
            _ => {
                // Libraries that know text alone tell numbers and flags as such.
                if let Ok(number) = value.parse::<i64>()
                    && self.number(key, is_alias, number)
                {
                    return;
                }
                match value.parse::<f64>() {
                    Ok(number) if key == key::RESPONSE_TIME_TO_FIRST_CHUNK => self.float(name, number),
                    _ => self.other(name, Text::copied(value).limited(LONGEST_OTHER).into()),
                }
            }
        }
    }

    pub(crate) fn int(&mut self, name: &str, value: i64) {
        let (key, is_alias) = names::newest(name);
        if !self.number(key, is_alias, value) {
            self.other(name, value.into());
        }
    }

    pub(crate) fn float(&mut self, name: &str, value: f64) {
        let (key, is_alias) = names::newest(name);
        #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and saturates")]
        if value.fract() == 0.0 && self.number(key, is_alias, value as i64) {
            return;
        }
        if key == key::RESPONSE_TIME_TO_FIRST_CHUNK {
            put(&mut self.first_token, is_alias, || value);
        }
        self.other(name, value.into());
    }

    pub(crate) fn bool(&mut self, name: &str, value: bool) {
        self.streams |= value && names::newest(name).0 == key::REQUEST_STREAM;
        self.other(name, value.into());
    }

    /// Whether it is a number that has a place of its own.
    fn number(&mut self, key: &str, is_alias: bool, value: i64) -> bool {
        if key == key::SERVER_PORT {
            self.port = Some(value.to_string());
            return true;
        }
        let Some((_, unit)) = USAGE.iter().find(|(name, _)| *name == key) else { return false };
        // A negative count is none.
        if let Ok(count) = u64::try_from(value)
            && (!is_alias || self.usage.get(*unit).is_none())
        {
            self.usage.set(*unit, Some(count));
        }
        true
    }

    pub(crate) fn other(&mut self, name: &str, value: Value) {
        if is_content(name) {
            return;
        }
        if let Some(known) = self.others.iter_mut().find(|(known, _)| *known == *name) {
            known.1 = value;
        } else if self.others.len() < MOST_OTHERS {
            self.others.push((Text::copied(name), value));
        }
    }

    /// Why it failed, where it did.
    pub(crate) fn failure(&self) -> Option<Failure> {
        let message = self.message.as_deref();
        if let Some(error) = &self.error {
            // Most clients tell the status of the answer; jobmon a category, too.
            let status = error.parse().ok();
            let category = status.and_then(ErrorCategory::from_http_status).or(error.parse().ok());
            if let Some(category) = category {
                let mut failure = message.map_or(Failure::new(category), Failure::from_message);
                failure.category = category;
                failure.http_status = status.or(failure.http_status);
                return Some(failure);
            }
            let told = message.map_or_else(|| error.clone(), |message| format!("{error}: {message}"));
            return Some(Failure::from_message(&told));
        }
        self.failed.then(|| message.map_or(Failure::new(ErrorCategory::Other), Failure::from_message))
    }
}

/// What was said and heard, by the names of the conventions: captured where it is asked for, never by the way.
pub(crate) fn is_content(name: &str) -> bool {
    matches!(
        name,
        key::INPUT_MESSAGES
            | key::OUTPUT_MESSAGES
            | key::SYSTEM_INSTRUCTIONS
            | key::TOOL_DEFINITIONS
            | key::TOOL_CALL_ARGUMENTS
            | key::TOOL_CALL_RESULT
            | "gen_ai.prompt"
            | "gen_ai.completion"
    )
}

//! What fields of GenAI spans say, whatever version of the conventions they follow.

use jobmon_core::{Answer, ErrorCategory, Failure, ForeignCall, Operation, Text, Usage, UsageUnit, Value};
use std::fmt;
use tracing::field::{Field, Visit};

/// The field that makes a span one of GenAI.
pub(super) const OPERATION: &str = "gen_ai.operation.name";

/// Attributes kept beside what has a place of its own.
const MOST_OTHERS: usize = 64;

/// What has been said so far.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) operation: Option<String>,
    /// Whether the first token has come.
    pub(super) first_token: bool,
    agent: Option<String>,
    tool: Option<String>,
    provider: Option<String>,
    model: Option<String>,
    /// Whether it was asked to stream.
    streams: bool,
    answer: Answer,
    usage: Usage,
    error: Option<String>,
    failed: bool,
    message: Option<String>,
    server: Option<String>,
    port: Option<String>,
    others: Vec<(&'static str, Value)>,
}

/// The operation that a name stands for; one that we do not know is what it is most like.
pub(super) fn operation(name: &str) -> Operation {
    name.parse().unwrap_or(match name {
        "create_agent" => Operation::InvokeAgent,
        "rerank" | "search_memory" | "fetch_response" => Operation::Retrieval,
        "completion" | "text_completions" => Operation::TextCompletion,
        "embedding" => Operation::Embeddings,
        "chat_streaming" | "message" | "messages" | "responses" => Operation::Chat,
        _ => Operation::GenerateContent,
    })
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

impl Fields {
    /// The name of the call: of an agent or a tool its own.
    pub(super) fn name(&self, operation: Operation) -> Option<String> {
        match operation {
            Operation::InvokeAgent | Operation::Plan => self.agent.clone(),
            Operation::ExecuteTool => self.tool.clone(),
            _ => None,
        }
    }

    fn text(&mut self, field: &'static str, value: &str) {
        let some = || Some(value.to_owned());
        match field {
            OPERATION => self.operation = some(),
            "gen_ai.agent.name" => self.agent = some(),
            "gen_ai.tool.name" => self.tool = some(),
            "gen_ai.provider.name" => self.provider = some(),
            "gen_ai.system" => self.provider = self.provider.take().or_else(some),
            "gen_ai.request.model" => self.model = some(),
            "gen_ai.response.model" => self.answer.model = Some(Text::copied(value)),
            "gen_ai.response.id" => self.answer.id = Some(Text::copied(value)),
            "gen_ai.response.finish_reasons" => self.answer.finish_reasons = words(value),
            "openai.response.service_tier" | "gen_ai.openai.response.service_tier" => {
                self.answer.service_tier = Some(Text::copied(value));
            }
            "error.type" | "gen_ai.tool.error.type" => self.error = some(),
            "otel.status_code" | "otel.status" => self.failed |= value.eq_ignore_ascii_case("error"),
            "otel.status_message" | "otel.status_description" | "error.message" => self.message = some(),
            "server.address" => self.server = some(),
            // A span's name and kind say nothing that the call does not.
            "otel.name" | "otel.kind" => {}
            _ if is_content(field) => {}
            _ => {
                if let Ok(number) = value.parse::<i64>()
                    && self.number(field, number)
                {
                    return;
                }
                self.other(field, Text::copied(value).into());
            }
        }
    }

    /// Whether it is a number that has a place of its own.
    fn number(&mut self, field: &'static str, value: i64) -> bool {
        let unit = match field {
            "gen_ai.usage.input_tokens" | "gen_ai.usage.prompt_tokens" => UsageUnit::InputTokens,
            "gen_ai.usage.output_tokens" | "gen_ai.usage.completion_tokens" => UsageUnit::OutputTokens,
            "gen_ai.usage.cache_read.input_tokens" | "gen_ai.usage.cache_read_input_tokens" => {
                UsageUnit::CacheReadTokens
            }
            "gen_ai.usage.cache_write.input_tokens"
            | "gen_ai.usage.cache_creation.input_tokens"
            | "gen_ai.usage.cache_creation_input_tokens" => UsageUnit::CacheWriteTokens,
            "gen_ai.usage.reasoning.output_tokens" | "gen_ai.usage.reasoning_tokens" => {
                UsageUnit::OutputReasoningTokens
            }
            "gen_ai.usage.audio.input_tokens" => UsageUnit::InputAudioTokens,
            "gen_ai.usage.audio.output_tokens" => UsageUnit::OutputAudioTokens,
            "server.port" => {
                self.port = Some(value.to_string());
                return true;
            }
            _ => return false,
        };
        // A negative count is none.
        if let Ok(count) = u64::try_from(value) {
            self.usage.set(unit, Some(count));
        }
        true
    }

    fn other(&mut self, field: &'static str, value: Value) {
        if is_content(field) {
            return;
        }
        if matches!(
            field,
            "gen_ai.response.time_to_first_chunk" | "gen_ai.client.operation.time_to_first_chunk"
        ) {
            self.first_token = true;
        }
        if let Some(known) = self.others.iter_mut().find(|(known, _)| *known == field) {
            known.1 = value;
        } else if self.others.len() < MOST_OTHERS {
            self.others.push((field, value));
        }
    }

    fn failure(&self, is_model_call: bool) -> Option<Failure> {
        let message = self.message.as_deref();
        if let Some(error) = &self.error {
            // Most clients tell the status of the answer.
            let status = error.parse().ok();
            if let Some(category) = status.and_then(ErrorCategory::from_http_status) {
                let mut failure = message.map_or(Failure::new(category), Failure::from_message);
                (failure.category, failure.http_status) = (category, status);
                return Some(failure);
            }
            let told = message.map_or_else(|| error.clone(), |message| format!("{error}: {message}"));
            return Some(Failure::from_message(&told));
        }
        if self.failed {
            return Some(message.map_or(Failure::new(ErrorCategory::Other), Failure::from_message));
        }
        // `rig` tells of no failure: such spans end without anything of an answer. So do those of its streams that are read
        // item by item, which are no failures.
        let nothing = self.answer == Answer::default() && self.usage.is_empty() && !self.streams;
        (is_model_call && nothing)
            .then(|| Failure::from_message("the span of the client ended without anything of an answer"))
    }

    /// Tells a call all this and ends it.
    pub(super) fn tell(mut self, call: ForeignCall) {
        let operation = self.operation.as_deref().map_or(Operation::Chat, operation);
        if let Some(name) = self.name(operation) {
            call.name(name);
        }
        let failure = self.failure(operation.is_model_call());
        let told = call.told();
        if let Some(provider) = self.provider {
            told.provider(provider);
        }
        if let Some(model) = self.model {
            told.model(model);
        }
        if let Some(server) = self.server {
            let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
            told.api_url(format!("https://{server}{port}"));
        }
        for (field, value) in self.others {
            told.field(field, value);
        }
        // What an agent adds up was counted where it was used; where there was no request inside, nobody else tells.
        self.answer.usage = (!self.usage.is_empty()).then_some(self.usage);
        call.end(failure, self.answer);
    }
}

/// What was said and heard is captured by name only, never by the way.
fn is_content(field: &str) -> bool {
    matches!(
        field,
        "gen_ai.input.messages"
            | "gen_ai.output.messages"
            | "gen_ai.system_instructions"
            | "gen_ai.tool.definitions"
            | "gen_ai.tool.call.arguments"
            | "gen_ai.tool.call.result"
            | "gen_ai.prompt"
            | "gen_ai.completion"
    )
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if !self.number(field.name(), value) {
            self.other(field.name(), value.into());
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record_i64(field, i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.other(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.streams |= value && field.name() == "gen_ai.request.stream";
        self.other(field.name(), value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let failure = Failure::of(value);
        self.error.get_or_insert_with(|| failure.category.to_string());
        if let Some(message) = failure.message {
            self.message = Some(message.to_string());
        }
        let _ = field;
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !is_content(field.name()) {
            self.text(field.name(), &format!("{value:?}"));
        }
    }
}

//! A GenAI span as a call.

use super::{SpanAttributes, SpanData, between, content};
use crate::genai::{self, Said, newest};
use crate::semconv::{key, own, vendor};
use jobmon_core::{
    Answer, Attempt, CallId, CallRecord, Cost, End, ErrorCategory, Failure, Operation, PricedAnswer, Prompt,
    Request, Text, Timestamp, UsageUnit, Usd,
};
use serde_json::Value;
use std::time::Duration;

/// The version of prices of a cost that came with the span.
pub(super) const SENDER: Text = Text::literal("sender");

fn text<'a>(attributes: &'a SpanAttributes, name: &str) -> Option<&'a str> {
    attributes.get(name).and_then(Value::as_str)
}

/// What kind of work a span stands for; `None` where it is none of a model, a tool or an agent.
fn operation(attributes: &SpanAttributes) -> Option<Operation> {
    if let Some(name) = text(attributes, key::OPERATION) {
        return Some(genai::operation(name));
    }
    // A list from which the first that knows decides: libraries set what they follow, and some several.
    let told = [
        text(attributes, vendor::OI_KIND).and_then(|kind| match kind.to_ascii_uppercase().as_str() {
            "LLM" => Some(Operation::Chat),
            "EMBEDDING" => Some(Operation::Embeddings),
            "TOOL" => Some(Operation::ExecuteTool),
            "RETRIEVER" | "RERANKER" => Some(Operation::Retrieval),
            "AGENT" => Some(Operation::InvokeAgent),
            "CHAIN" => Some(Operation::InvokeWorkflow),
            _ => None,
        }),
        text(attributes, vendor::LANGFUSE_TYPE).and_then(|kind| match kind.to_ascii_lowercase().as_str() {
            "generation" => Some(Operation::Chat),
            "embedding" => Some(Operation::Embeddings),
            "tool" => Some(Operation::ExecuteTool),
            "retriever" => Some(Operation::Retrieval),
            "agent" => Some(Operation::InvokeAgent),
            "chain" => Some(Operation::InvokeWorkflow),
            _ => None,
        }),
        text(attributes, "llm.request.type").and_then(|kind| match kind {
            "chat" => Some(Operation::Chat),
            "completion" => Some(Operation::TextCompletion),
            "embedding" => Some(Operation::Embeddings),
            "rerank" => Some(Operation::Retrieval),
            _ => None,
        }),
        text(attributes, "traceloop.span.kind").and_then(|kind| match kind {
            "workflow" | "task" => Some(Operation::InvokeWorkflow),
            "agent" => Some(Operation::InvokeAgent),
            "tool" => Some(Operation::ExecuteTool),
            _ => None,
        }),
        text(attributes, "ai.operationId").map(|name| match name {
            "ai.toolCall" => Operation::ExecuteTool,
            name if name.ends_with(".doEmbed") => Operation::Embeddings,
            name if name.contains(".do") => Operation::Chat,
            _ => Operation::InvokeAgent,
        }),
    ];
    if let Some(operation) = told.into_iter().flatten().next() {
        return Some(operation);
    }
    let has = |names: &[&str]| attributes.keys().any(|name| names.contains(&newest(name).0));
    // What was there before `gen_ai.operation.name` was asked for.
    if has(&[key::TOOL_NAME]) {
        Some(Operation::ExecuteTool)
    } else if has(&[key::AGENT_NAME]) {
        Some(Operation::InvokeAgent)
    } else if has(&[key::REQUEST_MODEL, key::RESPONSE_MODEL, key::USAGE_INPUT, key::USAGE_OUTPUT]) {
        Some(Operation::Chat)
    } else {
        None
    }
}

/// A span as a call; `None` where it is none.
pub(super) fn of(span: &SpanData) -> Option<CallRecord> {
    let operation = operation(&span.attributes)?;
    let id = CallId { trace: span.trace, span: span.span };
    let mut reader = Reader {
        call: CallRecord::new(id, Text::literal(""), operation, span.start),
        said: Said { failed: span.failed, ..Said::default() },
        name: None,
        cost: None,
        grade: None,
        end: None,
    };
    if !span.message.is_empty() {
        reader.said.message = Some(span.message.clone());
    }
    for (name, value) in &span.attributes {
        reader.attribute(name, value);
    }
    reader.events(span);
    Some(reader.call(span))
}

struct Reader {
    call: CallRecord,
    said: Said,
    name: Option<Text>,
    cost: Option<Usd>,
    grade: Option<String>,
    end: Option<End>,
}

impl Reader {
    fn attribute(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(text) => self.text(name, text),
            Value::Bool(flag) => {
                let (key, _) = newest(name);
                match key {
                    own::USAGE_MISSING => self.call.usage_missing = *flag,
                    key::REQUEST_STREAM => {
                        self.request().stream = Some(*flag);
                        self.said.streams |= *flag;
                    }
                    _ => self.said.bool(name, *flag),
                }
            }
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => self.int(name, number),
                (_, Some(number)) => self.float(name, number),
                _ => {}
            },
            Value::Array(_) | Value::Object(_) => self.list(name, value),
            Value::Null => {}
        }
    }

    fn request(&mut self) -> &mut Request {
        self.call.request.get_or_insert_default()
    }

    fn text(&mut self, name: &str, value: &str) {
        if value.is_empty() || content::is_content(name) || is_noise(name) {
            return;
        }
        let (key, is_alias) = newest(name);
        let text = || Some(Text::copied(value));
        let scope = &mut self.call.scope;
        match key {
            own::NAME => self.name = text(),
            own::FEATURE => scope.feature = text(),
            own::STRATEGY => scope.strategy = text(),
            own::END => self.end = value.parse().ok(),
            own::COST_GRADE => self.grade = Some(value.to_owned()),
            own::MODULE => self.call.location.module = Text::copied(value),
            key::SESSION if !is_alias || scope.session.is_none() => scope.session = text(),
            key::USER if !is_alias || scope.user.is_none() => scope.user = text(),
            key::SESSION | key::USER => {}
            key::WORKFLOW_NAME | vendor::LANGFUSE_TRACE_NAME => {
                scope.feature.get_or_insert_with(|| Text::copied(value));
            }
            key::PROMPT_NAME => {
                let version = self.call.prompt.take().and_then(|prompt| prompt.version);
                self.call.prompt = Some(Prompt::new(Text::copied(value), version));
            }
            key::PROMPT_VERSION => self.version(Text::copied(value)),
            key::OUTPUT_TYPE => self.request().output_type = text(),
            key::REQUEST_REASONING_LEVEL => self.request().reasoning = text(),
            key::REQUEST_PREVIOUS_RESPONSE => self.request().previous_response = text(),
            key::OPENAI_REQUEST_TIER => self.request().service_tier = text(),
            vendor::LANGFUSE_FIRST_TOKEN => {
                let at = value.trim_matches('"').parse::<jiff::Timestamp>().ok();
                let nanos = at.and_then(|at| i64::try_from(at.as_nanosecond()).ok());
                let first = nanos.and_then(|at| between(self.call.start, Timestamp::from_nanos(at)));
                self.said.first_token = first.map(|first| first.as_secs_f64());
            }
            vendor::LANGFUSE_COST => {
                let total = serde_json::from_str::<Value>(value).ok().and_then(|cost| cost["total"].as_f64());
                self.cost = self.cost.or(total.and_then(dollars));
            }
            "langfuse.observation.usage_details" => self.langfuse_usage(value),
            "llm.invocation_parameters" | "langfuse.observation.model.parameters" => {
                if let Ok(Value::Object(parameters)) = serde_json::from_str(value) {
                    parameters.iter().for_each(|(name, value)| self.parameter(name, value));
                }
            }
            _ => self.said.text(name, value),
        }
    }

    fn version(&mut self, version: Text) {
        let name = self.call.prompt.take().map_or(Text::literal(""), |prompt| prompt.name);
        self.call.prompt = Some(Prompt::new(name, Some(version)));
    }

    fn int(&mut self, name: &str, value: i64) {
        let (key, _) = newest(name);
        let count = u64::try_from(value).ok();
        match key {
            key::REQUEST_TOP_K => self.request().top_k = count,
            key::REQUEST_MAX_TOKENS => self.request().max_tokens = count,
            key::REQUEST_CHOICE_COUNT => self.request().choices = count,
            key::REQUEST_SEED => self.request().seed = Some(value),
            key::EMBEDDINGS_DIMENSIONS => self.request().dimensions = count,
            key::CODE_LINE => self.call.location.line = u32::try_from(value).unwrap_or(0),
            key::PROMPT_VERSION => self.version(Text::from(value.to_string())),
            // Told by the span's own events.
            own::ATTEMPTS => {}
            "gen_ai.aggregated_usage.input_tokens" | own::ROLLUP_INPUT => {
                self.call.rollup.get_or_insert_default().usage.input = count;
            }
            "gen_ai.aggregated_usage.output_tokens" | own::ROLLUP_OUTPUT => {
                self.call.rollup.get_or_insert_default().usage.output = count;
            }
            own::ROLLUP_CALLS => self.call.rollup.get_or_insert_default().model_calls = count.unwrap_or(0),
            // A whole number where there may be a fraction.
            own::COST | "ai.response.msToFirstChunk" | own::SAMPLE_RATE | own::ROLLUP_COST => {
                #[expect(clippy::cast_precision_loss, reason = "money and times are small")]
                self.float(name, value as f64);
            }
            _ if is_parameter(key) => {
                #[expect(clippy::cast_precision_loss, reason = "parameters are small")]
                self.float(name, value as f64);
            }
            _ if is_noise(name) => {}
            _ => self.said.int(name, value),
        }
    }

    fn float(&mut self, name: &str, value: f64) {
        let (key, is_alias) = newest(name);
        match key {
            own::COST if !is_alias || self.cost.is_none() => self.cost = dollars(value).or(self.cost),
            own::COST => {}
            own::SAMPLE_RATE if value > 0.0 && value <= 1.0 => self.call.sample_rate = value,
            own::ROLLUP_COST => {
                if let Some(usd) = dollars(value) {
                    self.call.rollup.get_or_insert_default().cost.add(Cost::Known(usd));
                }
            }
            key::REQUEST_TEMPERATURE => self.request().temperature = Some(value),
            key::REQUEST_TOP_P => self.request().top_p = Some(value),
            key::REQUEST_FREQUENCY_PENALTY => self.request().frequency_penalty = Some(value),
            key::REQUEST_PRESENCE_PENALTY => self.request().presence_penalty = Some(value),
            key::RESPONSE_TIME_TO_FIRST_CHUNK => self.said.first_token = Some(value),
            "ai.response.msToFirstChunk" => self.said.first_token = Some(value / 1_000.0),
            #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and saturates")]
            key::REQUEST_TOP_K | key::REQUEST_MAX_TOKENS if value.fract() == 0.0 => {
                self.int(name, value as i64);
            }
            _ if is_noise(name) => {}
            _ => self.said.float(name, value),
        }
    }

    fn list(&mut self, name: &str, value: &Value) {
        let texts = || {
            let items = value.as_array().into_iter().flatten();
            items.filter_map(Value::as_str).map(Text::copied).collect::<Vec<_>>()
        };
        match newest(name).0 {
            key::RESPONSE_FINISH_REASONS => self.said.answer.finish_reasons = texts(),
            key::REQUEST_STOP_SEQUENCES => self.request().stop_sequences = texts(),
            key::REQUEST_ENCODING_FORMATS => self.request().encoding_formats = texts(),
            _ if content::is_content(name) || is_noise(name) => {}
            _ => self.said.text(name, &value.to_string()),
        }
    }

    /// A parameter of a request, by its bare name.
    fn parameter(&mut self, name: &str, value: &Value) {
        let name = match name {
            "max_completion_tokens" | "max_output_tokens" | "maxTokens" => "max_tokens",
            name => name,
        };
        let known = [
            key::REQUEST_TEMPERATURE,
            key::REQUEST_TOP_P,
            key::REQUEST_TOP_K,
            key::REQUEST_MAX_TOKENS,
            key::REQUEST_FREQUENCY_PENALTY,
            key::REQUEST_PRESENCE_PENALTY,
            key::REQUEST_SEED,
        ];
        let full = known.into_iter().find(|known| known.strip_prefix("gen_ai.request.") == Some(name));
        if let (Some(full), Value::Number(_)) = (full, value) {
            self.attribute(full, value);
        }
    }

    /// Langfuse counts what was read from or written to a cache beside the input, not in it.
    fn langfuse_usage(&mut self, value: &str) {
        let Ok(details) = serde_json::from_str::<Value>(value) else { return };
        let count = |names: &[&str]| names.iter().find_map(|name| details[*name].as_u64());
        let read = count(&["cache_read_input_tokens", "input_cached_tokens"]);
        let written = count(&["cache_creation_input_tokens", "input_cache_creation"]);
        let usage = &mut self.said.usage;
        if let Some(input) = count(&["input", "prompt_tokens", "input_tokens"]) {
            let all = input.saturating_add(read.unwrap_or(0)).saturating_add(written.unwrap_or(0));
            usage.input = usage.input.or(Some(all));
        }
        usage.output = usage.output.or(count(&["output", "completion_tokens", "output_tokens"]));
        usage.cache_read = usage.cache_read.or(read);
        usage.cache_write = usage.cache_write.or(written);
        if let Some(reasoning) = count(&["output_reasoning_tokens", "reasoning_tokens"]) {
            usage.set(UsageUnit::OutputReasoningTokens, Some(reasoning));
        }
    }

    /// Attempts, exceptions and first tokens.
    fn events(&mut self, span: &SpanData) {
        let after = |at: Timestamp| between(span.start, at).unwrap_or_default();
        for event in &span.events {
            let told = |name: &str| text(&event.attributes, name);
            let seconds = |name: &str| {
                let seconds = event.attributes.get(name).and_then(Value::as_f64);
                seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default()
            };
            match event.name.as_str() {
                own::ATTEMPT => {
                    let number = event.attributes.get(own::ATTEMPT_NUMBER).and_then(Value::as_u64);
                    let number = number.and_then(|number| u32::try_from(number).ok());
                    let failure = told(key::ERROR_TYPE).map(|error| {
                        Said { error: Some(error.to_owned()), ..Said::default() }
                            .failure()
                            .unwrap_or(Failure::new(ErrorCategory::Other))
                    });
                    let next = u32::try_from(self.call.attempts.len() + 1).unwrap_or(u32::MAX);
                    let took = seconds(own::ATTEMPT_DURATION);
                    let mut attempt = Attempt::new(number.unwrap_or(next), after(event.at), took, failure);
                    attempt.backoff = seconds(own::ATTEMPT_BACKOFF);
                    self.call.attempts.push(attempt);
                }
                "exception" => {
                    let kind = told(key::EXCEPTION_TYPE);
                    if kind.is_some_and(|kind| kind.ends_with("CancelledError")) {
                        self.end = self.end.or(Some(End::Cancelled));
                    }
                    if self.said.message.is_none() {
                        self.said.message = told(key::EXCEPTION_MESSAGE).map(ToOwned::to_owned);
                    }
                    if self.said.failed && self.said.error.is_none() {
                        self.said.error = kind.map(ToOwned::to_owned);
                    }
                }
                "First Token Stream Event" | "gen_ai.content.completion.chunk"
                    if self.said.first_token.is_none() =>
                {
                    self.said.first_token = Some(after(event.at).as_secs_f64());
                    self.said.streams = true;
                }
                _ => {}
            }
        }
    }

    fn call(self, span: &SpanData) -> CallRecord {
        let Self { mut call, mut said, name, cost, grade, end } = self;
        let failure = said.failure();
        call.end = end.unwrap_or(if failure.is_some() { End::Error } else { End::Ok });
        call.failure = failure.filter(|_| call.end != End::Ok && call.end != End::Abandoned);
        call.duration = between(span.start, span.end);
        call.streams = said.streams;
        call.first_token = said.first_token.and_then(|first| Duration::try_from_secs_f64(first).ok());
        call.provider = said.provider.take().map(Text::from);
        call.model = said.model.take().map(Text::from);
        call.pricing.api_url = said.api_url().map(Text::from);
        if call.operation == Operation::ExecuteTool {
            call.model = None;
        }
        if call.prompt.as_ref().is_some_and(|prompt| prompt.name.is_empty()) {
            call.prompt = None;
        }
        call.name = name
            .or_else(|| said.name(call.operation).map(Text::from))
            .unwrap_or_else(|| of_span(span, &call));
        call.agent = said.agent.take().map(Text::from);
        said.answer.usage = (!said.usage.is_empty()).then_some(said.usage);
        if said.answer != Answer::default() && (call.is_model_call() || said.answer.usage.is_some()) {
            let attempt = u32::try_from(call.attempts.len().max(1)).unwrap_or(u32::MAX);
            let told = crate::json::read::cost_of(grade.as_deref().or(Some("known")), cost);
            call.answers.push(PricedAnswer::new(std::mem::take(&mut said.answer), attempt, told));
            if told != Cost::Unpriced {
                call.cost = Some(told);
                call.prices = Some(SENDER);
            }
        }
        call.usage_missing |= call.operation.is_model_call() && call.end == End::Ok && call.usage().is_none();
        call.attributes = said.others;
        call.attributes.retain(|(name, _)| !is_count(name));
        call.content = content::of(span, call.operation).map(Box::new);
        call
    }
}

/// A span's name without the model that it ends with: there would be a name for each.
fn of_span(span: &SpanData, call: &CallRecord) -> Text {
    let models =
        call.model.iter().chain(call.answers.iter().filter_map(|answer| answer.answer.model.as_ref()));
    let mut name = span.name.as_str();
    for model in models {
        name = name.strip_suffix(model.as_str()).map_or(name, str::trim_end);
    }
    if name.is_empty() { Text::literal(call.operation.name()) } else { Text::copied(name) }
}

fn is_parameter(name: &str) -> bool {
    matches!(
        name,
        key::REQUEST_TEMPERATURE
            | key::REQUEST_TOP_P
            | key::REQUEST_FREQUENCY_PENALTY
            | key::REQUEST_PRESENCE_PENALTY
            | key::RESPONSE_TIME_TO_FIRST_CHUNK
    )
}

/// What has been read already, and what libraries tell their own pages.
fn is_noise(name: &str) -> bool {
    const PREFIXES: [&str; 3] = ["logfire.", "pydantic_ai.all_messages", "traceloop.entity."];
    const WHOLE: [&str; 10] = [
        key::OPERATION,
        vendor::OI_KIND,
        vendor::OI_TOTAL_TOKENS,
        vendor::LANGFUSE_TYPE,
        "ai.operationId",
        "all_messages_events",
        "final_result",
        "llm.request.type",
        "model_request_parameters",
        "traceloop.span.kind",
    ];
    WHOLE.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// A value that a store kept as text, as what it was: numbers, flags and lists where the conventions have them, text elsewhere.
pub(super) fn of_text(name: &str, text: &str) -> Value {
    let is_number = |key: &str| {
        is_parameter(key)
            || matches!(
                key,
                key::CODE_LINE
                    | key::EMBEDDINGS_DIMENSIONS
                    | key::REQUEST_CHOICE_COUNT
                    | key::REQUEST_MAX_TOKENS
                    | key::REQUEST_SEED
                    | key::REQUEST_STREAM
                    | key::REQUEST_TOP_K
                    | own::ATTEMPTS
                    | own::ATTEMPT_BACKOFF
                    | own::ATTEMPT_DURATION
                    | own::ATTEMPT_NUMBER
                    | own::COST
                    | own::ROLLUP_CALLS
                    | own::ROLLUP_COST
                    | own::ROLLUP_INPUT
                    | own::ROLLUP_OUTPUT
                    | own::SAMPLE_RATE
                    | own::USAGE_MISSING
                    | "ai.response.msToFirstChunk"
                    | "http.response.status_code"
                    | "http.status_code"
                    | "server.port"
            )
    };
    let is_list = |key: &str| {
        matches!(
            key,
            key::RESPONSE_FINISH_REASONS | key::REQUEST_STOP_SEQUENCES | key::REQUEST_ENCODING_FORMATS
        )
    };
    let (key, _) = newest(name);
    let parsed = || serde_json::from_str::<Value>(text).ok();
    let found = if is_count(name) || is_number(key) {
        parsed().filter(|value| value.is_number() || value.is_boolean())
    } else if is_list(key) {
        parsed().filter(Value::is_array)
    } else {
        None
    };
    found.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Counts of tokens that have no place: sums of others, mostly.
fn is_count(name: &str) -> bool {
    ["gen_ai.usage.", "gen_ai.aggregated_usage.", "llm.usage.", "llm.token_count.", "ai.usage."]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// Money that came as a double: the nearest billionth; nothing of what is none.
#[expect(clippy::cast_possible_truncation, reason = "it is within what a whole number holds")]
fn dollars(value: f64) -> Option<Usd> {
    let nanos = (value * 1e9).round();
    (nanos.is_finite() && (0.0..9e18).contains(&nanos)).then(|| Usd::from_nanos(nanos as i64))
}

//! [`Profile`]: what one backend or another reads beyond the conventions.

use super::{Attributes, Shown, content, dollars, has_failed, known, last, request, status_message};
use crate::semconv::{key, vendor};
use jobmon_core::{CallRecord, Operation, Timestamp, Usage};

/// The dialect that spans are sent in: what a backend reads beyond the newest OpenTelemetry conventions.
///
/// `docs/opentelemetry.md` has what each adds, why, and where that is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// The newest conventions and names of our own, `jobmon.*`, alone.
    #[default]
    Otel,
    /// Pydantic Logfire: costs, messages and levels as its pages read them.
    Logfire,
    /// Langfuse: kinds of observations, costs, times to first token, sessions and users.
    Langfuse,
    /// OpenInference, which Arize Phoenix and others read.
    OpenInference,
    /// Names of earlier conventions beside the newest ones, for backends that know only those.
    Compat,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Otel, Self::Logfire, Self::Langfuse, Self::OpenInference, Self::Compat];

    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Otel => "otel",
            Self::Logfire => "logfire",
            Self::Langfuse => "langfuse",
            Self::OpenInference => "openinference",
            Self::Compat => "compat",
        }
    }

    /// The one of this name; `phoenix` is OpenInference.
    ///
    /// # Errors
    /// What is accepted.
    pub fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|profile| profile.name() == name);
        found.or((name == "phoenix").then_some(Self::OpenInference)).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("unknown profile `{name}`; expected any of: {names}, phoenix")
        })
    }

    /// Whether names of earlier conventions stand beside the newest ones, on spans and as metrics.
    pub(crate) const fn has_old_names(self) -> bool {
        matches!(self, Self::Logfire | Self::Compat)
    }

    /// What input tokens that were written to a cache are called. Langfuse subtracts those of the old name from the
    /// input, and would count the new one on top of it.
    pub(crate) const fn cache_write(self) -> &'static str {
        if matches!(self, Self::Langfuse) { vendor::CACHE_CREATION } else { key::USAGE_CACHE_WRITE }
    }
}

pub(super) fn write(call: &CallRecord, profile: Profile, shown: Shown, to: &mut impl Attributes) {
    if profile.has_old_names() {
        old_names(call, to);
    }
    match profile {
        Profile::Otel | Profile::Compat => {}
        Profile::Logfire => logfire(call, shown, to),
        Profile::Langfuse => langfuse(call, to),
        Profile::OpenInference => openinference(call, shown, to),
    }
}

fn old_names(call: &CallRecord, to: &mut impl Attributes) {
    if call.is_model_call() {
        to.some_text(vendor::SYSTEM, call.provider.as_deref());
        to.some_count(vendor::CACHE_CREATION, call.usage().and_then(|usage| usage.cache_write));
    }
    if let Some(first) = call.first_token.filter(|_| request::is_inference(call.operation)) {
        to.double(vendor::TIME_TO_FIRST_CHUNK, first.as_secs_f64());
    }
    to.some_double(vendor::OPERATION_COST, known(call.cost).map(dollars));
}

/// Levels of Logfire, which are those of OpenTelemetry's logs.
const INFO: i64 = 9;
const ERROR: i64 = 17;

fn logfire(call: &CallRecord, shown: Shown, to: &mut impl Attributes) {
    let mut message = String::new();
    super::span_name(call, &mut message);
    to.text(vendor::LOGFIRE_MSG, &message);
    to.text(vendor::LOGFIRE_SPAN_TYPE, "span");
    to.int(vendor::LOGFIRE_LEVEL, if has_failed(call) { ERROR } else { INFO });
    if call.sample_rate < 1.0 {
        to.double(vendor::LOGFIRE_SAMPLE_RATE, call.sample_rate);
    }
    if let Some(rollup) = &call.rollup {
        to.some_count(vendor::AGGREGATED_INPUT, rollup.usage.input);
        to.some_count(vendor::AGGREGATED_OUTPUT, rollup.usage.output);
    }
    // What makes its pages show JSON as what it is.
    if let Some(content) = call.content.as_deref().filter(|_| shown.content) {
        to.text(vendor::LOGFIRE_SCHEMA, &content::schema(content, call).to_string());
    }
}

fn langfuse(call: &CallRecord, to: &mut impl Attributes) {
    // Only what it does not map itself.
    let kind = match call.operation {
        Operation::Retrieval => Some("retriever"),
        Operation::Plan | Operation::InvokeWorkflow => Some("chain"),
        _ => None,
    };
    to.some_text(vendor::LANGFUSE_TYPE, kind);
    if let Some(cost) = known(call.cost) {
        to.text(vendor::LANGFUSE_COST, &format!("{{\"total\":{}}}", dollars(cost)));
    }
    if let Some(first) = call.first_token.filter(|_| request::is_inference(call.operation)) {
        let nanos = i64::try_from(first.as_nanos()).unwrap_or(i64::MAX);
        let at = Timestamp::from_nanos(call.start.nanos().saturating_add(nanos));
        to.text(vendor::LANGFUSE_FIRST_TOKEN, &at.to_string());
    }
    if has_failed(call) {
        to.text(vendor::LANGFUSE_LEVEL, "ERROR");
        to.text(vendor::LANGFUSE_STATUS, status_message(call));
    }
    if let Some(prompt) = call.prompt.as_ref().filter(|_| call.is_model_call()) {
        to.text(vendor::LANGFUSE_PROMPT, &prompt.name);
        // It knows versions as whole numbers.
        let version = prompt.version.as_deref().map(|version| version.trim_start_matches('v'));
        if let Some(Ok(version)) = version.map(str::parse) {
            to.int(vendor::LANGFUSE_PROMPT_VERSION, version);
        }
    }
    to.some_text(vendor::LANGFUSE_SESSION, call.scope.session.as_deref());
    to.some_text(vendor::LANGFUSE_USER, call.scope.user.as_deref());
    if call.parent_span().is_none() {
        to.text(vendor::LANGFUSE_TRACE_NAME, &call.name);
    }
}

fn openinference(call: &CallRecord, shown: Shown, to: &mut impl Attributes) {
    to.text(
        vendor::OI_KIND,
        match call.operation {
            Operation::Embeddings => "EMBEDDING",
            Operation::ExecuteTool => "TOOL",
            Operation::Retrieval => "RETRIEVER",
            Operation::InvokeAgent => "AGENT",
            operation if operation.is_model_call() => "LLM",
            _ => "CHAIN",
        },
    );
    match call.operation {
        Operation::ExecuteTool => to.text(vendor::OI_TOOL, &call.name),
        Operation::InvokeAgent => to.text(vendor::OI_AGENT, &call.name),
        _ => {}
    }
    if call.is_model_call() {
        let model = last(call, |answer| answer.model.as_deref()).or(call.model.as_deref());
        let embeds = call.operation == Operation::Embeddings;
        to.some_text(if embeds { vendor::OI_EMBEDDING_MODEL } else { vendor::OI_MODEL }, model);
        if let Some(provider) = call.provider.as_deref() {
            let (provider, system) = match provider {
                "gcp.gemini" | "gcp.gen_ai" => ("google", None),
                "gcp.vertex_ai" => ("google", Some("vertexai")),
                "azure.ai.openai" => ("azure", Some("openai")),
                "aws.bedrock" => ("aws", None),
                "mistral_ai" => ("mistralai", Some("mistralai")),
                "x_ai" => ("xai", None),
                other => (other, Some(other)),
            };
            to.text(vendor::OI_PROVIDER, provider);
            to.some_text(vendor::OI_SYSTEM, system);
        }
        if let Some(usage) = call.usage() {
            tokens(&usage, to);
        }
        to.some_double(vendor::OI_COST, known(call.cost).map(dollars));
    }
    if let Some(content) = call.content.as_deref().filter(|_| shown.content) {
        content::openinference(content, shown.limit, to);
    }
}

fn tokens(usage: &Usage, to: &mut impl Attributes) {
    to.some_count(vendor::OI_PROMPT_TOKENS, usage.input);
    to.some_count(vendor::OI_COMPLETION_TOKENS, usage.output);
    to.some_count(vendor::OI_TOTAL_TOKENS, usage.total());
    to.some_count(vendor::OI_CACHE_READ, usage.cache_read);
    to.some_count(vendor::OI_CACHE_WRITE, usage.cache_write);
    to.some_count(vendor::OI_AUDIO_INPUT, usage.input_audio);
    to.some_count(vendor::OI_REASONING, usage.reasoning);
}

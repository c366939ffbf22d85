//! Names of OpenTelemetry's semantic conventions, and of those that backends have beside them.
//!
//! The GenAI conventions are those of `semantic-conventions-genai` as of October 2026 (all of stability `development`);
//! `tests/semconv` has their registry, and a test holds every name here to it. Names of our own begin with `jobmon.`.

use jobmon_core::UsageUnit;

macro_rules! names {
    ($($(#[$meta:meta])* $NAME:ident = $name:literal;)*) => {
        $($(#[$meta])* pub(crate) const $NAME: &str = $name;)*
        /// Every name above, for the test that looks them up.
        #[cfg(test)]
        const ALL: &[&str] = &[$($name),*];
    };
}

/// The registry that `gen_ai.*` names are from (`schema_url` of its manifest).
pub(crate) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev";
/// The instrumentation scope.
pub(crate) const SCOPE: &str = "jobmon";

/// Attributes of spans, metrics and log events.
pub(crate) mod key {
    names! {
        OPERATION = "gen_ai.operation.name";
        PROVIDER = "gen_ai.provider.name";
        REQUEST_MODEL = "gen_ai.request.model";
        REQUEST_TEMPERATURE = "gen_ai.request.temperature";
        REQUEST_TOP_P = "gen_ai.request.top_p";
        REQUEST_TOP_K = "gen_ai.request.top_k";
        REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens";
        REQUEST_FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty";
        REQUEST_PRESENCE_PENALTY = "gen_ai.request.presence_penalty";
        REQUEST_STOP_SEQUENCES = "gen_ai.request.stop_sequences";
        REQUEST_SEED = "gen_ai.request.seed";
        REQUEST_CHOICE_COUNT = "gen_ai.request.choice.count";
        REQUEST_REASONING_LEVEL = "gen_ai.request.reasoning.level";
        REQUEST_PREVIOUS_RESPONSE = "gen_ai.request.previous_response.id";
        REQUEST_STREAM = "gen_ai.request.stream";
        REQUEST_ENCODING_FORMATS = "gen_ai.request.encoding_formats";
        EMBEDDINGS_DIMENSIONS = "gen_ai.embeddings.dimension.count";
        OUTPUT_TYPE = "gen_ai.output.type";
        RESPONSE_MODEL = "gen_ai.response.model";
        RESPONSE_ID = "gen_ai.response.id";
        RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons";
        RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk";
        USAGE_INPUT = "gen_ai.usage.input_tokens";
        USAGE_OUTPUT = "gen_ai.usage.output_tokens";
        USAGE_CACHE_READ = "gen_ai.usage.cache_read.input_tokens";
        USAGE_CACHE_WRITE = "gen_ai.usage.cache_write.input_tokens";
        USAGE_REASONING = "gen_ai.usage.reasoning.output_tokens";
        USAGE_AUDIO_INPUT = "gen_ai.usage.audio.input_tokens";
        USAGE_AUDIO_OUTPUT = "gen_ai.usage.audio.output_tokens";
        USAGE_AUDIO_CACHE_READ = "gen_ai.usage.audio.cache_read.input_tokens";
        USAGE_IMAGE_INPUT = "gen_ai.usage.image.input_tokens";
        USAGE_IMAGE_OUTPUT = "gen_ai.usage.image.output_tokens";
        USAGE_IMAGE_CACHE_READ = "gen_ai.usage.image.cache_read.input_tokens";
        USAGE_TEXT_INPUT = "gen_ai.usage.text.input_tokens";
        USAGE_TEXT_OUTPUT = "gen_ai.usage.text.output_tokens";
        USAGE_TEXT_CACHE_READ = "gen_ai.usage.text.cache_read.input_tokens";
        CONVERSATION = "gen_ai.conversation.id";
        AGENT_NAME = "gen_ai.agent.name";
        TOOL_NAME = "gen_ai.tool.name";
        TOOL_TYPE = "gen_ai.tool.type";
        TOOL_CALL_ARGUMENTS = "gen_ai.tool.call.arguments";
        TOOL_CALL_RESULT = "gen_ai.tool.call.result";
        TOOL_DEFINITIONS = "gen_ai.tool.definitions";
        WORKFLOW_NAME = "gen_ai.workflow.name";
        PROMPT_NAME = "gen_ai.prompt.name";
        PROMPT_VERSION = "gen_ai.prompt.version";
        DATA_SOURCE = "gen_ai.data_source.id";
        RETRIEVAL_TOP_K = "gen_ai.retrieval.top_k";
        RETRIEVAL_QUERY = "gen_ai.retrieval.query.text";
        INPUT_MESSAGES = "gen_ai.input.messages";
        OUTPUT_MESSAGES = "gen_ai.output.messages";
        SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions";
        TOKEN_MODALITY = "gen_ai.token.modality";
        EVALUATION_NAME = "gen_ai.evaluation.name";
        EVALUATION_SCORE = "gen_ai.evaluation.score.value";
        EVALUATION_LABEL = "gen_ai.evaluation.score.label";
        OPENAI_REQUEST_TIER = "openai.request.service_tier";
        OPENAI_RESPONSE_TIER = "openai.response.service_tier";
        ERROR_TYPE = "error.type";
        SERVER_ADDRESS = "server.address";
        SERVER_PORT = "server.port";
        SESSION = "session.id";
        USER = "user.id";
        EXCEPTION_TYPE = "exception.type";
        EXCEPTION_MESSAGE = "exception.message";
        CODE_LINE = "code.line.number";
        SERVICE_NAME = "service.name";
        SERVICE_INSTANCE = "service.instance.id";
        DEPLOYMENT_ENVIRONMENT = "deployment.environment.name";
        TELEMETRY_SDK_NAME = "telemetry.sdk.name";
        TELEMETRY_SDK_LANGUAGE = "telemetry.sdk.language";
        TELEMETRY_SDK_VERSION = "telemetry.sdk.version";
    }

    #[cfg(test)]
    pub(crate) const REGISTERED: &[&str] = ALL;
}

/// Tokens of each kind that has a name in the conventions: the five that most calls have, then those by modality.
pub(crate) const USAGE: [(&str, UsageUnit); 14] = [
    (key::USAGE_INPUT, UsageUnit::InputTokens),
    (key::USAGE_OUTPUT, UsageUnit::OutputTokens),
    (key::USAGE_CACHE_READ, UsageUnit::CacheReadTokens),
    (key::USAGE_CACHE_WRITE, UsageUnit::CacheWriteTokens),
    (key::USAGE_REASONING, UsageUnit::OutputReasoningTokens),
    (key::USAGE_AUDIO_INPUT, UsageUnit::InputAudioTokens),
    (key::USAGE_AUDIO_OUTPUT, UsageUnit::OutputAudioTokens),
    (key::USAGE_AUDIO_CACHE_READ, UsageUnit::CacheAudioReadTokens),
    (key::USAGE_IMAGE_INPUT, UsageUnit::InputImageTokens),
    (key::USAGE_IMAGE_OUTPUT, UsageUnit::OutputImageTokens),
    (key::USAGE_IMAGE_CACHE_READ, UsageUnit::CacheImageReadTokens),
    (key::USAGE_TEXT_INPUT, UsageUnit::InputTextTokens),
    (key::USAGE_TEXT_OUTPUT, UsageUnit::OutputTextTokens),
    (key::USAGE_TEXT_CACHE_READ, UsageUnit::CacheTextReadTokens),
];
/// How many of them stand first.
pub(crate) const COMMON_USAGE: usize = 5;

/// Names of our own.
pub(crate) mod own {
    names! {
        NAME = "jobmon.name";
        MODULE = "jobmon.module";
        PROJECT = "jobmon.project.id";
        FEATURE = "jobmon.feature";
        STRATEGY = "jobmon.strategy";
        END = "jobmon.end";
        COST = "jobmon.cost.usd";
        COST_GRADE = "jobmon.cost.grade";
        ATTEMPTS = "jobmon.attempts";
        SAMPLE_RATE = "jobmon.sample_rate";
        USAGE_MISSING = "jobmon.usage_missing";
        TRUNCATED = "jobmon.content.truncated";
        ROLLUP_CALLS = "jobmon.rollup.model_calls";
        ROLLUP_INPUT = "jobmon.rollup.input_tokens";
        ROLLUP_OUTPUT = "jobmon.rollup.output_tokens";
        ROLLUP_COST = "jobmon.rollup.cost.usd";
        FIELD = "jobmon.field.";
        ATTEMPT = "jobmon.attempt";
        ATTEMPT_NUMBER = "jobmon.attempt.number";
        ATTEMPT_DURATION = "jobmon.attempt.duration";
        ATTEMPT_BACKOFF = "jobmon.attempt.backoff";
        OUTCOME = "jobmon.outcome";
        OUTCOME_KIND = "jobmon.outcome.kind";
        OUTCOME_VALUE = "jobmon.outcome.value.usd";
        SEARCH = "jobmon.search";
        SEARCH_QUERY = "jobmon.search.query";
        SEARCH_RESULTS = "jobmon.search.results";
        SEARCH_RELEVANT = "jobmon.search.relevant";
        LABEL = "jobmon.label";
        LABEL_NAME = "jobmon.label.name";
        LABEL_KEY = "jobmon.label.key";
        LABEL_SIDE = "jobmon.label.side";
        LABEL_VALUE = "jobmon.label.value";
        LABEL_JUDGED = "jobmon.label.judgement";
        REDACTION_KIND = "jobmon.redaction.kind";
        LATE = "jobmon.late";
    }

    #[cfg(test)]
    pub(crate) const NAMES: &[&str] = ALL;
}

/// Log events of the conventions.
pub(crate) mod event {
    names! {
        EXCEPTION = "gen_ai.client.operation.exception";
        EVALUATION = "gen_ai.evaluation.result";
        DETAILS = "gen_ai.client.inference.operation.details";
    }

    #[cfg(test)]
    pub(crate) const REGISTERED: &[&str] = ALL;
}

/// Names that one backend or another reads, and that are in no registry any more or never were.
pub(crate) mod vendor {
    /// The provider, before October 2025; what Logfire reads first.
    pub(crate) const SYSTEM: &str = "gen_ai.system";
    pub(crate) const CACHE_CREATION: &str = "gen_ai.usage.cache_creation.input_tokens";
    pub(crate) const TIME_TO_FIRST_CHUNK: &str = "gen_ai.client.operation.time_to_first_chunk";
    pub(crate) const OPERATION_COST: &str = "operation.cost";
    pub(crate) const AGGREGATED_INPUT: &str = "gen_ai.aggregated_usage.input_tokens";
    pub(crate) const AGGREGATED_OUTPUT: &str = "gen_ai.aggregated_usage.output_tokens";

    pub(crate) const LOGFIRE_MSG: &str = "logfire.msg";
    pub(crate) const LOGFIRE_SPAN_TYPE: &str = "logfire.span_type";
    pub(crate) const LOGFIRE_LEVEL: &str = "logfire.level_num";
    pub(crate) const LOGFIRE_SCHEMA: &str = "logfire.json_schema";
    pub(crate) const LOGFIRE_SAMPLE_RATE: &str = "logfire.sample_rate";

    pub(crate) const LANGFUSE_TYPE: &str = "langfuse.observation.type";
    pub(crate) const LANGFUSE_COST: &str = "langfuse.observation.cost_details";
    pub(crate) const LANGFUSE_FIRST_TOKEN: &str = "langfuse.observation.completion_start_time";
    pub(crate) const LANGFUSE_LEVEL: &str = "langfuse.observation.level";
    pub(crate) const LANGFUSE_STATUS: &str = "langfuse.observation.status_message";
    pub(crate) const LANGFUSE_PROMPT: &str = "langfuse.observation.prompt.name";
    pub(crate) const LANGFUSE_PROMPT_VERSION: &str = "langfuse.observation.prompt.version";
    pub(crate) const LANGFUSE_SESSION: &str = "langfuse.session.id";
    pub(crate) const LANGFUSE_USER: &str = "langfuse.user.id";
    pub(crate) const LANGFUSE_TRACE_NAME: &str = "langfuse.trace.name";

    pub(crate) const OI_KIND: &str = "openinference.span.kind";
    pub(crate) const OI_MODEL: &str = "llm.model_name";
    pub(crate) const OI_EMBEDDING_MODEL: &str = "embedding.model_name";
    pub(crate) const OI_PROVIDER: &str = "llm.provider";
    pub(crate) const OI_SYSTEM: &str = "llm.system";
    pub(crate) const OI_PROMPT_TOKENS: &str = "llm.token_count.prompt";
    pub(crate) const OI_COMPLETION_TOKENS: &str = "llm.token_count.completion";
    pub(crate) const OI_TOTAL_TOKENS: &str = "llm.token_count.total";
    pub(crate) const OI_CACHE_READ: &str = "llm.token_count.prompt_details.cache_read";
    pub(crate) const OI_CACHE_WRITE: &str = "llm.token_count.prompt_details.cache_write";
    pub(crate) const OI_AUDIO_INPUT: &str = "llm.token_count.prompt_details.audio";
    pub(crate) const OI_REASONING: &str = "llm.token_count.completion_details.reasoning";
    pub(crate) const OI_COST: &str = "llm.cost.total";
    pub(crate) const OI_TOOL: &str = "tool.name";
    pub(crate) const OI_AGENT: &str = "agent.name";
    pub(crate) const OI_INPUT: &str = "input.value";
    pub(crate) const OI_INPUT_TYPE: &str = "input.mime_type";
    pub(crate) const OI_OUTPUT: &str = "output.value";
    pub(crate) const OI_OUTPUT_TYPE: &str = "output.mime_type";
    pub(crate) const OI_INPUT_MESSAGES: &str = "llm.input_messages";
    pub(crate) const OI_OUTPUT_MESSAGES: &str = "llm.output_messages";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// Names that the registry's files define, and those of them that are deprecated.
    fn registry() -> (BTreeSet<String>, BTreeSet<String>) {
        fn read(folder: &Path, names: &mut BTreeSet<String>, gone: &mut BTreeSet<String>) {
            for entry in std::fs::read_dir(folder).expect("the registry is there") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    read(&path, names, gone);
                } else if path.extension().is_some_and(|ext| ext == "yaml") {
                    let mut last = String::new();
                    for line in std::fs::read_to_string(&path).expect("readable").lines() {
                        let line = line.trim().trim_start_matches("- ");
                        let name = ["key:", "id:", "name:"].iter().find_map(|start| line.strip_prefix(start));
                        if let Some(name) = name {
                            name.trim().trim_matches(['"', '\'']).clone_into(&mut last);
                            names.insert(last.clone());
                        }
                        if line.starts_with("deprecated:") {
                            gone.insert(last.clone());
                        }
                    }
                }
            }
        }
        let (mut names, mut gone) = Default::default();
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/semconv/registry"), &mut names, &mut gone);
        (names, gone)
    }

    #[test]
    fn every_name_is_in_the_registry_and_none_is_deprecated() {
        let (names, gone) = registry();
        assert!(names.len() > 100, "only {} names were read", names.len());
        for name in key::REGISTERED.iter().chain(event::REGISTERED) {
            assert!(names.contains(*name), "`{name}` is in no file of the registry");
            assert!(!gone.contains(*name), "`{name}` is deprecated");
        }
        for name in own::NAMES {
            assert!(name.starts_with("jobmon.") && !names.contains(*name), "{name}");
        }
    }
}

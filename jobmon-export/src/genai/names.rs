//! One name for what conventions call differently: the newest of OpenTelemetry's.
//!
//! Sources: OpenTelemetry's GenAI conventions and their list of what is deprecated; OpenInference's
//! [semantic conventions](https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md); OpenLLMetry's
//! [`SpanAttributes`](https://github.com/traceloop/openllmetry/tree/main/packages/opentelemetry-semantic-conventions-ai);
//! [the AI SDK's telemetry](https://ai-sdk.dev/docs/ai-sdk-core/telemetry);
//! [Langfuse's mapping](https://langfuse.com/integrations/native/opentelemetry#property-mapping).

use crate::semconv::{key, own, vendor};
use jobmon_core::Operation;
use std::borrow::Cow;

/// What others call it, and what it is called here. Ordered by the first.
const ALIASES: &[(&str, &str)] = &[
    (vendor::OI_AGENT, key::AGENT_NAME),
    ("agent_name", key::AGENT_NAME),
    ("ai.model.id", key::REQUEST_MODEL),
    ("ai.model.provider", key::PROVIDER),
    ("ai.response.finishReason", key::RESPONSE_FINISH_REASONS),
    ("ai.response.id", key::RESPONSE_ID),
    ("ai.response.model", key::RESPONSE_MODEL),
    ("ai.telemetry.metadata.sessionId", key::SESSION),
    ("ai.telemetry.metadata.userId", key::USER),
    ("ai.toolCall.name", key::TOOL_NAME),
    ("ai.usage.cachedInputTokens", key::USAGE_CACHE_READ),
    ("ai.usage.completionTokens", key::USAGE_OUTPUT),
    ("ai.usage.inputTokens", key::USAGE_INPUT),
    ("ai.usage.outputTokens", key::USAGE_OUTPUT),
    ("ai.usage.promptTokens", key::USAGE_INPUT),
    ("ai.usage.reasoningTokens", key::USAGE_REASONING),
    ("deployment.environment", key::DEPLOYMENT_ENVIRONMENT),
    (vendor::OI_EMBEDDING_MODEL, key::REQUEST_MODEL),
    ("enduser.id", key::USER),
    (vendor::TIME_TO_FIRST_CHUNK, key::RESPONSE_TIME_TO_FIRST_CHUNK),
    (key::CONVERSATION, key::SESSION),
    ("gen_ai.is_streaming", key::REQUEST_STREAM),
    ("gen_ai.openai.request.seed", key::REQUEST_SEED),
    ("gen_ai.openai.request.service_tier", key::OPENAI_REQUEST_TIER),
    ("gen_ai.openai.response.service_tier", key::OPENAI_RESPONSE_TIER),
    ("gen_ai.request.max_completion_tokens", key::REQUEST_MAX_TOKENS),
    ("gen_ai.request.max_output_tokens", key::REQUEST_MAX_TOKENS),
    (vendor::SYSTEM, key::PROVIDER),
    ("gen_ai.tool.error.type", key::ERROR_TYPE),
    (vendor::CACHE_CREATION, key::USAGE_CACHE_WRITE),
    ("gen_ai.usage.cache_creation_input_tokens", key::USAGE_CACHE_WRITE),
    ("gen_ai.usage.cache_read_input_tokens", key::USAGE_CACHE_READ),
    ("gen_ai.usage.completion_tokens", key::USAGE_OUTPUT),
    ("gen_ai.usage.cost", own::COST),
    ("gen_ai.usage.details.cache_read_tokens", key::USAGE_CACHE_READ),
    ("gen_ai.usage.details.cache_write_tokens", key::USAGE_CACHE_WRITE),
    ("gen_ai.usage.details.cached_tokens", key::USAGE_CACHE_READ),
    ("gen_ai.usage.details.input_audio_tokens", key::USAGE_AUDIO_INPUT),
    ("gen_ai.usage.details.output_audio_tokens", key::USAGE_AUDIO_OUTPUT),
    ("gen_ai.usage.details.reasoning_tokens", key::USAGE_REASONING),
    ("gen_ai.usage.prompt_tokens", key::USAGE_INPUT),
    ("gen_ai.usage.reasoning_tokens", key::USAGE_REASONING),
    ("langfuse.observation.model.name", key::REQUEST_MODEL),
    (vendor::LANGFUSE_PROMPT, key::PROMPT_NAME),
    (vendor::LANGFUSE_PROMPT_VERSION, key::PROMPT_VERSION),
    (vendor::LANGFUSE_STATUS, "error.message"),
    (vendor::LANGFUSE_SESSION, key::SESSION),
    ("langfuse.trace.session_id", key::SESSION),
    ("langfuse.trace.user_id", key::USER),
    (vendor::LANGFUSE_USER, key::USER),
    (vendor::OI_COST, own::COST),
    ("llm.is_streaming", key::REQUEST_STREAM),
    (vendor::OI_MODEL, key::RESPONSE_MODEL),
    (vendor::OI_PROVIDER, key::PROVIDER),
    (vendor::OI_SYSTEM, key::PROVIDER),
    (vendor::OI_COMPLETION_TOKENS, key::USAGE_OUTPUT),
    ("llm.token_count.completion_details.audio", key::USAGE_AUDIO_OUTPUT),
    (vendor::OI_REASONING, key::USAGE_REASONING),
    (vendor::OI_PROMPT_TOKENS, key::USAGE_INPUT),
    (vendor::OI_AUDIO_INPUT, key::USAGE_AUDIO_INPUT),
    (vendor::OI_CACHE_READ, key::USAGE_CACHE_READ),
    (vendor::OI_CACHE_WRITE, key::USAGE_CACHE_WRITE),
    ("llm.usage.cache_creation_input_tokens", key::USAGE_CACHE_WRITE),
    ("llm.usage.cache_read_input_tokens", key::USAGE_CACHE_READ),
    ("llm.usage.completion_tokens", key::USAGE_OUTPUT),
    ("llm.usage.prompt_tokens", key::USAGE_INPUT),
    ("llm.usage.reasoning_tokens", key::USAGE_REASONING),
    ("model_name", key::REQUEST_MODEL),
    (vendor::OPERATION_COST, own::COST),
    (vendor::OI_TOOL, key::TOOL_NAME),
    ("traceloop.association.properties.session_id", key::SESSION),
    ("traceloop.association.properties.user_id", key::USER),
    ("traceloop.prompt.key", key::PROMPT_NAME),
    ("traceloop.prompt.version", key::PROMPT_VERSION),
    ("traceloop.workflow.name", key::WORKFLOW_NAME),
];

/// The newest name of an attribute, and whether another one was given: then it counts only where nothing says more.
pub(crate) fn newest(name: &str) -> (&str, bool) {
    match ALIASES.binary_search_by(|(alias, _)| (*alias).cmp(name)) {
        Ok(at) => (ALIASES[at].1, true),
        Err(_) => (name, false),
    }
}

/// The operation that a name stands for; one that we do not know is what it is most like.
pub(crate) fn operation(name: &str) -> Operation {
    name.parse().unwrap_or(match name {
        "create_agent" => Operation::InvokeAgent,
        "rerank" | "search_memory" | "fetch_response" => Operation::Retrieval,
        "completion" | "text_completions" => Operation::TextCompletion,
        "embedding" => Operation::Embeddings,
        "chat_streaming" | "message" | "messages" | "responses" => Operation::Chat,
        _ => Operation::GenerateContent,
    })
}

/// A provider as `gen_ai.provider.name` has it, from what libraries and other conventions call it.
pub(crate) fn provider(name: &str) -> Cow<'_, str> {
    let lower = name.to_ascii_lowercase();
    let known = match lower.as_str() {
        "google" | "google-gla" | "google_genai" | "google.generative-ai" | "gemini" => "gcp.gemini",
        "google-vertex" | "google.vertex" | "google.vertex.chat" | "vertexai" | "vertex_ai" => {
            "gcp.vertex_ai"
        }
        "azure" | "azure-openai" | "azure.openai" | "az.ai.openai" => "azure.ai.openai",
        "az.ai.inference" => "azure.ai.inference",
        "aws" | "bedrock" | "aws_bedrock" | "amazon-bedrock" | "amazon_bedrock" => "aws.bedrock",
        "mistral" | "mistralai" | "mistral.chat" => "mistral_ai",
        "xai" | "grok" | "xai.chat" => "x_ai",
        "openai" | "openai.chat" | "openai.responses" | "openai.completion" | "openai.embedding" => "openai",
        "anthropic" | "anthropic.messages" => "anthropic",
        "cohere" => "cohere",
        "deepseek" => "deepseek",
        "groq" => "groq",
        _ => return Cow::Borrowed(name),
    };
    Cow::Borrowed(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_ordered_and_lead_to_what_is_no_alias() {
        for pair in ALIASES.windows(2) {
            assert!(pair[0].0 < pair[1].0, "`{}` stands before `{}`", pair[0].0, pair[1].0);
        }
        for (alias, name) in ALIASES {
            assert_eq!(newest(alias), (*name, true));
            assert_eq!(newest(name), (*name, false), "`{alias}` leads to an alias");
        }
    }

    #[test]
    fn providers_have_one_name_each() {
        for (told, name) in [
            ("OpenAI", "openai"),
            ("openai.chat", "openai"),
            ("google-gla", "gcp.gemini"),
            ("vertexai", "gcp.vertex_ai"),
            ("AWS", "aws.bedrock"),
            ("my-gateway", "my-gateway"),
        ] {
            assert_eq!(provider(told), name);
        }
    }
}

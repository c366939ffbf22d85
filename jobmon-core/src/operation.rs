//! [`Operation`]: what kind of work a call is, in OpenTelemetry's words.

use crate::words::words;

words! {
    /// What kind of work a call is: the values of `gen_ai.operation.name`
    /// ([OpenTelemetry GenAI conventions](https://opentelemetry.io/docs/specs/semconv/gen-ai/)).
    ///
    /// ```
    /// use jobmon_core::Operation;
    /// assert_eq!(Operation::InvokeAgent.name(), "invoke_agent");
    /// assert!(Operation::Chat.is_model_call() && !Operation::ExecuteTool.is_model_call());
    /// ```
    enum Operation, "operation" {
        Chat "chat" "A chat completion."
        GenerateContent "generate_content" "Multimodal generation (Gemini's own name for it)."
        TextCompletion "text_completion" "A legacy text completion."
        Embeddings "embeddings" "Embeddings of texts."
        Retrieval "retrieval" "A search in a knowledge source."
        ExecuteTool "execute_tool" "A tool that the model asked for."
        InvokeAgent "invoke_agent" "An agent: usually several model calls and tools."
        InvokeWorkflow "invoke_workflow" "A fixed sequence of agents and steps."
        Plan "plan" "A planning step of an agent."
    }
}

impl Operation {
    /// Whether such a call goes to a model and so should report usage.
    pub const fn is_model_call(self) -> bool {
        matches!(self, Self::Chat | Self::GenerateContent | Self::TextCompletion | Self::Embeddings)
    }
}

//! [`Operation`]: what kind of work a call is, in OpenTelemetry's words.

use std::fmt;
use std::str::FromStr;

macro_rules! operations {
    ($($variant:ident $name:literal $doc:literal)*) => {
        /// What kind of work a call is: the values of `gen_ai.operation.name`
        /// ([OpenTelemetry GenAI conventions](https://opentelemetry.io/docs/specs/semconv/gen-ai/)).
        ///
        /// ```
        /// use jobmon_core::Operation;
        /// assert_eq!(Operation::InvokeAgent.name(), "invoke_agent");
        /// assert!(Operation::Chat.is_model_call() && !Operation::ExecuteTool.is_model_call());
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Operation {
            $(#[doc = $doc] $variant,)*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name, such as `chat`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

operations! {
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

impl Operation {
    /// Whether such a call goes to a model and so should report usage.
    pub const fn is_model_call(self) -> bool {
        matches!(self, Self::Chat | Self::GenerateContent | Self::TextCompletion | Self::Embeddings)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is not an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownOperation(String);

impl fmt::Display for UnknownOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown operation `{}`; expected one of: ", self.0)?;
        for (i, operation) in Operation::ALL.iter().enumerate() {
            write!(f, "{}{operation}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownOperation {}

impl FromStr for Operation {
    type Err = UnknownOperation;
    fn from_str(text: &str) -> Result<Self, UnknownOperation> {
        let found = Self::ALL.iter().find(|operation| operation.name() == text);
        found.copied().ok_or_else(|| UnknownOperation(text.to_owned()))
    }
}

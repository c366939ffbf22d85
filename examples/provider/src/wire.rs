//! What the wire formats have in common: a question, and how it ended.

use serde_json::Value;

/// One request, freed from its wire format.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) model: String,
    pub(crate) system: String,
    pub(crate) user: String,
    pub(crate) max_tokens: Option<u64>,
    /// The JSON schema that the answer must follow.
    pub(crate) schema: Option<Value>,
    /// Whether the answer comes in events.
    pub(crate) stream: bool,
    /// Whether a stream is to tell its usage.
    pub(crate) stream_usage: bool,
    /// The texts to embed; empty for a chat.
    pub(crate) inputs: Vec<String>,
}

impl Question {
    /// The whole prompt, as the model reads it and as its tokens are counted.
    pub(crate) fn prompt(&self) -> String {
        format!("{}\n{}", self.system, self.user)
    }

    /// Whether the model thinks before it answers.
    pub(crate) fn thinks(&self) -> bool {
        let name = self.model.as_str();
        let numbered =
            |family: &str| name.strip_prefix(family).is_some_and(|rest| rest.starts_with(['2', '3']));
        let gemini = numbered("gemini-") && !name.starts_with("gemini-2.0") && !name.contains("lite");
        gemini
            || name.starts_with("gpt-5")
            || (name.starts_with('o') && name[1..].starts_with(char::is_numeric))
    }
}

/// An answer with its usage, before it is put into a wire format.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) end: End,
    pub(crate) tokens: Tokens,
    /// 64 bits that are the same for the same answer, for what a format leaves open.
    pub(crate) noise: u64,
}

#[derive(Debug)]
pub(crate) enum End {
    Stop(String),
    Length(String),
    Refused,
}

/// Tokens as OpenTelemetry counts them: `input` includes `cached`, `output` includes `reasoning`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) cached: u64,
    pub(crate) output: u64,
    pub(crate) reasoning: u64,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The request cannot be understood.
    Malformed(&'static str),
    /// The key is missing or wrong.
    Key,
    /// No such path, or another method.
    NotFound,
    RateLimited {
        after_ms: u64,
    },
    Unavailable,
    ContextLength {
        tokens: u64,
        limit: u64,
    },
}

impl Failure {
    pub(crate) const fn status(self, gemini: bool) -> u16 {
        match self {
            Self::Malformed(_) | Self::ContextLength { .. } => 400,
            // Gemini takes a wrong key for an invalid argument.
            Self::Key => {
                if gemini {
                    400
                } else {
                    401
                }
            }
            Self::NotFound => 404,
            Self::RateLimited { .. } => 429,
            Self::Unavailable => 503,
        }
    }
}

//! [`Failure`]: why a call failed, and how an error tells.

pub(crate) mod chain;
mod impls;
mod phrases;
pub(crate) mod retry_after;
#[cfg(test)]
mod tests;
mod text;

use crate::category::ErrorCategory;
use crate::redact;
use crate::text::Text;
use std::error::Error;
use std::fmt;
use std::time::Duration;

pub use retry_after::retry_after_from_header;

/// Why a call or an attempt failed: what is recorded of an error.
///
/// It is an error itself, so that it can be the `source` of another: [`classify`] then believes it.
///
/// ```
/// use jobmon_core::{ErrorCategory, Failure};
///
/// let failure = Failure::from_message("HTTP 429 Too Many Requests for https://api.example/v1?key=secret");
/// assert_eq!(failure.category, ErrorCategory::RateLimit);
/// assert_eq!(failure.http_status, Some(429));
/// assert_eq!(failure.message.as_deref(), Some("HTTP 429 Too Many Requests for https://api.example/v1?…"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The kind of failure.
    pub category: ErrorCategory,
    /// What the error says: short and without secrets.
    pub message: Option<Text>,
    /// The HTTP status of the provider's answer.
    pub http_status: Option<u16>,
    /// How long the provider asked to wait before the next attempt.
    pub retry_after: Option<Duration>,
    /// The name of the error's type.
    pub type_name: Option<&'static str>,
}

impl Failure {
    /// A failure of which only the category is known.
    pub const fn new(category: ErrorCategory) -> Self {
        Self { category, message: None, http_status: None, retry_after: None, type_name: None }
    }

    /// What can be recognised in any error and its sources.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let found = chain::examine(error);
        Self {
            category: found.category,
            message: Some(redact::message(&found.text)).filter(|message| !message.is_empty()),
            http_status: found.http_status,
            retry_after: found.retry_after,
            type_name: None,
        }
    }

    /// What can be recognised in the message of an error.
    pub fn from_message(message: &str) -> Self {
        let found = text::examine(message);
        Self {
            message: Some(redact::message(message)).filter(|message| !message.is_empty()),
            http_status: found.http_status,
            ..Self::new(found.category())
        }
    }

    /// What an [`LlmError`] says of itself, with its message if that is to be recorded.
    pub fn from_llm_error<E: LlmError + ?Sized>(error: &E, message: Option<&str>) -> Self {
        Self {
            category: error.category(),
            message: message.map(redact::message).filter(|message| !message.is_empty()),
            http_status: error.http_status(),
            retry_after: error.retry_after(),
            type_name: None,
        }
    }

    /// Sets the name of the error's type.
    #[must_use]
    pub const fn with_type_name(mut self, name: &'static str) -> Self {
        self.type_name = Some(name);
        self
    }

    /// Sets the category.
    #[must_use]
    pub const fn with_category(mut self, category: ErrorCategory) -> Self {
        self.category = category;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => f.pad(message),
            None => fmt::Display::fmt(&self.category, f),
        }
    }
}

impl Error for Failure {}

/// An error of a model call that knows what kind of failure it is.
///
/// `#[derive(LlmError)]` writes it from attributes. Ready for `std::io::Error`, `serde_json::Error`, strings,
/// `dyn Error` in any box, and behind features of their names for the errors of `reqwest`, `reqwest-middleware`,
/// `async-openai`, `genai`, `rig` and `rig-agent`.
///
/// ```
/// use jobmon_core::{ErrorCategory, LlmError, classify};
///
/// #[derive(Debug)]
/// enum AgentError { TooLong, Http(std::io::Error) }
///
/// impl LlmError for AgentError {
///     fn category(&self) -> ErrorCategory {
///         match self {
///             Self::TooLong => ErrorCategory::ContextLength,
///             Self::Http(error) => classify(error),
///         }
///     }
/// }
/// # let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// # assert_eq!(AgentError::Http(refused).category(), ErrorCategory::Network);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell jobmon why a call failed",
    label = "no error category can be read from this type",
    note = "implement or derive `LlmError` for it; inside, `jobmon::classify(&error)` recognises many errors",
    note = "or say how to read it: `error = |e| ..`, an expression that gives an `ErrorCategory`"
)]
pub trait LlmError {
    /// The kind of failure.
    fn category(&self) -> ErrorCategory;

    /// The HTTP status of the provider's answer, if there was one.
    fn http_status(&self) -> Option<u16> {
        None
    }

    /// How long the provider asked to wait before the next attempt.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// The category of any error.
///
/// Looks at the types of the error and its sources first (`Failure`, `std::io::Error`, `serde_json::Error`, parse
/// errors of `std`, those of other crates behind their features), then at what they say: HTTP statuses in their usual
/// phrasings and the codes and phrases of providers, where the more specific wins: a 400 that says
/// `context_length_exceeded` is [`ErrorCategory::ContextLength`].
///
/// Google says `RESOURCE_EXHAUSTED` and "exceeded your current quota" for limits per minute and per day alike. A
/// limit per day is [`ErrorCategory::Quota`]; with a delay to retry after or a limit per minute it is
/// [`ErrorCategory::RateLimit`]; with neither, "exceeded your current quota" decides for `Quota` and the bare code
/// for `RateLimit`.
///
/// ```
/// use jobmon_core::{ErrorCategory, classify};
/// let error = serde_json::from_str::<u8>("{").unwrap_err();
/// assert_eq!(classify(&error), ErrorCategory::Parsing);
/// ```
pub fn classify(error: &(dyn Error + 'static)) -> ErrorCategory {
    chain::examine(error).category
}

//! [`LlmError`] for errors that everybody has.

use super::{LlmError, chain, classify, text};
use crate::category::ErrorCategory;
use crate::failure::Failure;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;

impl LlmError for ErrorCategory {
    fn category(&self) -> ErrorCategory {
        *self
    }
}

impl LlmError for Failure {
    fn category(&self) -> ErrorCategory {
        self.category
    }
    fn http_status(&self) -> Option<u16> {
        self.http_status
    }
    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl LlmError for std::convert::Infallible {
    fn category(&self) -> ErrorCategory {
        match *self {}
    }
}

impl LlmError for std::fmt::Error {
    fn category(&self) -> ErrorCategory {
        ErrorCategory::Other
    }
}

impl LlmError for str {
    fn category(&self) -> ErrorCategory {
        text::examine(self).category()
    }
    fn http_status(&self) -> Option<u16> {
        text::examine(self).http_status
    }
}

impl LlmError for String {
    fn category(&self) -> ErrorCategory {
        self.as_str().category()
    }
    fn http_status(&self) -> Option<u16> {
        self.as_str().http_status()
    }
}

/// By [`classify`].
macro_rules! by_chain {
    ($($error:ty),* $(,)?) => {$(
        impl LlmError for $error {
            fn category(&self) -> ErrorCategory {
                classify(self)
            }
            fn http_status(&self) -> Option<u16> {
                chain::examine(self).http_status
            }
            fn retry_after(&self) -> Option<Duration> {
                chain::examine(self).retry_after
            }
        }
    )*};
}

by_chain!(
    io::Error,
    serde_json::Error,
    std::num::ParseIntError,
    std::num::ParseFloatError,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
    std::sync::mpsc::RecvTimeoutError,
);

/// By [`examine`]: it may borrow, and what borrows cannot be asked for its type.
macro_rules! by_words {
    ($($error:ty),* $(,)?) => {$(
        impl LlmError for $error {
            fn category(&self) -> ErrorCategory {
                examine(self).category
            }
            fn http_status(&self) -> Option<u16> {
                examine(self).http_status
            }
            fn retry_after(&self) -> Option<Duration> {
                examine(self).retry_after
            }
        }
    )*};
}

by_words!(dyn Error + '_, dyn Error + Send + '_, dyn Error + Send + Sync + '_);

/// What the sources of an error tell by their types and words, else the error's own words.
fn examine<'e>(error: &(dyn Error + 'e)) -> Failure {
    let words = error.to_string();
    let own = match from_system(&words) {
        Some(error) => Failure::of(&error),
        None => Failure::from_message(&words),
    };
    let Some(source) = error.source() else { return own };
    let mut failure = Failure::of(source);
    if failure.category == ErrorCategory::Other {
        failure.category = own.category;
    }
    failure.http_status = failure.http_status.or(own.http_status);
    failure
}

/// The error of input or output that has exactly these words, where they alone tell too little.
fn from_system(words: &str) -> Option<io::Error> {
    const KINDS: [ErrorKind; 9] = [
        ErrorKind::InvalidData,
        ErrorKind::PermissionDenied,
        ErrorKind::UnexpectedEof,
        ErrorKind::WouldBlock,
        ErrorKind::NotConnected,
        ErrorKind::BrokenPipe,
        ErrorKind::ConnectionAborted,
        ErrorKind::HostUnreachable,
        ErrorKind::NetworkUnreachable,
    ];
    if let Some(kind) = KINDS.iter().find(|kind| kind.to_string() == words) {
        return Some((*kind).into());
    }
    let code = words.strip_suffix(')')?.rsplit_once("(os error ")?.1;
    let error = io::Error::from_raw_os_error(code.parse().ok()?);
    (error.to_string() == words).then_some(error)
}

// Its errors carry no headers: there is no `Retry-After` to read.
#[cfg(feature = "reqwest")]
by_chain!(reqwest::Error);
#[cfg(feature = "reqwest-middleware")]
by_chain!(reqwest_middleware::Error);
#[cfg(feature = "async-openai")]
by_chain!(async_openai::error::OpenAIError, async_openai::error::ApiErrorResponse);
#[cfg(feature = "genai")]
by_chain!(genai::Error, genai::webc::Error);
#[cfg(feature = "rig")]
by_chain!(rig_core::error::ProviderError, rig_core::error::ErrorReport);
#[cfg(feature = "rig")]
by_chain!(rig_agent::completion::PromptError, rig_agent::completion::StructuredOutputError);

macro_rules! forward {
    ($($outer:ty),*) => {$(
        impl<E: LlmError + ?Sized> LlmError for $outer {
            fn category(&self) -> ErrorCategory { (**self).category() }
            fn http_status(&self) -> Option<u16> { (**self).http_status() }
            fn retry_after(&self) -> Option<Duration> { (**self).retry_after() }
        }
    )*};
}
forward!(&E, Box<E>, std::rc::Rc<E>, std::sync::Arc<E>);

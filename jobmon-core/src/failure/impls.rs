//! [`LlmError`] for errors that everybody has.

use super::{LlmError, chain, classify, text};
use crate::category::ErrorCategory;
use crate::failure::Failure;
use std::error::Error;
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
    std::io::Error,
    serde_json::Error,
    std::num::ParseIntError,
    std::num::ParseFloatError,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
    std::sync::mpsc::RecvTimeoutError,
    dyn Error + 'static,
    dyn Error + Send + 'static,
    dyn Error + Send + Sync + 'static,
);

// Its errors carry no headers: there is no `Retry-After` to read.
#[cfg(feature = "reqwest")]
by_chain!(reqwest::Error);

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

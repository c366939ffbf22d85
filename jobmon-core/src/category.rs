//! [`ErrorCategory`]: the few kinds of failure that call for different remedies.

use std::fmt;
use std::str::FromStr;

macro_rules! categories {
    ($($variant:ident $name:literal $doc:literal)*) => {
        /// Why a call failed.
        ///
        /// The names are those of reports, filters, alerts and `retry(on(..))`; they are stable.
        ///
        /// ```
        /// use jobmon_core::ErrorCategory;
        /// assert_eq!("rate_limit".parse(), Ok(ErrorCategory::RateLimit));
        /// assert_eq!(ErrorCategory::ContextLength.to_string(), "context_length");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ErrorCategory {
            $(#[doc = $doc] $variant,)*
        }

        impl ErrorCategory {
            /// Every category, in the order of reports.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The stable name, such as `rate_limit`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

categories! {
    RateLimit "rate_limit" "The provider asked to slow down (HTTP 429); trying later helps."
    Quota "quota" "The account has no credit or quota left; trying again does not help."
    Authentication "authentication" "The key is missing, wrong or not allowed (HTTP 401, 403)."
    InvalidRequest "invalid_request" "The provider refused the request as malformed or unknown (other HTTP 4xx)."
    ContextLength "context_length" "The prompt does not fit the model's context window."
    ContentFilter "content_filter" "The provider or the model refused for reasons of safety."
    Parsing "parsing" "The answer came but could not be understood (broken JSON, missing fields)."
    Network "network" "The connection failed: refused, reset, DNS, TLS."
    Timeout "timeout" "No answer in time (client deadline, or HTTP 408 and 504)."
    Server "server" "The provider failed (other HTTP 5xx)."
    Cancelled "cancelled" "The caller stopped waiting: the future was dropped."
    Panic "panic" "The function panicked."
    Budget "budget" "A budget stopped the call before it was made."
    Other "other" "None of the above could be recognised."
}

impl ErrorCategory {
    /// The category that an HTTP status stands for; `None` below 400.
    ///
    /// ```
    /// use jobmon_core::ErrorCategory;
    /// assert_eq!(ErrorCategory::from_http_status(429), Some(ErrorCategory::RateLimit));
    /// assert_eq!(ErrorCategory::from_http_status(200), None);
    /// ```
    pub const fn from_http_status(status: u16) -> Option<Self> {
        Some(match status {
            0..=399 => return None,
            401 | 403 => Self::Authentication,
            402 => Self::Quota,
            408 | 504 => Self::Timeout,
            413 => Self::ContextLength,
            429 => Self::RateLimit,
            500..=599 => Self::Server,
            _ => Self::InvalidRequest,
        })
    }

    /// Whether the provider refused before doing any work, so that the attempt cost nothing.
    pub const fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::RateLimit
                | Self::Quota
                | Self::Authentication
                | Self::InvalidRequest
                | Self::ContextLength
                | Self::Budget
        )
    }
}

impl fmt::Display for ErrorCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is not a category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCategory(String);

impl fmt::Display for UnknownCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown error category `{}`; expected one of: ", self.0)?;
        for (i, category) in ErrorCategory::ALL.iter().enumerate() {
            write!(f, "{}{category}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownCategory {}

impl FromStr for ErrorCategory {
    type Err = UnknownCategory;
    fn from_str(text: &str) -> Result<Self, UnknownCategory> {
        let found = Self::ALL.iter().find(|category| category.name() == text);
        found.copied().ok_or_else(|| UnknownCategory(text.to_owned()))
    }
}

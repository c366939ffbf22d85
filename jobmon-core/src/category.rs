//! [`ErrorCategory`]: the few kinds of failure that call for different remedies.

use crate::words::words;

words! {
    /// Why a call failed.
    ///
    /// The names are those of reports, filters and alerts; they are stable.
    ///
    /// ```
    /// use jobmon_core::ErrorCategory;
    /// assert_eq!("rate_limit".parse(), Ok(ErrorCategory::RateLimit));
    /// assert_eq!(ErrorCategory::ContextLength.to_string(), "context_length");
    /// let unknown = "rate-limit".parse::<ErrorCategory>().unwrap_err().to_string();
    /// assert!(unknown.starts_with("unknown error category `rate-limit`, did you mean `rate_limit`?"));
    /// ```
    enum ErrorCategory, "error category" {
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

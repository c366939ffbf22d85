//! A message to an address, as JSON, and what the answer means.

use crate::http::{self, Trouble, words};
use jobmon_core::{ExportError, retry_after_from_header};
use std::fmt;
use std::io::Read;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::RootCerts;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const MOST_READ: u64 = 4 * 1024;

/// An address to post to. It may be a secret, so that nothing shows it.
pub(super) struct Post {
    agent: Agent,
    url: String,
}

impl Post {
    pub(super) fn to(url: impl Into<String>) -> Self {
        Self { agent: http::agent(RootCerts::PlatformVerifier, None), url: url.into() }
    }

    pub(super) fn send(&self, body: &str, headers: &[(&str, String)]) -> Result<(), ExportError> {
        let mut request = self.agent.post(&self.url).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let busy = |reason: String, after: Option<Duration>| ExportError::Busy {
            after: after.unwrap_or_default(),
            reason,
        };
        let answer = request.config().timeout_global(Some(PATIENCE)).build().send(body.as_bytes());
        let response = answer.map_err(|error| match http::trouble(&error) {
            Trouble::Wrong(reason) => ExportError::Refused { reason },
            Trouble::Away(reason) => busy(reason, None),
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let after = after.and_then(retry_after_from_header);
        let mut told = String::new();
        let _ = response
            .into_body()
            .into_with_config()
            .limit(u64::MAX)
            .reader()
            .take(MOST_READ)
            .read_to_string(&mut told);
        let told = if told.trim().is_empty() { String::new() } else { format!(": {}", words(told.trim())) };
        let reason = format!("it answered {}{told}", status.as_u16());
        if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) {
            Err(busy(reason, after))
        } else {
            Err(ExportError::Refused { reason })
        }
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").finish_non_exhaustive()
    }
}

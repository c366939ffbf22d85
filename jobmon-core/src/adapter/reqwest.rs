//! `reqwest`: answers without success. (Its errors are known to `failure/chain.rs`.)

use crate::category::ErrorCategory;
use crate::failure::Failure;
use crate::failure::retry_after;
use ::reqwest::header::HeaderMap;
use ::reqwest::{Response, StatusCode};
use std::time::Duration;

/// Bytes of an answer's body that are read for what they say of a failure.
const LONGEST: usize = 8 * 1024;

/// Passes an answer with success through, and makes any other a [`Failure`]: category, status, `Retry-After` and
/// the words of its body, without secrets and cut short.
///
/// As [`Response::error_for_status`], which tells only the status: that a 429 is a lack of credit and not a limit of
/// rate, or a 400 a prompt that is too long, stands in the body, and how long to wait in the headers. Of the body at
/// most 8 KiB are read, within the client's own timeouts.
///
/// # Errors
/// The failure. It is an error and an [`LlmError`](crate::LlmError), so errors of your own can be made from it and
/// are classified by it.
///
/// Cancel safe: nothing but the answer is lost.
///
/// ```
/// use jobmon_core::Failure;
///
/// async fn ask(http: &reqwest::Client, body: String) -> Result<String, Box<dyn std::error::Error>> {
///     let response = http.post("https://api.example/v1/chat/completions").body(body).send().await?;
///     Ok(jobmon_core::error_for_status(response).await?.text().await?)
/// }
/// ```
pub async fn error_for_status(mut response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return Ok(response);
    }
    let retry_after = retry_after_from_headers(response.headers());
    let mut body = Vec::new();
    while body.len() < LONGEST {
        // What came before the connection broke tells enough.
        let Ok(Some(chunk)) = response.chunk().await else { break };
        body.extend_from_slice(&chunk[..chunk.len().min(LONGEST - body.len())]);
    }
    let mut failure = of_status(status, retry_after);
    let body = String::from_utf8_lossy(&body);
    if !body.trim().is_empty() {
        let said = Failure::from_message(&format!("HTTP {status}: {body}"));
        failure = Failure { category: said.category, message: said.message, ..failure };
    }
    Err(failure)
}

/// What a status and the headers tell without the body.
pub(super) fn of_status(status: StatusCode, retry_after: Option<Duration>) -> Failure {
    let category = ErrorCategory::from_http_status(status.as_u16()).unwrap_or(ErrorCategory::Other);
    let mut failure = Failure::from_message(&format!("HTTP {status}")).with_category(category);
    failure.http_status = Some(status.as_u16());
    failure.retry_after = retry_after;
    failure
}

/// How long the headers of an answer ask to wait: `retry-after-ms` where a provider sends it, else `Retry-After`.
///
/// ```
/// use reqwest::header::{HeaderMap, RETRY_AFTER};
/// use std::time::Duration;
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(jobmon_core::retry_after_from_headers(&headers), None);
/// headers.insert(RETRY_AFTER, 20.into());
/// assert_eq!(jobmon_core::retry_after_from_headers(&headers), Some(Duration::from_secs(20)));
/// ```
pub fn retry_after_from_headers(headers: &HeaderMap) -> Option<Duration> {
    retry_after::from_headers(|name| headers.get(name)?.to_str().ok())
}

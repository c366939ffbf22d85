//! [`Webhook`]: any address, in JSON, signed.

use super::channel::{Channel, Document};
use super::message;
use super::post::Post;
use crate::base64;
use jobmon_core::{ExportError, Notice, Resource, SpanId, Timestamp, TraceId};
use ring::hmac;
use serde_json::{Value, json};
use std::fmt;

/// Posts notices to an address, as JSON, signed by the rules of [Standard Webhooks](https://www.standardwebhooks.com/).
///
/// ```
/// use jobmon_export::Webhook;
/// let channel = Webhook::new("https://example.com/alerts").secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
/// ```
///
/// The body is `{"alert", "state", "at", "since", "condition", "group", "figures", "summary", "project", "service",
/// "environment"}`; `state` is `firing`, `still` or `resolved`; money is whole nanodollars, times are seconds.
///
/// With a secret, `webhook-signature` is `v1,` and the base64 of the HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>`.
/// Receivers refuse what is older than some minutes, and an id that they know: so nobody can replay a message.
pub struct Webhook {
    name: String,
    post: Post,
    key: Option<hmac::Key>,
}

impl Webhook {
    /// An address. The channel's name is `webhook`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { name: "webhook".to_owned(), post: Post::to(url), key: None }
    }

    /// Another name, where there are several.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Signs messages with this secret: `whsec_` and base64, or any other text, whose bytes are the key then.
    #[must_use]
    pub fn secret(mut self, secret: &str) -> Self {
        let key = secret.strip_prefix("whsec_").and_then(base64::decode);
        let key = key.unwrap_or_else(|| secret.as_bytes().to_vec());
        self.key = Some(hmac::Key::new(hmac::HMAC_SHA256, &key));
        self
    }

    fn send(&self, body: &Value) -> Result<(), ExportError> {
        let body = body.to_string();
        let id = format!("msg_{}{}", TraceId::random(), SpanId::random());
        let seconds = Timestamp::now().nanos().div_euclid(1_000_000_000);
        self.post.send(&body, &self.headers(&id, seconds, &body))
    }

    fn headers(&self, id: &str, seconds: i64, body: &str) -> Vec<(&'static str, String)> {
        let mut headers = vec![("webhook-id", id.to_owned()), ("webhook-timestamp", seconds.to_string())];
        if let Some(key) = &self.key {
            let signature = hmac::sign(key, format!("{id}.{seconds}.{body}").as_bytes());
            headers.push(("webhook-signature", format!("v1,{}", base64::encode(signature.as_ref()))));
        }
        headers
    }
}

impl Channel for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn tell(&mut self, notice: &Notice, from: &Resource) -> Result<(), ExportError> {
        self.send(&message::json(notice, from))
    }

    fn report(&mut self, document: &Document) -> Result<(), ExportError> {
        self.send(&json!({ "type": "report", "title": document.title, "text": document.text }))
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_standard() {
        // The example of the reference implementations (standardwebhooks.com).
        let webhook = Webhook::new("http://127.0.0.1:1").secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let headers =
            webhook.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(headers[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(!format!("{webhook:?}").contains("127.0.0.1"), "addresses may be secrets");
    }
}

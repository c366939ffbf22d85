//! `rig-core`: completions, their streams, embeddings, and its errors.
//!
//! Its `Usage` keeps the contract of ours for every provider of its own: input counts what is read from and written
//! to a cache, output counts reasoning, and what was not reported is `None`.

use super::Known;
use crate::category::ErrorCategory;
use crate::event::{DataPlace, Message, Modality, Part, Role};
use crate::failure::chain::Told;
use crate::failure::retry_after;
use crate::response::LlmResponse;
use crate::text::Text;
use crate::usage::Usage;
use rig_core::completion::{AssistantContent, CompletionResponse, FinishReason, Usage as RigUsage};
use rig_core::embeddings::EmbeddingResponse;
use rig_core::error::{ErrorKind, ErrorReport, ProviderError};
use rig_core::message::{DocumentSourceKind, MimeType};
use rig_core::streaming::CompletionStream;
use rig_core::{ProviderResponseError, rerank::RerankResponse, transcription::TranscriptionResponse};
use std::error::Error;

impl LlmResponse for RigUsage {
    fn usage(&self) -> Option<Usage> {
        let usage = Usage {
            input: self.input_tokens,
            output: self.output_tokens,
            cache_read: self.cached_input_tokens,
            cache_write: self.cache_creation_input_tokens,
            reasoning: self.reasoning_tokens,
            ..Usage::default()
        };
        (!usage.is_empty()).then_some(usage)
    }
}

impl LlmResponse for CompletionResponse {
    fn usage(&self) -> Option<Usage> {
        LlmResponse::usage(&self.usage)
    }

    fn model(&self) -> Option<Text> {
        self.model().map(Text::copied)
    }

    fn response_id(&self) -> Option<Text> {
        self.response_id().map(Text::copied)
    }

    fn finish_reasons(&self) -> Vec<Text> {
        self.finish_reason().iter().map(finish_reason).collect()
    }

    fn messages(&self) -> Vec<Message> {
        let mut message = Message::new(Role::Assistant, self.choice.iter().filter_map(part).collect());
        message.finish_reason = self.finish_reason().as_ref().map(finish_reason);
        if message.parts.is_empty() { Vec::new() } else { vec![message] }
    }
}

/// A block of what a model said, without what only its provider can read.
fn part(content: &AssistantContent) -> Option<Part> {
    Some(match content {
        AssistantContent::Text(text) => Part::Text(Text::copied(&text.text)),
        AssistantContent::Reasoning(reasoning) if !reasoning.redacted => {
            Part::Reasoning(Text::copied(&reasoning.text))
        }
        AssistantContent::ToolCall(call) => Part::ToolCall {
            id: Some(Text::from(call.id.to_string())),
            name: Text::copied(call.function.name.as_ref()),
            arguments: Some(call.function.arguments.clone().into()),
        },
        AssistantContent::Image(image) => Part::Data {
            modality: Modality::Image,
            mime_type: image.media_type.as_ref().map(|kind| Text::literal(kind.to_mime_type())),
            place: match &image.data {
                DocumentSourceKind::Url(url) => DataPlace::Uri(Text::copied(url)),
                DocumentSourceKind::FileId(id) => DataPlace::File(Text::copied(id)),
                DocumentSourceKind::Base64(data) => DataPlace::Inline(data.len() as u64 / 4 * 3),
                DocumentSourceKind::Raw(data) => DataPlace::Inline(data.len() as u64),
                _ => DataPlace::Inline(0),
            },
        },
        _ => return None,
    })
}

/// What has arrived so far: nothing before the end, since providers report usage last.
///
/// The items of the stream tell no usage: pass the stream through [`observe_at_end`](crate::observe_at_end), or observe
/// what its `finish` gives.
impl LlmResponse for CompletionStream {
    fn usage(&self) -> Option<Usage> {
        self.partial().usage.usage()
    }

    fn model(&self) -> Option<Text> {
        LlmResponse::model(&self.partial())
    }

    fn response_id(&self) -> Option<Text> {
        LlmResponse::response_id(&self.partial())
    }

    fn finish_reasons(&self) -> Vec<Text> {
        self.partial().finish_reasons()
    }

    fn messages(&self) -> Vec<Message> {
        self.partial().messages()
    }

    fn answer(&self) -> crate::response::Answer {
        self.partial().answer()
    }
}

macro_rules! responses {
    ($($response:ty),*) => {$(
        impl LlmResponse for $response {
            fn usage(&self) -> Option<Usage> {
                LlmResponse::usage(&self.usage)
            }

            fn model(&self) -> Option<Text> {
                self.model.as_deref().map(Text::copied)
            }

            fn response_id(&self) -> Option<Text> {
                self.response_id.as_deref().map(Text::copied)
            }
        }
    )*};
}
responses!(EmbeddingResponse, RerankResponse, TranscriptionResponse);

/// In OpenAI's words, which rig's own serialisation uses, too; what it does not know stays as the provider says it.
pub(super) fn finish_reason(reason: &FinishReason) -> Text {
    match reason {
        FinishReason::Stop => Text::literal("stop"),
        FinishReason::Length => Text::literal("length"),
        FinishReason::ToolCalls => Text::literal("tool_calls"),
        FinishReason::ContentFilter => Text::literal("content_filter"),
        FinishReason::Other(other) => Text::copied(other),
        _ => Text::literal("other"),
    }
}

pub(super) fn known<'e>(error: &'e (dyn Error + 'static)) -> Option<Known<'e>> {
    use ErrorCategory::{InvalidRequest, Network, Parsing};
    if let Some(report) = error.downcast_ref::<ErrorReport>() {
        return Some(reported(report));
    }
    Some(match error.downcast_ref::<ProviderError>()? {
        // An error of the transport, which knows more.
        ProviderError::Http(error) => {
            Known { told: Some(Told::Perhaps(Network)), ..Known::carries(&**error) }
        }
        ProviderError::Url(_) | ProviderError::Request(_) | ProviderError::UnsupportedOption(_) => {
            Known::surely(InvalidRequest)
        }
        ProviderError::Response(_) | ProviderError::MismatchedDimensions { .. } => Known::surely(Parsing),
        ProviderError::ProviderResponse(response)
        | ProviderError::InvalidAuthentication(response)
        | ProviderError::CacheExpired { response, .. } => replied(response),
        ProviderError::Relayed(report) => Known::carries(&**report),
        ProviderError::Truncated => Known::surely(Network),
        // Words of the provider, and errors that are its `source`.
        _ => Known::default(),
    })
}

/// A reply of the provider, kept as it came: its words are in the error's message.
fn replied(response: &ProviderResponseError) -> Known<'_> {
    if response.refusal {
        return Known::surely(ErrorCategory::ContentFilter);
    }
    let headers = response.headers.as_ref();
    // An envelope of an error may come with a status of success.
    let status = response.status.map(|status| status.as_u16()).filter(|status| *status >= 400);
    Known {
        told: status.map(Told::Status),
        retry_after: headers.and_then(|headers| {
            retry_after::from_headers(|name| headers.get(name).and_then(|value| value.to_str().ok()))
        }),
        inside: None,
    }
}

/// An error after it went over rig's bus.
fn reported(report: &ErrorReport) -> Known<'_> {
    use ErrorCategory::{Cancelled, ContentFilter, InvalidRequest, Network, Parsing, Timeout};
    let reply = report.provider_response.as_ref().map(replied).unwrap_or_default();
    let told = match report.kind {
        _ if report.refusal => Some(Told::Surely(ContentFilter)),
        _ if reply.told.is_some() => reply.told,
        _ if report.http_status.is_some_and(|status| status >= 400) => report.http_status.map(Told::Status),
        ErrorKind::Http => Some(Told::Perhaps(Network)),
        // Of errors of this kind only one is worth another attempt: a reply that was cut short.
        ErrorKind::Response if report.retryable => Some(Told::Surely(Network)),
        ErrorKind::Json | ErrorKind::Response => Some(Told::Perhaps(Parsing)),
        ErrorKind::Url | ErrorKind::Request => Some(Told::Surely(InvalidRequest)),
        ErrorKind::Cancelled => Some(Told::Surely(Cancelled)),
        ErrorKind::Timeout => Some(Told::Surely(Timeout)),
        _ => None,
    };
    Known { told, retry_after: reply.retry_after, inside: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{Failure, LlmError, classify};
    use serde_json::json;
    use std::fmt;
    use std::io::{self, ErrorKind as Io};
    use std::sync::Arc;
    use std::time::Duration;

    fn response() -> CompletionResponse {
        serde_json::from_value(json!({
            "choice": [{ "type": "text", "text": "Yes." }],
            "usage": {
                "input_tokens": 100, "output_tokens": 30, "total_tokens": 130,
                "cached_input_tokens": 64, "cache_creation_input_tokens": 8, "reasoning_tokens": 20,
            },
            "origin": {
                "api": "anthropic_messages", "provider": "anthropic", "model": "claude-sonnet-4-5",
                "response_model": "claude-sonnet-4-5-20250929", "response_id": "msg_01",
            },
            "finish_reason": "length",
            "raw": {},
        }))
        .expect("is a response")
    }

    fn replied(status: u16, body: &str) -> ProviderError {
        let status = http_status(status);
        ProviderError::from_http_response(status, body)
    }

    /// The crate of the type is not ours to name.
    fn http_status(status: u16) -> rig_core::http_client::StatusCode {
        rig_core::http_client::StatusCode::from_u16(status).expect("is a status")
    }

    #[test]
    fn a_completion_tells_everything() {
        let answer = response().answer();
        let usage = Usage::new(100, 30).with_cache_read(64).with_cache_write(8).with_reasoning(20);
        assert_eq!(answer.usage, Some(usage));
        assert_eq!(answer.model.as_deref(), Some("claude-sonnet-4-5-20250929"));
        assert_eq!(answer.id.as_deref(), Some("msg_01"));
        assert_eq!(answer.finish_reasons, ["length"]);
    }

    #[test]
    fn a_completion_says_what_its_model_said() {
        let mut said = serde_json::to_value(response()).expect("is JSON");
        let function = json!({ "name": "search", "arguments": { "query": "rust" } });
        let call = serde_json::to_value(AssistantContent::ToolCall(rig_core::message::ToolCall::new(
            rig_core::message::CallId::from_wire("call_1"),
            serde_json::from_value(function).expect("is a function"),
        )));
        said["choice"] = json!([
            { "type": "reasoning", "text": "Hm." }, { "type": "text", "text": "Yes." }, call.expect("is JSON"),
        ]);
        let response: CompletionResponse = serde_json::from_value(said).expect("is a response");
        let [message] = &response.messages()[..] else { panic!("one message") };
        let call = Part::ToolCall {
            id: Some("call_1".into()),
            name: "search".into(),
            arguments: Some(json!({ "query": "rust" })),
        };
        assert_eq!(message.parts, [Part::Reasoning("Hm.".into()), Part::Text("Yes.".into()), call]);
        assert_eq!(message.finish_reason.as_deref(), response.finish_reasons().first().map(Text::as_str));
    }

    #[test]
    fn usage_that_was_not_reported_is_none() {
        assert_eq!(LlmResponse::usage(&RigUsage::new()), None);
        let zero = RigUsage::new().input_tokens(0);
        assert_eq!(LlmResponse::usage(&zero).and_then(|usage| usage.input), Some(0));
        assert_eq!(EmbeddingResponse::new(Vec::new()).usage(), None);
    }

    #[test]
    fn an_embedding_tells_its_input() {
        let mut response = EmbeddingResponse::new(Vec::new());
        response.usage = RigUsage::new().input_tokens(9);
        response.model = Some("text-embedding-3-small".to_owned());
        assert_eq!(response.usage().and_then(|usage| usage.input), Some(9));
        assert_eq!(LlmResponse::model(&response).as_deref(), Some("text-embedding-3-small"));
    }

    #[test]
    fn replies_are_classified_by_status_and_words() {
        use ErrorCategory::{Authentication, ContextLength, InvalidRequest, Quota, RateLimit, Server};
        let quota = r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;
        let long = r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#;
        for (status, body, expected) in [
            (429, "{}", RateLimit),
            (429, quota, Quota),
            (400, long, ContextLength),
            (400, "{}", InvalidRequest),
            (401, "{}", Authentication),
            (503, "upstream", Server),
            // An envelope of an error with a status of success.
            (200, long, ContextLength),
        ] {
            let error = replied(status, body);
            assert_eq!(error.category(), expected, "{error}");
            assert_eq!(error.http_status(), (status >= 400).then_some(status), "{error}");
        }
    }

    #[test]
    fn a_reply_tells_how_long_to_wait() {
        let mut headers = rig_core::http_client::HeaderMap::new();
        headers.insert("retry-after", 7.into());
        let error = replied(429, "slow down").with_response_headers(Some(headers));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(error.report().retry_after(), Some(Duration::from_secs(7)), "after the bus, too");
        assert_eq!(error.report().category(), ErrorCategory::RateLimit);
    }

    #[test]
    fn errors_without_a_reply_are_classified_by_what_they_carry() {
        use ErrorCategory::{ContentFilter, InvalidRequest, Network, Parsing, Timeout};
        let http = |error: io::Error| {
            ProviderError::Http(Arc::new(rig_core::http_client::Error::Instance(error.into())))
        };
        let json = serde_json::from_str::<u8>("{").expect_err("broken");
        let refused = ProviderResponseError::new(http_status(400), "no").with_refusal(true);
        for (error, expected) in [
            (http(Io::ConnectionRefused.into()), Network),
            (http(Io::TimedOut.into()), Timeout),
            (ProviderError::Http(Arc::new(rig_core::http_client::Error::StreamEnded)), Network),
            (ProviderError::from(json), Parsing),
            (ProviderError::request("no such option"), InvalidRequest),
            (ProviderError::Response("no choices".to_owned()), Parsing),
            (ProviderError::Truncated, Network),
            (ProviderError::ProviderResponse(refused), ContentFilter),
        ] {
            assert_eq!(error.category(), expected, "{error:?}");
            let relayed = ProviderError::Relayed(Box::new(error.report()));
            assert_eq!(relayed.category(), expected, "relayed {error:?}");
        }
    }

    #[test]
    fn a_provider_error_is_recognised_inside_of_others() {
        #[derive(Debug)]
        struct AgentError(ProviderError);
        impl fmt::Display for AgentError {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the agent gave up")
            }
        }
        impl Error for AgentError {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        let boxed: Box<dyn Error> = AgentError(replied(429, "slow down")).into();
        assert_eq!(classify(&*boxed), ErrorCategory::RateLimit);
        let failure = Failure::of(&*boxed);
        assert_eq!(failure.http_status, Some(429));
        assert!(failure.message.is_some_and(|message| message.starts_with("the agent gave up")));
    }
}

//! `async-openai`: chat completions, responses, embeddings, their streams, and its errors.
//!
//! Its types are OpenAI's wire format, which compatible servers speak in dialects of their own (see `wire/mod.rs`):
//! so usage is read as from their JSON, by the same rules. A few microseconds for an answer of a model.

use super::Known;
use crate::category::ErrorCategory;
use crate::event::Message;
use crate::failure::chain::Told;
use crate::response::LlmResponse;
use crate::text::Text;
use crate::usage::Usage;
use async_openai::error::{ApiErrorResponse, OpenAIError};
use async_openai::types::chat::{
    CompletionUsage, CreateChatCompletionResponse, CreateChatCompletionStreamResponse, FinishReason,
};
use async_openai::types::embeddings::{
    CreateBase64EmbeddingResponse, CreateEmbeddingResponse, EmbeddingUsage,
};
use async_openai::types::responses::{OutputItem, Response, ResponseStreamEvent, ResponseUsage, Status};
use serde_json::{Value, json};
use std::error::Error;

macro_rules! usages {
    ($($usage:ty),*) => {$(
        impl LlmResponse for $usage {
            fn usage(&self) -> Option<Usage> {
                json!({ "usage": self }).usage()
            }
        }
    )*};
}
usages!(CompletionUsage, ResponseUsage, EmbeddingUsage);

fn copied(text: &str) -> Option<Text> {
    (!text.is_empty()).then(|| Text::copied(text))
}

/// Read as from the JSON that it stands for; asked for only where content is captured.
fn messages(answer: serde_json::Result<Value>) -> Vec<Message> {
    answer.map(|json| json.messages()).unwrap_or_default()
}

fn finish_reason(reason: FinishReason) -> Text {
    Text::literal(match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::FunctionCall => "function_call",
    })
}

macro_rules! completions {
    ($($(#[$doc:meta])* $completion:ty),* $(,)?) => {$(
        $(#[$doc])*
        impl LlmResponse for $completion {
            fn usage(&self) -> Option<Usage> {
                self.usage.as_ref().and_then(LlmResponse::usage)
            }

            fn model(&self) -> Option<Text> {
                copied(&self.model)
            }

            fn response_id(&self) -> Option<Text> {
                copied(&self.id)
            }

            fn finish_reasons(&self) -> Vec<Text> {
                self.choices.iter().filter_map(|choice| choice.finish_reason.map(finish_reason)).collect()
            }

            fn service_tier(&self) -> Option<Text> {
                self.service_tier.as_ref().and_then(|tier| json!({ "service_tier": tier }).service_tier())
            }

            fn messages(&self) -> Vec<Message> {
                messages(serde_json::to_value(self))
            }
        }
    )*};
}
completions!(
    CreateChatCompletionResponse,
    /// A chunk of a stream. The last one tells usage, and has no choices, where `stream_options.include_usage` asks
    /// for it.
    CreateChatCompletionStreamResponse,
);

impl LlmResponse for Response {
    fn usage(&self) -> Option<Usage> {
        let usage = self.usage.as_ref()?;
        // Of what the model made, calls of the provider's own tools are billed, too.
        let calls =
            |item: &&OutputItem| matches!(item, OutputItem::WebSearchCall(_) | OutputItem::FileSearchCall(_));
        let calls: Vec<_> = self.output.iter().filter(calls).collect();
        json!({ "usage": usage, "output": calls }).usage()
    }

    fn service_tier(&self) -> Option<Text> {
        self.service_tier.as_ref().and_then(|tier| json!({ "service_tier": tier }).service_tier())
    }

    fn messages(&self) -> Vec<Message> {
        messages(serde_json::to_value(self))
    }

    fn model(&self) -> Option<Text> {
        copied(&self.model)
    }

    fn response_id(&self) -> Option<Text> {
        copied(&self.id)
    }

    /// The status, and of an incomplete response the reason.
    fn finish_reasons(&self) -> Vec<Text> {
        if let Some(details) = &self.incomplete_details {
            return copied(&details.reason).into_iter().collect();
        }
        vec![Text::literal(match self.status {
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::InProgress => "in_progress",
            Status::Cancelled => "cancelled",
            Status::Queued => "queued",
            Status::Incomplete => "incomplete",
        })]
    }
}

/// An event of a stream; those that end it tell what the response does.
impl LlmResponse for ResponseStreamEvent {
    fn usage(&self) -> Option<Usage> {
        ended(self).and_then(LlmResponse::usage)
    }

    fn model(&self) -> Option<Text> {
        ended(self).and_then(LlmResponse::model)
    }

    fn response_id(&self) -> Option<Text> {
        ended(self).and_then(LlmResponse::response_id)
    }

    fn finish_reasons(&self) -> Vec<Text> {
        ended(self).map(LlmResponse::finish_reasons).unwrap_or_default()
    }

    fn service_tier(&self) -> Option<Text> {
        ended(self).and_then(LlmResponse::service_tier)
    }

    /// Those that carry text: what ends the stream says it all once more.
    fn messages(&self) -> Vec<Message> {
        if let Self::ResponseOutputTextDelta(event) = self {
            messages(serde_json::to_value(event))
        } else {
            Vec::new()
        }
    }
}

fn ended(event: &ResponseStreamEvent) -> Option<&Response> {
    match event {
        ResponseStreamEvent::ResponseCompleted(event) => Some(&event.response),
        ResponseStreamEvent::ResponseFailed(event) => Some(&event.response),
        ResponseStreamEvent::ResponseIncomplete(event) => Some(&event.response),
        _ => None,
    }
}

macro_rules! embeddings {
    ($($embedding:ty),*) => {$(
        impl LlmResponse for $embedding {
            fn usage(&self) -> Option<Usage> {
                LlmResponse::usage(&self.usage)
            }

            fn model(&self) -> Option<Text> {
                copied(&self.model)
            }
        }
    )*};
}
embeddings!(CreateEmbeddingResponse, CreateBase64EmbeddingResponse);

/// Its errors keep no headers: there is no `Retry-After` to read.
pub(super) fn known<'e>(error: &'e (dyn Error + 'static)) -> Option<Known<'e>> {
    if let Some(error) = error.downcast_ref::<ApiErrorResponse>() {
        // An error that a stream or a `200` carries has a status of success.
        let status = Some(error.status_code.as_u16()).filter(|status| *status >= 400);
        return Some(Known { told: status.map(Told::Status), ..Known::default() });
    }
    Some(match error.downcast_ref::<OpenAIError>()? {
        OpenAIError::ApiError(error) => Known::carries(error),
        OpenAIError::Reqwest(error) => Known::carries(error),
        OpenAIError::JSONDeserialize(..) => Known::surely(ErrorCategory::Parsing),
        OpenAIError::InvalidArgument(_) => Known::surely(ErrorCategory::InvalidRequest),
        OpenAIError::StreamError(_) => {
            Known { told: Some(Told::Perhaps(ErrorCategory::Network)), ..Known::default() }
        }
        // Files, and what a middleware says.
        _ => Known::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{LlmError, classify};
    use serde_json::Value;

    /// Real answers of OpenAI, as `tests/wire_formats.rs` reads them.
    fn data(name: &str) -> Value {
        let path = format!("{}/tests/data/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).expect("is there")).expect("is JSON")
    }

    #[test]
    fn its_types_tell_what_their_json_does() {
        let chat = data("openai_chat");
        let read: CreateChatCompletionResponse =
            serde_json::from_value(chat.clone()).expect("is a completion");
        assert_eq!(read.answer(), chat.answer());
        assert_eq!(read.messages(), chat.messages());
        assert!(!chat.messages().is_empty());
        assert!(read.usage().is_some() && read.model().is_some() && !read.finish_reasons().is_empty());

        let responses = data("openai_responses");
        let read: Response = serde_json::from_value(responses.clone()).expect("is a response");
        assert_eq!(read.answer(), responses.answer());
        assert_eq!(read.messages(), responses.messages());
        assert!(!responses.messages().is_empty());

        let embeddings = data("openai_embeddings");
        let read: CreateEmbeddingResponse =
            serde_json::from_value(embeddings.clone()).expect("are embeddings");
        assert_eq!(read.answer(), embeddings.answer());
    }

    #[test]
    fn dialects_of_compatible_servers_are_understood() {
        // xAI counts reasoning beside the completion.
        let usage: CompletionUsage = serde_json::from_value(json!({
            "prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135,
            "completion_tokens_details": { "reasoning_tokens": 94 },
        }))
        .expect("is a usage");
        assert_eq!(LlmResponse::usage(&usage), Some(Usage::new(32, 103).with_reasoning(94)));
    }

    #[test]
    fn only_the_last_chunk_of_a_stream_tells_usage() {
        let chunk = |choices: Value, usage: Value| -> CreateChatCompletionStreamResponse {
            serde_json::from_value(json!({
                "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
                "choices": choices, "usage": usage,
            }))
            .expect("is a chunk")
        };
        let content = json!([{ "index": 0, "delta": { "content": "Hi" }, "finish_reason": null }]);
        assert_eq!(chunk(content, Value::Null).usage(), None);
        let stop = json!([{ "index": 0, "delta": {}, "finish_reason": "length" }]);
        assert_eq!(chunk(stop, Value::Null).finish_reasons(), ["length"]);
        let usage = json!({ "prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7 });
        let last = chunk(json!([]), usage);
        assert_eq!(last.usage(), Some(Usage::new(5, 2)));
        assert_eq!(LlmResponse::model(&last).as_deref(), Some("gpt-4o-mini"));
    }

    #[test]
    fn only_the_end_of_a_stream_of_events_tells_usage() {
        let event = |kind: &str| -> ResponseStreamEvent {
            let event = json!({ "type": kind, "sequence_number": 1, "response": data("openai_responses") });
            serde_json::from_value(event).expect("is an event")
        };
        assert_eq!(event("response.created").answer(), crate::Answer::default());
        assert_eq!(event("response.completed").answer(), data("openai_responses").answer());
    }

    fn failed(status: u16, code: &str) -> OpenAIError {
        OpenAIError::ApiError(ApiErrorResponse {
            status_code: ::reqwest::StatusCode::from_u16(status).expect("is a status"),
            api_error: serde_json::from_value(json!({ "message": "no", "code": code })).expect("is an error"),
        })
    }

    #[test]
    fn errors_are_classified_by_status_words_and_kind() {
        use ErrorCategory::{ContextLength, InvalidRequest, Network, Parsing, Quota, RateLimit};
        let broken = serde_json::from_str::<u8>("{").expect_err("broken");
        let stream = |text: &str| {
            OpenAIError::StreamError(async_openai::error::StreamError::EventStream(text.to_owned()).into())
        };
        for (error, expected, status) in [
            (failed(429, "rate_limit_exceeded"), RateLimit, Some(429)),
            (failed(429, "insufficient_quota"), Quota, Some(429)),
            (failed(400, "context_length_exceeded"), ContextLength, Some(400)),
            (failed(404, "model_not_found"), InvalidRequest, Some(404)),
            (OpenAIError::JSONDeserialize(broken, "{".to_owned()), Parsing, None),
            (OpenAIError::InvalidArgument("model".to_owned()), InvalidRequest, None),
            (stream("Transport error: gone"), Network, None),
        ] {
            assert_eq!(error.category(), expected, "{error}");
            assert_eq!(error.http_status(), status, "{error}");
            let boxed: Box<dyn Error> = error.into();
            assert_eq!(classify(&*boxed), expected, "boxed {boxed}");
        }
    }
}

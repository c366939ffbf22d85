//! `rig-agent`: what an agent answers, its stream, and its errors.

use super::{Known, rig::finish_reason};
use crate::category::ErrorCategory::{Cancelled, Parsing};
use crate::event::Message;
use crate::response::{Answer, LlmResponse};
use crate::text::Text;
use crate::usage::Usage;
use rig_agent::agent::{CompletionCall, MultiTurnStreamItem, PromptResponse, TypedPromptResponse};
use rig_agent::completion::{PromptError, StructuredOutputError};
use rig_core::completion::Usage as RigUsage;
use std::error::Error;

/// One request of an agent's run.
impl LlmResponse for CompletionCall {
    fn usage(&self) -> Option<Usage> {
        LlmResponse::usage(&self.usage)
    }

    /// Read from the provider's own answer, where that is in one of the formats of [`serde_json::Value`].
    fn model(&self) -> Option<Text> {
        self.raw.model()
    }

    fn response_id(&self) -> Option<Text> {
        self.response_id.as_deref().map(Text::copied)
    }

    fn finish_reasons(&self) -> Vec<Text> {
        self.finish_reason.iter().map(finish_reason).collect()
    }

    /// Read from the provider's own answer, as the model is.
    fn messages(&self) -> Vec<Message> {
        self.raw.messages()
    }
}

macro_rules! responses {
    ($(#[$doc:meta])* impl<$($parameter:ident)?> $response:ty) => {
        $(#[$doc])*
        impl<$($parameter)?> LlmResponse for $response {
            fn usage(&self) -> Option<Usage> {
                LlmResponse::usage(&self.usage)
            }

            fn model(&self) -> Option<Text> {
                self.completion_calls.last().and_then(LlmResponse::model)
            }

            fn response_id(&self) -> Option<Text> {
                self.completion_calls.last().and_then(LlmResponse::response_id)
            }

            fn finish_reasons(&self) -> Vec<Text> {
                self.completion_calls.last().map(LlmResponse::finish_reasons).unwrap_or_default()
            }

            fn messages(&self) -> Vec<Message> {
                self.completion_calls.last().map(LlmResponse::messages).unwrap_or_default()
            }

            fn answer(&self) -> Answer {
                run(&self.completion_calls, &self.usage)
            }
        }
    };
}

/// The answers to the requests of a run, unless it used more than they tell: attempts that failed.
fn run(requests: &[CompletionCall], usage: &RigUsage) -> Answer {
    let requests = Answer::of_requests(requests.iter().map(LlmResponse::answer));
    let usage = LlmResponse::usage(usage);
    if requests.usage == usage { requests } else { Answer { usage, requests: Box::default(), ..requests } }
}

responses! {
    /// The answers to the requests of the run, each recorded and priced on its own.
    impl<> PromptResponse
}

responses! {
    /// As [`PromptResponse`]; but where attempts were made whose output did not fit the type, all is one answer with the
    /// usage of the whole run, and the model, id and finish reason of its last request.
    impl<T> TypedPromptResponse<T>
}

/// An item of an agent's stream. Each completed request tells its usage, and the last item, the final response, that of
/// all of them. A function that returns such a stream, or reads it through [`observe_stream`](crate::observe_stream),
/// records the latest: all requests at the end, and only the last one of a stream that is left before.
impl LlmResponse for MultiTurnStreamItem {
    fn usage(&self) -> Option<Usage> {
        told(self).and_then(LlmResponse::usage)
    }

    fn model(&self) -> Option<Text> {
        told(self).and_then(LlmResponse::model)
    }

    fn response_id(&self) -> Option<Text> {
        told(self).and_then(LlmResponse::response_id)
    }

    fn finish_reasons(&self) -> Vec<Text> {
        told(self).map(LlmResponse::finish_reasons).unwrap_or_default()
    }

    fn answer(&self) -> Answer {
        told(self).map(LlmResponse::answer).unwrap_or_default()
    }
}

fn told(item: &MultiTurnStreamItem) -> Option<&dyn LlmResponse> {
    match item {
        MultiTurnStreamItem::CompletionCall(call) => Some(call),
        MultiTurnStreamItem::FinalResponse(response) => Some(response),
        _ => None,
    }
}

/// Errors of rig are transparent: what they carry is not their source.
pub(super) fn known<'e>(error: &'e (dyn Error + 'static)) -> Option<Known<'e>> {
    if let Some(error) = error.downcast_ref::<StructuredOutputError>() {
        return Some(match error {
            StructuredOutputError::Prompt(error) => Known::carries(error),
            StructuredOutputError::Deserialization { .. } | StructuredOutputError::EmptyResponse => {
                Known::surely(Parsing)
            }
        });
    }
    Some(match error.downcast_ref::<PromptError>()? {
        PromptError::Provider(error) => Known::carries(error),
        PromptError::Report(report) => Known::carries(report),
        PromptError::Memory(error) => Known::carries(error),
        PromptError::Cancelled { .. } => Known::surely(Cancelled),
        // The model's answer makes no sense.
        PromptError::UnknownToolCall { .. } => Known::surely(Parsing),
        _ => Known::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::category::ErrorCategory;
    use crate::failure::{Failure, LlmError};
    use rig_core::error::ProviderError;
    use serde_json::json;

    fn call(index: usize, input: u64) -> CompletionCall {
        let usage = RigUsage::new().input_tokens(input).output_tokens(10);
        let raw =
            json!({ "id": "chatcmpl-1", "model": "gpt-4o-mini-2024-07-18", "usage": { "prompt_tokens": 1 } });
        CompletionCall::new(index, usage, raw)
    }

    fn response() -> PromptResponse {
        let usage = RigUsage::new().input_tokens(300).output_tokens(20);
        PromptResponse::new("Yes.", usage).with_completion_calls(vec![call(0, 100), call(1, 200)])
    }

    #[test]
    fn a_run_tells_all_its_usage_and_the_model_of_its_last_request() {
        let answer = response().answer();
        assert_eq!(answer.usage, Some(Usage::new(300, 20)));
        let requests: Vec<_> = answer.clone().into_requests().map(|request| request.usage).collect();
        assert_eq!(requests, [Some(Usage::new(100, 10)), Some(Usage::new(200, 10))]);
        let mut more = response();
        more.usage = RigUsage::new().input_tokens(900).output_tokens(20);
        let more: Vec<_> = more.answer().into_requests().map(|request| request.usage).collect();
        assert_eq!(more, [Some(Usage::new(900, 20))], "a failed attempt is in the usage only");
        assert_eq!(answer.model.as_deref(), Some("gpt-4o-mini-2024-07-18"));
        let typed = TypedPromptResponse::new(7, RigUsage::new().input_tokens(5));
        assert_eq!(LlmResponse::usage(&typed).and_then(|usage| usage.input), Some(5));
    }

    #[test]
    fn requests_and_the_end_of_a_stream_tell_usage_and_nothing_else_does() {
        let of = |item: MultiTurnStreamItem| LlmResponse::usage(&item);
        assert_eq!(of(MultiTurnStreamItem::CompletionCall(call(0, 100))), Some(Usage::new(100, 10)));
        assert_eq!(of(MultiTurnStreamItem::FinalResponse(response())), Some(Usage::new(300, 20)));
        assert_eq!(of(MultiTurnStreamItem::ModelTurnRetried { turn: 1 }), None);
    }

    #[test]
    fn the_error_inside_decides() {
        let status = rig_core::http_client::StatusCode::TOO_MANY_REQUESTS;
        let error = || PromptError::from(ProviderError::from_http_response(status, "slow down"));
        assert_eq!(error().category(), ErrorCategory::RateLimit);
        assert_eq!(error().http_status(), Some(429));
        assert_eq!(StructuredOutputError::from(error()).category(), ErrorCategory::RateLimit);
        let relayed = PromptError::Report(ProviderError::Truncated.report());
        assert_eq!(relayed.category(), ErrorCategory::Network);
        assert_eq!(PromptError::cancelled([], "enough").category(), Cancelled);
        assert_eq!(StructuredOutputError::EmptyResponse.category(), Parsing);
        let boxed: Box<dyn Error + Send + Sync> = error().into();
        assert_eq!(Failure::of(&*boxed).category, ErrorCategory::RateLimit);
    }
}

//! `genai`: chat, the end of its streams, embeddings, and its errors.
//!
//! Its `Usage` mostly counts as ours does: its adapters add Anthropic's cached tokens to the input, and the thoughts
//! of Gemini and the reasoning of xAI to the output. Two do not: Bedrock's leaves cached tokens beside the input, and
//! Gemini's loses the output of an answer that is all thoughts; both are put right here. It takes a reported zero of
//! cached or reasoning tokens for "not reported".

use super::Known;
use crate::category::ErrorCategory;
use crate::event::{DataPlace, Message, Modality, Part, Role};
use crate::failure::chain::Told;
use crate::response::{Answer, LlmResponse};
use crate::text::Text;
use crate::usage::{More, Usage};
use genai::chat::{
    BinarySource, ChatResponse, ChatStreamEvent, ContentPart, MessageContent, StopReason, StreamEnd,
    Usage as GenaiUsage,
};
use genai::embed::EmbedResponse;
use genai::{ModelIden, webc};
use std::error::Error;

impl LlmResponse for GenaiUsage {
    fn usage(&self) -> Option<Usage> {
        read(self, false)
    }
}

fn read(usage: &GenaiUsage, cache_is_beside: bool) -> Option<Usage> {
    let input_details = usage.prompt_tokens_details.as_ref();
    let output_details = usage.completion_tokens_details.as_ref();
    let mut read = Usage {
        input: count(usage.prompt_tokens),
        output: count(usage.completion_tokens),
        cache_read: count(input_details.and_then(|details| details.cached_tokens)),
        cache_write: count(input_details.and_then(|details| details.cache_creation_tokens)),
        reasoning: count(output_details.and_then(|details| details.reasoning_tokens)),
        input_audio: count(input_details.and_then(|details| details.audio_tokens)),
        output_audio: count(output_details.and_then(|details| details.audio_tokens)),
        more: More::NONE,
    };
    read.output = read.output.or(read.reasoning);
    let cached = read.cache_read.unwrap_or(0).saturating_add(read.cache_write.unwrap_or(0));
    let total = count(usage.total_tokens);
    if let (Some(input), 1..) = (read.input, cached) {
        // Where the adapter is not known, as at the end of a stream, the total tells, and so do impossible counts.
        let all = input.saturating_add(cached);
        let beside = total.is_some_and(|total| total == all.saturating_add(read.output.unwrap_or(0)));
        if cache_is_beside || beside || cached > input {
            read.input = Some(all);
        }
    }
    // Gemini leaves out a zero: a refused prompt has no output, and a total that is all input.
    if read.output.is_none() && read.input.is_some() && total == read.input {
        read.output = Some(0);
    }
    (!read.is_empty()).then_some(read)
}

fn count(tokens: Option<i32>) -> Option<u64> {
    tokens.and_then(|tokens| u64::try_from(tokens).ok())
}

/// By the wire format that the adapter speaks.
fn cache_is_beside(model: &ModelIden) -> bool {
    // By name, since one of Bedrock's two adapters exists only with a feature of genai.
    model.adapter_kind.as_str().starts_with("Bedrock")
}

fn name(model: &ModelIden) -> Option<Text> {
    Some(Text::copied(&model.model_name)).filter(|name| !name.is_empty())
}

impl LlmResponse for ChatResponse {
    fn usage(&self) -> Option<Usage> {
        read(&self.usage, cache_is_beside(&self.model_iden))
    }

    fn model(&self) -> Option<Text> {
        name(&self.provider_model_iden)
    }

    fn response_id(&self) -> Option<Text> {
        self.response_id.as_deref().map(Text::copied)
    }

    fn finish_reasons(&self) -> Vec<Text> {
        self.stop_reason.iter().map(|reason| Text::copied(reason.raw())).collect()
    }

    fn messages(&self) -> Vec<Message> {
        message(self.reasoning_content.as_deref(), Some(&self.content), self.stop_reason.as_ref())
    }
}

/// What a model said, as one message.
fn message(
    thought: Option<&str>,
    said: Option<&MessageContent>,
    stopped: Option<&StopReason>,
) -> Vec<Message> {
    let said = said.into_iter().flat_map(MessageContent::parts).filter_map(part);
    let thought = thought.map(|text| Part::Reasoning(Text::copied(text)));
    let parts: Vec<_> = thought.into_iter().chain(said).collect();
    let mut message = Message::new(Role::Assistant, parts);
    message.finish_reason = stopped.map(|reason| Text::copied(reason.raw()));
    if message.parts.is_empty() { Vec::new() } else { vec![message] }
}

fn part(part: &ContentPart) -> Option<Part> {
    Some(match part {
        ContentPart::Text(text) => Part::Text(Text::copied(text)),
        ContentPart::ReasoningContent(text) => Part::Reasoning(Text::copied(text)),
        ContentPart::ToolCall(call) => Part::ToolCall {
            id: Some(Text::copied(&call.call_id)),
            name: Text::copied(&call.fn_name),
            arguments: Some(call.fn_arguments.clone()),
        },
        ContentPart::ToolResponse(response) => Part::ToolResponse {
            id: Some(Text::copied(&response.call_id)),
            response: response.content.as_str().into(),
        },
        ContentPart::Binary(binary) => {
            let place = match &binary.source {
                BinarySource::Url(url) => DataPlace::Uri(Text::copied(url)),
                BinarySource::Base64(data) => DataPlace::Inline(data.len() as u64 / 4 * 3),
            };
            let kind = binary.content_type.split('/').next().and_then(|kind| kind.parse().ok());
            Part::Data {
                modality: kind.unwrap_or(Modality::Document),
                mime_type: Some(Text::copied(&binary.content_type)),
                place,
            }
        }
        // Signatures are for the provider, and what is custom is its own.
        ContentPart::ThoughtSignature(_) | ContentPart::Custom(_) => return None,
    })
}

/// The end of a stream: with usage where `ChatOptions::with_capture_usage(true)` asks for it.
impl LlmResponse for StreamEnd {
    fn usage(&self) -> Option<Usage> {
        self.captured_usage.as_ref().and_then(LlmResponse::usage)
    }

    fn response_id(&self) -> Option<Text> {
        self.captured_response_id.as_deref().map(Text::copied)
    }

    fn finish_reasons(&self) -> Vec<Text> {
        self.captured_stop_reason.iter().map(|reason| Text::copied(reason.raw())).collect()
    }

    /// What the stream said, where `ChatOptions::with_capture_content(true)` asks for it.
    fn messages(&self) -> Vec<Message> {
        let thought = self.captured_reasoning_content.as_deref();
        message(thought, self.captured_content.as_ref(), self.captured_stop_reason.as_ref())
    }
}

/// An event of a stream; the last one tells what [`StreamEnd`] does. `Start` comes before the request is made: that and
/// `Heartbeat` are no chunks.
impl LlmResponse for ChatStreamEvent {
    fn usage(&self) -> Option<Usage> {
        end(self).and_then(LlmResponse::usage)
    }

    fn response_id(&self) -> Option<Text> {
        end(self).and_then(LlmResponse::response_id)
    }

    fn finish_reasons(&self) -> Vec<Text> {
        end(self).map(LlmResponse::finish_reasons).unwrap_or_default()
    }

    fn answer(&self) -> Answer {
        let made_up = matches!(self, Self::Start | Self::Heartbeat);
        Answer { made_up, ..end(self).map(LlmResponse::answer).unwrap_or_default() }
    }

    /// Those of chunks: the end says it all once more.
    fn messages(&self) -> Vec<Message> {
        let part = match self {
            Self::Chunk(chunk) => Part::Text(Text::copied(&chunk.content)),
            Self::ReasoningChunk(chunk) => Part::Reasoning(Text::copied(&chunk.content)),
            _ => return Vec::new(),
        };
        vec![Message::new(Role::Assistant, vec![part])]
    }
}

fn end(event: &ChatStreamEvent) -> Option<&StreamEnd> {
    if let ChatStreamEvent::End(end) = event { Some(end) } else { None }
}

impl LlmResponse for EmbedResponse {
    fn usage(&self) -> Option<Usage> {
        LlmResponse::usage(&self.usage)
    }

    fn model(&self) -> Option<Text> {
        name(&self.provider_model_iden)
    }
}

/// Its errors have no sources at all; what they carry is asked for by name.
pub(super) fn known<'e>(error: &'e (dyn Error + 'static)) -> Option<Known<'e>> {
    use ErrorCategory::{Authentication, InvalidRequest, Network, Parsing};
    use genai::Error as Kind;
    if let Some(error) = error.downcast_ref::<webc::Error>() {
        return Some(web(error));
    }
    let error = error.downcast_ref::<Kind>()?;
    Some(match error {
        Kind::WebModelCall { webc_error: error, .. } | Kind::WebAdapterCall { webc_error: error, .. } => {
            Known::carries(error)
        }
        Kind::WebStream { error, .. } => {
            Known { told: Some(Told::Perhaps(Network)), ..Known::carries(&**error) }
        }
        Kind::HttpError { status, headers, .. } => Known {
            told: Some(Told::Status(status.as_u16())),
            retry_after: super::retry_after_from_headers(headers),
            inside: None,
        },
        Kind::StreamParse { serde_error: error, .. } | Kind::SerdeJson(error) => Known::carries(error),
        Kind::RequiresApiKey { .. } | Kind::NoAuthResolver { .. } | Kind::NoAuthData { .. } => {
            Known::surely(Authentication)
        }
        Kind::NoChatResponse { .. }
        | Kind::InvalidJsonResponseElement { .. }
        | Kind::ChatResponseGeneration { .. }
        | Kind::JsonValueExt(_) => Known::surely(Parsing),
        Kind::ChatReqHasNoMessages { .. }
        | Kind::LastChatMessageIsNotUser { .. }
        | Kind::MessageRoleNotSupported { .. }
        | Kind::MessageContentTypeNotSupported { .. }
        | Kind::JsonModeWithoutInstruction
        | Kind::AdapterNotSupported { .. }
        | Kind::AdapterKindMismatch { .. } => Known::surely(InvalidRequest),
        // The words tell, such as those of an error in the middle of a stream.
        _ => Known::default(),
    })
}

fn web(error: &webc::Error) -> Known<'_> {
    match error {
        webc::Error::ResponseFailedStatus { status, headers, .. } => Known {
            told: Some(Told::Status(status.as_u16())),
            retry_after: super::retry_after_from_headers(headers),
            inside: None,
        },
        webc::Error::Reqwest(error) => Known::carries(error),
        webc::Error::ResponseFailedNotJson { .. }
        | webc::Error::ResponseFailedInvalidJson { .. }
        | webc::Error::JsonValueExt(_) => Known::surely(ErrorCategory::Parsing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{LlmError, classify};
    use genai::adapter::AdapterKind;
    use serde_json::{Value, json};
    use std::time::Duration;

    fn usage(value: Value) -> GenaiUsage {
        serde_json::from_value(value).expect("is a usage")
    }

    fn response(kind: AdapterKind, usage: GenaiUsage) -> ChatResponse {
        ChatResponse {
            content: "Yes.".into(),
            reasoning_content: None,
            model_iden: ModelIden::new(kind, "gpt-5-mini"),
            provider_model_iden: ModelIden::new(kind, "gpt-5-mini-2025-08-07"),
            stop_reason: Some("stop".to_owned().into()),
            usage,
            captured_raw_body: None,
            response_id: Some("resp_1".to_owned()),
        }
    }

    #[test]
    fn a_chat_tells_everything() {
        let answer = response(
            AdapterKind::OpenAI,
            usage(json!({
                "prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130,
                "prompt_tokens_details": { "cached_tokens": 64, "audio_tokens": 0 },
                "completion_tokens_details": { "reasoning_tokens": 20 },
            })),
        )
        .answer();
        assert_eq!(answer.usage, Some(Usage::new(100, 30).with_cache_read(64).with_reasoning(20)));
        assert_eq!(answer.model.as_deref(), Some("gpt-5-mini-2025-08-07"));
        assert_eq!(answer.id.as_deref(), Some("resp_1"));
        assert_eq!(answer.finish_reasons, ["stop"]);
    }

    #[test]
    fn chats_and_their_streams_say_what_the_model_said() {
        let mut chat = response(AdapterKind::OpenAI, usage(json!({})));
        let call = json!({ "call_id": "call_1", "fn_name": "search", "fn_arguments": { "query": "rust" } });
        let call: genai::chat::ToolCall = serde_json::from_value(call).expect("is a call");
        chat.content.push(ContentPart::ToolCall(call));
        chat.content.push(ContentPart::from_binary_base64("image/png", "AAAA", None));
        chat.reasoning_content = Some("Hm.".to_owned());
        let [message] = &chat.messages()[..] else { panic!("one message") };
        let expected = [
            Part::Reasoning("Hm.".into()),
            Part::Text("Yes.".into()),
            Part::ToolCall {
                id: Some("call_1".into()),
                name: "search".into(),
                arguments: Some(json!({ "query": "rust" })),
            },
            Part::Data {
                modality: Modality::Image,
                mime_type: Some("image/png".into()),
                place: DataPlace::Inline(3),
            },
        ];
        assert_eq!((&message.parts[..], message.finish_reason.as_deref()), (&expected[..], Some("stop")));

        let chunk = |event: Value| serde_json::from_value::<ChatStreamEvent>(event).expect("is an event");
        let said =
            [chunk(json!({ "Chunk": { "content": "Ye" } })), chunk(json!({ "Chunk": { "content": "s." } }))];
        let texts: Vec<_> =
            said.iter().flat_map(LlmResponse::messages).flat_map(|message| message.parts).collect();
        assert_eq!(texts, [Part::Text("Ye".into()), Part::Text("s.".into())]);
        let end = StreamEnd { captured_content: Some("Yes.".into()), ..StreamEnd::default() };
        assert_eq!(end.messages().len(), 1);
        assert_eq!(ChatStreamEvent::End(end).messages(), [], "its chunks said it");
    }

    #[test]
    fn cached_tokens_beside_the_input_are_added_to_it() {
        let cached = json!({ "cached_tokens": 64, "cache_creation_tokens": 8 });
        let beside = usage(json!({
            "prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130, "prompt_tokens_details": cached,
        }));
        let expected = Usage::new(172, 30).with_cache_read(64).with_cache_write(8);
        assert_eq!(response(AdapterKind::BedrockApi, beside.clone()).usage(), Some(expected));
        let inside = Usage::new(100, 30).with_cache_read(64).with_cache_write(8);
        assert_eq!(response(AdapterKind::Anthropic, beside).usage(), Some(inside));
        // At the end of a stream the adapter is not known, but the total is.
        let stream = usage(json!({
            "prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 202, "prompt_tokens_details": cached,
        }));
        assert_eq!(LlmResponse::usage(&stream), Some(expected));
        let few =
            usage(json!({ "prompt_tokens": 4, "completion_tokens": 30, "prompt_tokens_details": cached }));
        assert_eq!(LlmResponse::usage(&few).and_then(|usage| usage.input), Some(76));
    }

    #[test]
    fn what_gemini_leaves_out_is_known_all_the_same() {
        let thoughts = usage(json!({
            "prompt_tokens": 10, "total_tokens": 30, "completion_tokens_details": { "reasoning_tokens": 20 },
        }));
        assert_eq!(LlmResponse::usage(&thoughts), Some(Usage::new(10, 20).with_reasoning(20)));
        let refused = usage(json!({ "prompt_tokens": 10, "total_tokens": 10 }));
        assert_eq!(LlmResponse::usage(&refused), Some(Usage::new(10, 0)));
        assert_eq!(LlmResponse::usage(&GenaiUsage::default()), None);
        let negative = usage(json!({ "prompt_tokens": -1, "completion_tokens": 3 }));
        assert_eq!(
            LlmResponse::usage(&negative).map(|usage| (usage.input, usage.output)),
            Some((None, Some(3)))
        );
    }

    #[test]
    fn only_the_end_of_a_stream_tells_usage() {
        assert_eq!(ChatStreamEvent::Start.answer(), Answer { made_up: true, ..Answer::default() });
        let end = StreamEnd {
            captured_usage: Some(usage(json!({ "prompt_tokens": 5, "completion_tokens": 2 }))),
            captured_stop_reason: Some("length".to_owned().into()),
            ..StreamEnd::default()
        };
        let end = ChatStreamEvent::End(end).answer();
        assert_eq!((end.usage, end.finish_reasons), (Some(Usage::new(5, 2)), vec![Text::from("length")]));
    }

    #[test]
    fn an_embedding_tells_its_input() {
        let model = || ModelIden::new(AdapterKind::OpenAI, "text-embedding-3-small");
        let response = EmbedResponse::new(Vec::new(), model(), model(), usage(json!({ "prompt_tokens": 9 })));
        assert_eq!(response.usage().and_then(|usage| usage.input), Some(9));
        assert_eq!(LlmResponse::model(&response).as_deref(), Some("text-embedding-3-small"));
    }

    fn failed(status: u16, body: &str) -> genai::Error {
        let mut headers = ::reqwest::header::HeaderMap::new();
        headers.insert("retry-after", 7.into());
        let webc_error = webc::Error::ResponseFailedStatus {
            status: ::reqwest::StatusCode::from_u16(status).expect("is a status"),
            body: body.to_owned(),
            headers: headers.into(),
        };
        genai::Error::WebModelCall { model_iden: ModelIden::new(AdapterKind::OpenAI, "gpt-4o"), webc_error }
    }

    #[test]
    fn failed_requests_are_classified_by_status_and_words() {
        use ErrorCategory::{ContextLength, Quota, RateLimit, Server};
        for (status, body, expected) in [
            (429, "{}", RateLimit),
            (429, r#"{"code":"insufficient_quota"}"#, Quota),
            (400, r#"{"code":"context_length_exceeded"}"#, ContextLength),
            (503, "upstream", Server),
        ] {
            let error = failed(status, body);
            assert_eq!(error.category(), expected, "{error}");
            assert_eq!(error.http_status(), Some(status), "{error}");
            assert_eq!(error.retry_after(), Some(Duration::from_secs(7)), "{error}");
        }
    }

    #[test]
    fn other_errors_are_classified_by_what_they_are_or_carry() {
        use ErrorCategory::{Authentication, InvalidRequest, Network, Other, Parsing, Timeout};
        let model_iden = || ModelIden::new(AdapterKind::OpenAI, "gpt-4o");
        let stream = |error: std::io::Error| genai::Error::WebStream {
            model_iden: model_iden(),
            cause: error.to_string(),
            error: error.into(),
        };
        let broken = || serde_json::from_str::<u8>("{").expect_err("broken");
        for (error, expected) in [
            (genai::Error::NoAuthData { model_iden: model_iden() }, Authentication),
            (genai::Error::JsonModeWithoutInstruction, InvalidRequest),
            (genai::Error::NoChatResponse { model_iden: model_iden() }, Parsing),
            (genai::Error::StreamParse { model_iden: model_iden(), serde_error: broken() }, Parsing),
            (stream(std::io::ErrorKind::ConnectionReset.into()), Network),
            (stream(std::io::ErrorKind::TimedOut.into()), Timeout),
            (stream(std::io::Error::other("gone")), Network),
            (genai::Error::Internal("hm".to_owned()), Other),
        ] {
            assert_eq!(error.category(), expected, "{error}");
            let boxed: Box<dyn Error> = error.into();
            assert_eq!(classify(&*boxed), expected, "boxed {boxed}");
        }
    }
}

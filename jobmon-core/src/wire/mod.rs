//! [`LlmResponse`] for [`serde_json::Value`]: usage, model, id and finish reasons out of providers' answers.
//!
//! A format is recognised by its shape alone, so this also reads what OpenAI-compatible servers, gateways and
//! proxies send. Sources of the names: the API references of OpenAI (chat completions, responses, embeddings),
//! Anthropic (messages) and Google (`generateContent`); what counts into what was checked against the extractors
//! of the `genai-prices` crate (see `tests/wire_formats.rs`). Whatever is not a non-negative whole number is no
//! count and is left out.

mod messages;
pub(crate) mod request;

use crate::event::Message;
use crate::response::LlmResponse;
use crate::text::Text;
use crate::usage::{More, Usage};
use crate::usage_unit::UsageUnit;
use serde_json::Value;

/// Ids and names beyond this many bytes are no ids and names.
const LONGEST_NAME: usize = 512;
/// Choices that are looked at for finish reasons; OpenAI allows 128.
const MOST_CHOICES: usize = 128;

/// Answers of OpenAI (chat completions, responses, embeddings) and of servers compatible with it, Anthropic
/// (messages) and Gemini (`generateContent`), recognised by their shape.
///
/// An array is taken for the chunks of a stream, as Gemini sends them without `alt=sse`: the last usage, model,
/// id and finish reasons win.
///
/// ```
/// use jobmon_core::{LlmResponse, Usage};
///
/// let answer = serde_json::json!({
///     "id": "msg_01", "type": "message", "model": "claude-sonnet-4-5", "stop_reason": "end_turn",
///     "usage": { "input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 5 },
/// });
/// // Anthropic does not count cached tokens as input; OpenTelemetry and jobmon do.
/// assert_eq!(answer.usage(), Some(Usage::new(100, 5).with_cache_read(90)));
/// assert_eq!(answer.model().as_deref(), Some("claude-sonnet-4-5"));
/// assert_eq!(answer.finish_reasons(), ["end_turn"]);
/// ```
impl LlmResponse for Value {
    fn usage(&self) -> Option<Usage> {
        let Value::Array(chunks) = self else { return usage(body(self)) };
        let mut found = chunks.iter().rev().filter_map(|chunk| usage(body(chunk)));
        let mut last = found.next()?;
        if last.input.is_none() {
            // The last event of an Anthropic stream may count only the output.
            if let Some(first) = found.find(|usage| usage.input.is_some()) {
                let (output, reasoning) = (last.output, last.reasoning);
                last = Usage { output, reasoning, more: last.or(first).more, ..first };
            }
        }
        Some(last)
    }

    fn model(&self) -> Option<Text> {
        last_of(self, |body| text(body, "model").or_else(|| text(body, "modelVersion")))
    }

    fn response_id(&self) -> Option<Text> {
        last_of(self, |body| text(body, "id").or_else(|| text(body, "responseId")))
    }

    fn finish_reasons(&self) -> Vec<Text> {
        last_of(self, |body| Some(finish_reasons(body)).filter(|reasons| !reasons.is_empty()))
            .unwrap_or_default()
    }

    fn messages(&self) -> Vec<Message> {
        match self {
            Self::Array(chunks) => chunks.iter().flat_map(|chunk| messages::answers(body(chunk))).collect(),
            one => messages::answers(body(one)),
        }
    }

    fn service_tier(&self) -> Option<Text> {
        // OpenAI writes it beside the usage, Anthropic into it.
        last_of(self, |body| {
            text(body, "service_tier")
                .or_else(|| text(body.get("usage")?, "service_tier"))
                .or_else(|| text(body.get("usageMetadata")?, "serviceTier"))
        })
    }
}

fn last_of<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
    match value {
        Value::Array(chunks) => chunks.iter().rev().find_map(|chunk| read(body(chunk))),
        one => read(body(one)),
    }
}

/// The answer itself: events of a stream wrap it (`response.completed` of OpenAI, `message_start` of Anthropic).
fn body(value: &Value) -> &Value {
    if value.get("usage").is_some() || value.get("usageMetadata").is_some() {
        return value;
    }
    let wrapped = ["response", "message"].into_iter().find_map(|key| value.get(key));
    wrapped.filter(|inner| inner.get("usage").is_some()).unwrap_or(value)
}

fn usage(body: &Value) -> Option<Usage> {
    let usage = match (body.get("usage"), body.get("usageMetadata")) {
        (Some(usage @ Value::Object(_)), _) if number(usage, "prompt_tokens").is_some() => chat(usage),
        (Some(usage @ Value::Object(_)), _) if number(usage, "completion_tokens").is_some() => chat(usage),
        (Some(usage @ Value::Object(_)), _) => with_tools(messages_or_responses(usage), body),
        (_, Some(usage)) => gemini(usage),
        _ => return None,
    };
    (!usage.is_empty()).then_some(usage)
}

/// OpenAI chat completions and embeddings, and what is compatible with them.
fn chat(usage: &Value) -> Usage {
    // OpenAI's transcriptions call the details `input_token_details`.
    let details = usage.get("prompt_tokens_details").or_else(|| usage.get("input_token_details"));
    let input_of = |name| number(details?, name);
    let output_of = |name| number(usage.get("completion_tokens_details")?, name);
    let input = number(usage, "prompt_tokens");
    let mut output = number(usage, "completion_tokens");
    let more = more([
        (UsageUnit::InputImageTokens, input_of("image_tokens")),
        (UsageUnit::OutputImageTokens, output_of("image_tokens")),
        // Perplexity bills each search of the web, and citations beside the completion.
        (UsageUnit::WebSearches, number(usage, "num_search_queries")),
        (UsageUnit::OutputCitationTokens, number(usage, "citation_tokens")),
    ]);
    let reasoning = output_of("reasoning_tokens");
    // xAI counts reasoning beside the completion, OpenAI inside it. The total tells them apart.
    if let (Some(i), Some(o), Some(r), Some(total)) =
        (input, output, reasoning, number(usage, "total_tokens"))
    {
        let beside = o.saturating_add(r);
        if r > 0 && total == i.saturating_add(beside) {
            output = Some(beside);
        }
    }
    // Gemini's OpenAI endpoint shows thinking in the total alone, and bills it as output.
    if let (Some(i), Some(o), None, Some(total)) = (input, output, reasoning, number(usage, "total_tokens"))
        && total > i.saturating_add(o)
    {
        output = Some(total - i);
    }
    Usage {
        input,
        output,
        // Moonshot writes `cached_tokens` beside the totals, DeepSeek `prompt_cache_hit_tokens`.
        cache_read: input_of("cached_tokens")
            .or_else(|| number(usage, "cached_tokens"))
            .or_else(|| number(usage, "prompt_cache_hit_tokens"))
            .or_else(|| number(usage, "cache_read_input_tokens")),
        // LiteLLM hands on Anthropic's names beside OpenAI's.
        cache_write: input_of("cache_write_tokens").or_else(|| number(usage, "cache_creation_input_tokens")),
        reasoning,
        input_audio: input_of("audio_tokens"),
        output_audio: output_of("audio_tokens"),
        more,
    }
}

/// Anthropic messages and OpenAI responses. Both say `input_tokens`; Anthropic's leave the cache out, and only
/// Anthropic names the cache beside them.
fn messages_or_responses(usage: &Value) -> Usage {
    let details = usage.get("input_tokens_details").or_else(|| usage.get("input_token_details"));
    let input_of = |name| number(details?, name);
    let output_details = usage.get("output_tokens_details").or_else(|| usage.get("output_token_details"));
    let output_of = |name| number(output_details?, name);
    // Realtime answers split the cached tokens.
    let cached_of = |name| number(details?.get("cached_tokens_details")?, name);
    // `cache_creation` splits the same tokens by how long they stay; it is read where the sum is missing.
    let by_ttl = || {
        let split = usage.get("cache_creation")?;
        sum([number(split, "ephemeral_5m_input_tokens"), number(split, "ephemeral_1h_input_tokens")])
    };
    let kept_for_an_hour =
        usage.get("cache_creation").and_then(|split| number(split, "ephemeral_1h_input_tokens"));
    let searches = usage.get("server_tool_use").and_then(|tools| number(tools, "web_search_requests"));
    let read = number(usage, "cache_read_input_tokens");
    let written = number(usage, "cache_creation_input_tokens").or_else(by_ttl);
    Usage {
        more: more([
            (UsageUnit::CacheWrite1hTokens, kept_for_an_hour),
            (UsageUnit::WebSearches, searches),
            (UsageUnit::InputImageTokens, input_of("image_tokens")),
            (UsageUnit::OutputImageTokens, output_of("image_tokens")),
            (UsageUnit::CacheAudioReadTokens, cached_of("audio_tokens")),
            (UsageUnit::CacheImageReadTokens, cached_of("image_tokens")),
        ]),
        input: number(usage, "input_tokens").and_then(|input| sum([Some(input), read, written])),
        output: number(usage, "output_tokens"),
        cache_read: read.or_else(|| input_of("cached_tokens")),
        cache_write: written.or_else(|| input_of("cache_write_tokens")),
        reasoning: output_of("reasoning_tokens").or_else(|| output_of("thinking_tokens")),
        input_audio: input_of("audio_tokens"),
        output_audio: output_of("audio_tokens"),
    }
}

/// What a response of OpenAI lists as calls of the provider's own tools, which are billed by the call
/// ([pricing](https://developers.openai.com/api/docs/pricing): of the web, searches and not pages opened).
fn with_tools(mut usage: Usage, body: &Value) -> Usage {
    let output = body.get("output").and_then(Value::as_array);
    let is = |item: &Value, kind: &str| item.get("type").and_then(Value::as_str) == Some(kind);
    let searches = |item: &Value| {
        let action = item.get("action").and_then(|action| action.get("type")).and_then(Value::as_str);
        is(item, "web_search_call") && action.is_none_or(|action| action == "search")
    };
    for item in output.into_iter().flatten() {
        let unit = if searches(item) {
            UsageUnit::WebSearches
        } else if is(item, "file_search_call") {
            UsageUnit::StorageSearches
        } else {
            continue;
        };
        let count = usage.get(unit).unwrap_or(0).saturating_add(1);
        usage.set(unit, Some(count));
    }
    usage
}

/// Gemini counts tool results beside the prompt and thoughts beside the candidates. Its JSON leaves zeros out
/// (proto3), so that a refused prompt has no output count: a total that is all input says that it is zero.
fn gemini(usage: &Value) -> Usage {
    let thoughts = number(usage, "thoughtsTokenCount");
    let input = sum([number(usage, "promptTokenCount"), number(usage, "toolUsePromptTokenCount")]);
    let of = |details: &str, modality: &str| {
        let details = usage.get(details)?.as_array()?;
        let is = |part: &&Value| part.get("modality").and_then(Value::as_str) == Some(modality);
        number(details.iter().find(is)?, "tokenCount")
    };
    let prompt =
        |modality| sum([of("promptTokensDetails", modality), of("toolUsePromptTokensDetails", modality)]);
    let candidates = |modality| of("candidatesTokensDetails", modality);
    let cached = |modality| of("cacheTokensDetails", modality);
    let none = || (input.is_some() && number(usage, "totalTokenCount") == input).then_some(0);
    Usage {
        input,
        output: sum([number(usage, "candidatesTokenCount"), thoughts]).or_else(none),
        cache_read: number(usage, "cachedContentTokenCount"),
        cache_write: None,
        reasoning: thoughts,
        input_audio: prompt("AUDIO"),
        output_audio: candidates("AUDIO"),
        more: more([
            (UsageUnit::InputImageTokens, sum([prompt("IMAGE"), prompt("DOCUMENT")])),
            (UsageUnit::InputVideoTokens, prompt("VIDEO")),
            (UsageUnit::OutputImageTokens, sum([candidates("IMAGE"), candidates("DOCUMENT")])),
            (UsageUnit::OutputVideoTokens, candidates("VIDEO")),
            (UsageUnit::CacheAudioReadTokens, cached("AUDIO")),
            (UsageUnit::CacheImageReadTokens, sum([cached("IMAGE"), cached("DOCUMENT")])),
            (UsageUnit::CacheVideoReadTokens, cached("VIDEO")),
        ]),
    }
}

/// Units that were counted. A zero says no more than that there was none.
fn more<const N: usize>(mut counts: [(UsageUnit, Option<u64>); N]) -> More {
    counts.sort_unstable();
    counts.into_iter().filter_map(|(unit, count)| Some((unit, count.filter(|count| *count > 0)?))).collect()
}

fn finish_reasons(body: &Value) -> Vec<Text> {
    let each = |list: &Value, name| -> Vec<Text> {
        list.as_array()
            .into_iter()
            .flatten()
            .take(MOST_CHOICES)
            .filter_map(|choice| text(choice, name))
            .collect()
    };
    if let Some(choices) = body.get("choices") {
        return each(choices, "finish_reason");
    }
    if let Some(candidates) = body.get("candidates") {
        return each(candidates, "finishReason");
    }
    // OpenAI's responses say `incomplete` and why elsewhere; Anthropic's stream puts the reason into `delta`.
    let why = body.get("incomplete_details").and_then(|details| text(details, "reason"));
    why.or_else(|| text(body, "stop_reason"))
        .or_else(|| text(body.get("delta")?, "stop_reason"))
        .or_else(|| text(body, "status"))
        .into_iter()
        .collect()
}

fn text(object: &Value, name: &str) -> Option<Text> {
    let text = object.get(name)?.as_str()?;
    (!text.is_empty() && text.len() <= LONGEST_NAME).then(|| Text::copied(text))
}

/// A count: a non-negative whole number, also one written as `12.0`.
fn number(object: &Value, name: &str) -> Option<u64> {
    /// Up to here every whole number is an `f64`.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let value = object.get(name)?;
    value.as_u64().or_else(|| {
        let float = value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=EXACT).contains(n))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range")]
        Some(float as u64)
    })
}

/// The sum of what was reported; `None` when nothing was.
fn sum<const N: usize>(counts: [Option<u64>; N]) -> Option<u64> {
    counts.into_iter().flatten().reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests;

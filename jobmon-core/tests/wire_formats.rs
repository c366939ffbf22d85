//! Whole answers of providers, read by jobmon and, where the price list is there, by its own extractors.

use jobmon_core::{Answer, LlmResponse, Text, Usage, UsageUnit};
use serde_json::Value;

fn body(text: &str) -> Value {
    serde_json::from_str(text).expect("the data is JSON")
}

fn check(text: &str, usage: Usage, model: &str, id: Option<&str>, reasons: &[&str]) -> Value {
    check_tier(text, usage, model, id, reasons, None)
}

fn check_tier(
    text: &str,
    usage: Usage,
    model: &str,
    id: Option<&str>,
    reasons: &[&str],
    tier: Option<&str>,
) -> Value {
    let body = body(text);
    let mut expected = Answer::from(usage);
    expected.model = Some(Text::copied(model));
    expected.id = id.map(Text::copied);
    expected.service_tier = tier.map(Text::copied);
    expected.finish_reasons = reasons.iter().map(|reason| Text::copied(reason)).collect();
    assert_eq!(body.answer(), expected);
    body
}

#[test]
fn openai_chat_completions() {
    let body = check_tier(
        include_str!("data/openai_chat.json"),
        Usage::new(1117, 146).with_cache_read(1024).with_reasoning(64).with_audio(0, 0),
        "gpt-4o-mini-2024-07-18",
        Some("chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT"),
        &["stop", "tool_calls"],
        Some("default"),
    );
    as_extracted(&body, "openai", "chat");
}

#[test]
fn openai_embeddings() {
    let mut usage = Usage::default();
    usage.input = Some(8);
    let body = check(include_str!("data/openai_embeddings.json"), usage, "text-embedding-3-small", None, &[]);
    as_extracted(&body, "openai", "embeddings");
}

#[test]
fn openai_responses() {
    let body = check_tier(
        include_str!("data/openai_responses.json"),
        Usage::new(2328, 300).with_cache_read(1152).with_cache_write(1024).with_reasoning(256),
        "gpt-5-2025-08-07",
        Some("resp_67ccd3a9da748190baa7f1570fe91ac604becb25c45c1d41"),
        &["max_output_tokens"],
        Some("default"),
    );
    as_extracted(&body, "openai", "responses");
}

#[test]
fn anthropic_messages() {
    let body = check_tier(
        include_str!("data/anthropic_messages.json"),
        Usage::new(2095 + 2051 + 18432, 503)
            .with_cache_read(18432)
            .with_cache_write(2051)
            .with_reasoning(300)
            .with(UsageUnit::CacheWrite1hTokens, 51),
        "claude-sonnet-4-5-20250929",
        Some("msg_01XFDUDYJgAACzvnptvVoYEL"),
        &["end_turn"],
        Some("standard"),
    );
    as_extracted(&body, "anthropic", "default");
}

#[test]
fn gemini() {
    let body = check(
        include_str!("data/gemini.json"),
        Usage::new(1500 + 40, 120 + 230).with_cache_read(1000).with_reasoning(230).with_audio(300, 20),
        "gemini-2.5-flash",
        Some("mAitaLmkHPPlz7IPvtfUqQ4"),
        &["STOP"],
    );
    as_extracted(&body, "google", "default");
}

#[test]
fn gemini_streamed_as_one_array() {
    let body = check(
        include_str!("data/gemini_stream.json"),
        Usage::new(11, 6 + 30).with_reasoning(30),
        "gemini-2.5-flash",
        Some("nAitaLmkHPPlz7IP"),
        &["MAX_TOKENS"],
    );
    // The extractor takes objects only: each chunk on its own.
    as_extracted(&body[1], "google", "default");
}

#[test]
fn llama_cpp() {
    let body = check(
        include_str!("data/llama_cpp.json"),
        Usage::new(31, 16),
        "qwen2.5-0.5b-instruct",
        Some("chatcmpl-k3Yw5vHJrB3n0mV9vZx1v1hJQwP3"),
        &["length"],
    );
    as_extracted(&body, "openai", "chat");
}

#[test]
fn reasoning_beside_the_completion() {
    // OpenAI's extractor would lose the 200 tokens of reasoning here; xAI's adds them, as we do by the total.
    let body = check(
        include_str!("data/xai_chat.json"),
        Usage::new(41, 304).with_cache_read(0).with_reasoning(200).with_audio(0, 0),
        "grok-4",
        Some("0daf962f-a275-4a3c-839a-047854645532"),
        &["stop"],
    );
    as_extracted(&body, "x-ai", "chat");
}

/// The price list's extractor reads the same out of the body, given the provider that we do not need.
#[cfg(feature = "prices")]
#[track_caller]
fn as_extracted(body: &Value, provider: &str, flavor: &str) {
    use genai_prices::ExtractRequest;

    let request = ExtractRequest::from_value(body).with_provider_id(provider).with_api_flavor(flavor);
    let theirs = genai_prices::extract_provider_usage(&request).expect("the extractor knows the format");
    let ours = body.usage().expect("there is usage");
    assert_eq!(body.model().as_deref(), theirs.model_ref.as_deref());
    for unit in UsageUnit::ALL {
        // Text is what the other parts leave; tools' results and five minutes in the cache have no price of their own.
        if ["text", "tool", "5m"].iter().any(|part| unit.name().contains(part)) {
            continue;
        }
        // xAI's extractor leaves out audio input, which we read; it is part of the input either way.
        if provider == "x-ai" && *unit == UsageUnit::InputAudioTokens {
            continue;
        }
        // Of what is rare, a zero is left out.
        let rare = !UsageUnit::ALL[..7].contains(unit);
        let zero_is_none = |count: &f64| *count > 0.0 || !rare;
        let count = ours.get(*unit).map(|count| f64::from(u32::try_from(count).expect("small numbers")));
        assert_eq!(count, theirs.usage.get(unit.name()).filter(zero_is_none), "{unit}");
    }
}

#[cfg(not(feature = "prices"))]
fn as_extracted(_: &Value, _: &str, _: &str) {}

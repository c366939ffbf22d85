use super::*;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn gateways_put_counts_where_openai_does_not() {
    // Gemini's OpenAI endpoint: thinking shows in the total alone.
    let thinking = json!({"usage": {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 530}});
    assert_eq!(thinking.usage(), Some(Usage::new(10, 520)));
    let litellm = json!({"usage": {
        "prompt_tokens": 11_000, "completion_tokens": 5, "total_tokens": 11_005,
        "cache_creation_input_tokens": 10_000, "cache_read_input_tokens": 500,
    }});
    let expected = Usage::new(11_000, 5).with_cache_write(10_000).with_cache_read(500);
    assert_eq!(litellm.usage(), Some(expected));
    let transcription = json!({"usage": {
        "type": "tokens", "input_tokens": 140, "output_tokens": 45, "total_tokens": 185,
        "input_token_details": {"text_tokens": 10, "audio_tokens": 130},
    }});
    assert_eq!(transcription.usage().and_then(|usage| usage.input_audio), Some(130));
}

#[test]
fn what_providers_charge_for_beside_tokens_is_read() {
    let searched = json!({"usage": {
        "input_tokens": 100, "output_tokens": 50, "service_tier": "standard",
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
        "server_tool_use": {"web_search_requests": 2},
    }});
    let expected = Usage::new(130, 50)
        .with_cache_write(30)
        .with(UsageUnit::CacheWrite1hTokens, 20)
        .with(UsageUnit::WebSearches, 2);
    assert_eq!(searched.usage(), Some(expected));
    assert_eq!(searched.service_tier().as_deref(), Some("standard"));
    let response = json!({
        "service_tier": "flex",
        "usage": {"input_tokens": 100, "output_tokens": 50},
        "output": [
            {"type": "web_search_call", "action": {"type": "search", "query": "jobs"}},
            {"type": "web_search_call", "action": {"type": "open_page", "url": "https://example.com"}},
            {"type": "web_search_call"}, {"type": "file_search_call"}, {"type": "message"},
        ],
    });
    let expected = Usage::new(100, 50).with(UsageUnit::WebSearches, 2).with(UsageUnit::StorageSearches, 1);
    assert_eq!(response.usage(), Some(expected));
    assert_eq!(response.service_tier().as_deref(), Some("flex"));
    assert_eq!(
        json!({"type": "response.completed", "response": response}).service_tier().as_deref(),
        Some("flex")
    );
    let part = |modality: &str, count: u64| json!({"modality": modality, "tokenCount": count});
    let seen = json!({"usageMetadata": {
        "promptTokenCount": 1_000, "candidatesTokenCount": 30, "totalTokenCount": 1_030, "cachedContentTokenCount": 300,
        "promptTokensDetails": [part("TEXT", 100), part("IMAGE", 500), part("DOCUMENT", 200), part("VIDEO", 200)],
        "cacheTokensDetails": [part("IMAGE", 250), part("AUDIO", 50)],
        "candidatesTokensDetails": [part("IMAGE", 20)],
    }});
    let expected = Usage::new(1_000, 30)
        .with_cache_read(300)
        .with(UsageUnit::InputImageTokens, 700)
        .with(UsageUnit::InputVideoTokens, 200)
        .with(UsageUnit::CacheImageReadTokens, 250)
        .with(UsageUnit::CacheAudioReadTokens, 50)
        .with(UsageUnit::OutputImageTokens, 20);
    assert_eq!(seen.usage(), Some(expected));
}

#[test]
fn a_prompt_that_gemini_refuses_has_no_output() {
    let refused = json!({
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 476, "totalTokenCount": 476, "cachedContentTokenCount": 224},
    });
    assert_eq!(refused.usage(), Some(Usage::new(476, 0).with_cache_read(224)));
    let unknown = json!({"usageMetadata": {"promptTokenCount": 476}});
    assert_eq!(unknown.usage().and_then(|usage| usage.output), None);
}

#[test]
fn what_is_no_count_is_left_out() {
    for odd in [
        json!("12"),
        json!(-1),
        json!(1.5),
        json!(null),
        json!([12]),
        json!(1e300),
        json!({"n": 12}),
        json!(true),
    ] {
        let body = json!({ "usage": { "prompt_tokens": odd, "completion_tokens": 7 } });
        assert_eq!(body.usage(), Some(Usage { output: Some(7), ..Usage::default() }), "{odd}");
        assert_eq!(json!({ "usage": { "input_tokens": odd } }).usage(), None, "{odd}");
        assert_eq!(json!({ "usageMetadata": { "promptTokenCount": odd } }).usage(), None, "{odd}");
        assert_eq!(json!({ "usage": odd }).usage(), None, "{odd}");
    }
    let body = json!({ "usage": { "prompt_tokens": 12.0, "completion_tokens": u64::MAX } });
    assert_eq!(body.usage(), Some(Usage::new(12, u64::MAX)));
}

#[test]
fn sums_saturate() {
    let body =
        json!({ "usage": { "input_tokens": u64::MAX, "cache_read_input_tokens": 9, "output_tokens": 1 } });
    assert_eq!(body.usage(), Some(Usage::new(u64::MAX, 1).with_cache_read(9)));
}

#[test]
fn reasoning_beside_the_completion_is_added() {
    let usage = |total: u64| {
        json!({ "usage": {
            "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": total,
            "completion_tokens_details": { "reasoning_tokens": 3 },
        } })
        .usage()
    };
    assert_eq!(usage(15), Some(Usage::new(10, 5).with_reasoning(3)), "OpenAI");
    assert_eq!(usage(18), Some(Usage::new(10, 8).with_reasoning(3)), "xAI");
}

#[test]
fn events_of_streams() {
    let openai = json!([
        { "type": "response.created", "response": { "id": "resp_1", "status": "in_progress", "usage": null } },
        { "type": "response.completed", "response": {
            "id": "resp_1", "model": "gpt-4o", "status": "completed",
            "usage": { "input_tokens": 3, "output_tokens": 2 } } },
    ]);
    assert_eq!(openai.usage(), Some(Usage::new(3, 2)));
    assert_eq!(openai.finish_reasons(), ["completed"]);
    let anthropic = json!([
        { "type": "message_start", "message": {
            "id": "msg_1", "model": "claude-haiku-4-5",
            "usage": { "input_tokens": 3, "cache_read_input_tokens": 7, "output_tokens": 1 } } },
        { "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": 15 } },
        { "type": "message_stop" },
    ]);
    assert_eq!(anthropic.usage(), Some(Usage::new(10, 15).with_cache_read(7)));
    assert_eq!(anthropic.response_id().as_deref(), Some("msg_1"));
    assert_eq!(anthropic.finish_reasons(), ["end_turn"]);
}

#[test]
fn names_that_are_none() {
    assert_eq!(json!({ "model": "", "id": 7 }).answer(), crate::Answer::default());
    assert_eq!(json!({ "model": "x".repeat(1_000_000) }).model(), None);
    for odd in [json!(null), json!([]), json!([null]), json!("text"), json!({ "choices": "x" }), json!(7)] {
        assert_eq!(odd.answer(), crate::Answer::default(), "{odd}");
    }
}

#[test]
fn depth_is_harmless() {
    let mut deep = json!(1);
    for _ in 0..50_000 {
        deep = Value::Array(vec![deep]);
    }
    let usage = serde_json::Map::from_iter([("prompt_tokens".to_owned(), deep)]);
    let body = Value::from_iter([("usage".to_owned(), Value::Object(usage))]);
    assert_eq!(body.answer(), crate::Answer::default());
    // The destructor of `serde_json` recurses; this test is about our code.
    std::mem::forget(body);
}

fn key() -> impl Strategy<Value = String> {
    let known = [
        "usage",
        "usageMetadata",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "input_tokens",
        "output_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
        "reasoning_tokens",
        "cache_read_input_tokens",
        "cache_creation",
        "promptTokenCount",
        "thoughtsTokenCount",
        "promptTokensDetails",
        "modality",
        "tokenCount",
        "model",
        "id",
        "choices",
        "candidates",
        "finish_reason",
        "status",
        "incomplete_details",
        "response",
        "message",
        "delta",
    ];
    prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => ".{0,5}"]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}|AUDIO".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..8).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_panics(body in any_json()) {
        let answer = body.answer();
        prop_assert!(answer.usage.is_none_or(|usage| !usage.is_empty()));
    }
}

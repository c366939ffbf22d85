use super::*;
use std::time::{Duration, UNIX_EPOCH};

/// 2026-11-24.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_478_400)
}

fn price(provider: Option<&str>, model: &str, usage: Usage) -> Cost {
    Prices::bundled().price(&PriceRequest::new(provider, model, now(), &usage))
}

#[test]
fn without_a_list_nothing_has_a_price() {
    let usage = Usage::new(1_000, 100);
    let none = Prices::none();
    none.warm_up();
    assert_eq!(none.price(&PriceRequest::new(Some("openai"), "gpt-4o-mini", now(), &usage)), Cost::Unpriced);
    assert_eq!(none.version(), "none");
    assert_eq!(Prices::default().version(), "none");
    if cfg!(not(feature = "prices")) {
        assert_eq!(price(Some("openai"), "gpt-4o-mini", usage), Cost::Unpriced);
    }
}

#[cfg(feature = "prices")]
mod listed {
    use super::*;
    use crate::money::Usd;
    use genai_prices::Calculator;
    use proptest::prelude::*;

    fn known(nanos: i64) -> Cost {
        Cost::Known(Usd::from_nanos(nanos))
    }

    #[test]
    fn a_name_that_contains_a_provider_is_not_that_provider() {
        let usage = Usage::new(1_000, 100);
        for proxy in ["openai-compatible", "my-openai-proxy", "not-anthropic-at-all"] {
            for model in ["gpt-4o", "claude-sonnet-4-5"] {
                assert_eq!(price(Some(proxy), model, usage), Cost::Unpriced, "{proxy} {model}");
            }
        }
        for (provider, model) in [
            ("OpenAI", "gpt-4o"),
            ("mistral_ai", "mistral-large-latest"),
            ("aws.bedrock", "amazon.nova-lite-v1:0"),
            ("x_ai", "grok-4"),
            ("deepseek", "deepseek-chat"),
            ("groq", "llama-3.3-70b-versatile"),
            ("cohere", "command-r-plus"),
            ("perplexity", "sonar"),
            ("gcp.vertex_ai", "gemini-2.5-flash"),
            ("azure.ai.openai", "gpt-4o"),
            ("moonshot_ai", "kimi-k2-0905-preview"),
        ] {
            assert_ne!(price(Some(provider), model, usage), Cost::Unpriced, "{provider} {model}");
        }
    }

    #[test]
    fn the_version_is_that_of_the_dependency() {
        let lock = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
        let Ok(lock) = std::fs::read_to_string(lock) else { return };
        let version = Prices::bundled().version().strip_prefix("genai-prices ").unwrap();
        assert!(lock.contains(&format!("name = \"genai-prices\"\nversion = \"{version}\"")), "{version}");
    }

    #[test]
    fn published_prices() {
        // $ per million tokens: 0.15 in, 0.075 cached, 0.60 out.
        let usage = Usage::new(1_000, 100).with_cache_read(200);
        assert_eq!(price(Some("openai"), "gpt-4o-mini", usage), known(195_000));
        assert_eq!(price(Some("openai"), "gpt-4o-mini-2024-07-18", usage), known(195_000));
        assert_eq!(price(None, "gpt-4o-mini", usage), known(195_000));
        // 0.30 in, 2.50 out, reasoning at the price of output.
        let usage = Usage::new(1_000, 100).with_reasoning(60);
        for provider in ["gcp.gemini", "gcp.vertex_ai", "gcp.gen_ai", "google"] {
            assert_eq!(price(Some(provider), "gemini-2.5-flash", usage), known(550_000), "{provider}");
        }
        assert_eq!(price(Some("gcp.gemini"), "models/gemini-2.5-flash", usage), known(550_000));
        // 3.00 in, 3.75 written to the cache, 0.30 read from it, 15 out.
        let usage = Usage::new(10_000, 100).with_cache_read(2_000).with_cache_write(1_000);
        assert_eq!(price(Some("anthropic"), "claude-sonnet-4-0", usage), known(26_850_000));
        assert_eq!(price(Some("gcp.vertex_ai"), "claude-sonnet-4@20250514", usage), known(26_850_000));
        // Embeddings have no output.
        let usage = Usage { input: Some(1_000), ..Usage::default() };
        assert_eq!(price(Some("openai"), "text-embedding-3-small", usage), known(20_000));
        assert_eq!(price(Some("openai"), "text-embedding-3-small", Usage::new(1_000, 0)), known(20_000));
    }

    #[test]
    fn past_the_threshold_every_token_takes_the_new_price() {
        // 1.25 in and 10 out up to 200,000 input tokens, else 2.50 and 15.
        let at = |input| price(Some("gcp.gemini"), "gemini-2.5-pro", Usage::new(input, 1_000));
        assert_eq!(at(200_000), known(250_000_000 + 10_000_000));
        assert_eq!(at(200_001), known(500_002_500 + 15_000_000));
    }

    #[test]
    fn providers_are_found_by_their_opentelemetry_names() {
        for (name, id) in [
            ("openai", "openai"),
            ("gcp.gen_ai", "google"),
            ("gcp.vertex_ai", "google"),
            ("gcp.gemini", "google"),
            ("anthropic", "anthropic"),
            ("cohere", "cohere"),
            ("azure.ai.inference", "azure"),
            ("azure.ai.openai", "azure"),
            ("aws.bedrock", "aws"),
            ("perplexity", "perplexity"),
            ("x_ai", "x-ai"),
            ("deepseek", "deepseek"),
            ("groq", "groq"),
            ("mistral_ai", "mistral"),
            ("moonshot_ai", "moonshotai"),
            ("openrouter", "openrouter"),
            ("together", "together"),
        ] {
            let found = Calculator::bundled().find_provider(Some(jobmon_names::list_name(name)), None);
            assert_eq!(found.unwrap().map(genai_prices::ProviderInfo::id), Some(id), "{name}");
        }
        // Azure sells OpenAI's models at OpenAI's prices.
        assert_eq!(price(Some("azure.ai.openai"), "gpt-4o-mini", Usage::new(1_000, 100)), known(210_000));
    }

    #[test]
    fn who_is_unknown_has_no_price() {
        let usage = Usage::new(1_000, 100);
        for (provider, model) in [
            (Some("openai"), "no-such-model"),
            (None, "no-such-model"),
            (None, ""),
            (Some("llama.cpp"), "gpt-4o-mini"),
            (Some("ibm.watsonx.ai"), "gpt-4o-mini"),
            (Some("our-gateway"), "claude-sonnet-4-0"),
            (Some("anthropic"), "gpt-4o-mini"),
        ] {
            assert_eq!(price(provider, model, usage), Cost::Unpriced, "{provider:?} {model}");
        }
        assert_eq!(price(Some(" "), "gpt-4o-mini", usage), known(210_000), "an empty name is no name");
    }

    #[test]
    fn no_price_is_not_free() {
        for (provider, model) in [
            ("openai", "moderation"),
            ("mistral", "mistral-nemo:free"),
            ("google", "gemma-3"),
            ("github-copilot", "gpt-4o"),
            // Priced by the hour, the character and the page.
            ("groq", "whisper-large-v3"),
            ("mistral", "mistral-ocr-2503"),
        ] {
            for usage in [Usage::new(1_000, 100), Usage::new(1_000, 0), Usage::new(0, 0)] {
                assert_eq!(price(Some(provider), model, usage), Cost::Unpriced, "{model} {usage:?}");
            }
        }
        assert_eq!(price(Some("openai"), "gpt-4o-mini", Usage::new(0, 0)), known(0));
        assert_eq!(price(Some("openai"), "gpt-4o-mini", Usage::default()), Cost::Unpriced);
    }

    #[test]
    fn a_price_of_zero_is_free() {
        let list = r#"[{"id": "acme", "name": "Acme", "api_pattern": "acme", "models": [
            {"id": "free", "match": {"equals": "free"}, "prices": {"input_mtok": 0, "output_mtok": 0}},
            {"id": "half", "match": {"equals": "half"}, "prices": {"input_mtok": 0}},
            {"id": "none", "match": {"equals": "none"}, "prices": {}}
        ]}]"#;
        let list = Calculator::from_json(list).unwrap();
        let usage = Usage::new(1_000, 100).with_reasoning(10).with_cache_read(10);
        let price = |model| catalogue::price(&list, &PriceRequest::new(Some("acme"), model, now(), &usage));
        assert_eq!(price("free"), known(0));
        assert_eq!(price("half"), Cost::Unpriced, "at least nothing is no news");
        assert_eq!(price("none"), Cost::Unpriced);
    }

    #[test]
    fn parts_without_a_price_make_a_lower_bound() {
        let least = |nanos| Cost::AtLeast(Usd::from_nanos(nanos));
        let mini = |usage| price(Some("openai"), "gpt-4o-mini", usage);
        // Half of the counts are missing.
        assert_eq!(mini(Usage { output: Some(100), ..Usage::default() }), least(60_000));
        assert_eq!(mini(Usage { input: Some(1_000), ..Usage::default() }), least(150_000));
        // Audio and cache writes without a price of their own.
        assert_eq!(mini(Usage::new(1_000, 100).with_audio(500, 50)), least(210_000));
        assert_eq!(mini(Usage::new(1_000, 100).with_audio(0, 0)), known(210_000));
        assert_eq!(mini(Usage::new(1_000, 100).with_cache_write(500)), least(210_000));
        // An embedding model that answered with text.
        assert_eq!(price(Some("openai"), "text-embedding-3-small", Usage::new(1_000, 5)), least(20_000));
    }

    #[test]
    fn audio_and_cache_overlap_by_an_unknown_amount() {
        let flash = |usage| price(Some("gcp.gemini"), "gemini-2.5-flash", usage);
        // 0.30 text, 1.00 audio, 0.03 cached, 0.10 cached audio.
        assert_eq!(flash(Usage::new(1_000, 0).with_audio(500, 0)), known(650_000));
        let mixed = Usage::new(1_000, 0).with_audio(500, 0).with_cache_read(100);
        // Cheapest: all cached tokens are audio (500 text, 400 audio, 100 cached audio).
        assert_eq!(flash(mixed), Cost::AtLeast(Usd::from_nanos(150_000 + 400_000 + 10_000)));
        // All cached: nothing is left to guess.
        let cached = Usage::new(1_000, 0).with_audio(500, 0).with_cache_read(1_000);
        assert_eq!(flash(cached), known(15_000 + 50_000));
    }

    #[test]
    fn contradictions_are_lower_bounds() {
        let mini = |usage| price(Some("openai"), "gpt-4o-mini", usage);
        let least = |nanos| Cost::AtLeast(Usd::from_nanos(nanos));
        // More cached than input: 100 cached tokens at 0.075 and 100 out.
        assert_eq!(mini(Usage::new(100, 100).with_cache_read(1_000)), least(7_500 + 60_000));
        assert_eq!(mini(Usage::new(100, 100).with_cache_write(1_000)), least(15_000 + 60_000));
        assert_eq!(mini(Usage::new(100, 100).with_reasoning(1_000)), least(15_000 + 60_000));
        assert_eq!(mini(Usage::new(100, 100).with_audio(0, 1_000)), least(15_000 + 60_000));
        assert_eq!(mini(Usage { cache_read: Some(5), ..Usage::default() }), Cost::Unpriced);
        assert_eq!(mini(Usage::new(u64::MAX, u64::MAX)), Cost::Unpriced, "no one pays that");
    }

    #[test]
    fn no_model_of_the_list_is_free_by_accident() {
        let (mut priced, mut unpriced) = (0, 0);
        for provider in Calculator::bundled().providers() {
            for model in provider.models() {
                match price(Some(provider.id()), model.id(), Usage::new(1_000, 100)) {
                    Cost::Known(usd) | Cost::AtLeast(usd) => {
                        assert!(usd > Usd::ZERO, "{} {}", provider.id(), model.id());
                        priced += 1;
                    }
                    Cost::Unpriced => unpriced += 1,
                }
            }
        }
        // Without a price: 176 models with empty prices, those priced by other units than tokens, and the labels
        // of Bedrock's regional variants, which are no names of models.
        assert!(priced > 1_900 && unpriced < 300, "{priced} priced, {unpriced} not");
    }

    #[test]
    fn threads_share_one_list() {
        let prices = Prices::bundled();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let prices = prices.clone();
                scope.spawn(move || {
                    let usage = Usage::new(1_000, 100);
                    let request = PriceRequest::new(Some("openai"), "gpt-4o-mini", now(), &usage);
                    assert_eq!(prices.price(&request), known(210_000));
                });
            }
        });
    }

    fn count() -> impl Strategy<Value = Option<u64>> {
        prop_oneof![Just(None), (0..5_000_u64).prop_map(Some), any::<u64>().prop_map(Some)]
    }

    proptest! {
        #[test]
        fn nothing_panics_or_costs_less_than_zero(
            counts in prop::array::uniform7(count()),
            provider in prop::option::of("[a-z._-]{0,12}|gcp.gemini|openai"),
            model in ".{0,20}|models/|gemini-2.5-flash|gpt-4o-mini|claude-sonnet-4-5",
            seconds in any::<u32>(),
        ) {
            let [input, output, cache_read, cache_write, reasoning, input_audio, output_audio] = counts;
            let usage = Usage { input, output, cache_read, cache_write, reasoning, input_audio, output_audio };
            let at = UNIX_EPOCH + Duration::from_secs(seconds.into());
            let cost = Prices::bundled().price(&PriceRequest::new(provider.as_deref(), &model, at, &usage));
            prop_assert!(cost.floor() >= Usd::ZERO);
        }
    }
}

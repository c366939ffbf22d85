//! Prices of the user's own.

use super::*;
use crate::price::{ModelPrice, Rate};
use crate::time::Timestamp;

fn flat(nanos: i64) -> Rate {
    Rate::flat(Usd::from_nanos(nanos))
}

fn input(model: &'static str, dollars: i64) -> ModelPrice {
    ModelPrice::new(model).rate(UsageUnit::InputTokens, Rate::flat(Usd::from_dollars(dollars)))
}

/// Dollars for a million tokens.
fn dollars(prices: &Prices, provider: Option<&str>, model: &str, context: &[(&str, &str)]) -> Option<i64> {
    let usage = Usage { input: Some(1_000_000), ..Usage::default() };
    match prices.price(&PriceRequest::new(provider, model, now(), &usage).with_context(context)) {
        Cost::Unpriced => None,
        cost => Some(cost.floor().nanos() / 1_000_000_000),
    }
}

#[test]
fn the_price_that_fits_best_counts() {
    let later = Timestamp::from(now() + Duration::from_secs(1));
    let prices = Prices::bundled().with_models([
        input("llama*", 1),
        input("llama-70b*", 2),
        input("llama-70b-q4", 3),
        input("llama-70b-q4", 4).provider("vllm"),
        input("llama-70b-q4", 5).provider("vllm").from(later),
        input("llama-70b-q4", 6).provider("vllm").from(Timestamp::from(now())),
        input("llama-70b-q4", 7).context("service_tier", "flex"),
        input("gpt-4o", 8).provider("azure_openai"),
    ]);
    let prices = prices.expect("correct");
    let ask = |provider, model| dollars(&prices, provider, model, &[]);
    assert_eq!(ask(Some("x"), "LLAMA-7b"), Some(1));
    assert_eq!(ask(Some("x"), "llama-70b-q8"), Some(2));
    assert_eq!(ask(Some("x"), "llama-70b-q4"), Some(3));
    assert_eq!(ask(Some("vLLM"), "llama-70b-q4"), Some(6));
    assert_eq!(dollars(&prices, Some("x"), "llama-70b-q4", &[("service_tier", "flex")]), Some(7));
    assert_eq!(ask(Some("azure.ai.openai"), "gpt-4o"), Some(8));
    assert_eq!(ask(Some("openai"), "gpt-4o"), Some(2), "the list's");
    assert!(prices.version().starts_with("genai-prices 0.2.1 + own "), "{}", prices.version());
    assert_eq!(prices.with_models([]).expect("none").version(), "genai-prices 0.2.1");
}

#[test]
fn tiers_are_cliffs_and_parts_are_charged() {
    let price = ModelPrice::new("m")
        .rate(UsageUnit::InputTokens, flat(1_000_000_000).above(200_000, Usd::from_dollars(2)))
        .rate(UsageUnit::CacheReadTokens, flat(100_000_000))
        .rate(UsageUnit::OutputTokens, flat(4_000_000_000).above(200_000, Usd::from_dollars(6)))
        .rate(UsageUnit::Requests, flat(5_000_000_000));
    let prices = Prices::none().with_models([price]).expect("correct");
    let ask = |usage: Usage| prices.price(&PriceRequest::new(None, "m", now(), &usage));
    assert_eq!(ask(Usage::new(200_000, 1_000)), known(200_000_000 + 4_000_000 + 5_000_000));
    assert_eq!(ask(Usage::new(200_001, 1_000)), known(400_002_000 + 6_000_000 + 5_000_000));
    assert_eq!(ask(Usage::new(1_000, 0).with_cache_read(900)), known(100_000 + 90_000 + 5_000_000));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let in_out = |input, output| {
        ModelPrice::new("m").rate(UsageUnit::InputTokens, input).rate(UsageUnit::OutputTokens, output)
    };
    for (price, said) in [
        (ModelPrice::new(" "), "the name is empty"),
        (ModelPrice::new("*").rate(UsageUnit::InputTokens, flat(1_000_000)), "the name is empty"),
        (ModelPrice::new("m"), "no price is given"),
        (in_out(flat(-1), flat(1_000_000)), "`input_mtok`: a price cannot be negative"),
        (in_out(flat(1_000_000), flat(2_500)), "`output_mtok`: $0.0000025 for a million tokens is less than"),
        (in_out(Rate::flat(Usd::from_dollars(2_500_000)), flat(0)), "is more than any model costs"),
        (
            in_out(flat(1_000_000).above(9, Usd::from_nanos(1_000_000)).above(9, Usd::ZERO), flat(0)),
            "tiers overlap: one starts above 9 input tokens and the next above 9",
        ),
        (in_out(flat(1_000_000).above(0, Usd::ZERO), flat(0)), "is the base"),
        (ModelPrice::new("m").rate(UsageUnit::CacheReadTokens, flat(1_000_000)), "model `m`"),
    ] {
        let error = Prices::bundled().with_models([price]).expect_err(said).to_string();
        assert!(error.contains(said), "{said}: {error}");
    }
    let twice =
        Prices::bundled().with_models([input("M", 1).provider("gemini"), input("m", 2).provider("google")]);
    assert!(twice.expect_err("twice").to_string().contains("given twice"));
}

//! What pricing one answer costs, against the `genai-prices` crate asked for the same in the same run.
//!
//! ```text
//! cargo bench -p jobmon-benches --bench prices
//! ```

use genai_prices::UsageKey;
use jobmon::{PriceRequest, Prices, Usage};
use std::hint::black_box;
use std::io::Write;
use std::time::{Instant, SystemTime};

const ROUNDS: u32 = 20_000;

/// Nanoseconds of one, the median of some runs.
fn measure(mut price: impl FnMut()) -> f64 {
    let mut runs: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            (0..ROUNDS).for_each(|_| price());
            start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}

fn main() {
    let (prices, at) = (Prices::bundled(), SystemTime::now());
    let mut out = std::io::stdout();
    let _ = writeln!(out, "one answer, and its ratio to the genai-prices crate:");
    for (provider, model, list) in [
        ("gcp.gemini", "gemini-2.5-flash", "google"),
        ("openai", "gpt-4o-mini", "openai"),
        ("anthropic", "claude-sonnet-4-5", "anthropic"),
    ] {
        let usage = Usage::new(1_200, 80).with_cache_read(800);
        let units = genai_prices::Usage::from([
            (UsageKey::INPUT_TOKENS, 1_200.0),
            (UsageKey::OUTPUT_TOKENS, 80.0),
            (UsageKey::CACHE_READ_TOKENS, 800.0),
        ]);
        let ours = measure(|| {
            black_box(prices.price(&PriceRequest::new(Some(provider), model, at, black_box(&usage))));
        });
        let theirs = measure(|| {
            let request = genai_prices::PriceRequest::new(model, black_box(&units));
            black_box(genai_prices::calculate(&request.with_provider_id(list).with_timestamp(at)).is_ok());
        });
        let _ = writeln!(out, "  {model:<20} {ours:>7.0} ns {theirs:>7.0} ns  {:.2}", ours / theirs);
    }
}

//! Budgets in money while the price list is still being decoded: a process of its own, which begins without it.

#![cfg(feature = "prices")]

use jobmon_core::testing::Collect;
use jobmon_core::{Budget, BudgetExceeded, Cost, Settings, Usage, Usd, Warnings, instrument_llm};

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", budget = "analysis", crate = ::jobmon_core)]
fn ask() -> Result<Usage, BudgetExceeded> {
    Ok(Usage::new(1_000, 100))
}

#[test]
fn calls_that_end_before_there_are_prices_are_charged_when_they_are_priced() {
    let mut settings = Settings::default();
    settings.budgets = vec![Budget::new("analysis").limit("$1").per_month().block().estimate("$0.1")];
    settings.warnings = Warnings::to(|_| {});
    assert!(!settings.prices.is_ready(), "nobody has asked for a price yet");
    let (collect, _guard) = Collect::install_with(settings);
    let before = std::time::Instant::now();
    let admitted = (0..20).filter(|_| ask().is_ok()).count();
    let took = before.elapsed();
    // Until they are priced, each keeps what it has reserved: there is room for ten, or for more if prices came.
    assert!(admitted >= 10, "{admitted} in {took:?}");
    let calls = collect.calls();
    let cost: Usd = calls.iter().filter_map(|call| call.cost).map(Cost::floor).sum();
    // genai-prices, Python 0.2.3: $0.00021 for each.
    assert_eq!(cost, Usd::from_nanos(210_000 * i64::try_from(admitted).expect("few")));
    let status = collect.guard().budgets().remove(0);
    assert_eq!(
        (status.spent.to_string(), status.reserved.to_string()),
        (cost.to_string(), "$0.00".to_owned())
    );
    // Now there are prices, and calls are charged as they end.
    ask().expect("there is room");
    let status = collect.guard().budgets().remove(0);
    assert_eq!(status.spent.to_string(), (cost + Usd::from_nanos(210_000)).to_string());
}

//! A budget in money that holds from the first call of a process, in which nobody has needed the price list before.

#![cfg(feature = "prices")]

use jobmon_core::testing::Collect;
use jobmon_core::{Budget, BudgetExceeded, Settings, Usage, Warnings, instrument_llm};

/// $0.00021, by genai-prices, Python 0.2.3.
#[instrument_llm(provider = "openai", model = "gpt-4o-mini", budget = "analysis", crate = ::jobmon_core)]
fn ask() -> Result<Usage, BudgetExceeded> {
    Ok(Usage::new(1_000, 100))
}

#[test]
fn the_first_calls_are_charged_as_they_end() {
    let mut settings = Settings::default();
    settings.budgets = vec![Budget::new("analysis").limit("$0.00063").per_month().block()];
    settings.warnings = Warnings::to(|_| {});
    let (collect, _guard) = Collect::install_with(settings);
    for spent in ["$0.00021", "$0.00042", "$0.00063"] {
        ask().expect("there is money");
        let status = collect.guard().budgets().remove(0);
        assert_eq!(
            (status.spent.to_string(), status.reserved.to_string()),
            (spent.to_owned(), "$0.00".to_owned())
        );
    }
    ask().expect_err("all is spent");
}

//! What the example prints of budgets.

use jobmon::{Align, Amount, BudgetExceeded, BudgetStatus, Table};

/// Characters of a full bar.
const WIDTH: usize = 20;

/// A line for each budget, and one that says which of them ended the search; nothing where there are none.
pub(crate) fn to_text(budgets: &[BudgetStatus], ended_by: Option<&BudgetExceeded>) -> String {
    if budgets.is_empty() {
        return String::new();
    }
    let (left, right) = (Align::Left, Align::Right);
    let columns = [("budget", left), ("of", left), ("spent", right), ("limit", right), ("", left)];
    let mut table = Table::new(columns.into_iter().chain([("begins anew", left)]));
    for status in budgets {
        table.row([
            status.budget.to_string(),
            status.key.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            status.spent.to_string(),
            status.limit.to_string(),
            bar(status.spent, status.limit),
            status.resets_at.map_or_else(|| "bit by bit".to_owned(), |at| at.to_string()),
        ]);
    }
    let ended =
        ended_by.map_or_else(String::new, |exceeded| format!("The search ended early: {exceeded}.\n"));
    format!("Budgets\n{}{ended}\n", table.to_text())
}

/// `[##########----------]  50 %`; full where more is spent than the limit.
fn bar(spent: Amount, limit: Amount) -> String {
    let number = |amount| match amount {
        Amount::Usd(usd) => usize::try_from(usd.nanos()).unwrap_or(0),
        Amount::Tokens(tokens) => usize::try_from(tokens).unwrap_or(usize::MAX),
    };
    let of_limit = |parts: usize| number(spent).saturating_mul(parts) / number(limit).max(1);
    let full = of_limit(WIDTH).min(WIDTH);
    format!("[{}{}] {:>3} %", "#".repeat(full), "-".repeat(WIDTH - full), of_limit(100))
}

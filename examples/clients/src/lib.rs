//! What the tests of the examples compare: the usage that was recorded, and the provider's own ledger.

use example_provider::LedgerEntry;
use jobmon::CallRecord;

/// Input, output, cached and reasoning tokens of each answer, sorted. What was not reported counts as zero.
pub type Tokens = Vec<[u64; 4]>;

/// As the calls recorded it.
pub fn recorded(calls: &[CallRecord]) -> Tokens {
    let answers = calls.iter().flat_map(|call| &call.answers).filter_map(|answer| answer.answer.usage);
    let counts = answers.map(|usage| [usage.input, usage.output, usage.cache_read, usage.reasoning]);
    let mut tokens: Tokens = counts.map(|counts| counts.map(Option::unwrap_or_default)).collect();
    tokens.sort_unstable();
    tokens
}

/// As the provider bills it.
pub fn billed(ledger: &[LedgerEntry]) -> Tokens {
    let mut tokens: Tokens =
        ledger.iter().map(|entry| [entry.input, entry.output, entry.cached, entry.reasoning]).collect();
    tokens.sort_unstable();
    tokens
}

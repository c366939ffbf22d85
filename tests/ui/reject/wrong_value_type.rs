use jobmon::instrument_llm;

#[instrument_llm(model = 3)]
fn number() {}

#[instrument_llm(name = some_name)]
fn not_a_literal() {}

#[instrument_llm(usage = 7)]
fn usage() {}

#[instrument_llm(usage = |a, b| a)]
fn usage_of_two() {}

#[instrument_llm(error = ErrorCategory::Other)]
fn error() {}

#[instrument_llm(operation = "chatting")]
fn operation() {}

#[instrument_llm(track = tokens)]
fn track() {}

fn main() {
    number();
    not_a_literal();
    usage();
    usage_of_two();
    error();
    operation();
    track();
}

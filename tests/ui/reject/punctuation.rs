use jobmon::instrument_llm;

#[instrument_llm(model = "m" provider = "p")]
fn missing_comma() {}

#[instrument_llm("gpt-4o-mini")]
fn value_without_key() {}

#[instrument_llm(model)]
fn key_without_value() {}

#[instrument_llm(model =)]
fn nothing_after_equals() {}

fn main() {
    missing_comma();
    value_without_key();
    key_without_value();
    nothing_after_equals();
}

use jobmon::instrument_llm;

#[instrument_llm(capture)]
fn nothing_named() {}

#[instrument_llm(capture())]
fn nothing_in_it() {}

#[instrument_llm(capture(prompt))]
fn a_parameter(_prompt: &str) {}

#[instrument_llm(capture(inputs(prompt)))]
fn misspelt(_prompt: &str) {}

#[instrument_llm(capture(input()))]
fn no_value(_prompt: &str) {}

#[instrument_llm(capture(output(answer)))]
fn named_output() {}

#[instrument_llm(capture(output, output))]
fn twice() {}

#[instrument_llm(capture = "input")]
fn text() {}

#[instrument_llm(capture(input(prompt)), capture(output))]
fn two_lists(_prompt: &str) {}

fn main() {}

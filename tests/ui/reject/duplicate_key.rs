use jobmon::instrument_llm;

#[instrument_llm(model = "a", provider = "openai", model = "b")]
fn key() {}

#[instrument_llm(track(tokens, errors, tokens), fields(x = 1, y = 2, x = 3))]
fn part_and_field() {}

fn main() {
    key();
    part_and_field();
}

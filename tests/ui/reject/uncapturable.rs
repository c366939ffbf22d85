use jobmon::instrument_llm;

struct Posting {
    text: String,
}

#[instrument_llm(capture(input(posting)))]
fn analyze(posting: &Posting) {}

#[instrument_llm(capture(input(posting.text)))]
fn the_text_can_be(posting: &Posting) {}

fn main() {
    analyze(&Posting { text: String::new() });
}

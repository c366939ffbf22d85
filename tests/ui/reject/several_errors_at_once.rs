use jobmon::instrument_llm;

#[instrument_llm(modle = "gpt-4o-mini", provider = 3, operation = caht, track(token))]
async fn four_mistakes(x: u8) -> u8 {
    x
}

fn main() {
    // The function is there all the same.
    let _ = four_mistakes(1);
}

use jobmon::instrument_llm;

#[instrument_llm]
const fn answer() -> u8 {
    42
}

fn main() {
    answer();
}

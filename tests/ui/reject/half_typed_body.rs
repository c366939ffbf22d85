use jobmon::instrument_llm;

#[instrument_llm(model = "m")]
async fn typing(x: String) -> usize {
    x.
}

fn main() {
    let _ = typing(String::new());
}

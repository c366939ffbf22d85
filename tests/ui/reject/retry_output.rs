use jobmon::instrument_llm;

#[instrument_llm(retry)]
async fn plain(x: u8) -> u8 {
    x
}
#[instrument_llm(retry)]
fn optional(x: u8) -> Option<u8> {
    Some(x)
}
#[instrument_llm(retry)]
async fn nothing() {}

fn main() {
    let _ = (plain(1), optional(1), nothing());
}

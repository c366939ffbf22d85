use jobmon::instrument_llm;

#[instrument_llm(modle = "gpt-4o-mini", provider = "openai")]
async fn typo() {}

#[instrument_llm(banana = 1)]
fn far_off() {}

#[instrument_llm(retry(attempts = 3))]
fn of_a_later_version() {}

fn main() {
    let _ = typo();
    far_off();
    of_a_later_version();
}

use jobmon::instrument_llm;

#[instrument_llm(model = modle, fields(job.id = %job.id))]
async fn ask(model: &str) -> usize {
    model.len()
}

fn main() {
    let _ = ask("m");
}

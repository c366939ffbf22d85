use jobmon::instrument_llm;

#[instrument_llm(crate = super::watcher)]
fn relative() {}

#[instrument_llm(crate = "jobmon")]
fn quoted() {}

fn main() {
    relative();
    quoted();
}

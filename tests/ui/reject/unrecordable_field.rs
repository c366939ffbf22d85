use jobmon::instrument_llm;

struct Job;

#[instrument_llm(fields(job))]
fn analyze(job: Job) {
    let Job = job;
}

fn main() {
    analyze(Job);
}

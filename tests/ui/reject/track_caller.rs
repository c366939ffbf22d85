use jobmon::instrument_llm;

#[instrument_llm]
#[track_caller]
fn located() -> u32 {
    std::panic::Location::caller().line()
}

fn main() {
    located();
}

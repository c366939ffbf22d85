use jobmon::instrument_llm;

struct Agent;

#[instrument_llm]
impl Agent {
    fn nothing_async(&self) {}
}
#[instrument_llm(name = "all")]
impl Agent {
    async fn named(&self) {}
}
#[instrument_llm]
impl Agent {
    #[instrument_llm(modle = "m")]
    async fn mistaken(&self) {}
    #[instrument_llm]
    const fn constant(&self) {}
    #[instrument_llm(skip, model = "m")]
    async fn skipped_and_not(&self) {}
}
#[instrument_llm(skip)]
async fn outside() {}

fn main() {
    Agent.nothing_async();
    Agent.constant();
    let _ = (Agent.named(), Agent.mistaken(), Agent.skipped_and_not(), outside());
}

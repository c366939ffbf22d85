use jobmon::instrument_llm;

trait Agent {
    #[instrument_llm]
    fn analyze(&self) -> u8;
}

impl Agent for u8 {
    fn analyze(&self) -> u8 {
        *self
    }
}

fn main() {
    1_u8.analyze();
}

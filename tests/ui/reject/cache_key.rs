use jobmon::instrument_llm;

struct NotDisplayed;

#[instrument_llm(model = "m", cache_key = (id, 1))]
async fn tuple(id: u32) {}

#[instrument_llm(model = "m", cache_key = |out| out)]
async fn closure(id: u32) {}

#[instrument_llm(model = "m", cache_key)]
async fn nothing(id: u32) {}

#[instrument_llm(model = "m", cache_key = value)]
async fn not_displayed(value: NotDisplayed) {}

fn main() {}

//! What is said, and where.

#[jobmon::instrument_llm(provider = "openai", model = "gpt-4o-mni")]
fn misspelt() {}

#[jobmon::instrument_llm(provider = "opnai", model = "gpt-4o-mini")]
fn provider() {}

#[jobmon::instrument_llm(provider = "gcp.gemini", model = "gemini-2.0-flash")]
fn retired() {}

#[jobmon::instrument_llm(provider = "openai", model = "our-own-model", model_check = warn)]
fn private() {}

fn main() {
    misspelt();
    provider();
    retired();
    private();
}

//! An error for one function, which stays usable.

#[jobmon::instrument_llm(provider = "openai", model = "gpt-4o-mni", model_check = error)]
fn ask() -> u8 {
    1
}

#[jobmon::instrument_llm(provider = "openai", model = "gpt-4o-mini", model_check = error)]
fn main() {
    let _: u8 = ask();
}

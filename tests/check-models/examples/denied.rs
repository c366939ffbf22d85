//! One line for a whole crate.

#![deny(deprecated)]

#[jobmon::instrument_llm(provider = "openai", model = "gpt-4o-mni")]
fn main() {}

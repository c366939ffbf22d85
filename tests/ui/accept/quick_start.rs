//! Nothing but the attribute and `main`.
#![deny(warnings)]

use jobmon::instrument_llm;

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", feature = "greeting")]
async fn greet(name: &str) -> Result<String, std::io::Error> {
    Ok(format!("Hello {name}"))
}

fn main() -> Result<(), std::io::Error> {
    drop(greet("you"));
    run()
}

#[instrument_llm]
fn run() -> Result<(), std::io::Error> {
    Ok(())
}

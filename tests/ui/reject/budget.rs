use futures_core::Stream;
use jobmon::{BudgetExceeded, instrument_llm};
use std::pin::Pin;

#[derive(Debug)]
struct Mine;

#[instrument_llm(budget)]
fn stream(stream: Pin<Box<dyn Stream<Item = u8>>>) -> Pin<Box<dyn Stream<Item = u8>>> {
    stream
}
#[instrument_llm(budget = "analysis")]
fn never() -> ! {
    panic!()
}
#[instrument_llm(budget = "analysis")]
async fn never_async() -> ! {
    panic!()
}
#[instrument_llm(budget = 5)]
async fn number() -> Result<(), BudgetExceeded> {
    Ok(())
}
#[instrument_llm(budget = "")]
async fn empty() -> Result<(), BudgetExceeded> {
    Ok(())
}
#[instrument_llm(budget("analysis"))]
async fn parentheses() -> Result<(), BudgetExceeded> {
    Ok(())
}
#[instrument_llm(budget)]
async fn no_result() -> Option<u8> {
    None
}
#[instrument_llm(budget = "analysis")]
async fn another_error() -> Result<u8, Mine> {
    Err(Mine)
}
#[instrument_llm(budget)]
fn another_sync_error() -> Result<u8, Mine> {
    Err(Mine)
}
#[instrument_llm(budget = name)]
async fn no_text(name: u8) -> Result<(), BudgetExceeded> {
    let _ = name;
    Ok(())
}

fn main() {
    let _ = (stream, never as fn() -> !, never_async, number(), empty(), parentheses());
    let _ = (no_result(), another_error(), another_sync_error(), no_text(1));
}

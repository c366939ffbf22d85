use futures_core::Stream;
use jobmon::instrument_llm;
use std::pin::Pin;

#[derive(Debug)]
struct Mine;

#[instrument_llm(timeout = "1s")]
fn sync() -> Result<(), jobmon::TimedOut> {
    Ok(())
}
#[instrument_llm(timeout = "1s")]
fn stream(stream: Pin<Box<dyn Stream<Item = u8>>>) -> Pin<Box<dyn Stream<Item = u8>>> {
    stream
}
#[instrument_llm(timeout = 5)]
async fn number() -> Result<(), jobmon::TimedOut> {
    Ok(())
}
#[instrument_llm(timeout = "5")]
async fn no_unit() -> Result<(), jobmon::TimedOut> {
    Ok(())
}
#[instrument_llm(timeout = "1s")]
async fn no_result() -> Option<u8> {
    None
}
#[instrument_llm(timeout = "1s")]
async fn another_error() -> Result<u8, Mine> {
    Err(Mine)
}
#[instrument_llm(timeout = limit)]
async fn no_duration(limit: u64) -> Result<(), jobmon::TimedOut> {
    let _ = limit;
    Ok(())
}

fn main() {
    let _ = (sync(), stream, number(), no_unit(), no_result(), another_error(), no_duration(1));
}

use futures_core::Stream;
use jobmon::instrument_llm;
use std::future::Future;
use std::pin::Pin;

#[instrument_llm(retry(tries = 3))]
async fn unknown_key() -> Result<(), String> {
    Ok(())
}
#[instrument_llm(retry(attempts = 1))]
async fn once() -> Result<(), String> {
    Ok(())
}
#[instrument_llm(retry = 3)]
async fn number() -> Result<(), String> {
    Ok(())
}
#[instrument_llm(retry(on(RateLimits)))]
async fn unknown_category() -> Result<(), String> {
    Ok(())
}
#[instrument_llm(retry(on()))]
async fn no_category() -> Result<(), String> {
    Ok(())
}
#[instrument_llm(retry(backoff = linear("1s")))]
async fn unknown_backoff() -> Result<(), String> {
    Ok(())
}
#[instrument_llm(retry(backoff = fixed("1 week")))]
async fn unknown_unit() -> Result<(), String> {
    Ok(())
}
#[instrument_llm(retry(when = true))]
async fn no_function() -> Result<(), String> {
    Ok(())
}
#[instrument_llm(retry)]
fn never() -> ! {
    loop {}
}
#[instrument_llm(retry)]
fn stream(stream: Pin<Box<dyn Stream<Item = u8>>>) -> Pin<Box<dyn Stream<Item = u8>>> {
    stream
}
#[instrument_llm(retry)]
fn future(text: &mut String) -> impl Future<Output = Result<(), String>> {
    async move {
        text.push('x');
        Ok(())
    }
}

fn main() {
    let _ = (unknown_key(), once(), number(), unknown_category(), no_category(), unknown_backoff());
    let _ = (unknown_unit(), no_function(), future(&mut String::new()), stream, never);
}

use jobmon::instrument_llm;
use std::pin::Pin;

trait Stream {
    type Item;
}
impl Stream for u8 {
    type Item = u8;
}
type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + 'a>>;

#[instrument_llm]
fn unnamed() -> impl Stream<Item = u8> {
    1
}
#[instrument_llm]
async fn asynchronous() -> impl Stream<Item = u8> {
    1
}
#[instrument_llm]
fn boxed() -> Pin<Box<dyn Stream<Item = u8>>> {
    Box::pin(1)
}
#[instrument_llm]
fn alias() -> BoxStream<'static, u8> {
    Box::pin(1)
}

fn main() {
    let _ = (unnamed(), asynchronous(), boxed(), alias());
}

use jobmon::instrument_llm;
use std::future::{Future, ready};

#[instrument_llm(boxed)]
fn sync() {}
#[instrument_llm(boxed)]
fn future() -> impl Future<Output = ()> {
    ready(())
}
#[instrument_llm(boxed = true)]
async fn a_value() {}

fn main() {
    sync();
    let _ = (future(), a_value());
}

//! Functions with something to complain about that are tried again, have a time, are boxed or give streams, and methods
//! of a block that has the attribute.
use futures_core::Stream;
use jobmon::{TimedOut, instrument_llm};
use std::future::{Future, ready};
use std::pin::Pin;

#[instrument_llm(retry)]
pub async fn unused_arguments(x: u8, (y, _): (u8, String), z: &str) -> Result<u8, String> {
    Ok(1)
}
#[instrument_llm(retry)]
pub async fn unused_mut(mut x: u8, mut y: Vec<u8>) -> Result<u8, String> {
    y.push(1);
    Ok(x)
}
#[instrument_llm(retry)]
pub async fn locals(x: u8) -> Result<u8, String> {
    let unused = 1;
    let mut never = 1;
    let result = Ok(x + never);
    result
}
#[instrument_llm(retry)]
pub fn unreachable(x: u8) -> Result<u8, String> {
    return Ok(x);
    Err(String::new())
}
#[instrument_llm(retry)]
async fn dead() -> Result<(), String> {
    Ok(())
}
#[instrument_llm(retry)]
pub fn future(x: u8) -> impl Future<Output = Result<u8, String>> {
    let unused = x;
    ready(Ok(1))
}
#[instrument_llm(retry)]
pub fn pinned(x: bool) -> Pin<Box<dyn Future<Output = Result<u8, String>>>> {
    Box::pin(async move { if x == true { Ok(1) } else { Err(String::new()) } })
}
#[rustfmt::skip]
#[instrument_llm(retry)]
pub async fn one_line(x: u8) -> Result<u8, String> { Ok(x) }

#[instrument_llm(timeout = "1s")]
pub async fn timed(x: u8, y: String) -> Result<u8, TimedOut> {
    locals(1);
    Ok((x))
}
#[instrument_llm(timeout = "1s")]
pub fn timed_future(x: String) -> impl Future<Output = Result<u8, TimedOut>> {
    ready(Ok(1))
}
#[instrument_llm(boxed)]
pub async fn boxed(x: u8, mut y: u8) -> u8 {
    let unused = 1;
    y
}
#[rustfmt::skip]
#[instrument_llm(boxed)]
pub async fn one_line_boxed(x: u8) -> u8 { x }

#[instrument_llm]
pub fn stream(stream: Pin<Box<dyn Stream<Item = u8>>>, x: u8) -> Pin<Box<dyn Stream<Item = u8>>> {
    let mut never = 1;
    stream
}
#[instrument_llm]
pub async fn opened<S: Stream<Item = u8>>(stream: S, x: String) -> Result<impl Stream<Item = u8>, String> {
    let result = Ok(stream);
    result
}
#[rustfmt::skip]
#[instrument_llm]
pub fn one_line_stream<S: Stream<Item = u8>>(stream: S) -> impl Stream<Item = u8> { stream }

/// Says nothing of where it is called from, bare as well.
#[instrument_llm]
#[track_caller]
pub async fn located() -> u32 {
    std::panic::Location::caller().line()
}

pub struct Agent {
    name: String,
}
#[instrument_llm]
impl Agent {
    async fn dead_method(&self) {}
    fn dead_sync(&self) {}
    pub async fn unused_arguments(&self, first: u8, (second, third): (u8, String)) {}
    pub async fn ask(&mut self, mut prompt: String) -> Result<String, String> {
        Ok(prompt)
    }
    #[instrument_llm(name = "other")]
    pub async fn named(&self) -> &str {
        let unused = 1;
        &self.name
    }
    #[instrument_llm(skip)]
    pub async fn skipped(&self, unused: u8) {}
    pub fn plain(&self, unused: u8) -> u8 {
        let mut never = 1;
        never
    }
    pub async fn NotSnake(&self) -> usize {
        self.name.len()
    }
    #[deprecated]
    pub async fn old(&self) {
        ready(()).await
    }
    #[must_use]
    pub async fn kept(&self) -> u8 {
        self.unused_arguments(1, (2, String::new()));
        1
    }
    pub async fn several<T>(&self, x: T) -> T
    where
        T: Send,
    {
        let unused = 1;
        x
    }
}

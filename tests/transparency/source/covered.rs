//! Functions with lines to cover.
use jobmon::instrument_llm;
use std::future::{Future, ready};
use std::pin::Pin;

#[instrument_llm]
pub fn sync(x: u8) -> u8 {
    if x > 1 {
        return 3;
    }
    let y = x + 1;
    y
}
#[instrument_llm]
pub async fn asynchronous(x: u8) -> Result<u8, String> {
    if x > 1 {
        return Err("large".to_owned());
    }
    ready(()).await;
    let y: u8 = "1".parse().map_err(|_| "no number".to_owned())?;
    Ok(match y {
        0 => 1,
        1 => 2,
        _ => x,
    })
}
#[rustfmt::skip]
#[instrument_llm]
pub fn one_line(x: u8) -> u8 { x + 1 }
#[rustfmt::skip]
#[instrument_llm]
pub async fn one_line_async(x: u8) -> u8 { x + 1 }
#[instrument_llm]
pub fn unit(x: &mut Vec<u8>) {
    x.push(1);
}
#[instrument_llm]
pub async fn unit_async(x: &mut Vec<u8>) {
    x.push(1);
}
#[instrument_llm]
pub fn empty() {}
#[instrument_llm]
pub async fn empty_async() {}
#[instrument_llm]
pub fn never(x: u8) -> ! {
    let text = "never";
    if x > 1 {
        panic!("{}", text);
    }
    std::process::exit(1)
}
#[instrument_llm]
pub fn statements_first(x: u8) -> Pin<Box<dyn Future<Output = u8>>> {
    let y = x + 1;
    if y > 3 {
        return Box::pin(ready(3));
    }
    Box::pin(async move {
        ready(()).await;
        y
    })
}
#[instrument_llm]
pub fn future(x: u8) -> impl Future<Output = u8> {
    let y = x + 1;
    async move {
        if y > 1 {
            return 2;
        }
        ready(()).await;
        1
    }
}
#[instrument_llm]
pub fn combinator(x: u8) -> impl Future<Output = u8> {
    ready(
        // Over several lines.
        x + 1,
    )
}
pub struct Agent(u8);
impl Agent {
    #[instrument_llm(model = "m", fields(n = self.0))]
    pub async fn ask(&mut self, prompt: &str) -> Option<usize> {
        for c in prompt.chars() {
            if c == 'x' {
                self.0 += 1;
                continue;
            }
            ready(c).await;
        }
        let n = prompt.len().checked_sub(1)?;
        Some(n)
    }
    #[instrument_llm]
    pub fn into_inner(self) -> u8 {
        let closure = |x: u8| {
            if x > 1 {
                return x;
            }
            0
        };
        closure(self.0)
    }
}
#[instrument_llm]
pub async fn panics(x: Option<u8>) -> u8 {
    let Some(x) = x else {
        panic!("nothing");
    };
    x
}
#[instrument_llm]
pub async fn unfinished() -> u8 {
    todo!()
}
#[instrument_llm]
pub fn generic<T: Default>(x: Option<T>) -> T {
    match x {
        Some(x) => x,
        None => T::default(),
    }
}

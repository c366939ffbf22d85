//! A model that is not known, wherever a function may stand.

use jobmon::instrument_llm;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;

#[cfg_attr(not(feature = "off"), instrument_llm(model = "no-such-1"))]
#[cfg_attr(feature = "off", instrument_llm(model = "no-such-1", model_check = off))]
fn free() -> u8 {
    #[cfg_attr(not(feature = "off"), instrument_llm(model = "no-such-2"))]
    #[cfg_attr(feature = "off", instrument_llm(model = "no-such-2", model_check = off))]
    fn inside() -> u8 {
        1
    }
    inside()
}

#[cfg_attr(not(feature = "off"), instrument_llm(model = "no-such-3"))]
#[cfg_attr(feature = "off", instrument_llm(model = "no-such-3", model_check = off))]
async fn generic<const N: usize, T: Display>(items: [T; N]) -> usize {
    items.iter().map(|item| item.to_string().len()).sum()
}

#[cfg_attr(not(feature = "off"), instrument_llm(model = "no-such-4", fields(n)))]
#[cfg_attr(feature = "off", instrument_llm(model = "no-such-4", fields(n), model_check = off))]
fn future(n: u8) -> impl Future<Output = u8> {
    async move { n }
}

#[cfg_attr(not(feature = "off"), instrument_llm(model = "no-such-5"))]
#[cfg_attr(feature = "off", instrument_llm(model = "no-such-5", model_check = off))]
fn boxed() -> Pin<Box<dyn Future<Output = u8>>> {
    Box::pin(async { 1 })
}

#[cfg_attr(not(feature = "off"), instrument_llm(model = "no-such-6"))]
#[cfg_attr(feature = "off", instrument_llm(model = "no-such-6", model_check = off))]
fn never() -> ! {
    std::process::exit(0)
}

struct Agent<'a>(&'a str);

impl Agent<'_> {
    #[cfg_attr(not(feature = "off"), instrument_llm(model = "no-such-7"))]
    #[cfg_attr(feature = "off", instrument_llm(model = "no-such-7", model_check = off))]
    async fn method(&self) -> &str {
        self.0
    }
}

#[async_trait::async_trait]
trait Ask {
    async fn ask(&self) -> usize;

    #[cfg_attr(not(feature = "off"), instrument_llm(model = "no-such-8"))]
    #[cfg_attr(feature = "off", instrument_llm(model = "no-such-8", model_check = off))]
    fn provided(&self) -> usize {
        1
    }
}

#[async_trait::async_trait]
impl Ask for Agent<'_> {
    #[cfg_attr(not(feature = "off"), instrument_llm(model = "no-such-9"))]
    #[cfg_attr(feature = "off", instrument_llm(model = "no-such-9", model_check = off))]
    async fn ask(&self) -> usize {
        self.0.len()
    }
}

macro_rules! made_by_a_macro {
    ($name:ident, $model:literal) => {
        #[cfg_attr(not(feature = "off"), instrument_llm(model = $model))]
        #[cfg_attr(feature = "off", instrument_llm(model = $model, model_check = off))]
        fn $name() {}
    };
}
made_by_a_macro!(from_macro, "no-such-10");

fn main() {
    let agent = Agent("x");
    drop((free(), generic([1]), future(1), boxed(), agent.method(), agent.ask(), agent.provided()));
    from_macro();
    never();
}

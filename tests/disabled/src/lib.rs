//! Functions that are compiled with and without the attribute, to the same code.

use jobmon::Usage;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;

/// Something to answer.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub model: String,
    pub tokens: u64,
}

#[cfg_attr(feature = "annotated", jobmon::instrument_llm(provider = "openai", model = request.model, usage = required))]
pub async fn ask(request: Request) -> Result<Usage, std::num::ParseIntError> {
    let input: u64 = request.model.parse()?;
    std::future::ready(()).await;
    Ok(Usage::new(input, request.tokens))
}

#[cfg_attr(feature = "annotated", jobmon::instrument_llm)]
pub fn first<'a, T: Display>(items: &'a mut [T], fallback: &'a mut T) -> &'a mut T {
    if items.is_empty() {
        return fallback;
    }
    &mut items[0]
}

#[cfg_attr(feature = "annotated", jobmon::instrument_llm(name = "boxed", fields(n)))]
pub fn boxed(n: u64) -> Pin<Box<dyn Future<Output = u64>>> {
    let twice = n * 2;
    Box::pin(async move { twice })
}

#[cfg_attr(feature = "annotated", jobmon::instrument_llm(operation = plan, error = |_| jobmon::ErrorCategory::Other))]
#[inline]
pub fn later(n: u64) -> impl Future<Output = Result<u64, String>> {
    async move { n.checked_add(1).ok_or_else(|| "too many".to_owned()) }
}

#[cfg_attr(feature = "annotated", jobmon::instrument_llm(track(errors)))]
pub fn never() -> ! {
    std::process::exit(3)
}

impl Request {
    #[cfg_attr(feature = "annotated", jobmon::instrument_llm(model = self.model, feature = "methods"))]
    pub async fn send(&self, prompt: &str) -> usize {
        prompt.len() + self.model.len()
    }
}

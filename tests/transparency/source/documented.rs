//! Functions to read about.
use jobmon::instrument_llm;
use std::future::{Future, ready};
use std::pin::Pin;

/// Plain.
#[instrument_llm]
pub fn plain(first: u8, second: &str) -> usize {
    usize::from(first) + second.len()
}
/// Asynchronous.
#[instrument_llm(model = model)]
pub async fn asynchronous(model: &str) -> Result<String, std::io::Error> {
    //! And from the inside.
    Ok(model.to_owned())
}
/// Generic.
#[instrument_llm]
pub async fn generic<'a, T, const N: usize>(x: &'a [T; N], f: impl Fn(&T) -> bool) -> Option<&'a T>
where
    T: Clone + 'a,
{
    x.iter().find(|x| f(x))
}
/// Patterns.
#[instrument_llm]
pub fn patterns((a, b): (u8, u8), [c, ..]: [u8; 3], _: u8, mut d: u8, #[cfg(any())] e: u8) -> u8 {
    d += 1;
    a + b + c + d
}
/// Marked.
#[must_use = "for a reason"]
#[deprecated(since = "1.0.0", note = "by a test")]
#[doc(alias = "labelled")]
#[inline]
#[instrument_llm]
#[cold]
pub fn marked() -> u8 {
    1
}
/// Unsafe.
///
/// # Safety
/// Always.
#[instrument_llm]
pub unsafe extern "C" fn foreign(x: u8) -> u8 {
    x
}
/// Unsafe and asynchronous.
///
/// # Safety
/// Always.
#[instrument_llm]
pub async unsafe fn unsafe_async(x: u8) -> u8 {
    x
}
/// A future.
#[instrument_llm]
pub fn future(x: &str) -> impl Future<Output = usize> + Send + use<> {
    ready(x.len())
}
/// A boxed future.
#[instrument_llm]
pub fn boxed(x: &str) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
    Box::pin(async move { x.len() })
}
/// Never.
#[instrument_llm]
pub fn never() -> ! {
    panic!("never")
}
/// In a trait.
pub trait Ask {
    /// What it gives.
    type Answer;
    /// To be implemented.
    fn ask(&self, prompt: &str) -> impl Future<Output = Self::Answer>;
    /// By default.
    #[instrument_llm]
    #[expect(async_fn_in_trait, reason = "as written")]
    async fn twice(&self, prompt: &str) -> (Self::Answer, Self::Answer) {
        (self.ask(prompt).await, self.ask(prompt).await)
    }
}
/// With methods.
pub struct Agent<'a>(&'a str);
impl Agent<'_> {
    /// By reference.
    #[instrument_llm]
    pub async fn by_ref(&self) -> usize {
        self.0.len()
    }
    /// By value.
    #[instrument_llm]
    pub fn by_value(mut self: Box<Self>) -> usize {
        self.0 = "";
        self.0.len()
    }
    #[instrument_llm]
    fn private(&mut self) {}
}
impl Ask for Agent<'_> {
    type Answer = usize;
    #[instrument_llm]
    async fn ask(&self, prompt: &str) -> usize {
        prompt.len()
    }
}
#[allow(dead_code)]
#[instrument_llm]
fn private() {}

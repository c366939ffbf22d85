//! The keys of the attribute.

use crate::block_on;
use jobmon::{ErrorCategory, LlmResponse, Usage, instrument_llm};
use std::future::Future;

struct Request {
    model: String,
    items: Vec<u8>,
    user: Option<u32>,
}
struct Completion {
    prompt: u64,
    output: u64,
}
impl LlmResponse for Completion {
    fn usage(&self) -> Option<Usage> {
        Some(Usage::new(self.prompt, self.output))
    }
}

#[instrument_llm(
    operation = chat,
    provider = "openai",
    model = request.model,
    feature = format!("feature_{}", request.items.len()),
    name = "analyze",
    fields(
        request.user,
        n = request.items.len(),
        job.id = %request.model,
        "quoted.key" = ?request.items,
        text = &*request.model,
    ),
    track(tokens, latency, errors, retries),
)]
async fn all_keys(request: Request) -> Result<Completion, String> {
    if request.items.is_empty() {
        return Err("empty".to_owned());
    }
    Ok(Completion { prompt: 1, output: 2 })
}

const MODEL: &str = "constant";
#[instrument_llm(model = MODEL, operation = "text_completion", track())]
fn constants() -> u8 {
    1
}
#[instrument_llm(usage = required)]
fn required_in_generic_code<T: LlmResponse>(x: T) -> Result<Option<T>, String> {
    Ok(Some(x))
}
#[instrument_llm(usage = required)]
async fn required_of_unnamed() -> Result<impl LlmResponse, String> {
    Ok(Completion { prompt: 1, output: 2 })
}
#[instrument_llm(usage = required)]
fn required_of_future() -> impl Future<Output = Result<(Completion, u8), String>> {
    std::future::ready(Ok((Completion { prompt: 1, output: 2 }, 1)))
}
#[instrument_llm(usage = manual, operation = embeddings)]
async fn manual() -> Vec<f32> {
    vec![0.5]
}
#[instrument_llm(usage = |out| Usage::new(out.0, 1), error = |_| ErrorCategory::Quota)]
async fn read(fail: bool) -> Result<(u64, &'static str), u8> {
    if fail { Err(1) } else { Ok((3, "x")) }
}
#[instrument_llm(usage = |out| { let (n, _) = *out; (n > 0).then(|| Usage::new(n, 1)) })]
fn read_option() -> (u64, u8) {
    (3, 1)
}
#[instrument_llm(error = |e: &std::num::ParseIntError| if e.to_string().is_empty() { ErrorCategory::Other } else { ErrorCategory::Parsing })]
fn category(x: &str) -> Result<u8, std::num::ParseIntError> {
    x.parse()
}

#[test]
fn every_key_compiles_in_any_order() {
    let request = |items| Request { model: "m".into(), items, user: Some(1) };
    block_on(async {
        assert!(all_keys(request(vec![])).await.is_err());
        assert!(all_keys(request(vec![1])).await.is_ok());
        assert!(required_of_unnamed().await.is_ok());
        assert!(required_of_future().await.is_ok());
        assert_eq!(manual().await, [0.5]);
        assert_eq!((read(false).await, read(true).await), (Ok((3, "x")), Err(1)));
    });
    assert_eq!(constants(), 1);
    assert!(required_in_generic_code(Completion { prompt: 1, output: 1 }).is_ok());
    assert_eq!(read_option().0, 3);
    assert!(category("x").is_err());
}

// Bound by reference to what is the function's own.
#[instrument_llm]
async fn ref_mut_pattern(ref mut x: Vec<u8>, (ref a, mut b): (String, u8)) -> usize {
    x.push(b);
    b += 1;
    x.len() + a.len() + usize::from(b)
}

#[test]
fn patterns_that_borrow_to_change() {
    assert_eq!(block_on(ref_mut_pattern(vec![1], ("ab".to_owned(), 3))), 8);
}

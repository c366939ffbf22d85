use jobmon::instrument_llm;
use std::future::Future;

struct NotClone(String);
struct Two {
    left: NotClone,
}

#[instrument_llm(retry)]
async fn asynchronous(request: NotClone) -> Result<usize, String> {
    Ok(request.0.len())
}
#[instrument_llm(retry)]
fn sync(request: NotClone) -> Result<usize, String> {
    Ok(request.0.len())
}
#[instrument_llm(retry)]
fn future(request: NotClone) -> impl Future<Output = Result<usize, String>> {
    async move { Ok(request.0.len()) }
}
#[instrument_llm(retry)]
async fn generic<T: AsRef<str>>(request: T) -> Result<usize, String> {
    Ok(request.as_ref().len())
}
#[instrument_llm(retry)]
async fn unnamed(request: impl AsRef<str>) -> Result<usize, String> {
    Ok(request.as_ref().len())
}
#[instrument_llm(retry)]
async fn called(make: Box<dyn FnOnce() -> usize>) -> Result<usize, String> {
    Ok(make())
}
#[instrument_llm(retry)]
async fn pattern(Two { left }: Two) -> Result<usize, String> {
    Ok(left.0.len())
}

fn main() {
    let given = || NotClone(String::new());
    let _ = (asynchronous(given()), sync(given()), future(given()), pattern(Two { left: given() }));
    let _ = (generic("x"), unnamed("x"), called(Box::new(|| 1)));
}

use jobmon::instrument_llm;

#[instrument_llm(usage = required)]
async fn bytes() -> Result<Vec<u8>, std::io::Error> {
    Ok(Vec::new())
}

#[instrument_llm(usage = required)]
fn generic<T>(x: T) -> Option<T> {
    Some(x)
}

#[instrument_llm(usage = required)]
fn unnamed() -> impl std::fmt::Debug {
    1_u8
}

#[instrument_llm(usage = required)]
fn future() -> impl Future<Output = String> {
    std::future::ready(String::new())
}

fn main() {
    let _ = (bytes(), generic(1), unnamed(), future());
}

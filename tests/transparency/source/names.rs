//! Errors of names.
use jobmon::instrument_llm;

#[instrument_llm]
pub fn unknown_value() -> u8 {
    nowhere
}
#[instrument_llm]
pub async fn unknown_function(x: u8) -> u8 {
    nowhere(x)
}
#[instrument_llm]
pub async fn unknown_argument_type(x: Nowhere) {
    drop(x);
}
#[instrument_llm]
pub async fn unknown_result() -> Nowhere {
    1
}
#[instrument_llm]
pub fn unknown_error() -> Result<u8, Nowhere> {
    Ok(1)
}
#[instrument_llm]
pub fn unknown_macro() {
    nowhere!();
}
#[instrument_llm]
pub fn unknown_lifetime(x: &'nowhere str) -> &str {
    x
}
#[instrument_llm]
pub async fn two_elided(x: &str, y: &str) -> &str {
    x
}
#[instrument_llm]
pub async fn missing_generic(x: Option) -> u8 {
    1
}
#[instrument_llm]
pub fn break_outside() -> u8 {
    break;
    1
}
#[instrument_llm]
pub fn our_names() {
    __jobmon_call;
    __jobmon_hint;
    __jobmon_output;
    __JOBMON_SITE;
}
#[instrument_llm]
pub fn await_outside(x: std::future::Ready<u8>) -> u8 {
    1
}
#[instrument_llm]
pub unsafe extern "C" fn variadic(n: u8, mut rest: ...) -> u8 {
    n
}

use jobmon::instrument_llm;
use std::rc::Rc;

#[instrument_llm]
fn mismatch_sync() -> u8 {
    "text"
}
#[instrument_llm]
async fn mismatch_async(early: bool) -> u8 {
    if early {
        return "early";
    }
    1
}
#[instrument_llm]
fn missing_tail() -> u8 {
    1;
}
#[instrument_llm]
fn question_in_unit() {
    "1".parse::<u8>()?;
}
#[instrument_llm]
fn internals_are_invisible() -> u8 {
    let _ = (call, hint, output);
    1
}
#[instrument_llm]
async fn not_send() {
    let local = Rc::new(1);
    async {}.await;
    drop(local);
}
fn is_send<T: Send>(_: T) {}

fn main() {
    mismatch_sync();
    let _ = mismatch_async(true);
    missing_tail();
    question_in_unit();
    internals_are_invisible();
    is_send(not_send());
}

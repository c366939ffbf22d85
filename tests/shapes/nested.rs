//! U: usage inside containers and tuples.

use crate::block_on;
use jobmon::testing::Collect;
use jobmon::{LlmResponse, Usage, instrument_llm};
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

const USAGE: Usage = Usage::new(2, 3);

#[instrument_llm]
async fn option_pair() -> Option<(String, Usage)> {
    Some((String::new(), USAGE))
}
#[instrument_llm(usage = required)]
async fn option_pair_required() -> Option<(String, Usage)> {
    option_pair().await
}

#[instrument_llm(usage = required)]
fn result_option_triple<'a>(
    text: &'a str,
    name: &'a mut String,
) -> Result<Option<(&'a str, &'a mut String, Usage)>, u8> {
    if text.is_empty() { Err(1) } else { Ok(Some((text, name, USAGE))) }
}

#[instrument_llm(usage = required)]
fn boxed_pair<T: Display>(value: T) -> Box<(T, Usage)> {
    Box::new((value, USAGE))
}

#[instrument_llm(usage = required)]
fn deep<T>(value: T) -> Result<Arc<Option<(u8, T, Usage)>>, std::io::Error> {
    Ok(Arc::new(Some((1, value, USAGE))))
}

#[instrument_llm(usage = required)]
fn generic_answer<T, R: LlmResponse>(value: T, answer: R) -> Option<(T, R)> {
    Some((value, answer))
}

#[instrument_llm(usage = required)]
fn pair<'a>(text: &'a str, answer: &'a Usage) -> (&'a str, &'a Usage) {
    (text, answer)
}
#[instrument_llm(usage = required)]
fn both() -> (Usage, Usage) {
    (USAGE, Usage::new(9, 9))
}

type Pair<T> = (String, T);
type Answered<T> = Result<T, std::io::Error>;
#[instrument_llm(usage = required)]
async fn aliases() -> Answered<Pair<Usage>> {
    Ok((String::new(), USAGE))
}
#[instrument_llm(usage = required)]
async fn alias_of_result() -> Answered<Option<(u8, Usage)>> {
    Ok(Some((1, USAGE)))
}

#[instrument_llm(usage = required)]
fn future(n: u8) -> impl Future<Output = Option<(u8, Usage)>> {
    async move { Some((n, USAGE)) }
}

/// A user's own type of a name that containers have.
struct Option2<T>(T);
#[instrument_llm]
fn own_container() -> Option2<(u8, Usage)> {
    Option2((1, USAGE))
}

#[instrument_llm]
fn silent() -> Option<(u8, String)> {
    None
}

#[test]
fn usage_is_read_from_any_place_of_a_tuple_in_a_container() {
    let read = |run: &dyn Fn()| {
        let (collect, _guard) = Collect::install();
        run();
        collect.calls().last().and_then(|call| call.usage())
    };
    assert_eq!(read(&|| drop(block_on(option_pair()))), Some(USAGE));
    assert_eq!(read(&|| drop(result_option_triple("x", &mut String::new()))), Some(USAGE));
    assert_eq!(read(&|| drop(boxed_pair(1))), Some(USAGE));
    assert_eq!(read(&|| drop(deep("x"))), Some(USAGE));
    assert_eq!(read(&|| assert!(generic_answer("x", &USAGE).is_some())), Some(USAGE));
    assert_eq!(read(&|| assert_eq!(pair("x", &USAGE).1, &USAGE)), Some(USAGE));
    assert_eq!(read(&|| assert_eq!(both().0, USAGE)), Some(USAGE));
    assert_eq!(read(&|| drop(block_on(aliases()))), Some(USAGE));
    assert_eq!(read(&|| drop(block_on(alias_of_result()))), Some(USAGE));
    assert_eq!(read(&|| assert_eq!(block_on(future(1)), Some((1, USAGE)))), Some(USAGE));
    assert_eq!(read(&|| assert_eq!(own_container().0.0, 1)), None);
    assert_eq!(read(&|| drop(silent())), None);
    // The call inside has it, so the one around it does not count it again.
    assert_eq!(read(&|| drop(block_on(option_pair_required()))), None);
}

//! F: functions that return futures.

use crate::block_on;
use jobmon::instrument_llm;
use std::cell::Cell;
use std::future::{Future, ready};
use std::pin::Pin;
use std::rc::Rc;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type LocalBoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

#[instrument_llm]
fn box_pin_keeps_statements(x: u8) -> Pin<Box<dyn Future<Output = u8> + Send>> {
    let y = x + 1;
    Box::pin(async move { y })
}
#[instrument_llm]
fn box_pin_borrowing<'a>(x: &'a str) -> Pin<Box<dyn Future<Output = Result<&'a str, String>> + 'a>> {
    if x.is_empty() {
        return Box::pin(ready(Err("empty".to_owned())));
    }
    Box::pin(async move { Ok(&x[1..]) })
}
#[instrument_llm]
fn boxed_future_alias(x: u8) -> BoxFuture<'static, Result<u8, String>> {
    Box::pin(ready(Ok(x)))
}
#[instrument_llm]
fn local_alias(x: Rc<u8>) -> LocalBoxFuture<'static, u8> {
    Box::pin(async move { *x })
}
#[instrument_llm]
fn plain_box(x: u8) -> Box<dyn Future<Output = u8> + Unpin> {
    Box::new(ready(x))
}
#[instrument_llm]
fn impl_future_block(x: u8) -> impl Future<Output = Result<u8, std::num::ParseIntError>> {
    async move { Ok(x + "1".parse::<u8>()?) }
}
#[instrument_llm]
fn impl_future_combinator(x: u8) -> impl Future<Output = u8> + Send {
    ready(x)
}
#[instrument_llm]
fn impl_future_borrowing(x: &str) -> impl Future<Output = &str> + '_ {
    async move { x }
}
#[instrument_llm]
fn impl_future_not_capturing(x: &str) -> impl Future<Output = usize> + use<> {
    ready(x.len())
}
#[instrument_llm]
fn eager_part(ran: &Cell<bool>) -> impl Future<Output = bool> + '_ {
    ran.set(true);
    async move { ran.get() }
}
#[instrument_llm]
fn early_return(x: u8) -> impl Future<Output = u8> {
    if x > 1 {
        return ready(0);
    }
    ready(x)
}

/// The user's own alias, which gives something else than it is named for.
mod own {
    pub(super) type BoxFuture<T> = super::BoxFuture<'static, Result<T, String>>;
}
#[instrument_llm]
fn own_alias(x: u8) -> own::BoxFuture<u8> {
    if x == 0 {
        return Box::pin(ready(Err("zero".to_owned())));
    }
    Box::pin(async move { Ok(x) })
}
#[instrument_llm(usage = move |_| jobmon::Usage::new(n, 0))]
fn moving_usage(n: u64) -> impl Future<Output = String> {
    async move { n.to_string() }
}
#[instrument_llm(error = move |_| if n > 1 { jobmon::ErrorCategory::Quota } else { jobmon::ErrorCategory::Other })]
fn moving_error(n: u64) -> Pin<Box<dyn Future<Output = Result<u8, String>> + Send>> {
    Box::pin(async move { Err(n.to_string()) })
}
#[instrument_llm(usage = move |_| jobmon::Usage::new(n, 0), error = |_| jobmon::ErrorCategory::Quota)]
async fn moving_both(n: u64) -> Result<u64, String> {
    Ok(n)
}

#[instrument_llm]
async fn recursion_boxed(n: u8) -> u8 {
    if n == 0 { 0 } else { 1 + Box::pin(recursion_boxed(n - 1)).await }
}
#[instrument_llm]
fn recursion_by_return(n: u8) -> BoxFuture<'static, u8> {
    Box::pin(async move { if n == 0 { 0 } else { 1 + recursion_by_return(n - 1).await } })
}
#[instrument_llm]
fn sync_recursion(n: u8) -> u8 {
    if n == 0 { 0 } else { 1 + sync_recursion(n - 1) }
}

/// A function that is no future although its name says so.
struct Future1;
#[instrument_llm]
fn not_a_future() -> Box<Future1> {
    Box::new(Future1)
}

#[test]
fn their_futures_give_what_they_gave() {
    block_on(async {
        assert_eq!(box_pin_keeps_statements(1).await, 2);
        assert_eq!(box_pin_borrowing("ab").await, Ok("b"));
        assert!(box_pin_borrowing("").await.is_err());
        assert_eq!(boxed_future_alias(1).await, Ok(1));
        assert_eq!(local_alias(Rc::new(1)).await, 1);
        assert_eq!(plain_box(1).await, 1);
        assert_eq!(impl_future_block(1).await, Ok(2));
        assert_eq!(impl_future_combinator(1).await, 1);
        assert_eq!(impl_future_borrowing("x").await, "x");
        assert_eq!(impl_future_not_capturing(&String::from("x")).await, 1);
        assert_eq!(early_return(3).await, 0);
        assert_eq!(recursion_boxed(3).await + recursion_by_return(3).await, 6);
    });
    block_on(async {
        assert_eq!(own_alias(1).await, Ok(1));
        assert!(own_alias(0).await.is_err());
        assert_eq!(moving_usage(1).await, "1");
        assert!(moving_error(1).await.is_err());
        assert_eq!(moving_both(1).await, Ok(1));
    });
    assert_eq!(sync_recursion(3), 3);
    let Future1 = *not_a_future();
}

#[test]
fn what_runs_before_the_future_still_runs_at_once() {
    let ran = Cell::new(false);
    let future = eager_part(&ran);
    assert!(ran.get());
    assert!(block_on(future));
}

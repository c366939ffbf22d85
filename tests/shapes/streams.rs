//! F 59: functions that return streams.

use crate::block_on;
use async_trait::async_trait;
use futures_core::Stream;
use jobmon::instrument_llm;
use std::future::{Future, ready};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

pub(crate) type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + Send + 'a>>;
type LocalBoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + 'a>>;

/// Gives these.
#[derive(Clone, Debug)]
pub(crate) struct Items<T>(pub(crate) Vec<T>);

impl<T: Unpin> Stream for Items<T> {
    type Item = T;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        Poll::Ready(if self.0.is_empty() { None } else { Some(self.0.remove(0)) })
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

pub(crate) fn all<S: Stream>(stream: S) -> Vec<S::Item> {
    let mut stream = Box::pin(stream);
    let mut context = Context::from_waker(Waker::noop());
    let mut items = Vec::new();
    while let Poll::Ready(Some(item)) = stream.as_mut().poll_next(&mut context) {
        items.push(item);
    }
    items
}

#[instrument_llm]
fn unnamed(x: u8) -> impl Stream<Item = u8> + Send {
    let more = vec![x, x + 1];
    Items(more)
}
#[instrument_llm]
fn bounded(x: u8) -> impl Stream<Item = u8> + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + 'static {
    Items(vec![x])
}
#[instrument_llm]
fn borrowing(text: &str) -> impl Stream<Item = &str> + '_ {
    Items(text.split(' ').collect())
}
#[instrument_llm]
fn early_bound<'a>(text: &'a str) -> impl Stream<Item = &'a str> + 'a
where
    'a: 'a,
{
    Items(vec![text])
}
#[instrument_llm]
fn not_capturing(text: &str) -> impl Stream<Item = usize> + use<> {
    Items(vec![text.len()])
}
#[instrument_llm]
fn generic<T: Clone + Unpin>(x: T) -> impl Stream<Item = T> {
    Items(vec![x.clone(), x])
}
#[instrument_llm]
fn of_unnamed(x: u8) -> impl Stream<Item = impl std::fmt::Display> {
    Items(vec![x])
}
#[instrument_llm]
fn early_return(x: u8) -> impl Stream<Item = u8> {
    if x == 0 {
        return Items(vec![]);
    }
    Items(vec![x])
}
#[instrument_llm]
fn passed_on(stream: impl Stream<Item = u8> + Send) -> impl Stream<Item = u8> + Send {
    stream
}
#[instrument_llm]
fn pinned(x: u8) -> Pin<Box<dyn Stream<Item = Result<u8, String>> + Send>> {
    if x == 0 {
        return Box::pin(Items(vec![Err("zero".to_owned())]));
    }
    Box::pin(Items(vec![Ok(x)]))
}
#[instrument_llm]
fn alias<'a>(text: &'a str) -> BoxStream<'a, &'a str> {
    Box::pin(Items(vec![text]))
}
#[instrument_llm]
fn local(x: Rc<u8>) -> LocalBoxStream<'static, Rc<u8>> {
    Box::pin(Items(vec![x]))
}
#[instrument_llm]
fn plain_box(x: u8) -> Box<dyn Stream<Item = u8> + Unpin> {
    Box::new(Items(vec![x]))
}
#[instrument_llm]
async fn asynchronous(text: &str) -> impl Stream<Item = String> {
    ready(()).await;
    Items(vec![text.to_owned()])
}
#[instrument_llm]
async fn asynchronous_boxed(text: &str) -> BoxStream<'_, &str> {
    Box::pin(Items(vec![text]))
}
#[instrument_llm]
fn opened(text: &str) -> Result<impl Stream<Item = u8>, std::num::ParseIntError> {
    Ok(Items(vec![text.parse::<u8>()?]))
}
#[instrument_llm]
async fn opened_later(
    text: &str,
) -> Result<BoxStream<'_, Result<u8, String>>, Box<dyn std::error::Error + Send + Sync>> {
    let first = text.parse()?;
    Ok(Box::pin(Items(vec![Ok(first)])))
}
#[instrument_llm]
fn future(x: u8) -> impl Future<Output = Result<LocalBoxStream<'static, u8>, String>> {
    async move { Ok(Box::pin(Items(vec![x])) as LocalBoxStream<'static, u8>) }
}
#[instrument_llm]
fn io(x: u8) -> std::io::Result<Pin<Box<dyn Stream<Item = u8>>>> {
    Ok(Box::pin(Items(vec![x])))
}

/// The user's own alias, which is a stream all the same.
mod own {
    pub(super) type BoxStream<T> = super::BoxStream<'static, Result<T, String>>;
}
#[instrument_llm]
fn own_alias(x: u8) -> own::BoxStream<u8> {
    Box::pin(Items(vec![Ok(x)]))
}

#[async_trait]
trait Ask {
    async fn ask(&self, text: &str) -> BoxStream<'static, usize>;
    async fn try_ask<'a>(&'a mut self, text: &'a str) -> Result<BoxStream<'a, &'a str>, String>;
}
struct Agent(u8);
#[async_trait]
impl Ask for Agent {
    #[instrument_llm]
    async fn ask(&self, text: &str) -> BoxStream<'static, usize> {
        Box::pin(Items(vec![usize::from(self.0), text.len()]))
    }
    #[instrument_llm]
    async fn try_ask<'a>(&'a mut self, text: &'a str) -> Result<BoxStream<'a, &'a str>, String> {
        self.0 += 1;
        if text.is_empty() {
            return Err("empty".to_owned());
        }
        Ok(Box::pin(Items(vec![text])))
    }
}
impl Agent {
    #[instrument_llm]
    fn method(&self) -> impl Stream<Item = &u8> + '_ {
        Items(vec![&self.0])
    }
    #[instrument_llm]
    fn consumed(self) -> impl Stream<Item = Self> {
        Items(vec![self])
    }
}

#[test]
fn streams_give_what_they_gave() {
    assert_eq!(all(unnamed(1)), [1, 2]);
    assert_eq!(all(bounded(1)), [1]);
    assert_eq!(all(borrowing("a b")), ["a", "b"]);
    assert_eq!(all(early_bound("a")), ["a"]);
    assert_eq!(all(not_capturing(&String::from("a"))), [1]);
    assert_eq!(all(generic(Rc::new(1))).len(), 2);
    assert_eq!(all(of_unnamed(1)).iter().map(ToString::to_string).collect::<String>(), "1");
    assert_eq!(all(early_return(0)).len() + all(early_return(1)).len(), 1);
    assert_eq!(all(passed_on(unnamed(1))), [1, 2]);
    assert_eq!((all(pinned(0)), all(pinned(1))), (vec![Err("zero".to_owned())], vec![Ok(1)]));
    assert_eq!(all(alias("a")), ["a"]);
    assert_eq!(all(local(Rc::new(1))), [Rc::new(1)]);
    assert_eq!((all(plain_box(1)), all(own_alias(1))), (vec![1], vec![Ok(1)]));
    assert_eq!(plain_box(1).size_hint(), (1, Some(1)));
    assert_eq!(all(Agent(1).method()), [&1]);
    assert_eq!(all(Agent(1).consumed()).len(), 1);
}

#[test]
fn streams_that_are_opened_give_what_they_gave() {
    block_on(async {
        assert_eq!(all(asynchronous("a").await), ["a"]);
        assert_eq!(all(asynchronous_boxed("a").await), ["a"]);
        assert_eq!(opened("1").map(all), Ok(vec![1]));
        assert!(opened("x").is_err());
        assert_eq!(opened_later("1").await.map(all).ok(), Some(vec![Ok(1)]));
        assert!(opened_later("x").await.is_err());
        assert_eq!(future(1).await.map(all), Ok(vec![1]));
        assert_eq!(io(1).map(all).ok(), Some(vec![1]));
        assert_eq!(all(Agent(1).ask("ab").await), [1, 2]);
        assert_eq!(Agent(1).try_ask("a").await.map(all), Ok(vec!["a"]));
        assert!(Agent(1).try_ask("").await.is_err());
    });
}

#[test]
fn streams_stay_what_they_are() {
    fn check(_: &(impl Send + Sync + Unpin + UnwindSafe + RefUnwindSafe)) {}
    fn send(_: &(impl Send + ?Sized)) {}
    check(&bounded(1));
    send(&unnamed(1));
    send(&asynchronous("a"));
    send(&opened_later("1"));
}

//! F: calls that are tried again, that have a time, that are boxed; methods of a block that has the attribute.

use crate::block_on;
use crate::streams::{BoxStream, Items, all};
use async_trait::async_trait;
use jobmon::{Retry, TimedOut, instrument_llm};
use std::cell::Cell;
use std::error::Error;
use std::fmt::Display;
use std::future::{Future, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

type BoxError = Box<dyn Error + Send + Sync>;
const POLICY: Retry = Retry::new(2).fixed(Duration::ZERO);

#[instrument_llm(retry)]
async fn plain(x: u8) -> Result<u8, String> {
    ready(()).await;
    Ok(x)
}
#[instrument_llm(retry())]
fn sync(x: u8) -> Result<u8, String> {
    Ok(x)
}
#[instrument_llm(retry(attempts = attempts, backoff = |n| Duration::from_millis(u64::from(n)), when = |e| !e.is_empty()), fields(attempts))]
async fn all_keys(attempts: u32) -> Result<u32, String> {
    Ok(attempts)
}
#[instrument_llm(retry = POLICY)]
async fn borrows<'a>(x: &'a str, y: &mut String) -> Result<&'a str, BoxError> {
    y.push_str(x);
    let _: u8 = y.parse()?;
    Ok(x)
}
#[instrument_llm(retry = POLICY)]
fn coerces(x: u8) -> Result<Box<dyn Display>, Box<dyn Error>> {
    if x == 0 {
        return Ok(Box::new("zero"));
    }
    Ok(Box::new(x))
}
#[instrument_llm(retry = POLICY)]
fn collects(x: &[Result<u8, String>]) -> Result<Vec<u8>, String> {
    x.iter().cloned().collect()
}
#[instrument_llm(retry = POLICY)]
async fn owned(x: String, (y, _): (String, Vec<u8>), mut z: Vec<u8>) -> Result<(String, usize), String> {
    z.push(1);
    Ok((x + &y, z.len()))
}
#[instrument_llm(retry = POLICY)]
async fn generic<T, const N: usize>(x: [T; N]) -> Result<u64, String>
where
    T: Clone + Display + Into<u64>,
{
    Ok(x.iter().cloned().map(Into::into).sum())
}
#[instrument_llm(retry = POLICY)]
async fn closures(f: impl Fn(&str) -> usize + Clone, g: &mut impl FnMut() -> u8) -> Result<usize, String> {
    Ok(f("ab") + usize::from(g()))
}
#[instrument_llm(retry = POLICY)]
fn future(x: String) -> impl Future<Output = Result<usize, String>> + Send {
    let length = x.len();
    async move { Ok(length + x.len()) }
}
#[instrument_llm(retry = POLICY)]
fn pinned<'a>(x: &'a str) -> Pin<Box<dyn Future<Output = Result<&'a str, String>> + Send + 'a>> {
    if x.is_empty() {
        return Box::pin(ready(Err("empty".to_owned())));
    }
    Box::pin(async move { Ok(x) })
}
#[instrument_llm(retry = POLICY)]
async fn stream(x: &str) -> Result<BoxStream<'_, &str>, String> {
    Ok(Box::pin(Items(vec![x])))
}
struct CannotFail;
#[instrument_llm(retry = POLICY)]
impl CannotFail {
    async fn option(x: Option<u8>) -> Option<u8> {
        Some(x? + 1)
    }
    async fn unit() {}
}
#[instrument_llm(retry = POLICY)]
async fn recursive(n: u8) -> Result<u8, String> {
    if n == 0 { Ok(0) } else { Ok(1 + Box::pin(recursive(n - 1)).await?) }
}
#[instrument_llm(retry = POLICY)]
unsafe fn unsafe_fn(x: *const u8) -> Result<u8, String> {
    Ok(unsafe { *x })
}
#[instrument_llm(retry = POLICY)]
async fn question_and_loops(x: &Cell<u8>) -> Result<u8, String> {
    for n in 0..3 {
        if n == 1 {
            continue;
        }
        x.set(x.get() + 1);
        if n == 2 {
            break;
        }
    }
    Err(String::new())?;
    Ok(x.get())
}

#[instrument_llm(timeout = "1h")]
async fn timed(x: &str) -> Result<&str, BoxError> {
    Ok(x)
}
#[instrument_llm(timeout = limit)]
async fn timed_by(limit: Duration, x: String) -> Result<String, TimedOut> {
    ready(()).await;
    let _ = limit;
    Ok(x)
}
#[instrument_llm(timeout = "1h")]
fn timed_future(x: &str) -> Pin<Box<dyn Future<Output = Result<&str, TimedOut>> + Send + '_>> {
    Box::pin(async move { Ok(x) })
}
#[instrument_llm(timeout = "1h")]
async fn timed_stream(x: u8) -> Result<BoxStream<'static, u8>, TimedOut> {
    Ok(Box::pin(Items(vec![x])))
}
#[instrument_llm(boxed)]
async fn boxed(x: &[u8; 256]) -> usize {
    let copy = *x;
    ready(()).await;
    copy.len()
}
#[instrument_llm(boxed, retry = POLICY, timeout = "1h")]
async fn everything(x: Rc<u8>) -> Result<u8, BoxError> {
    Ok(*x)
}

#[derive(Clone)]
struct Agent {
    name: String,
    policy: Retry,
}

#[instrument_llm(retry = self.policy, fields(name = %self.name))]
impl Agent {
    #![allow(clippy::use_self)]
    const LENGTH: usize = 1;

    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), policy: POLICY }
    }
    async fn name(&self) -> Result<&str, String> {
        Ok(&self.name)
    }
    async fn rename(&mut self, name: &str) -> Result<usize, String> {
        self.name.push_str(name);
        Ok(self.name.len() + Self::LENGTH)
    }
    async fn shared(self: Arc<Self>) -> Result<usize, String> {
        Ok(self.name.len())
    }
    async fn built(&self, Agent { name, .. }: Agent) -> Result<Self, String> {
        Ok(Agent { name, ..Self::new("") })
    }
    /// Left alone.
    #[instrument_llm(skip)]
    async fn skipped(&self) -> u8 {
        1
    }
    #[instrument_llm(name = "other")]
    fn also_sync(&self) -> Result<u8, String> {
        Ok(1 + u8::from(self.name.len() > 1))
    }
    fn stream(&self) -> Result<BoxStream<'_, &str>, String> {
        Ok(Box::pin(Items(vec![&*self.name])))
    }
}

#[instrument_llm]
impl<T: Clone + Display> Holder<'_, T> {
    async fn hold(&self, more: T) -> String {
        format!("{}{}", self.0, more)
    }
    async fn of_type<U: Into<String>>(&self, more: U) -> String {
        more.into()
    }
}
struct Holder<'a, T>(&'a T);

trait Ask {
    async fn ask(&self) -> u8;
    fn plain(&self) -> u8;
}
#[instrument_llm]
impl Ask for Agent {
    async fn ask(&self) -> u8 {
        1
    }
    fn plain(&self) -> u8 {
        2
    }
}

#[async_trait]
trait AskAsync: Sync {
    async fn ask(&self, x: String) -> Result<String, String>;
    async fn change(&mut self) -> Result<u8, TimedOut>;
}
#[async_trait]
impl AskAsync for Agent {
    #[instrument_llm(retry = POLICY)]
    async fn ask(&self, x: String) -> Result<String, String> {
        Ok(x + &self.name)
    }
    #[instrument_llm(timeout = "1h", error = |_| jobmon::ErrorCategory::Other)]
    async fn change(&mut self) -> Result<u8, TimedOut> {
        self.name.clear();
        Ok(1)
    }
}

#[test]
fn they_give_what_they_gave() {
    let mut text = String::new();
    block_on(async {
        assert_eq!((plain(1).await, sync(1), all_keys(2).await), (Ok(1), Ok(1), Ok(2)));
        assert_eq!(borrows("1", &mut text).await.ok(), Some("1"));
        assert!(borrows("x", &mut text).await.is_err());
        assert_eq!(owned("a".into(), ("b".into(), vec![]), vec![]).await, Ok(("ab".into(), 1)));
        assert_eq!(generic([1_u8, 2]).await, Ok(3));
        let mut counted = 0;
        let mut count = || {
            counted += 1;
            counted
        };
        assert_eq!(closures(str::len, &mut count).await, Ok(3));
        assert_eq!(future("a".into()).await, Ok(2));
        assert_eq!(pinned("a").await, Ok("a"));
        assert!(pinned("").await.is_err());
        assert_eq!(stream("a").await.map(all), Ok(vec!["a"]));
        assert_eq!((CannotFail::option(Some(1)).await, CannotFail::option(None).await), (Some(2), None));
        CannotFail::unit().await;
        assert_eq!(recursive(2).await, Ok(2));
        assert!(question_and_loops(&Cell::new(0)).await.is_err());
    });
    assert_eq!(coerces(0).ok().map(|x| x.to_string()), Some("zero".to_owned()));
    assert_eq!(coerces(1).ok().map(|x| x.to_string()), Some("1".to_owned()));
    assert_eq!(collects(&[Ok(1)]), Ok(vec![1]));
    assert_eq!(unsafe { unsafe_fn(&1) }, Ok(1));
    assert_eq!(text, "1x");
}

#[test]
fn with_a_time_and_in_a_box_they_give_what_they_gave() {
    block_on(async {
        assert_eq!(timed("a").await.ok(), Some("a"));
        assert_eq!(timed_by(Duration::from_secs(3_600), "a".into()).await, Ok("a".into()));
        assert_eq!(timed_future("a").await, Ok("a"));
        assert_eq!(timed_stream(1).await.map(all), Ok(vec![1]));
        assert_eq!(boxed(&[0; 256]).await, 256);
        assert_eq!(everything(Rc::new(1)).await.ok(), Some(1));
    });
}

#[test]
fn methods_of_a_block_give_what_they_gave() {
    block_on(async {
        let mut agent = Agent::new("a");
        assert_eq!(agent.name().await, Ok("a"));
        assert_eq!(agent.rename("b").await, Ok(3));
        assert_eq!(Arc::new(agent.clone()).shared().await, Ok(2));
        assert_eq!(agent.built(agent.clone()).await.map(|built| built.name), Ok("ab".to_owned()));
        assert_eq!(agent.skipped().await + agent.also_sync().unwrap_or(0), 3);
        assert_eq!(agent.stream().map(all), Ok(vec!["ab"]));
        assert_eq!(Holder(&1).hold(2).await + &Holder(&1).of_type("3").await, "123");
        assert_eq!(Ask::ask(&agent).await + agent.plain(), 3);
        assert_eq!(AskAsync::ask(&agent, "x".into()).await, Ok("xab".to_owned()));
        assert_eq!(agent.change().await, Ok(1));
    });
}

#[test]
fn their_futures_stay_what_they_are() {
    fn send(_: &impl Send) {}
    send(&plain(1));
    send(&future(String::new()));
    send(&stream("a"));
    send(&timed("a"));
    send(&boxed(&[0; 256]));
    send(&Agent::new("a").name());
}

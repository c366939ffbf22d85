//! Functions that a budget may stop.

use crate::block_on;
use crate::streams::{BoxStream, Items, all};
use async_trait::async_trait;
use jobmon::{BudgetExceeded, Retry, TimedOut, instrument_llm};
use std::error::Error;
use std::fmt::Display;
use std::future::{Future, ready};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

type BoxError = Box<dyn Error + Send + Sync>;
type Stopped<T> = Result<T, BudgetExceeded>;
const POLICY: Retry = Retry::new(2).fixed(Duration::ZERO);

#[derive(Debug, PartialEq)]
enum Wrong {
    Budget(BudgetExceeded),
    TimedOut(TimedOut),
}
impl From<BudgetExceeded> for Wrong {
    fn from(error: BudgetExceeded) -> Self {
        Wrong::Budget(error)
    }
}
impl From<TimedOut> for Wrong {
    fn from(error: TimedOut) -> Self {
        Wrong::TimedOut(error)
    }
}

#[instrument_llm(budget)]
async fn plain(x: String) -> Stopped<String> {
    ready(()).await;
    Ok(x)
}
#[instrument_llm(budget = "b")]
fn sync(x: String, mut y: Vec<u8>) -> Result<usize, String> {
    y.push(1);
    let n: u8 = "1".parse().map_err(|_| x.clone())?;
    Ok(x.len() + y.len() + usize::from(n))
}
#[instrument_llm(budget = tier)]
async fn named_by(tier: &str, x: &mut u8) -> Result<u8, BoxError> {
    *x += 1;
    let _: u8 = tier.parse()?;
    Ok(*x)
}
#[instrument_llm(budget = format!("tier-{tier}"), timeout = "1h", boxed)]
async fn everything(tier: u8) -> Result<u8, Wrong> {
    Ok(tier)
}
#[instrument_llm(budget, retry = POLICY)]
fn tried_again(x: u8) -> Result<u8, String> {
    Ok(x)
}
#[instrument_llm(budget, retry = POLICY, timeout = "1h")]
async fn tried_again_in_time(x: Vec<u8>) -> Result<Vec<u8>, Wrong> {
    Ok(x)
}
#[instrument_llm(budget)]
fn coerces(x: u8) -> Result<Box<dyn Display>, Box<dyn Error>> {
    if x == 0 {
        return Ok(Box::new("zero"));
    }
    Ok(Box::new(x))
}
#[instrument_llm(budget)]
fn collects(xs: &[Result<u8, BudgetExceeded>]) -> Stopped<Vec<u8>> {
    xs.iter().cloned().collect()
}
#[instrument_llm(budget)]
async fn generic<T: IntoIterator<Item = u8>>(xs: T) -> Stopped<impl Iterator<Item = u8>> {
    Ok(xs.into_iter())
}
#[instrument_llm(budget)]
async fn not_send(x: Rc<u8>) -> Result<u8, io::Error> {
    ready(()).await;
    Ok(*x)
}
#[instrument_llm(budget)]
fn future(x: &str) -> impl Future<Output = Stopped<&str>> + Send + use<'_> {
    async move { Ok(x) }
}
#[instrument_llm(budget = "b", timeout = "1h")]
fn pinned(x: &str) -> Pin<Box<dyn Future<Output = Result<&str, Wrong>> + Send + '_>> {
    Box::pin(async move { Ok(x) })
}
#[instrument_llm(budget)]
async fn stream(x: u8) -> Stopped<BoxStream<'static, u8>> {
    Ok(Box::pin(Items(vec![x])))
}
#[instrument_llm(budget)]
fn sync_stream(x: u8) -> Stopped<BoxStream<'static, u8>> {
    Ok(Box::pin(Items(vec![x])))
}

struct Agent(u8);

#[instrument_llm(budget = "b")]
impl Agent {
    async fn by_ref(&self) -> Stopped<&u8> {
        Ok(&self.0)
    }
    async fn by_mut(&mut self) -> Stopped<u8> {
        self.0 += 1;
        Ok(self.0)
    }
    async fn by_value(self) -> Stopped<Self> {
        Ok(self)
    }
    #[instrument_llm]
    fn also_sync(&mut self) -> Stopped<u8> {
        self.0 += 1;
        Ok(self.0)
    }
}

#[async_trait]
trait Ask {
    async fn ask(&mut self) -> Stopped<u8>;
}
#[async_trait]
impl Ask for Agent {
    #[instrument_llm(budget)]
    async fn ask(&mut self) -> Stopped<u8> {
        self.0 += 1;
        Ok(self.0)
    }
}

#[test]
fn they_give_what_they_gave() {
    block_on(async {
        assert_eq!(plain("a".into()).await, Ok("a".into()));
        assert_eq!(sync("a".into(), vec![]), Ok(3));
        let mut x = 0;
        assert!(named_by("tier", &mut x).await.is_err() && named_by("1", &mut x).await.ok() == Some(2));
        assert_eq!((everything(1).await, tried_again(1)), (Ok(1), Ok(1)));
        assert_eq!(tried_again_in_time(vec![1]).await, Ok(vec![1]));
        assert_eq!(coerces(0).ok().map(|x| x.to_string()), Some("zero".to_owned()));
        assert_eq!(coerces(1).ok().map(|x| x.to_string()), Some("1".to_owned()));
        assert_eq!(collects(&[Ok(1)]), Ok(vec![1]));
        assert_eq!(generic([1, 2]).await.map(Iterator::sum), Ok(3_u8));
        assert_eq!(not_send(Rc::new(1)).await.ok(), Some(1));
        assert_eq!((future("a").await, pinned("a").await), (Ok("a"), Ok("a")));
        assert_eq!((stream(1).await.map(all), sync_stream(1).map(all)), (Ok(vec![1]), Ok(vec![1])));
        let mut agent = Agent(0);
        assert_eq!(agent.by_ref().await, Ok(&0));
        assert_eq!((agent.by_mut().await, agent.also_sync(), agent.ask().await), (Ok(1), Ok(2), Ok(3)));
        assert_eq!(agent.by_value().await.map(|agent| agent.0), Ok(3));
    });
}

#[test]
fn their_futures_stay_what_they_are() {
    fn send(_: &impl Send) {}
    send(&plain(String::new()));
    send(&future(""));
    send(&everything(1));
    send(&Agent(1).by_ref());
}

//! Calls that are tried again: shapes of them, whose attempts end as they are told to.

#![allow(
    clippy::manual_async_fn,
    clippy::needless_pass_by_value,
    clippy::type_complexity,
    reason = "the functions have the shape under test, not the best one"
)]

mod arguments;
mod attempts;
mod outcomes;

use super::{Yield, block_on};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use jobmon::{ErrorCategory, LlmError, Retry, TimedOut, Usage, instrument_llm};
use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq)]
enum Wrong {
    Is(ErrorCategory),
    /// The provider asks to be left alone for a while.
    Asks(Duration),
    TimedOut(TimedOut),
}

impl LlmError for Wrong {
    fn category(&self) -> ErrorCategory {
        match self {
            Self::Is(category) => *category,
            Self::Asks(_) => ErrorCategory::RateLimit,
            Self::TimedOut(error) => error.category(),
        }
    }
    fn retry_after(&self) -> Option<Duration> {
        if let Self::Asks(time) = self { Some(*time) } else { None }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("on purpose")
    }
}

impl From<TimedOut> for Wrong {
    fn from(error: TimedOut) -> Self {
        Self::TimedOut(error)
    }
}

/// What an attempt does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Try {
    Succeeds,
    Fails(ErrorCategory),
    Asks(Duration),
    Panics,
    /// Never ends.
    Waits,
}

/// Attempts, what they are to do, and how many have begun.
#[derive(Debug)]
struct Tries {
    script: &'static [Try],
    begun: AtomicUsize,
}

#[instrument_llm(operation = execute_tool)]
fn called_inside() {}

impl Tries {
    fn new(script: &'static [Try]) -> Arc<Self> {
        Arc::new(Self { script, begun: AtomicUsize::new(0) })
    }

    fn begun(&self) -> usize {
        self.begun.load(Relaxed)
    }

    /// Each attempt calls a function, and has used something whatever comes of it.
    fn next(&self) -> Result<Usage, Wrong> {
        let next = self.script[self.begun.fetch_add(1, Relaxed)];
        called_inside();
        jobmon::observe(Usage::new(1_000, 10));
        match next {
            Try::Fails(category) => Err(Wrong::Is(category)),
            Try::Asks(time) => Err(Wrong::Asks(time)),
            Try::Panics => panic!("on purpose"),
            Try::Succeeds | Try::Waits => Ok(Usage::new(1_000, 10)),
        }
    }

    async fn run(&self) -> Result<Usage, Wrong> {
        Yield::default().await;
        let waits = self.script[self.begun()] == Try::Waits;
        let answer = self.next();
        if waits { pending().await } else { answer }
    }
}

type Answered = Result<Usage, Wrong>;

/// The same as is written out below.
const POLICY: Retry = Retry::new(3)
    .fixed(Duration::from_millis(1))
    .on(&[ErrorCategory::RateLimit, ErrorCategory::Server])
    .max_retry_after(HOUR.saturating_mul(2));
const HOUR: Duration = Duration::from_secs(3_600);

#[instrument_llm(
    provider = "openai",
    model = "gpt-4o-mini",
    retry(attempts = 3, backoff = fixed("1ms"), on(RateLimit, server), max_retry_after = "2h")
)]
async fn asynchronous(tries: Arc<Tries>) -> Answered {
    tries.run().await
}

#[instrument_llm(
    provider = "openai",
    model = "gpt-4o-mini",
    retry(attempts = 3, backoff = exponential("1ms", max = "1ms"), jitter, on(rate_limit, ErrorCategory::Server), max_retry_after = HOUR * 2)
)]
async fn generic<T: Clone + AsRef<Tries>>(tries: T) -> Answered {
    tries.as_ref().run().await
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry = POLICY)]
fn synchronous(tries: Arc<Tries>) -> Answered {
    tries.next()
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry = POLICY)]
fn future(tries: Arc<Tries>) -> impl Future<Output = Answered> + Send {
    async move { tries.run().await }
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry = POLICY)]
fn pinned(tries: &Arc<Tries>) -> Pin<Box<dyn Future<Output = Answered> + Send + '_>> {
    let tries = Arc::clone(tries);
    Box::pin(async move { tries.run().await })
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry = POLICY)]
fn alias(tries: Arc<Tries>) -> BoxFuture<'static, Answered> {
    Box::pin(async move { tries.run().await })
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry = POLICY)]
async fn opening(tries: Arc<Tries>) -> Result<BoxStream<'static, Answered>, Wrong> {
    let first = tries.run().await?;
    Ok(stream::iter([Ok(first)]).boxed())
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry = POLICY)]
fn sync_opening(tries: Arc<Tries>) -> Result<BoxStream<'static, Answered>, Wrong> {
    let first = tries.next()?;
    Ok(stream::iter([Ok(first)]).boxed())
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry = POLICY, timeout = "1h", boxed)]
async fn timed(tries: Arc<Tries>) -> Answered {
    tries.run().await
}

struct Agent {
    tries: Arc<Tries>,
    policy: Retry,
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry = self.policy)]
impl Agent {
    async fn method(&self) -> Answered {
        self.tries.run().await
    }
    async fn mut_method(&mut self) -> Answered {
        self.tries.run().await
    }
    #[instrument_llm]
    fn sync_method(&mut self) -> Answered {
        self.tries.next()
    }
}

#[async_trait::async_trait]
trait Ask {
    async fn ask(&self, tries: Arc<Tries>) -> Answered;
}

#[async_trait::async_trait]
impl Ask for Agent {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry = POLICY)]
    async fn ask(&self, tries: Arc<Tries>) -> Answered {
        tries.run().await
    }
}

type Running = Pin<Box<dyn Future<Output = Answered>>>;

/// What can happen to a shape.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Async,
    Sync,
}

macro_rules! runs {
    ($tries:ident => $answer:expr) => {
        |$tries: Arc<Tries>| -> Running { Box::pin(async move { $answer }) }
    };
}

/// The last answer of a stream.
async fn last(mut stream: BoxStream<'static, Answered>) -> Answered {
    let mut last = None;
    while let Some(item) = stream.next().await {
        last = Some(item);
    }
    last.expect("an answer")
}

fn agent(tries: Arc<Tries>) -> Agent {
    Agent { tries, policy: POLICY }
}

const SHAPES: [(&str, Kind, fn(Arc<Tries>) -> Running); 13] = [
    ("async", Kind::Async, runs!(t => asynchronous(t).await)),
    ("generic", Kind::Async, runs!(t => generic(t).await)),
    ("sync", Kind::Sync, runs!(t => synchronous(t))),
    ("impl Future", Kind::Async, runs!(t => future(t).await)),
    ("Pin<Box<dyn Future>>", Kind::Async, runs!(t => pinned(&t).await)),
    ("BoxFuture", Kind::Async, runs!(t => alias(t).await)),
    ("opening of a stream", Kind::Async, runs!(t => last(opening(t).await?).await)),
    ("sync opening of a stream", Kind::Sync, runs!(t => last(sync_opening(t)?).await)),
    ("timed and boxed", Kind::Async, runs!(t => timed(t).await)),
    ("method", Kind::Async, runs!(t => agent(t).method().await)),
    ("method of &mut self", Kind::Async, runs!(t => agent(t).mut_method().await)),
    ("sync method", Kind::Sync, runs!(t => agent(t).sync_method())),
    ("async-trait", Kind::Async, runs!(t => agent(Tries::new(&[])).ask(t).await)),
];

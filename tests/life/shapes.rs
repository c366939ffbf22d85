//! One function of each shape, which ends as it is told to.
//!
//! A new shape is a function here and a line in [`SHAPES`]; every exit of it is then tested with and without a parent.
//! What only streams and calls with several attempts do is tested in `streams` and `retries`.

use super::{Yield, answer, fail};
use futures::stream::{self, BoxStream, Stream, StreamExt};
use jobmon::instrument_llm;
use serde_json::Value;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Exit {
    Ok,
    Error,
    Question,
    Return,
    Panic,
    /// Dropped after its first poll.
    Cancelled,
}

pub(crate) type Answered = Result<Value, io::Error>;
type LocalFuture = Pin<Box<dyn Future<Output = Answered>>>;
type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Leaves the function around it.
macro_rules! leave {
    ($exit:expr) => {
        match $exit {
            Exit::Ok | Exit::Cancelled => {}
            Exit::Error => return fail(),
            Exit::Question => drop(fail()?),
            Exit::Return => return Ok(answer(10, 2)),
            Exit::Panic => panic!("on purpose"),
        }
        return Ok(answer(10, 2));
    };
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
pub(crate) async fn asynchronous(exit: Exit) -> Answered {
    Yield::default().await;
    leave!(exit);
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
pub(crate) fn synchronous(exit: Exit) -> Answered {
    leave!(exit);
}

fn synchronous_body(exit: Exit) -> Answered {
    leave!(exit);
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
async fn generic<T: Copy>(given: T, leave: impl FnOnce(T) -> Answered) -> Answered {
    Yield::default().await;
    leave(given)
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
fn future(exit: Exit) -> impl Future<Output = Answered> + Send {
    async move {
        Yield::default().await;
        leave!(exit);
    }
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
fn boxed(exit: Exit) -> Pin<Box<dyn Future<Output = Answered> + Send>> {
    let made_before = exit;
    Box::pin(async move {
        Yield::default().await;
        leave!(made_before);
    })
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
fn alias(exit: &Exit) -> BoxFuture<'_, Answered> {
    Box::pin(async move {
        Yield::default().await;
        leave!(*exit);
    })
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
fn plain_box(exit: Exit) -> Box<dyn Future<Output = Answered> + Unpin> {
    Box::new(Box::pin(async move {
        Yield::default().await;
        leave!(exit);
    }))
}

pub(crate) struct Agent;

impl Agent {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    async fn method(&mut self, exit: Exit) -> Answered {
        Yield::default().await;
        leave!(exit);
    }
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    async fn shared(self: Arc<Self>, exit: Exit) -> Answered {
        Yield::default().await;
        leave!(exit);
    }
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    fn sync_method(self, exit: Exit) -> Answered {
        let Self = self;
        leave!(exit);
    }
}

#[async_trait::async_trait]
pub(crate) trait Ask {
    async fn ask(&self, exit: Exit) -> Answered;
}

#[async_trait::async_trait]
impl Ask for Agent {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    async fn ask(&self, exit: Exit) -> Answered {
        Yield::default().await;
        leave!(exit);
    }
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
fn stream(exit: Exit) -> impl Stream<Item = Answered> {
    stream::once(async move {
        Yield::default().await;
        leave!(exit);
    })
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
async fn boxed_stream(exit: Exit) -> Result<BoxStream<'static, Answered>, io::Error> {
    let one = async move {
        Yield::default().await;
        leave!(exit);
    };
    Ok(stream::once(one).boxed())
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry(attempts = 2, backoff = fixed("0ms"), on(Timeout)))]
async fn retried(exit: Exit) -> Answered {
    Yield::default().await;
    leave!(exit);
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry(attempts = 2, backoff = fixed("0ms"), on(Timeout)))]
fn retried_sync(exit: Exit) -> Answered {
    leave!(exit);
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", timeout = "1h")]
async fn timed(exit: Exit) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
    Yield::default().await;
    Ok(synchronous_body(exit)?)
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", boxed)]
async fn in_a_box(exit: Exit) -> Answered {
    Yield::default().await;
    leave!(exit);
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
impl Agent {
    async fn of_a_block(&self, exit: Exit) -> Answered {
        Yield::default().await;
        leave!(exit);
    }
}

/// The only item of a stream.
async fn only<S: Stream<Item = Answered>>(stream: S) -> Answered {
    let mut stream = Box::pin(stream);
    let only = stream.next().await.expect("an item");
    assert!(stream.next().await.is_none());
    only
}

pub(crate) enum Shape {
    Sync(fn(Exit) -> Answered),
    Async(fn(Exit) -> LocalFuture),
    /// What is dropped is abandoned.
    Stream(fn(Exit) -> LocalFuture),
    /// Makes two attempts where the first fails.
    Retried(fn(Exit) -> LocalFuture),
    RetriedSync(fn(Exit) -> Answered),
}

pub(crate) const SHAPES: [(&str, Shape); 18] = [
    ("async", Shape::Async(|exit| Box::pin(asynchronous(exit)))),
    ("sync", Shape::Sync(synchronous)),
    ("generic", Shape::Async(|exit| Box::pin(generic(exit, synchronous_body)))),
    ("impl Future", Shape::Async(|exit| Box::pin(future(exit)))),
    ("Pin<Box<dyn Future>>", Shape::Async(|exit| boxed(exit))),
    ("BoxFuture", Shape::Async(|exit| Box::pin(async move { alias(&exit).await }))),
    ("Box<dyn Future + Unpin>", Shape::Async(|exit| Box::pin(plain_box(exit)))),
    ("method", Shape::Async(|exit| Box::pin(async move { Agent.method(exit).await }))),
    ("method of Arc<Self>", Shape::Async(|exit| Box::pin(Arc::new(Agent).shared(exit)))),
    ("sync method", Shape::Sync(|exit| Agent.sync_method(exit))),
    ("async-trait", Shape::Async(|exit| Box::pin(async move { Agent.ask(exit).await }))),
    ("impl block", Shape::Async(|exit| Box::pin(async move { Agent.of_a_block(exit).await }))),
    ("timeout", Shape::Async(|exit| Box::pin(async move { timed(exit).await.map_err(io::Error::other) }))),
    ("boxed", Shape::Async(|exit| Box::pin(in_a_box(exit)))),
    ("stream", Shape::Stream(|exit| Box::pin(only(stream(exit))))),
    ("async stream", Shape::Stream(|exit| Box::pin(async move { only(boxed_stream(exit).await?).await }))),
    ("retried", Shape::Retried(|exit| Box::pin(retried(exit)))),
    ("retried sync", Shape::RetriedSync(retried_sync)),
];

//! Functions that give streams: shapes of them, and a stream that does as it is told.

#![allow(clippy::type_complexity, reason = "each shape is opened alike")]

mod promises;
mod readings;

use super::{Yield, fail};
use futures::future::BoxFuture;
use futures::stream::{BoxStream, Stream, StreamExt};
use jobmon::{LlmResponse, Text, Usage, instrument_llm};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A part of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
struct Chunk {
    text: &'static str,
    usage: Option<Usage>,
    stopped: bool,
}

impl LlmResponse for Chunk {
    fn usage(&self) -> Option<Usage> {
        self.usage
    }
    fn finish_reasons(&self) -> Vec<Text> {
        self.stopped.then_some("stop".into()).into_iter().collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Text,
    Usage(u64, u64),
    Stops,
    Error,
    Panic,
    Waits,
}
use Step::{Error, Panic, Stops, Text as T, Usage as U, Waits};

/// What comes of opening a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Opening {
    Succeeds,
    Fails,
    Panics,
    /// Waits, and is dropped meanwhile.
    Waits,
}

type Item = Result<Chunk, io::Error>;

/// A stream that does as it is told, and calls a function in each poll.
#[derive(Clone, Copy, Debug)]
struct Script {
    steps: &'static [Step],
    /// Whether it tells how much is left.
    exact: bool,
    opening: Opening,
}

#[instrument_llm(operation = execute_tool)]
fn called_inside() {}

impl Stream for Script {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let Some((step, rest)) = self.steps.split_first() else { return Poll::Ready(None) };
        called_inside();
        self.steps = rest;
        let text = Chunk { text: "x", ..Chunk::default() };
        Poll::Ready(Some(match step {
            T => Ok(text),
            U(input, output) => Ok(Chunk { usage: Some(Usage::new(*input, *output)), ..text }),
            Stops => Ok(Chunk { stopped: true, ..text }),
            Error => Err(io::ErrorKind::TimedOut.into()),
            Panic => panic!("on purpose"),
            Waits => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.exact { (self.steps.len(), Some(self.steps.len())) } else { (0, None) }
    }
}

impl Script {
    fn open(self) -> Result<Self, io::Error> {
        assert_ne!(self.opening, Opening::Panics, "on purpose");
        if self.opening == Opening::Fails { fail().map(|_| self) } else { Ok(self) }
    }

    fn open_surely(self) -> Self {
        self.open().expect("shapes without a result cannot fail")
    }

    async fn wait(self) -> Self {
        if self.opening == Opening::Waits {
            Yield::default().await;
        }
        self
    }
}

/// Each spelling of a stream, in each kind of function.
macro_rules! shapes {
    ($($stream:ty, $make:path, $sync:ident $asynchronous:ident $result:ident $asynchronous_result:ident;)*) => {$(
        #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
        fn $sync(script: Script) -> $stream {
            $make(script.open_surely())
        }
        #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
        async fn $asynchronous(script: Script) -> $stream {
            $make(script.wait().await.open_surely())
        }
        #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
        fn $result(script: Script) -> Result<$stream, io::Error> {
            Ok($make(script.open()?))
        }
        #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
        async fn $asynchronous_result(script: Script) -> io::Result<$stream> {
            Ok($make(script.wait().await.open()?))
        }
    )*};
}
shapes! {
    impl Stream<Item = Item> + Send, std::convert::identity, plain plain_async plain_result plain_async_result;
    BoxStream<'static, Item>, Box::pin, alias alias_async alias_result alias_async_result;
    Pin<Box<dyn Stream<Item = Item> + Send>>, Box::pin, pinned pinned_async pinned_result pinned_async_result;
    Box<dyn Stream<Item = Item> + Send + Unpin>, Box::new, boxed boxed_async boxed_result boxed_async_result;
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
fn future(script: Script) -> impl Future<Output = BoxStream<'static, Item>> {
    async move { script.wait().await.open_surely().boxed() }
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
fn boxed_future(script: Script) -> BoxFuture<'static, Result<BoxStream<'static, Item>, io::Error>> {
    Box::pin(async move { Ok(script.wait().await.open()?.boxed()) })
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry(attempts = 2, on(Quota)))]
async fn retried(script: Script) -> Result<impl Stream<Item = Item> + Send, io::Error> {
    script.wait().await.open()
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", timeout = "1h", boxed)]
async fn timed(script: Script) -> Result<BoxStream<'static, Item>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Box::pin(script.wait().await.open()?))
}

#[async_trait::async_trait]
trait Ask {
    async fn ask(&self, script: Script) -> BoxStream<'static, Item>;
    async fn try_ask(&self, script: Script)
    -> Result<Box<dyn Stream<Item = Item> + Send + Unpin>, io::Error>;
}

struct Agent;

#[async_trait::async_trait]
impl Ask for Agent {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    async fn ask(&self, script: Script) -> BoxStream<'static, Item> {
        script.wait().await.open_surely().boxed()
    }
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    async fn try_ask(
        &self,
        script: Script,
    ) -> Result<Box<dyn Stream<Item = Item> + Send + Unpin>, io::Error> {
        Ok(Box::new(script.wait().await.open()?))
    }
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
impl Agent {
    async fn method(&mut self, script: Script) -> BoxStream<'static, Item> {
        script.wait().await.open_surely().boxed()
    }
    fn sync_method(self, script: Script) -> impl Stream<Item = Item> + Send {
        let Self = self;
        script.open_surely()
    }
}

type Local = Pin<Box<dyn Stream<Item = Item>>>;
type Opened = Pin<Box<dyn Future<Output = Result<Local, io::Error>>>>;

/// What a shape can do.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Can {
    Nothing,
    Fail,
    Wait,
    FailAndWait,
}
use Can::{Fail, FailAndWait, Nothing, Wait};

/// Opens one in a future, whatever the shape.
macro_rules! opens {
    ($script:ident => $stream:expr) => {
        |$script: Script| -> Opened { Box::pin(async move { Ok(Box::pin($stream) as Local) }) }
    };
}

const SHAPES: [(&str, Can, fn(Script) -> Opened); 24] = [
    ("impl Stream", Nothing, opens!(s => plain(s))),
    ("async impl Stream", Wait, opens!(s => plain_async(s).await)),
    ("Result<impl Stream>", Fail, opens!(s => plain_result(s)?)),
    ("async Result<impl Stream>", FailAndWait, opens!(s => plain_async_result(s).await?)),
    ("BoxStream", Nothing, opens!(s => alias(s))),
    ("async BoxStream", Wait, opens!(s => alias_async(s).await)),
    ("Result<BoxStream>", Fail, opens!(s => alias_result(s)?)),
    ("async Result<BoxStream>", FailAndWait, opens!(s => alias_async_result(s).await?)),
    ("Pin<Box<dyn Stream>>", Nothing, opens!(s => pinned(s))),
    ("async Pin<Box<dyn Stream>>", Wait, opens!(s => pinned_async(s).await)),
    ("Result<Pin<Box<dyn Stream>>>", Fail, opens!(s => pinned_result(s)?)),
    ("async Result<Pin<Box<dyn Stream>>>", FailAndWait, opens!(s => pinned_async_result(s).await?)),
    ("Box<dyn Stream + Unpin>", Nothing, opens!(s => boxed(s))),
    ("async Box<dyn Stream + Unpin>", Wait, opens!(s => boxed_async(s).await)),
    ("Result<Box<dyn Stream + Unpin>>", Fail, opens!(s => boxed_result(s)?)),
    ("async Result<Box<dyn Stream + Unpin>>", FailAndWait, opens!(s => boxed_async_result(s).await?)),
    ("impl Future<Output = BoxStream>", Wait, opens!(s => future(s).await)),
    ("BoxFuture<Result<BoxStream>>", FailAndWait, opens!(s => boxed_future(s).await?)),
    ("retried", FailAndWait, opens!(s => retried(s).await?)),
    ("timed and boxed", FailAndWait, opens!(s => timed(s).await.map_err(io::Error::other)?)),
    ("async-trait BoxStream", Wait, opens!(s => Agent.ask(s).await)),
    ("async-trait Result<Box<dyn Stream>>", FailAndWait, opens!(s => Agent.try_ask(s).await?)),
    ("method in an impl block", Wait, opens!(s => Agent.method(s).await)),
    ("sync method in an impl block", Nothing, opens!(s => Agent.sync_method(s))),
];

fn poll_next<S: Stream + ?Sized>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut Context::from_waker(Waker::noop()))
}

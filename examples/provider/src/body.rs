//! [`Body`]: an answer on its way: whole, in events, or broken off in the middle.

use hyper::body::{Bytes, Frame, SizeHint};
use serde_json::Value;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// What was written must have gone out before the connection breaks; else nothing of it arrives.
const BEFORE_BREAK: Duration = Duration::from_millis(5);

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct Body {
    parts: VecDeque<Bytes>,
    /// How much is announced, where that is known beforehand.
    length: Option<u64>,
    /// Waited for before each part but the first.
    pause: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    /// Whether the connection breaks after the last part.
    breaks: bool,
}

impl Body {
    pub(crate) fn whole(bytes: Vec<u8>) -> Self {
        let length = Some(bytes.len() as u64);
        let parts = VecDeque::from([Bytes::from(bytes)]);
        Self { parts, length, pause: Duration::ZERO, waiting: None, breaks: false }
    }

    /// Server-sent events.
    pub(crate) fn events(events: Vec<Vec<u8>>, pause: Duration) -> Self {
        let parts = events.into_iter().map(Bytes::from).collect();
        Self { parts, length: None, pause, waiting: None, breaks: false }
    }

    /// The first half of it, and then a broken connection.
    pub(crate) fn broken(mut self) -> Self {
        if self.length.is_some() {
            let half = self.parts.pop_front().map(|whole| whole.slice(..whole.len() / 2));
            self.parts.extend(half);
        } else {
            self.parts.truncate(first_half(self.parts.len()));
        }
        self.breaks = true;
        self
    }
}

/// How many of so many events arrive before the connection breaks.
pub(crate) fn first_half(events: usize) -> usize {
    (events / 2).max(1)
}

/// An event without a name: its data.
pub(crate) fn event(data: &Value) -> Vec<u8> {
    format!("data: {data}\n\n").into_bytes()
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(waiting) = &mut self.waiting {
            ready!(waiting.as_mut().poll(cx));
            self.waiting = None;
        }
        let Some(part) = self.parts.pop_front() else {
            let broken = std::mem::take(&mut self.breaks);
            return Poll::Ready(broken.then(|| Err(io::ErrorKind::ConnectionReset.into())));
        };
        let pause =
            if self.breaks && self.parts.is_empty() { self.pause.max(BEFORE_BREAK) } else { self.pause };
        if !pause.is_zero() {
            self.waiting = Some(Box::pin(sleep(pause)));
        }
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty() && !self.breaks
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

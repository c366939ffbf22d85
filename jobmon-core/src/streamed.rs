//! [`Streamed`]: a stream that is a call until it ends or is dropped.

use crate::call::Seen;
use crate::capture::Captured;
use crate::event::{End, Part};
use crate::failure::Failure;
use crate::monitored::Open;
use crate::probe::{failed, unharmed};
use crate::response::Answer;
use crate::running::Handle;
use crate::text::Text;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What the items of a stream told so far. Its size does not depend on their number.
#[derive(Debug, Default)]
struct Told {
    /// The latest of everything: providers send usage with the last chunk, or growing with each.
    answer: Option<Answer>,
    /// Whether there was an item.
    begun: bool,
    /// Whether the last item told usage, and those before it did not.
    usage_at_last: bool,
    /// Whether the last item was an error.
    failed: bool,
    /// Why.
    failure: Option<Failure>,
    /// What was said so far, where that is captured.
    said: Option<String>,
}

/// Bytes of what a stream says that are kept.
const MOST_SAID: usize = 64 * 1024;

/// The text in what was captured of an item.
fn text(captured: &Captured) -> String {
    match captured {
        Captured::Text(text) => text.to_string(),
        // A chunk without messages, such as that of the usage.
        Captured::Json(_) => String::new(),
        Captured::Conversation(content) => {
            let parts = content.output.iter().flat_map(|message| &message.parts);
            parts
                .filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None })
                .collect()
        }
    }
}

impl Told {
    fn item(&mut self, seen: Seen) {
        (self.failed, self.failure) = (seen.failed, seen.failure);
        let usage = |answer: &Option<Answer>| answer.as_ref().is_some_and(|answer| answer.usage.is_some());
        self.usage_at_last = self.begun && usage(&seen.answer) && !usage(&self.answer);
        self.begun = true;
        if let Some(output) = seen.output {
            let said = self.said.get_or_insert_default();
            if said.len() < MOST_SAID {
                said.push_str(&text(&output));
            }
        }
        match (&mut self.answer, seen.answer) {
            (Some(answer), Some(latest)) => answer.update(latest),
            (none, latest) => *none = none.take().or(latest),
        }
    }

    /// Whether the model has said that it stopped, by a finish reason or, after chunks without it, by usage.
    fn has_stopped(&self) -> bool {
        self.usage_at_last || self.answer.as_ref().is_some_and(|answer| !answer.finish_reasons.is_empty())
    }
}

pin_project! {
    /// A stream that runs as a call, or as the rest of one: it is current during each poll, and it ends once: with
    /// the stream, by unwinding, or when it is dropped.
    ///
    /// A stream that is dropped after its last item has ended: when its model has given a finish reason, when usage
    /// has come after chunks without it, or when the stream itself says that nothing is left (`size_hint`). It is not
    /// polled to find out, as that may begin new work. Dropped before, it is abandoned; dropped right after an `Err`,
    /// it has failed.
    #[must_use = "streams do nothing unless polled"]
    pub struct Streamed<S, P> {
        #[pin]
        stream: S,
        // Boxed, as it is large and there is none without a monitor.
        call: Option<Box<Flowing>>,
        probe: P,
    }

    impl<S, P> PinnedDrop for Streamed<S, P> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(flowing) = this.project().call {
                flowing.handle.running().leave();
            }
        }
    }
}

impl<S, P> fmt::Debug for Streamed<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed").field("call", &self.call).finish_non_exhaustive()
    }
}

/// A call that goes on as long as its stream; dropping it ends the call.
#[derive(Debug)]
struct Flowing {
    handle: Handle,
    told: Told,
    /// How the call ends if nothing else happens.
    end: End,
}

impl Flowing {
    fn poll<R>(&mut self, poll: impl FnOnce() -> R) -> R {
        let running = self.handle.running();
        running.call.begin();
        // Should it unwind, this is how the call has ended.
        let end = std::mem::replace(&mut self.end, End::Panicked);
        let polled = running.enter(poll);
        self.end = end;
        polled
    }

    fn item(&mut self, seen: Seen, nothing_left: bool) {
        if seen.answer.as_ref().is_some_and(|answer| answer.made_up) {
            return;
        }
        if !seen.failed {
            self.handle.running().call.chunk();
        }
        self.told.item(seen);
        self.end = if self.told.failed {
            End::Error
        } else if nothing_left || self.told.has_stopped() {
            End::Ok
        } else {
            End::Abandoned
        };
    }

    /// The stream has said that there is nothing more.
    fn ended(&mut self) {
        self.end = if self.told.failed { End::Error } else { End::Ok };
    }
}

impl Drop for Flowing {
    fn drop(&mut self) {
        let Told { answer, failed, failure, said, .. } = std::mem::take(&mut self.told);
        let output = said.map(|said| Box::new(Captured::Text(Text::from(said))));
        let seen = Seen { failed, answer, failure, output };
        self.handle.running().call.finish(self.end, seen);
    }
}

/// Runs a stream as the rest of a call.
pub fn streamed<S, I, P>(call: Open, stream: S, probe: P) -> Streamed<S, P>
where
    S: Stream<Item = I>,
    P: FnMut(&I) -> Seen,
{
    let flowing = |mut handle: Handle| {
        handle.running().call.gives_stream();
        Box::new(Flowing { handle, told: Told::default(), end: End::Abandoned })
    };
    Streamed { stream, call: call.0.map(flowing), probe }
}

/// Opens the stream inside a result, or ends the call with the error.
///
/// # Errors
/// The one in the result.
pub fn opened<S, T, E>(
    call: Open,
    output: Result<S, E>,
    open: impl FnOnce(Open, S) -> T,
    failure: impl FnOnce(&E) -> Failure,
) -> Result<T, E> {
    match output {
        Ok(stream) => Ok(open(call, stream)),
        Err(error) => {
            call.end(|| failed(failure(&error)));
            Err(error)
        }
    }
}

impl<S, P> Stream for Streamed<S, P>
where
    S: Stream,
    P: FnMut(&S::Item) -> Seen,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        let Some(flowing) = this.call else { return this.stream.poll_next(cx) };
        let polled = flowing.poll(|| this.stream.as_mut().poll_next(cx));
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(item)) => {
                let seen = (this.probe)(item);
                let left = unharmed(|| this.stream.size_hint());
                flowing.item(seen, left.is_some_and(|(_, most)| most == Some(0)));
            }
            Poll::Ready(None) => {
                flowing.ended();
                *this.call = None;
            }
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

impl<S, P> FusedStream for Streamed<S, P>
where
    S: FusedStream,
    P: FnMut(&S::Item) -> Seen,
{
    fn is_terminated(&self) -> bool {
        self.stream.is_terminated()
    }
}

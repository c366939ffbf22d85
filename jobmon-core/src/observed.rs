//! [`observe_stream`] and [`observe_at_end`]: a stream that is read inside a call.

use crate::context::Context;
use crate::facts::{Current, current};
use crate::monitor::Shared;
use crate::probe::{ReportsUsage, unharmed};
use crate::response::{Answer, LlmResponse};
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{self, Poll};

/// Reports a stream of a model's answer to the current call and passes it through.
///
/// For functions that read a stream to make something else of it; one that returns the stream needs nothing. The call
/// is the one that is current at the first poll. It is told when each item came, and what the items told of their
/// answer, the latest of each figure: once, at the end of the stream or when it is dropped. So a stream that is not
/// read to its end reports what its provider had told until then: that is nothing yet with providers that send usage
/// last.
///
/// Items are [`LlmResponse`]s, or `Result`s and `Option`s of these; an `Err` or `None` is no chunk. Memory does not
/// depend on their number. Outside of any call the stream passes through; the usage that it told is counted (see
/// [`Delivery`](crate::Delivery)). Cancel safe where the stream is.
///
/// ```
/// use futures::StreamExt;
/// use jobmon_core::{observe_stream, Usage};
///
/// # fn ask() -> impl futures::Stream<Item = Option<Usage>> { futures::stream::iter([None, Some(Usage::new(9, 2))]) }
/// async fn count_chunks() -> usize {
///     // `ask` gives the client's stream.
///     let mut chunks = observe_stream(ask());
///     let mut count = 0;
///     while let Some(_chunk) = chunks.next().await {
///         count += 1;
///     }
///     count
/// }
/// # drop(count_chunks());
/// ```
pub fn observe_stream<S>(stream: S) -> Observed<S>
where
    S: Stream,
    S::Item: ReportsUsage,
{
    Observed {
        stream,
        item: S::Item::reported,
        whole: |_| Answer::default(),
        told: Answer::default(),
        reading: Reading::Unpolled,
    }
}

/// As [`observe_stream`], for a stream that is itself the answer once it has been read, such as `CompletionStream` of
/// `rig-core`: its items tell nothing, and what the stream tells is read at its end or when it is dropped.
///
/// Each item counts as a chunk, errors too. Pass `&mut stream` to go on with the stream afterwards, once what this
/// gives is dropped. A function that returns such a stream wraps it as well: the items are chunks of its call anyway,
/// and this adds the usage.
///
/// ```
/// use futures::{Stream, StreamExt};
/// use jobmon_core::{LlmResponse, observe_at_end};
///
/// async fn count_chunks(stream: impl Stream + LlmResponse + Unpin) -> usize {
///     observe_at_end(stream).count().await
/// }
/// ```
pub fn observe_at_end<S>(stream: S) -> Observed<S>
where
    S: Stream + LlmResponse,
{
    Observed {
        stream,
        item: |_| Some(Answer::default()),
        whole: S::answer,
        told: Answer::default(),
        reading: Reading::Unpolled,
    }
}

/// Whether there is somebody to tell.
#[derive(Debug)]
enum Reading {
    Unpolled,
    Of(Current),
    /// All was told, or nobody listens.
    Over,
}

pin_project! {
    /// A stream whose chunks and usage are told to a call; made by [`observe_stream`] and [`observe_at_end`].
    #[must_use = "streams do nothing unless polled"]
    pub struct Observed<S: Stream> {
        #[pin]
        stream: S,
        item: fn(&S::Item) -> Option<Answer>,
        whole: fn(&S) -> Answer,
        // What the items told so far.
        told: Answer,
        reading: Reading,
    }

    impl<S: Stream> PinnedDrop for Observed<S> {
        fn drop(this: Pin<&mut Self>) {
            this.report();
        }
    }
}

impl<S: Stream> fmt::Debug for Observed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").field("reading", &self.reading).finish_non_exhaustive()
    }
}

impl Reading {
    /// Begins at the first poll.
    fn begin() -> Self {
        let in_call = Context::peek(|context| context.call.is_some()) == Some(true);
        if in_call || Shared::current().is_some() { Self::Of(current()) } else { Self::Over }
    }
}

impl<S: Stream> Observed<S> {
    /// Tells the call what was read, once.
    fn report(self: Pin<&mut Self>) {
        let this = self.project();
        let reading = std::mem::replace(this.reading, Reading::Over);
        let Reading::Of(call) = reading else { return };
        let mut answer = std::mem::take(this.told);
        // Code of the user's that only we need, here and below: a panic in it must not reach the function.
        if let Some(whole) = unharmed(|| (this.whole)(this.stream.as_ref().get_ref())) {
            answer.update(whole);
        }
        if answer != Answer::default() {
            call.answer(answer);
        }
    }
}

impl<S: Stream> Stream for Observed<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.as_mut().project();
        if let Reading::Unpolled = this.reading {
            *this.reading = Reading::begin();
        }
        let polled = this.stream.poll_next(cx);
        match (&polled, this.reading) {
            (Poll::Ready(Some(item)), Reading::Of(call)) => {
                let told = unharmed(|| (this.item)(item)).flatten();
                if let Some(told) = told.filter(|told| !told.made_up) {
                    call.chunk();
                    this.told.update(told);
                }
            }
            (Poll::Ready(None), Reading::Of(_)) => self.report(),
            _ => {}
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

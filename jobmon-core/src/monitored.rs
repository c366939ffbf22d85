//! [`Monitored`] and its sync siblings: a body that runs as a call.

use crate::call::Seen;
use crate::context;
use crate::event::End;
use crate::running::{Handle, Started};
use futures_core::FusedFuture;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

pin_project! {
    /// A future that runs as a call: the clock starts at its first poll, the call is current during each poll,
    /// and it ends once: with its output, by unwinding, or when it is dropped.
    //
    // The order of fields matters: the body is dropped before the call ends. The future is no `Option`, which would
    // be one more layer for the compiler in each of nested functions.
    #[must_use = "futures do nothing unless polled"]
    pub struct Monitored<F, E> {
        #[pin]
        future: F,
        running: Option<Handle>,
        ending: E,
    }

    impl<F, E> PinnedDrop for Monitored<F, E> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(handle) = this.project().running {
                handle.running().leave();
            }
        }
    }
}

impl<F, E> fmt::Debug for Monitored<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitored").field("running", &self.running).finish_non_exhaustive()
    }
}

/// What is done with the output of a body.
pub trait Ending<R> {
    /// What the call gives.
    type Output;

    /// Ends the call, if one is recorded, or hands it on.
    fn end(&mut self, call: Open, output: R) -> Self::Output;
}

/// A call whose body has ended.
#[derive(Debug)]
#[must_use]
pub struct Open(pub(crate) Option<Handle>);

impl Open {
    /// Ends the call with what was seen.
    #[inline]
    pub(crate) fn end(self, see: impl FnOnce() -> Seen) {
        if let Some(mut handle) = self.0 {
            handle.running().end(see());
        }
    }
}

/// Ends the call with what a probe sees in the output.
#[derive(Debug)]
pub struct Seeing<P>(Option<P>);

impl<R, P: FnOnce(&R) -> Seen> Ending<R> for Seeing<P> {
    type Output = R;
    #[inline]
    fn end(&mut self, call: Open, output: R) -> R {
        if let Some(probe) = self.0.take() {
            call.end(|| probe(&output));
        }
        output
    }
}

/// Hands the call on to the stream that is the output, or inside it.
#[derive(Debug)]
pub struct Opening<W>(Option<W>);

impl<R, S, W: FnOnce(Open, R) -> S> Ending<R> for Opening<W> {
    type Output = S;
    fn end(&mut self, call: Open, output: R) -> S {
        match self.0.take() {
            Some(open) => open(call, output),
            // As of every other future: the caller broke the contract of `Future::poll`.
            None => panic!("`async fn` resumed after completion"),
        }
    }
}

/// Runs a future as a call.
pub fn monitor<F, R, P>(call: Started, future: F, probe: P) -> Monitored<F, Seeing<P>>
where
    F: Future<Output = R>,
    P: FnOnce(&R) -> Seen,
{
    Monitored { future, running: call.0, ending: Seeing(Some(probe)) }
}

/// Runs a future as the beginning of a call, which goes on with the stream that the future gives.
pub fn monitor_opening<F, R, S, W>(call: Started, future: F, open: W) -> Monitored<F, Opening<W>>
where
    F: Future<Output = R>,
    W: FnOnce(Open, R) -> S,
{
    Monitored { future, running: call.0, ending: Opening(Some(open)) }
}

/// Runs the future that a body makes as a call. What the body does before it returns the future belongs to the call
/// too, but its clock starts with the future. Should the body panic, so has the call.
pub fn make<F, M>(call: Started, body: impl FnOnce() -> F, monitor: impl FnOnce(Started, F) -> M) -> M {
    let (call, made) = run(call, body);
    monitor(call, made)
}

/// As [`make`], for a body that gives a box: without a monitor it stays the one it is.
pub fn make_boxed<B>(call: Started, body: impl FnOnce() -> B, monitor: impl FnOnce(Started, B) -> B) -> B {
    let (call, made) = run(call, body);
    if call.0.is_none() { made } else { monitor(call, made) }
}

/// Monitors a boxed stream; without a monitor it stays the box it is.
pub fn boxed<B>(call: Open, stream: B, monitor: impl FnOnce(Open, B) -> B) -> B {
    if call.0.is_none() { stream } else { monitor(call, stream) }
}

/// Runs a body that makes what is to be monitored.
fn run<F>(mut call: Started, body: impl FnOnce() -> F) -> (Started, F) {
    let made = match &mut call.0 {
        Some(handle) => handle.running().run(body),
        None => body(),
    };
    (call, made)
}

impl<F, E> Future for Monitored<F, E>
where
    F: Future,
    E: Ending<F::Output>,
{
    type Output = E::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<E::Output> {
        let this = self.project();
        let Some(handle) = this.running else {
            return this.future.poll(cx).map(|output| this.ending.end(Open(None), output));
        };
        let running = handle.running();
        running.call.begin();
        let polled = running.run(|| this.future.poll(cx));
        polled.map(|output| this.ending.end(Open(this.running.take()), output))
    }
}

impl<F, E> FusedFuture for Monitored<F, E>
where
    F: FusedFuture,
    E: Ending<F::Output>,
{
    fn is_terminated(&self) -> bool {
        self.future.is_terminated()
    }
}

/// Runs a function as a call.
#[inline]
pub fn call_once<R>(call: Started, body: impl FnOnce() -> R, probe: impl FnOnce(&R) -> Seen) -> R {
    let Some(mut handle) = call.0 else { return body() };
    let running = handle.running();
    running.call.begin();
    let output = running.run(body);
    running.end(probe(&output));
    output
}

/// Runs a function as the beginning of a call, which goes on with the stream that the function returns. Its clock
/// starts with the first poll of the stream.
pub fn call_opening<R, S>(call: Started, body: impl FnOnce() -> R, open: impl FnOnce(Open, R) -> S) -> S {
    let (call, output) = run(call, body);
    open(Open(call.0), output)
}

/// Marks the rest of a function as a call: of one that never returns, and of one whose output tells nothing.
pub fn guard(call: Started) -> Guarded {
    let mut handle = call.0;
    if let Some(handle) = &mut handle {
        let running = handle.running();
        running.call.begin();
        context::enter(&mut running.inside);
    }
    Guarded(handle)
}

/// See [`guard`].
#[derive(Debug)]
pub struct Guarded(Option<Handle>);

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Some(handle) = &mut self.0 {
            let running = handle.running();
            context::leave(&mut running.inside);
            let end = if std::thread::panicking() { End::Panicked } else { End::Ok };
            running.call.finish(end, Seen::default());
        }
    }
}

//! [`Retrying`]: a call that is tried again.

use super::Retry;
use super::sleep::{Sleeping, sleep};
use crate::call::Seen;
use crate::monitored::Open;
use crate::probe::unharmed;
use crate::running::{Handle, Started};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{self, Poll, ready};
use std::time::Duration;

/// A call with several attempts, under way.
#[derive(Debug)]
pub struct Retrying {
    running: Option<Handle>,
    policy: Retry,
    made: u32,
}

/// Begins a call with several attempts.
pub fn retrying(call: Started, policy: Retry) -> Retrying {
    Retrying { running: call.0, policy, made: 0 }
}

/// The output of the last attempt, and what was seen in it.
#[derive(Debug)]
pub struct Settled<R> {
    output: R,
    seen: Seen,
}

/// Ends a call with the output of its last attempt.
pub fn retried<R>(call: Retrying, settled: Settled<R>) -> R {
    let Settled { output, seen } = settled;
    Open(call.running).end(|| seen);
    output
}

/// Hands a call on to the stream that its last attempt gave.
pub fn retried_opening<R, S>(call: Retrying, settled: Settled<R>, open: impl FnOnce(Open, R) -> S) -> S {
    open(Open(call.running), settled.output)
}

/// For `when = |e| ..`: whether an error is retried.
pub fn retry_when<T, E>(output: Result<&T, &E>, when: impl FnOnce(&E) -> bool) -> Option<bool> {
    // Should it panic, nobody has asked for a further attempt.
    Some(output.err().and_then(|error| unharmed(|| when(error))).unwrap_or(false))
}

impl Retrying {
    /// Runs one attempt; gives nothing when there is to be another, after waiting for it.
    pub fn attempt<F, R, P>(&mut self, future: F, look: P) -> Attempting<'_, F, P>
    where
        F: Future<Output = R>,
        P: FnOnce(&R) -> (Seen, Option<bool>),
    {
        Attempting { stage: Stage::Running { future }, look: Some(look), inside: Inside::new(self) }
    }

    /// Runs one attempt of a function that is not async, and blocks while it waits for the next.
    pub fn attempt_sync<R>(
        &mut self,
        body: impl FnOnce() -> R,
        look: impl FnOnce(&R) -> (Seen, Option<bool>),
    ) -> Option<Settled<R>> {
        let mut inside = Inside::new(self);
        inside.begin();
        let output = inside.run(body);
        let (seen, wait) = inside.end(&output, look);
        let Some(wait) = wait else { return Some(Settled { output, seen }) };
        inside.enter(|| drop(output));
        std::thread::sleep(wait);
        None
    }
}

/// An attempt inside its call.
#[derive(Debug)]
struct Inside<'a> {
    /// Asserted, so that retried futures stay `UnwindSafe`.
    call: AssertUnwindSafe<&'a mut Retrying>,
    begun: bool,
    /// Its number, where a call is recorded.
    number: u32,
    /// Whether the attempt's future is dropped while this is.
    left: bool,
}

impl<'a> Inside<'a> {
    const fn new(call: &'a mut Retrying) -> Self {
        Self { call: AssertUnwindSafe(call), begun: false, number: 0, left: false }
    }

    /// Begins it, once.
    fn begin(&mut self) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        self.call.made = self.call.made.saturating_add(1);
        if let Some(handle) = &mut self.call.running {
            let running = handle.running();
            running.call.begin();
            self.number = running.call.begin_attempt(0);
            running.inside.attempt = self.number;
        }
    }

    fn run<R>(&mut self, body: impl FnOnce() -> R) -> R {
        match &mut self.call.running {
            Some(handle) => handle.running().run(body),
            None => body(),
        }
    }

    fn enter<R>(&mut self, body: impl FnOnce() -> R) -> R {
        match &mut self.call.running {
            Some(handle) => handle.running().enter(body),
            None => body(),
        }
    }

    /// Ends it; gives what was seen, and how long to wait for another one if there is to be one.
    fn end<R>(
        &mut self,
        output: &R,
        look: impl FnOnce(&R) -> (Seen, Option<bool>),
    ) -> (Seen, Option<Duration>) {
        let (mut seen, wanted) = look(output);
        if let Some(handle) = &mut self.call.running {
            let call = &handle.running().call;
            seen.failure = seen.failure.map(|failure| call.stopped_or(failure));
        }
        let failure = seen.failure.as_ref().filter(|_| seen.failed);
        let policy = &self.call.policy;
        let wait = failure.and_then(|failure| {
            // A back-off by a function is code of the user's.
            unharmed(|| policy.after(self.call.made, failure, wanted)).flatten()
        });
        if let Some(handle) = &mut self.call.running {
            let running = handle.running();
            running.call.end_attempt(self.number, failure.cloned());
            // What comes after an attempt belongs to it, too: its answer is read at the end.
            running.inside.attempt = 0;
        }
        (seen, wait)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if self.left
            && let Some(handle) = &mut self.call.running
        {
            handle.running().stay();
        }
    }
}

pin_project! {
    #[project = Staged]
    enum Stage<F> {
        Running { #[pin] future: F },
        Waiting { sleep: AssertUnwindSafe<Sleeping> },
    }
}

pin_project! {
    /// One attempt of a call, and the back-off after it.
    //
    // The order of fields matters: what the attempt holds is dropped inside the call.
    #[must_use = "futures do nothing unless polled"]
    pub struct Attempting<'a, F, P> {
        #[pin]
        stage: Stage<F>,
        look: Option<P>,
        inside: Inside<'a>,
    }

    impl<F, P> PinnedDrop for Attempting<'_, F, P> {
        fn drop(this: Pin<&mut Self>) {
            let inside = this.project().inside;
            if let Some(handle) = &mut inside.call.running {
                handle.running().leave();
                inside.left = true;
            }
        }
    }
}

impl<F, P> fmt::Debug for Attempting<'_, F, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempting").field("inside", &self.inside).finish_non_exhaustive()
    }
}

impl<F, R, P> Future for Attempting<'_, F, P>
where
    F: Future<Output = R>,
    P: FnOnce(&R) -> (Seen, Option<bool>),
{
    /// The output of the last attempt; nothing when there is to be another one.
    type Output = Option<Settled<R>>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Settled<R>>> {
        let mut this = self.project();
        loop {
            match this.stage.as_mut().project() {
                Staged::Running { future } => {
                    this.inside.begin();
                    let output = ready!(this.inside.run(|| future.poll(cx)));
                    let (seen, wait) = match this.look.take() {
                        Some(look) => this.inside.end(&output, look),
                        None => (Seen::default(), None),
                    };
                    let Some(wait) = wait else { return Poll::Ready(Some(Settled { output, seen })) };
                    this.inside.enter(|| {
                        drop(output);
                        this.stage.set(Stage::Waiting { sleep: AssertUnwindSafe(sleep(wait)) });
                    });
                }
                Staged::Waiting { sleep } => {
                    ready!(sleep.0.as_mut().poll(cx));
                    return Poll::Ready(None);
                }
            }
        }
    }
}

/// What each attempt has of an argument that was given by value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cloned, and each attempt needs one of its own",
    label = "`retry` clones this argument for each attempt",
    note = "take it by reference",
    note = "or make it `Clone`: derive or require that, or wrap it in an `Arc`"
)]
pub trait Again {
    /// One more of it.
    #[must_use]
    fn again(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Again for T {
    fn again(&self) -> Self {
        self.clone()
    }
}

/// One more of an argument, for an attempt.
pub fn again<T: Again>(argument: &T) -> T {
    argument.again()
}

/// Runs what makes a future.
pub fn made<F>(make: impl FnOnce() -> F) -> F {
    make()
}

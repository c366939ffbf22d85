//! [`Monitored`] and its sync siblings: a body that runs as a call.

use crate::call::{Active, Seen, Setting};
use crate::context::{Context, Entered};
use crate::event::End;
use crate::monitor::Shared;
use crate::probe::unharmed;
use crate::site::Site;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

/// A call about to run, or nothing when no monitor listens.
#[derive(Debug)]
#[must_use]
pub struct Started(Option<Running>);

/// A call of a function without attributes that need computing.
///
/// # Cost
/// One load and a branch when no monitor is installed.
pub fn start(site: &'static Site) -> Started {
    Started(Shared::current().map(|monitor| Running(Active::start(site, monitor, Setting::default()))))
}

/// A call of a function with attributes that need computing; they are computed only if somebody listens. Should one
/// panic, it and those after it are missing; the call is recorded all the same.
pub fn start_with(site: &'static Site, set: impl FnOnce(&mut Setting)) -> Started {
    Started(Shared::current().map(|monitor| {
        let mut setting = Setting::default();
        let _ = unharmed(|| set(&mut setting));
        Running(Active::start(site, monitor, setting))
    }))
}

/// Owns the one end of a call: whoever drops it without ending it has cancelled it.
#[derive(Debug)]
struct Running(Arc<Active>);

impl Running {
    /// The context of the body, to be swapped in for one poll.
    fn context(&self) -> Context {
        Context::peek(|around| self.0.context(around)).unwrap_or_default()
    }

    fn end(&self, seen: Seen) {
        let end = if seen.failed { End::Error } else { End::Ok };
        self.0.finish(end, seen);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.finish(End::Cancelled, Seen::default());
    }
}

/// Ends a call as panicked unless it is defused: dropped while the body unwinds.
struct OnUnwind<'a>(Option<&'a Running>);

impl Drop for OnUnwind<'_> {
    fn drop(&mut self) {
        if let Some(running) = self.0 {
            running.0.finish(End::Panicked, Seen::default());
        }
    }
}

pin_project! {
    /// A future that runs as a call: the clock starts at its first poll, the call is current during each poll,
    /// and it ends once: with its output, by unwinding, or when it is dropped.
    #[must_use = "futures do nothing unless polled"]
    pub struct Monitored<F, P> {
        #[pin]
        future: Option<F>,
        running: Option<Running>,
        probe: Option<P>,
    }

    impl<F, P> PinnedDrop for Monitored<F, P> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(running) = this.running.take() {
                // What the body still holds is dropped inside its call, and its calls inside end before it.
                let mut context = running.context();
                let entered = Entered::new(&mut context);
                this.future.set(None);
                drop(entered);
            }
        }
    }
}

impl<F, P> std::fmt::Debug for Monitored<F, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitored").field("running", &self.running).finish_non_exhaustive()
    }
}

/// Runs a future as a call.
pub fn monitor<F, R, P>(call: Started, future: F, probe: P) -> Monitored<F, P>
where
    F: Future<Output = R>,
    P: FnOnce(&R) -> Seen,
{
    Monitored { future: Some(future), running: call.0, probe: Some(probe) }
}

impl<F, R, P> Future for Monitored<F, P>
where
    F: Future<Output = R>,
    P: FnOnce(&R) -> Seen,
{
    type Output = R;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<R> {
        let this = self.project();
        // The future is taken out only by the destructor.
        let Some(future) = this.future.as_pin_mut() else { return Poll::Pending };
        let Some(running) = &*this.running else { return future.poll(cx) };
        running.0.begin();
        let mut context = running.context();
        let mut unwinding = OnUnwind(Some(running));
        let entered = Entered::new(&mut context);
        let polled = future.poll(cx);
        drop(entered);
        unwinding.0 = None;
        drop(unwinding);
        if let Poll::Ready(output) = &polled {
            let seen = this.probe.take().map(|probe| probe(output)).unwrap_or_default();
            running.end(seen);
            *this.running = None;
        }
        polled
    }
}

/// Runs a function as a call.
pub fn call_once<R>(call: Started, body: impl FnOnce() -> R, probe: impl FnOnce(&R) -> Seen) -> R {
    let Some(running) = call.0 else { return body() };
    running.0.begin();
    let mut unwinding = OnUnwind(Some(&running));
    let output = running.context().run(body);
    unwinding.0 = None;
    drop(unwinding);
    running.end(probe(&output));
    output
}

/// Marks the rest of a function that never returns as a call: all it can do is panic.
pub fn guard(call: Started) -> Diverging {
    let running = call.0;
    let mut context = running.as_ref().map_or_else(Context::current, Running::context);
    if let Some(running) = &running {
        running.0.begin();
        crate::context::exchange(&mut context);
    }
    Diverging { running, around: context }
}

/// See [`guard`].
#[derive(Debug)]
pub struct Diverging {
    running: Option<Running>,
    around: Context,
}

impl Drop for Diverging {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            crate::context::exchange(&mut self.around);
            running.0.finish(End::Panicked, Seen::default());
        }
    }
}

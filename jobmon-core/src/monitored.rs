//! [`Monitored`] and its sync siblings: a body that runs as a call.

use crate::call::{Active, Seen, Setting};
use crate::context::{Context, Entered, exchange};
use crate::event::End;
use crate::monitor::Shared;
use crate::probe::unharmed;
use crate::site::Site;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

/// A call about to run, or nothing when no monitor listens.
#[derive(Debug)]
#[must_use]
pub struct Started(Option<Handle>);

/// A running call, hidden from the compiler: what a future holds is looked into again for each function around it,
/// and there is a limit to how deep (`recursion_limit`).
type Handle = Box<dyn Hidden + Send + Sync + UnwindSafe + RefUnwindSafe>;

trait Hidden: fmt::Debug {
    fn running(&mut self) -> &mut Running;
}

impl Hidden for Running {
    fn running(&mut self) -> &mut Running {
        self
    }
}

/// A call of a function without attributes that need computing.
///
/// # Cost
/// One load and a branch when no monitor is installed.
pub fn start(site: &'static Site) -> Started {
    Started(Shared::current().map(|monitor| Running::start(site, monitor, Setting::new())))
}

/// A call of a function with attributes that need computing; they are computed only if somebody listens. Should one
/// panic, it and those after it are missing; the call is recorded all the same.
pub fn start_with(site: &'static Site, set: impl FnOnce(&mut Setting)) -> Started {
    Started(Shared::current().map(|monitor| {
        let mut setting = Setting::new();
        let _ = unharmed(|| set(&mut setting));
        Running::start(site, monitor, setting)
    }))
}

/// Owns the one end of a call: whoever drops it without ending it has cancelled it.
#[derive(Debug)]
struct Running {
    call: Arc<Active>,
    /// The context of the body, swapped in for each poll.
    inside: Context,
    /// Whether it is swapped in until this is dropped: while the body, unfinished, is dropped before it.
    leaving: bool,
}

impl Running {
    fn start(site: &'static Site, monitor: Arc<Shared>, setting: Setting) -> Handle {
        let (call, inside) = Active::start(site, monitor, setting);
        Box::new(Self { call, inside, leaving: false })
    }

    /// Runs the body, or one poll of it, inside the call. Should it unwind, the call has panicked.
    fn run<R>(&mut self, body: impl FnOnce() -> R) -> R {
        let mut unwinding = OnUnwind(Some(&self.call));
        let entered = Entered::new(&mut self.inside);
        let output = body();
        drop(entered);
        unwinding.0 = None;
        output
    }

    fn end(&self, seen: Seen) {
        let end = if seen.failed { End::Error } else { End::Ok };
        self.call.finish(end, seen);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.leaving {
            exchange(&mut self.inside);
        }
        self.call.finish(End::Cancelled, Seen::default());
    }
}

/// Ends a call as panicked unless it is defused: dropped while the body unwinds.
struct OnUnwind<'a>(Option<&'a Active>);

impl Drop for OnUnwind<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.0 {
            call.finish(End::Panicked, Seen::default());
        }
    }
}

pin_project! {
    /// A future that runs as a call: the clock starts at its first poll, the call is current during each poll,
    /// and it ends once: with its output, by unwinding, or when it is dropped.
    //
    // The order of fields matters: the body is dropped before the call ends. The future is no `Option`, which would
    // be one more layer for the compiler in each of nested functions.
    #[must_use = "futures do nothing unless polled"]
    pub struct Monitored<F, P> {
        #[pin]
        future: F,
        running: Option<Handle>,
        probe: Option<P>,
    }

    impl<F, P> PinnedDrop for Monitored<F, P> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(handle) = this.project().running {
                let running = handle.running();
                // What the body still holds is dropped inside its call, and its calls inside end before it.
                exchange(&mut running.inside);
                running.leaving = true;
            }
        }
    }
}

impl<F, P> fmt::Debug for Monitored<F, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitored").field("running", &self.running).finish_non_exhaustive()
    }
}

/// Runs a future as a call.
pub fn monitor<F, R, P>(call: Started, future: F, probe: P) -> Monitored<F, P>
where
    F: Future<Output = R>,
    P: FnOnce(&R) -> Seen,
{
    Monitored { future, running: call.0, probe: Some(probe) }
}

/// Runs the future that a body makes as a call. What the body does before it returns the future belongs to the call
/// too, but its clock starts with the future. Should the body panic, so has the call.
pub fn monitor_made<R, F, P>(call: Started, body: impl FnOnce() -> F, probe: P) -> Monitored<F, P>
where
    F: Future<Output = R>,
    P: FnOnce(&R) -> Seen,
{
    let mut running = call.0;
    let future = match &mut running {
        Some(handle) => handle.running().run(body),
        None => body(),
    };
    Monitored { future, running, probe: Some(probe) }
}

impl<F, R, P> Future for Monitored<F, P>
where
    F: Future<Output = R>,
    P: FnOnce(&R) -> Seen,
{
    type Output = R;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<R> {
        let this = self.project();
        let Some(handle) = this.running else { return this.future.poll(cx) };
        let running = handle.running();
        running.call.begin();
        let polled = running.run(|| this.future.poll(cx));
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
    let Some(mut handle) = call.0 else { return body() };
    let running = handle.running();
    running.call.begin();
    let output = running.run(body);
    running.end(probe(&output));
    output
}

/// Marks the rest of a function that never returns as a call: all it can do is panic.
pub fn guard(call: Started) -> Diverging {
    let mut handle = call.0;
    if let Some(handle) = &mut handle {
        let running = handle.running();
        running.call.begin();
        exchange(&mut running.inside);
    }
    Diverging(handle)
}

/// See [`guard`].
#[derive(Debug)]
pub struct Diverging(Option<Handle>);

impl Drop for Diverging {
    fn drop(&mut self) {
        if let Some(handle) = &mut self.0 {
            let running = handle.running();
            exchange(&mut running.inside);
            running.call.finish(End::Panicked, Seen::default());
        }
    }
}

//! A call under way: its context, entered and left, and its one end.

use crate::call::{Active, Seen};
use crate::context::{self, Context, Entered};
use crate::event::End;
use crate::monitor::Shared;
use crate::probe::unharmed;
use crate::setting::Setting;
use crate::site::Site;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// A call about to run, or nothing when no monitor listens.
#[derive(Debug)]
#[must_use]
pub struct Started(pub(crate) Option<Handle>);

/// A running call, hidden from the compiler: what a future holds is looked into again for each function around it,
/// and there is a limit to how deep (`recursion_limit`).
pub(crate) type Handle = Box<dyn Hidden + Send + Sync + UnwindSafe + RefUnwindSafe>;

pub(crate) trait Hidden: fmt::Debug {
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
#[inline]
pub fn start(site: &'static Site) -> Started {
    if Shared::is_none_installed() { Started(None) } else { start_recording(site) }
}

#[inline(never)]
fn start_recording(site: &'static Site) -> Started {
    Started(Shared::current().map(|monitor| Running::start(site, monitor, Setting::new())))
}

/// A call of a function with attributes that need computing; they are computed only if somebody listens. Should one
/// panic, it and those after it are missing; the call is recorded all the same.
#[inline]
pub fn start_with(site: &'static Site, set: impl FnOnce(&mut Setting)) -> Started {
    if Shared::is_none_installed() {
        return Started(None);
    }
    Started(Shared::current().map(|monitor| {
        let mut setting = Setting::new();
        setting.captures = monitor.settings.capture_content;
        let _ = unharmed(|| set(&mut setting));
        Running::start(site, monitor, setting)
    }))
}

/// Owns the one end of a call: whoever drops it without ending it has cancelled it.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) call: Arc<Active>,
    /// The context of the body, swapped in for each poll.
    pub(crate) inside: Context,
    /// Whether it is swapped in until this is dropped: while the body, unfinished, is dropped before it.
    leaving: bool,
}

impl Running {
    fn start(site: &'static Site, monitor: Arc<Shared>, setting: Setting) -> Handle {
        Box::new(Self::begin(site, monitor, setting))
    }

    pub(crate) fn begin(site: &'static Site, monitor: Arc<Shared>, setting: Setting) -> Self {
        let (call, inside) = Active::start(site, monitor, setting);
        Self { call, inside, leaving: false }
    }

    /// Runs the body, or one poll of it, inside the call. Should it unwind, the call has panicked.
    pub(crate) fn run<R>(&mut self, body: impl FnOnce() -> R) -> R {
        let mut unwinding = OnUnwind(Some(&self.call));
        let entered = Entered::new(&mut self.inside);
        let output = body();
        drop(entered);
        unwinding.0 = None;
        output
    }

    /// Runs something inside the call that says by other means what unwinding means.
    pub(crate) fn enter<R>(&mut self, body: impl FnOnce() -> R) -> R {
        let _entered = Entered::new(&mut self.inside);
        body()
    }

    pub(crate) fn end(&self, seen: Seen) {
        let end = if seen.failed { End::Error } else { End::Ok };
        self.call.finish(end, seen);
    }

    /// Called when the future that holds this is dropped: what its body still holds is dropped inside the call, and
    /// calls inside end before it.
    pub(crate) fn leave(&mut self) {
        context::enter(&mut self.inside);
        self.leaving = true;
    }

    /// That future is gone, and the call goes on.
    pub(crate) fn stay(&mut self) {
        context::leave(&mut self.inside);
        self.leaving = false;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.leaving {
            context::leave(&mut self.inside);
        }
        self.call.finish(End::Cancelled, Seen::default());
    }
}

/// Ends a call as panicked unless it is defused: dropped while the body unwinds.
struct OnUnwind<'a>(Option<&'a Arc<Active>>);

impl Drop for OnUnwind<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.0 {
            call.finish(End::Panicked, Seen::default());
        }
    }
}

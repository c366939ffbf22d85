//! [`ForeignCall`]: a call that other code tells of, such as a client crate by its spans.

use crate::call::Seen;
use crate::context;
use crate::event::End;
use crate::facts::Current;
use crate::failure::Failure;
use crate::monitor::Shared;
use crate::operation::Operation;
use crate::response::Answer;
use crate::running::Running;
use crate::setting::Setting;
use crate::site::Site;
use crate::text::Text;
use std::thread::ThreadId;

/// A place in code that is not annotated, at which calls begin that it tells of.
///
/// Made once for each place of a program and never freed.
#[derive(Clone, Copy, Debug)]
pub struct ForeignSite(&'static Site);

impl ForeignSite {
    /// A place by its name, its module, its file and line, and the kind of work that begins there.
    pub fn new(
        name: &'static str,
        module: &'static str,
        place: (&'static str, u32),
        operation: Operation,
    ) -> Self {
        Self(Box::leak(Box::new(Site::foreign(name, module, place, operation))))
    }

    /// The kind of work that begins there.
    pub const fn operation(self) -> Operation {
        self.0.facts.operation
    }
}

/// A call that other code tells of: what an integration makes of the spans or callbacks of a client crate.
///
/// It is a call like those of annotated functions: a child of the call that is current when it begins, with its scope,
/// its own budgets, and exactly one end; dropped without one it is cancelled. A call to a model inside an annotated call
/// to a model is the same request, and counts once: what is told of it is taken where the annotated function itself
/// tells no usage.
///
/// ```
/// use jobmon_core::{ForeignCall, ForeignSite, Operation, Usage, testing::Collect};
///
/// let (collect, _guard) = Collect::install();
/// let site = ForeignSite::new("chat", "some_client", (file!(), line!()), Operation::Chat);
/// let call = ForeignCall::begin(site, None).expect("a monitor is installed");
/// call.told().model("gpt-4o-mini");
/// call.end(None, Usage::new(120, 30).into());
/// assert_eq!(collect.calls()[0].usage(), Some(Usage::new(120, 30)));
/// ```
#[derive(Debug)]
#[must_use = "dropping it cancels the call"]
pub struct ForeignCall {
    running: Box<Running>,
    /// The thread that is in it, and how often it entered.
    entered: Option<(ThreadId, usize)>,
}

impl ForeignCall {
    /// Begins a call, under another name than that of its place if one is given; `None` without a monitor.
    pub fn begin(site: ForeignSite, name: Option<Text>) -> Option<Self> {
        let monitor = Shared::current()?;
        let setting = Setting { name, ..Setting::new() };
        let running = Running::begin(site.0, monitor, setting);
        running.call.begin();
        Some(Self { running: Box::new(running), entered: None })
    }

    /// What is told of it goes here.
    pub fn told(&self) -> Current {
        Current::of(&self.running.call)
    }

    /// Sets its name, where it is known only now.
    pub fn name(&self, name: impl Into<Text>) {
        self.running.call.set_name(name.into());
    }

    /// The first token has come.
    pub fn first_token(&self) {
        self.running.call.first_token();
    }

    /// Code of this thread runs inside it from now on: calls that begin there are its children. While one thread is
    /// inside, others do not get in.
    pub fn enter(&mut self) {
        let here = std::thread::current().id();
        match &mut self.entered {
            None => {
                self.entered = Some((here, 1));
                context::enter(&mut self.running.inside);
            }
            Some((thread, times)) if *thread == here => *times += 1,
            Some(_) => {}
        }
    }

    /// Undoes [`enter`](Self::enter).
    pub fn leave(&mut self) {
        let here = std::thread::current().id();
        match &mut self.entered {
            Some((thread, 1)) if *thread == here => {
                self.entered = None;
                context::leave(&mut self.running.inside);
            }
            Some((thread, times)) if *thread == here => *times -= 1,
            _ => {}
        }
    }

    /// Ends it, as failed if there is a failure, with the answer that it gave: like that of an annotated function, it
    /// counts where nobody inside told one.
    pub fn end(self, failure: Option<Failure>, answer: Answer) {
        let call = &self.running.call;
        if !call.merge(&answer) {
            let end = if failure.is_some() { End::Error } else { End::Ok };
            call.finish(end, Seen { failed: failure.is_some(), answer: Some(answer), failure, output: None });
        }
    }
}

//! [`Context`]: what is true around a piece of code: the call it runs in, and on whose behalf.

use crate::DISABLED;
use crate::call::Active;
use crate::event::Scope;
use crate::id::ParseIdError;
use crate::monitor::Shared;
use crate::surroundings::{Around, SpanContext};
use crate::text::Text;
use pin_project_lite::pin_project;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

/// What is true around a piece of code: the call it runs in, the session, user, feature and strategy it works
/// for. Calls inside inherit it.
///
/// Cheap to clone, and `Send`: this is what [`InContext::in_current_context`] carries into spawned tasks.
///
/// ```
/// use jobmon_core::{Context, Text};
///
/// let context = Context::current().with_session("search-17").with_feature("job_analysis");
/// let session = context.run(|| Context::current().session().cloned());
/// assert_eq!(session, Some(Text::from("search-17")));
/// assert_eq!(Context::current().session(), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Context {
    pub(crate) call: Option<Arc<Active>>,
    /// Makes the call, or what it continues, current for others too.
    pub(crate) around: Option<Arc<dyn Around>>,
    rare: Arc<Rare>,
    /// Apart from the others, since a call with `feature = ".."` changes it without an allocation.
    pub(crate) feature: Option<Text>,
    pub(crate) attempt: u32,
    /// A monitor of this thread only (tests); carried along so that spawned tasks report to it too.
    pub(crate) local: Option<Arc<Shared>>,
    pub(crate) suppressed: bool,
}

/// What changes rarely.
#[derive(Clone, Debug, Default)]
struct Rare {
    /// Session, user and strategy.
    scope: Scope,
    /// The span in another process that calls without another around them continue.
    remote: Option<SpanContext>,
}

thread_local! {
    static CURRENT: RefCell<Context> = RefCell::default();
}

impl Context {
    /// The context of the running code.
    pub fn current() -> Self {
        Self::peek(Self::clone).unwrap_or_default()
    }

    /// Looks at the current context; `None` while the thread ends, or when jobmon is disabled.
    pub(crate) fn peek<R>(look: impl FnOnce(&Self) -> R) -> Option<R> {
        if DISABLED {
            return None;
        }
        CURRENT.try_with(|current| look(&current.borrow())).ok()
    }

    /// The session, if one is set.
    pub fn session(&self) -> Option<&Text> {
        self.rare.scope.session.as_ref()
    }

    /// The user, if one is set.
    pub fn user(&self) -> Option<&Text> {
        self.rare.scope.user.as_ref()
    }

    /// The feature, if one is set.
    pub fn feature(&self) -> Option<&Text> {
        self.feature.as_ref()
    }

    /// The strategy, if one is set.
    pub fn strategy(&self) -> Option<&Text> {
        self.rare.scope.strategy.as_ref()
    }

    /// Sets the session.
    #[must_use]
    pub fn with_session(mut self, session: impl Into<Text>) -> Self {
        Arc::make_mut(&mut self.rare).scope.session = Some(session.into());
        self
    }

    /// Sets the user. With a [`user_key`](crate::Settings::user_key) a pseudonym is recorded; without one give a
    /// pseudonym yourself, not a name: it is stored as it is, but for what [`Redaction`](crate::Redaction) removes.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<Text>) -> Self {
        Arc::make_mut(&mut self.rare).scope.user = Some(recorded(&user.into()));
        self
    }

    /// Sets the feature. A `feature = ".."` on a function inside goes before it.
    #[must_use]
    pub fn with_feature(mut self, feature: impl Into<Text>) -> Self {
        self.feature = Some(feature.into());
        self
    }

    /// Sets the strategy.
    #[must_use]
    pub fn with_strategy(mut self, strategy: impl Into<Text>) -> Self {
        Arc::make_mut(&mut self.rare).scope.strategy = Some(strategy.into());
        self
    }

    /// Continues a trace that began in another process: calls in this context are children of the span that a W3C
    /// `traceparent` header names, and no longer of the call around it. The `tracestate` that came with it is handed on,
    /// and may be empty.
    ///
    /// ```
    /// use jobmon_core::Context;
    ///
    /// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    /// let context = Context::current().continue_trace(header, "")?;
    /// // jobmon_core::with(context, handle(request)).await
    /// assert!(Context::current().continue_trace("00-nonsense", "").is_err());
    /// # drop(context);
    /// # Ok::<(), jobmon_core::ParseIdError>(())
    /// ```
    ///
    /// # Errors
    /// When it is no `traceparent`.
    pub fn continue_trace(mut self, traceparent: &str, tracestate: &str) -> Result<Self, ParseIdError> {
        let remote = traceparent.parse::<SpanContext>()?.with_state(tracestate);
        let monitor = self.local.clone().or_else(Shared::current);
        self.around = monitor.and_then(|monitor| monitor.settings.surroundings.as_ref()?.around(&remote));
        self.call = None;
        Arc::make_mut(&mut self.rare).remote = Some(remote);
        Ok(self)
    }

    /// The span in another process that calls in this context continue.
    pub(crate) fn remote(&self) -> Option<&SpanContext> {
        self.rare.remote.as_ref()
    }

    /// On whose behalf code in this context runs.
    pub(crate) fn scope(&self) -> Scope {
        Scope { feature: self.feature.clone(), ..self.rare.scope.clone() }
    }

    /// This context with everything that a change sets.
    fn changed(mut self, change: &Scope) -> Self {
        let rare = &mut Arc::make_mut(&mut self.rare).scope;
        for (value, new) in [
            (&mut rare.session, &change.session),
            (&mut rare.user, &change.user),
            (&mut rare.strategy, &change.strategy),
            (&mut self.feature, &change.feature),
        ] {
            if new.is_some() {
                value.clone_from(new);
            }
        }
        self
    }

    /// Runs a function in this context.
    pub fn run<R>(mut self, function: impl FnOnce() -> R) -> R {
        let _entered = Entered::new(&mut self);
        function()
    }
}

/// Swaps a context in, and back when dropped, also while unwinding.
pub(crate) struct Entered<'a>(&'a mut Context);

impl<'a> Entered<'a> {
    pub(crate) fn new(context: &'a mut Context) -> Self {
        enter(context);
        Self(context)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        leave(self.0);
    }
}

/// Makes a context the current one, which takes its place.
#[inline]
pub(crate) fn enter(context: &mut Context) {
    if let Some(around) = &context.around {
        around.enter();
    }
    exchange(context);
}

/// Undoes [`enter`], on the same thread.
#[inline]
pub(crate) fn leave(context: &mut Context) {
    exchange(context);
    if let Some(around) = &context.around {
        around.leave();
    }
}

/// Swaps the current context with another.
fn exchange(context: &mut Context) {
    if DISABLED {
        return;
    }
    // While the thread ends there is no current context, and nobody left to see it.
    let _ = CURRENT.try_with(|current| std::mem::swap(&mut *current.borrow_mut(), context));
}

/// jobmon's own threads report nothing: an exporter that uses an instrumented client must not feed itself.
pub(crate) fn suppress_on_this_thread() {
    let _ = CURRENT.try_with(|current| current.borrow_mut().suppressed = true);
}

/// Takes a local monitor away, unless another has taken its place; one before it comes back if it still runs.
pub(crate) fn leave_local(own: &Arc<Shared>, before: Option<Arc<Shared>>) {
    let is_own = Context::peek(|context| context.local.as_ref().is_some_and(|local| Arc::ptr_eq(local, own)));
    if is_own == Some(true) {
        set_local(before.filter(|before| !before.is_stopping()));
    }
}

pub(crate) fn set_local(shared: Option<Arc<Shared>>) -> Option<Arc<Shared>> {
    CURRENT.try_with(|current| std::mem::replace(&mut current.borrow_mut().local, shared)).unwrap_or_default()
}

pin_project! {
    /// A future that runs in a [`Context`]; made by [`with`], [`session`] and [`InContext`].
    ///
    /// Cancel safe where the future inside is.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct WithContext<F> {
        #[pin]
        future: F,
        place: Place,
    }
}

/// The context to run in.
#[derive(Debug)]
enum Place {
    Known(Context),
    /// That of the code that polls first, changed; so that scopes around scopes add up.
    Around(Scope),
}

impl<F: Future> Future for WithContext<F> {
    type Output = F::Output;
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if DISABLED {
            return this.future.poll(cx);
        }
        if let Place::Around(change) = this.place {
            *this.place = Place::Known(Context::current().changed(change));
        }
        match this.place {
            Place::Known(context) => {
                let _entered = Entered::new(context);
                this.future.poll(cx)
            }
            Place::Around(_) => this.future.poll(cx),
        }
    }
}

/// Runs a future in a context, which replaces the one around it.
///
/// ```
/// use jobmon_core::{Context, with};
/// # let block_on = |future: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
/// #     let mut future = future;
/// #     let _ = future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
/// # };
/// let work = with(Context::current().with_strategy("remote-first"), async {
///     assert_eq!(Context::current().strategy().map(|s| s.as_str()), Some("remote-first"));
/// });
/// # block_on(Box::pin(work));
/// ```
pub fn with<F: Future>(context: Context, future: F) -> WithContext<F> {
    WithContext { future, place: Place::Known(context) }
}

fn around<F: Future>(change: Scope, future: F) -> WithContext<F> {
    WithContext { future, place: Place::Around(change) }
}

/// Runs a future as part of a trace that began in another process, by the value of its W3C `traceparent` header: calls
/// inside are children of the span that it names. What else is true around it stays.
///
/// A value that is no `traceparent` is ignored, as
/// [the specification](https://www.w3.org/TR/trace-context/#a-traceparent-is-received) asks: the future begins a trace of
/// its own. [`Context::continue_trace`] tells what is wrong with it, and takes a `tracestate` along.
///
/// ```
/// # async fn handle() {}
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let handled = jobmon_core::continue_trace(header, handle());
/// # drop(handled);
/// ```
pub fn continue_trace<F: Future>(traceparent: &str, future: F) -> WithContext<F> {
    let context = Context::current();
    match context.clone().continue_trace(traceparent, "") {
        Ok(continued) => with(continued, future),
        Err(_) => with(context, future),
    }
}

/// Runs a future as part of a session: one job search, one conversation. What else is true around it stays.
pub fn session<F: Future>(id: impl Into<Text>, future: F) -> WithContext<F> {
    around(Scope { session: Some(id.into()), ..Scope::default() }, future)
}

/// Runs a future on behalf of a user. With a [`user_key`](crate::Settings::user_key) a pseudonym is recorded; without
/// one give a pseudonym yourself, not a name: it is stored as it is, but for what [`Redaction`](crate::Redaction) removes.
pub fn user<F: Future>(id: impl Into<Text>, future: F) -> WithContext<F> {
    around(Scope { user: Some(recorded(&id.into())), ..Scope::default() }, future)
}

/// What is recorded of a user's id by the monitor of the running code.
fn recorded(user: &Text) -> Text {
    Shared::current().map_or_else(|| user.clone(), |monitor| monitor.settings.user(user))
}

/// Runs a future for a feature of the product.
pub fn feature<F: Future>(name: impl Into<Text>, future: F) -> WithContext<F> {
    around(Scope { feature: Some(name.into()), ..Scope::default() }, future)
}

/// Runs a future as part of a strategy that is to be compared with others.
pub fn strategy<F: Future>(name: impl Into<Text>, future: F) -> WithContext<F> {
    around(Scope { strategy: Some(name.into()), ..Scope::default() }, future)
}

/// Carries the current context into futures that run elsewhere.
pub trait InContext: Future + Sized {
    /// Binds the context of the running code to a future, for `spawn`.
    ///
    /// ```
    /// use jobmon_core::InContext;
    /// # async fn analyze() {}
    /// let task = async { analyze().await }.in_current_context();
    /// // tokio::spawn(task): calls inside stay children of the call that spawns it.
    /// # drop(task);
    /// ```
    fn in_current_context(self) -> WithContext<Self> {
        with(Context::current(), self)
    }
}

impl<F: Future> InContext for F {}

//! [`Admitted`]: a body that runs only where budgets have something left for it.

use super::calls::admit;
use super::exceeded::BudgetExceeded;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// An error that a stopped call becomes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say that a budget stopped the call",
    label = "`budget` needs an error that is `From<jobmon::BudgetExceeded>`",
    note = "give it a variant for it: `impl From<jobmon::BudgetExceeded> for ..`, or `Budget(#[from] jobmon::BudgetExceeded)` with `thiserror`"
)]
pub trait StoppedError {
    /// The error of a call that a budget stopped.
    fn of_stopped(exceeded: BudgetExceeded) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<BudgetExceeded>> StoppedError for E {
    fn of_stopped(exceeded: BudgetExceeded) -> Self {
        exceeded.into()
    }
}

/// An output that can say that a budget stopped its call.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say that a budget stopped the call",
    label = "`budget` needs a `Result` here",
    note = "return a `Result` whose error implements `From<jobmon::BudgetExceeded>`"
)]
pub trait FromStopped {
    /// The output of a call that a budget stopped.
    fn from_stopped(exceeded: BudgetExceeded) -> Self;
}

impl<T, E: StoppedError> FromStopped for Result<T, E> {
    fn from_stopped(exceeded: BudgetExceeded) -> Self {
        Err(E::of_stopped(exceeded))
    }
}

/// The output of a call that a budget stopped.
pub fn stopped<R: FromStopped>(exceeded: BudgetExceeded) -> R {
    R::from_stopped(exceeded)
}

pin_project! {
    /// A future that runs only where budgets have something left for it; made by [`admitted`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Admitted<F, R> {
        #[pin]
        future: Option<F>,
        stopped: Option<fn(BudgetExceeded) -> R>,
    }
}

impl<F, R> fmt::Debug for Admitted<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted").field("decided", &self.stopped.is_none()).finish_non_exhaustive()
    }
}

/// Asks the budgets at the first poll. Where one is used up, the future is dropped, and was never polled.
pub fn admitted<F: Future<Output = R>, R>(future: F, stopped: fn(BudgetExceeded) -> R) -> Admitted<F, R> {
    Admitted { future: Some(future), stopped: Some(stopped) }
}

impl<F: Future<Output = R>, R> Future for Admitted<F, R> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let mut this = self.project();
        if let Some(stopped) = this.stopped.take()
            && let Err(exceeded) = admit()
        {
            this.future.set(None);
            return Poll::Ready(stopped(exceeded));
        }
        match this.future.as_mut().as_pin_mut() {
            Some(future) => future.poll(cx),
            // As of every other future: the caller broke the contract of `Future::poll`.
            None => panic!("`async fn` resumed after completion"),
        }
    }
}

/// The same for a function that is not async.
pub fn admitting<R>(body: impl FnOnce() -> R, stopped: fn(BudgetExceeded) -> R) -> impl FnOnce() -> R {
    move || match admit() {
        Ok(()) => body(),
        Err(exceeded) => stopped(exceeded),
    }
}

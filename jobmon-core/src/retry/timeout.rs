//! [`TimedOut`]: the error of a call, or of an attempt, that took too long.

use super::sleep::{Sleeping, sleep};
use crate::category::ErrorCategory;
use crate::failure::LlmError;
use pin_project_lite::pin_project;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// A call, or one attempt of it, took longer than its `timeout = ".."`.
///
/// The error of a function with a timeout must be `From<TimedOut>`. `Box<dyn Error>` and the reports of `anyhow` and
/// `eyre` are; an error enum gets a variant, here with `thiserror`'s words: `#[error(transparent)]
/// TimedOut(#[from] jobmon::TimedOut)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimedOut {
    /// The time it was given.
    pub after: Duration,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "timed out after {:?}", self.after)
    }
}

impl Error for TimedOut {}

impl LlmError for TimedOut {
    fn category(&self) -> ErrorCategory {
        ErrorCategory::Timeout
    }
}

impl From<TimedOut> for std::io::Error {
    fn from(error: TimedOut) -> Self {
        Self::new(std::io::ErrorKind::TimedOut, error)
    }
}

impl From<TimedOut> for String {
    fn from(error: TimedOut) -> Self {
        error.to_string()
    }
}

/// An error that a timeout becomes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say that the call timed out",
    label = "`timeout = ..` needs an error that is `From<jobmon::TimedOut>`",
    note = "give it a variant for it: `impl From<jobmon::TimedOut> for ..`, or `TimedOut(#[from] jobmon::TimedOut)` with `thiserror`"
)]
pub trait TimeoutError {
    /// The error of a call that timed out.
    fn of_timeout(timed_out: TimedOut) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<TimedOut>> TimeoutError for E {
    fn of_timeout(timed_out: TimedOut) -> Self {
        timed_out.into()
    }
}

/// An output that can say that its call timed out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say that the call timed out",
    label = "`timeout = ..` needs a `Result` here",
    note = "return a `Result` whose error implements `From<jobmon::TimedOut>`"
)]
pub trait FromTimeout {
    /// The output of a call that timed out.
    fn from_timeout(timed_out: TimedOut) -> Self;
}

impl<T, E: TimeoutError> FromTimeout for Result<T, E> {
    fn from_timeout(timed_out: TimedOut) -> Self {
        Err(E::of_timeout(timed_out))
    }
}

/// An output that can say that an attempt failed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say that an attempt failed",
    label = "`retry` needs a `Result` here",
    note = "return a `Result`, or put `retry` on a function inside that does"
)]
pub trait CanFail {}

impl<T, E> CanFail for Result<T, E> {}

/// For `retry`: compiles only where an attempt can fail.
pub const fn assert_can_fail<R: CanFail + ?Sized>() {}

/// The output of a call that timed out.
pub fn timed_out<R: FromTimeout>(after: Duration) -> R {
    R::from_timeout(TimedOut { after })
}

pin_project! {
    /// A future that is given a time; made by [`within`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Within<F, R> {
        #[pin]
        future: Option<F>,
        limit: Duration,
        // Asserted, so that futures with a time stay `UnwindSafe`.
        sleep: Option<AssertUnwindSafe<Sleeping>>,
        timed_out: fn(Duration) -> R,
    }
}

impl<F, R> fmt::Debug for Within<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Gives a future a time, from its first poll. When that has passed, the future is dropped.
pub fn within<F: Future<Output = R>, R>(
    limit: Duration,
    future: F,
    timed_out: fn(Duration) -> R,
) -> Within<F, R> {
    Within { future: Some(future), limit, sleep: None, timed_out }
}

impl<F: Future<Output = R>, R> Future for Within<F, R> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let mut this = self.project();
        if let Some(future) = this.future.as_mut().as_pin_mut() {
            let polled = future.poll(cx);
            if polled.is_ready() {
                return polled;
            }
        }
        let limit = *this.limit;
        let sleeping = this.sleep.get_or_insert_with(|| AssertUnwindSafe(sleep(limit)));
        if sleeping.0.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        this.future.set(None);
        Poll::Ready((this.timed_out)(limit))
    }
}

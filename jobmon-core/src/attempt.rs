//! [`attempt`]: one try of a body that retries on its own.

use crate::category::ErrorCategory;
use crate::context::{Context, Entered};
use crate::failure::{Failure, LlmError};
use crate::probe::unharmed;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use crate::call::Active;

/// Runs one attempt of the current call, in a function that retries on its own.
///
/// Attempts are counted and timed; answers observed inside belong to their attempt, so that money spent on
/// failed ones is known. Outside of any call it just runs the future. Cancel safe where the future is; an attempt
/// that is dropped is recorded as cancelled.
///
/// ```
/// # use jobmon_core::{attempt, ErrorCategory};
/// # async fn ask() -> Result<u8, std::io::Error> { Ok(1) }
/// async fn ask_up_to_three_times() -> Result<u8, std::io::Error> {
///     let mut tries = 0;
///     loop {
///         tries += 1;
///         match attempt(ask()).await {
///             Err(_) if tries < 3 => continue,
///             result => return result,
///         }
///     }
/// }
/// # drop(ask_up_to_three_times());
/// ```
pub fn attempt<F, T, E>(future: F) -> Attempted<F, fn(&E) -> Failure>
where
    F: Future<Output = Result<T, E>>,
    E: LlmError + fmt::Display,
{
    attempt_with(future, |error: &E| Failure::from_llm_error(error, Some(&error.to_string())))
}

/// As [`attempt`], for errors that are no [`LlmError`]: a function tells the failure.
pub fn attempt_with<F, T, E, C>(future: F, classify: C) -> Attempted<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: FnOnce(&E) -> Failure,
{
    Attempted { future, open: None, classify: Some(classify) }
}

/// An attempt under way.
#[derive(Debug)]
struct Open {
    call: Arc<Active>,
    number: u32,
    /// The context of the future, swapped in for each poll.
    inside: Context,
}

impl Open {
    fn begin() -> Option<Self> {
        let mut inside = Context::current();
        let call = inside.call.clone()?;
        let number = call.begin_attempt(inside.attempt);
        inside.attempt = number;
        Some(Self { call, number, inside })
    }

    fn end(&self, failure: Option<Failure>) {
        self.call.end_attempt(self.number, failure);
    }
}

pin_project! {
    /// A future that runs as one attempt; made by [`attempt`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Attempted<F, C> {
        #[pin]
        future: F,
        open: Option<Open>,
        classify: Option<C>,
    }

    impl<F, C> PinnedDrop for Attempted<F, C> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(open) = this.open.take() {
                open.end(Some(Failure::new(ErrorCategory::Cancelled)));
            }
        }
    }
}

impl<F, C> fmt::Debug for Attempted<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempted").field("open", &self.open).finish_non_exhaustive()
    }
}

impl<F, T, E, C> Future for Attempted<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: FnOnce(&E) -> Failure,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Without the classifier it has ended before; what a further poll does is the future's business.
        if this.open.is_none() && this.classify.is_some() {
            *this.open = Open::begin();
        }
        let polled = match this.open {
            None => this.future.poll(cx),
            Some(open) => {
                let _entered = Entered::new(&mut open.inside);
                this.future.poll(cx)
            }
        };
        if let Poll::Ready(output) = &polled {
            let classify = this.classify.take();
            // Code of the user's: should it panic, the attempt has failed all the same.
            let failure = output.as_ref().err().map(|error| {
                let told = classify.and_then(|classify| unharmed(|| classify(error)));
                told.unwrap_or(Failure::new(ErrorCategory::Other))
            });
            if let Some(open) = this.open.take() {
                open.end(failure);
            }
        }
        polled
    }
}

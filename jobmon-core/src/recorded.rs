//! [`RecordAttempts`]: attempts that a crate for retries makes, and [`honour_retry_after`].

use crate::attempt::{Attempted, attempt, attempt_with};
use crate::failure::{Failure, LlmError};
use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

/// Records each call of a closure as an [`attempt`] of the current call.
///
/// For crates that retry by calling a closure again, such as `backon`: wrap what they call. Costs nothing where
/// there is no call. `E`, `F` and `T` are inferred.
///
/// ```
/// use backon::{ExponentialBuilder, Retryable};
/// use jobmon_core::{RecordAttempts, honour_retry_after};
///
/// async fn ask(prompt: &str) -> Result<String, std::io::Error> {
///     Ok(prompt.to_uppercase())
/// }
///
/// async fn ask_patiently(prompt: &str) -> Result<String, std::io::Error> {
///     (|| ask(prompt))
///         .recorded_attempts()
///         .retry(ExponentialBuilder::default())
///         .adjust(honour_retry_after)
/// #       .sleep(|_| std::future::ready(())) // no runtime here
///         .await
/// }
/// # drop(ask_patiently("hi"));
/// ```
///
/// A closure that is given something for each try, and gives it back, calls [`attempt`] itself:
/// `|client| async { let result = attempt(client.ask()).await; (client, result) }`.
pub trait RecordAttempts<F, T, E>: FnMut() -> F + Sized
where
    F: Future<Output = Result<T, E>>,
{
    /// The closure with its attempts recorded; errors tell by themselves why.
    fn recorded_attempts(mut self) -> impl FnMut() -> Attempted<F, fn(&E) -> Failure>
    where
        E: LlmError + Display,
    {
        move || attempt(self())
    }

    /// The same for errors that are no [`LlmError`]: a function tells the failure, such as
    /// `|error: &anyhow::Error| Failure::of(error.as_ref())`.
    fn recorded_attempts_with<C>(mut self, classify: C) -> impl FnMut() -> Attempted<F, C>
    where
        C: Fn(&E) -> Failure + Clone,
    {
        move || attempt_with(self(), classify.clone())
    }
}

impl<C, F, T, E> RecordAttempts<F, T, E> for C
where
    C: FnMut() -> F,
    F: Future<Output = Result<T, E>>,
{
}

/// The pause before the next attempt: as long as the provider asks for, where that is longer than planned. `None`,
/// for "no further attempt", stays `None`. There is no upper bound: whoever does not want to wait an hour says so in
/// `when`.
///
/// In the form that `adjust` of `backon` takes.
///
/// ```
/// use jobmon_core::{Failure, honour_retry_after};
/// use std::time::Duration;
///
/// let mut limited = Failure::from_message("HTTP 429");
/// let planned = Some(Duration::from_millis(100));
/// assert_eq!(honour_retry_after(&limited, planned), planned);
/// limited.retry_after = Some(Duration::from_secs(2));
/// assert_eq!(honour_retry_after(&limited, planned), Some(Duration::from_secs(2)));
/// assert_eq!(honour_retry_after(&limited, None), None);
/// ```
pub fn honour_retry_after<E: LlmError + ?Sized>(error: &E, pause: Option<Duration>) -> Option<Duration> {
    pause.map(|pause| error.retry_after().map_or(pause, |asked| pause.max(asked)))
}

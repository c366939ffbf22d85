//! [`Retry`]: when a call is tried again, and how long is waited before.

mod run;
mod sleep;
mod timeout;
mod timer;

use crate::category::ErrorCategory;
use crate::failure::Failure;
use crate::id::random_u64;
use std::time::Duration;

pub use run::{
    Again, Attempting, Retrying, Settled, again, made, retried, retried_opening, retry_when, retrying,
};
pub use sleep::{Sleep, Sleeping, use_sleep};
pub use timeout::{CanFail, FromTimeout, TimedOut, TimeoutError, Within, assert_can_fail, timed_out, within};

/// When a call is tried again, and how long is waited before: what `retry(..)` in `#[instrument_llm]` says, and what
/// `retry = ..` takes.
///
/// A provider that says how long to wait (`Retry-After`) is waited for as long as it asks, or longer where the
/// back-off is longer; if it asks for more than [`max_retry_after`](Self::max_retry_after), there is no further
/// attempt. By default errors of the categories `rate_limit`, `network`, `timeout` and `server` are retried, which may
/// pass by themselves.
///
/// ```
/// use jobmon_core::{ErrorCategory, Retry};
/// use std::time::Duration;
///
/// const POLICY: Retry = Retry::new(4)
///     .exponential(Duration::from_millis(200))
///     .max(Duration::from_secs(5))
///     .jitter()
///     .on(&[ErrorCategory::RateLimit, ErrorCategory::Network]);
/// assert_eq!(POLICY.attempts(), 4);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    attempts: u32,
    backoff: Backoff,
    max: Duration,
    max_retry_after: Duration,
    jitter: bool,
    on: &'static [ErrorCategory],
}

#[derive(Clone, Copy, Debug)]
enum Backoff {
    Fixed(Duration),
    Exponential { first: Duration, factor: u32 },
    By(fn(u32) -> Duration),
}

impl Retry {
    /// Up to this many attempts in total, at least one. Waits 500 ms before the second, twice as long before each
    /// further one, at most 30 s, without jitter.
    pub const fn new(attempts: u32) -> Self {
        Self {
            attempts: if attempts == 0 { 1 } else { attempts },
            backoff: Backoff::Exponential { first: Duration::from_millis(500), factor: 2 },
            max: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(60),
            jitter: false,
            on: &[
                ErrorCategory::RateLimit,
                ErrorCategory::Network,
                ErrorCategory::Timeout,
                ErrorCategory::Server,
            ],
        }
    }

    /// Waits as long before each attempt.
    #[must_use]
    pub const fn fixed(self, wait: Duration) -> Self {
        self.with(Backoff::Fixed(wait))
    }

    /// Waits this long before the second attempt, twice as long before each further one.
    #[must_use]
    pub const fn exponential(self, first: Duration) -> Self {
        self.with(Backoff::Exponential { first, factor: 2 })
    }

    /// How much longer an exponential back-off becomes with each attempt, instead of twice as long.
    #[must_use]
    pub const fn factor(self, factor: u32) -> Self {
        match self.backoff {
            Backoff::Exponential { first, .. } => self.with(Backoff::Exponential { first, factor }),
            _ => self,
        }
    }

    /// Waits as long as a function says, given the number of the attempt that failed, from 1.
    #[must_use]
    pub const fn by(self, backoff: fn(u32) -> Duration) -> Self {
        self.with(Backoff::By(backoff))
    }

    /// The longest back-off.
    #[must_use]
    pub const fn max(self, max: Duration) -> Self {
        Self { max, ..self }
    }

    /// The longest `Retry-After` that is waited for: 60 s by default. What asks for more is a quota rather than a
    /// rate limit; its error is returned at once.
    #[must_use]
    pub const fn max_retry_after(self, max: Duration) -> Self {
        Self { max_retry_after: max, ..self }
    }

    /// Waits a random part of the back-off, from nothing to all of it, so that many clients do not come back at the
    /// same moment ("full jitter" of
    /// [Exponential Backoff And Jitter](https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)).
    /// Never less than `Retry-After`.
    #[must_use]
    pub const fn jitter(self) -> Self {
        Self { jitter: true, ..self }
    }

    /// The categories of errors that are retried, instead of the default ones.
    #[must_use]
    pub const fn on(self, categories: &'static [ErrorCategory]) -> Self {
        Self { on: categories, ..self }
    }

    /// Attempts in total.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How long to wait after an attempt that failed; `None` when that is the end. Whether its kind is retried is
    /// decided by `wanted` where that is given, else by its category.
    pub(crate) fn after(&self, attempt: u32, failure: &Failure, wanted: Option<bool>) -> Option<Duration> {
        let wanted = wanted.unwrap_or_else(|| self.on.contains(&failure.category));
        let asked = failure.retry_after.unwrap_or_default();
        if !wanted || attempt >= self.attempts || asked > self.max_retry_after {
            return None;
        }
        let backoff = self.backoff.after(attempt).min(self.max);
        let backoff = if self.jitter { part_of(backoff, random_u64()) } else { backoff };
        Some(backoff.max(asked))
    }

    const fn with(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }
}

impl Backoff {
    fn after(&self, attempt: u32) -> Duration {
        match self {
            Self::Fixed(wait) => *wait,
            Self::Exponential { first, factor } => {
                let times = factor.saturating_pow(attempt.saturating_sub(1));
                first.saturating_mul(times)
            }
            Self::By(backoff) => backoff(attempt),
        }
    }
}

/// A part of a time: all of it times a random number below 2⁶⁴, over 2⁶⁴.
fn part_of(time: Duration, random: u64) -> Duration {
    let nanos = time.as_nanos().min(u128::from(u64::MAX));
    Duration::from_nanos(u64::try_from((nanos * u128::from(random)) >> 64).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn failure(category: ErrorCategory) -> Failure {
        Failure::new(category)
    }

    #[test]
    fn the_back_off_grows_to_its_maximum() {
        let policy = Retry::new(6).exponential(200 * MILLISECOND).max(1_000 * MILLISECOND);
        let server = failure(ErrorCategory::Server);
        let waits: Vec<_> = (1..=6).map(|attempt| policy.after(attempt, &server, None)).collect();
        let expected = [Some(200), Some(400), Some(800), Some(1_000), Some(1_000), None];
        assert_eq!(waits, expected.map(|wait| wait.map(|wait| wait * MILLISECOND)));
        let tripled = Retry::new(9).exponential(MILLISECOND).factor(3);
        assert_eq!(tripled.after(3, &server, None), Some(9 * MILLISECOND));
        assert_eq!(Retry::new(9).by(|n| n * MILLISECOND).after(7, &server, None), Some(7 * MILLISECOND));
        assert_eq!(Retry::new(9).fixed(MILLISECOND).after(7, &server, None), Some(MILLISECOND));
    }

    #[test]
    fn only_what_is_wanted_is_retried() {
        let policy = Retry::new(3).on(&[ErrorCategory::Parsing]);
        assert!(policy.after(1, &failure(ErrorCategory::Parsing), None).is_some());
        assert!(policy.after(1, &failure(ErrorCategory::RateLimit), None).is_none());
        assert!(policy.after(1, &failure(ErrorCategory::RateLimit), Some(true)).is_some());
        assert!(policy.after(1, &failure(ErrorCategory::Parsing), Some(false)).is_none());
        assert!(Retry::new(3).after(1, &failure(ErrorCategory::Authentication), None).is_none());
        assert!(Retry::new(0).after(1, &failure(ErrorCategory::Server), None).is_none());
    }

    #[test]
    fn a_provider_is_waited_for_as_long_as_it_asks_within_reason() {
        let policy = Retry::new(3).fixed(MILLISECOND).max(MILLISECOND).jitter();
        let asks = |seconds| {
            let mut limited = failure(ErrorCategory::RateLimit);
            limited.retry_after = Some(Duration::from_secs(seconds));
            limited
        };
        assert_eq!(policy.after(1, &asks(7), None), Some(Duration::from_secs(7)));
        assert_eq!(policy.after(1, &asks(61), None), None);
        let patient = policy.max_retry_after(Duration::from_secs(61));
        assert_eq!(patient.after(1, &asks(61), None), Some(Duration::from_secs(61)));
    }

    proptest! {
        #[test]
        fn jitter_takes_a_part_and_nothing_overflows(nanos in any::<u64>(), attempt in any::<u32>(), random in any::<u64>()) {
            let time = Duration::from_nanos(nanos);
            prop_assert!(part_of(time, random) <= time);
            prop_assert!(part_of(time, u64::MAX) + Duration::from_nanos(nanos / u64::MAX + 1) >= time);
            let policy = Retry::new(u32::MAX).exponential(time).factor(attempt).jitter();
            let wait = policy.after(attempt.saturating_sub(1), &failure(ErrorCategory::Server), None);
            prop_assert!(wait.is_none_or(|wait| wait <= Duration::from_secs(30)));
        }
    }
}

//! [`Sleep`]: how a back-off or a timeout waits.

use super::timer;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;

/// A future that is ready when a time has passed.
pub type Sleeping = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How back-offs and timeouts wait.
///
/// Without one, they wait on tokio's clock inside of a tokio runtime, where the feature `tokio` is on; otherwise on
/// a timer thread of jobmon's own, so that they work on any executor.
///
/// ```
/// use jobmon_core::{Sleep, Sleeping};
/// use std::time::Duration;
///
/// /// Never waits: for tests.
/// #[derive(Debug)]
/// struct Impatient;
///
/// impl Sleep for Impatient {
///     fn sleep(&self, _time: Duration) -> Sleeping {
///         Box::pin(std::future::ready(()))
///     }
/// }
/// assert!(jobmon_core::use_sleep(Impatient));
/// ```
pub trait Sleep: fmt::Debug + Send + Sync + 'static {
    /// Begins to wait.
    fn sleep(&self, time: Duration) -> Sleeping;
}

static CHOSEN: OnceLock<Box<dyn Sleep>> = OnceLock::new();

/// Chooses how all back-offs and timeouts of this process wait; false when that was chosen before.
pub fn use_sleep(sleep: impl Sleep) -> bool {
    CHOSEN.set(Box::new(sleep)).is_ok()
}

pub(super) fn sleep(time: Duration) -> Sleeping {
    if let Some(chosen) = CHOSEN.get() {
        return chosen.sleep(time);
    }
    #[cfg(feature = "tokio")]
    // It panics in a runtime without a clock, and there is no other way to ask; where a panic would be the end of the
    // process, nobody asks.
    if cfg!(panic = "unwind") && tokio::runtime::Handle::try_current().is_ok() {
        let on_tokio = crate::probe::unharmed(|| tokio::time::sleep(time));
        if let Some(sleep) = on_tokio {
            return Box::pin(sleep);
        }
    }
    Box::pin(timer::sleep(time))
}

//! [`Watch`]: where new prices come from while an agent runs.

use super::{Prices, PricesError};
use std::fmt;
use std::time::{Duration, Instant};

/// A source of prices that is looked at from time to time, such as a file.
///
/// ```
/// use jobmon_core::{Prices, Watch};
/// use std::time::Duration;
///
/// let mut looked = 0;
/// let watch = Watch::new(Duration::from_secs(60), move || {
///     looked += 1;
///     Ok((looked == 1).then(Prices::none))
/// });
/// let prices = Prices::bundled().watched(watch);
/// assert_eq!(prices.reload(), Ok(true));
/// assert_eq!(prices.reload(), Ok(false));
/// assert_eq!(prices.version(), "none");
/// ```
pub struct Watch {
    every: Duration,
    looked: Instant,
    look: Box<Look>,
}

type Look = dyn FnMut() -> Result<Option<Prices>, PricesError> + Send;

impl Watch {
    /// A function that gives a new list when there is one, and a time to call it again.
    ///
    /// It runs on the monitor's worker, which meanwhile prices nothing: events wait in the queue.
    pub fn new(
        every: Duration,
        look: impl FnMut() -> Result<Option<Prices>, PricesError> + Send + 'static,
    ) -> Self {
        Self { every, looked: Instant::now(), look: Box::new(look) }
    }

    pub(super) fn is_due(&self) -> bool {
        self.looked.elapsed() >= self.every
    }

    pub(super) fn look(&mut self) -> Result<Option<Prices>, PricesError> {
        self.looked = Instant::now();
        (self.look)()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("every", &self.every).finish_non_exhaustive()
    }
}

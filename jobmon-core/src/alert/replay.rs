//! [`AlertReplay`]: when alerts would have fired.

use super::notice::Notice;
use super::recent::Recent;
use super::rule::{Alert, AlertError};
use super::watch::AlertWatch;
use crate::event::Event;
use crate::exporter::Resource;
use crate::query::{QueryError, Range};
use crate::time::Timestamp;
use std::time::Duration;

/// Goes through the past as an agent went through it, and says when alerts would have fired.
///
/// Events are given in the order of time, from [`since`](Self::since) on so that windows, anomalies and forecasts know their
/// past. An agent sees a call when it ends; here it counts from its start on.
///
/// ```
/// use jobmon_core::{Alert, AlertReplay, Range, Timestamp};
/// use std::time::Duration;
///
/// let start = Timestamp::from_date(2026, 11, 1).expect("a date");
/// let range = Range { since: start, until: start.plus(Duration::from_secs(600)) };
/// let silence = Alert::new("silence", "calls == 0").hold(Duration::from_secs(300));
/// let notices = AlertReplay::new([silence], range)?.finish().unwrap();
/// assert_eq!(notices.len(), 1);
/// # Ok::<(), jobmon_core::AlertError>(())
/// ```
#[derive(Debug)]
pub struct AlertReplay {
    watch: AlertWatch,
    recent: Recent,
    range: Range,
    step: Duration,
    next: Timestamp,
    notices: Vec<Notice>,
}

impl AlertReplay {
    /// Replays alerts over a time. It looks each tenth of the shortest window: each ten seconds to each ten minutes.
    ///
    /// # Errors
    /// When an alert cannot work.
    pub fn new(alerts: impl IntoIterator<Item = Alert>, range: Range) -> Result<Self, AlertError> {
        let watch = AlertWatch::new(alerts)?;
        let shortest = watch.alerts().iter().map(|alert| alert.window).min().unwrap_or_default();
        let step = (shortest / 10).clamp(Duration::from_secs(10), Duration::from_secs(600));
        let next = range.since.plus(step);
        let recent = watch.recent();
        Ok(Self { watch, recent, range, step, next, notices: Vec::new() })
    }

    /// The time between two looks.
    pub const fn step(&self) -> Duration {
        self.step
    }

    /// From when on events are needed.
    pub fn since(&self) -> Timestamp {
        self.range.since.minus(self.watch.past())
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// As [`AlertWatch::look`].
    pub fn event(&mut self, resource: &Resource, event: &Event) -> Result<(), QueryError> {
        self.look_until(event.at())?;
        self.recent.add(resource, event);
        Ok(())
    }

    /// Goes on to the end of the range: what alerts said, in order.
    ///
    /// # Errors
    /// As [`event`](Self::event).
    pub fn finish(mut self) -> Result<Vec<Notice>, QueryError> {
        self.look_until(self.range.until)?;
        Ok(self.notices)
    }

    fn look_until(&mut self, moment: Timestamp) -> Result<(), QueryError> {
        while self.next <= moment.min(self.range.until) {
            self.recent.forget(self.next);
            self.notices.extend(self.watch.look(&self.recent, self.next)?);
            self.next = self.next.plus(self.step);
        }
        Ok(())
    }
}

//! [`Retention`]: how long what is stored is kept.

use crate::words::words;
use std::time::Duration;

words! {
    /// What is stored.
    enum Stored, "kind of data" {
        Content "content" "What calls were asked and answered, where that is captured."
        Users "users" "Ids of users on calls and facts."
        Calls "calls" "Single calls."
        Facts "facts" "Scores, feedback, outcomes, searches, predictions, truths and late reports."
        Sessions "sessions" "What each session cost on each day."
        Hours "hours" "Sums of hours."
        Days "days" "Sums of days."
    }
}

/// How long each kind of data is kept in a history. What is not named is kept for ever.
///
/// ```
/// use jobmon_core::{Retention, Stored};
/// use std::time::Duration;
///
/// let day = Duration::from_secs(86_400);
/// let retention = Retention::default().keep(Stored::Content, day * 7).keep(Stored::Calls, day * 90);
/// assert_eq!(retention.of(Stored::Content), Some(day * 7));
/// assert_eq!(retention.of(Stored::Days), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention([Option<Duration>; Stored::ALL.len()]);

impl Retention {
    /// Keeps a kind of data for so long, and no longer; [`Duration::MAX`] is for ever.
    #[must_use]
    pub fn keep(mut self, what: Stored, time: Duration) -> Self {
        self.0[what as usize] = Some(time);
        self
    }

    /// How long a kind is kept; `None` for ever.
    pub fn of(&self, what: Stored) -> Option<Duration> {
        self.0[what as usize].filter(|time| *time < Duration::MAX)
    }

    /// What is not kept for ever.
    pub fn limits(&self) -> impl Iterator<Item = (Stored, Duration)> + use<> {
        let all = *self;
        Stored::ALL.iter().filter_map(move |what| Some((*what, all.of(*what)?)))
    }

    /// Where this says nothing, what another says.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine = mine.or(theirs));
        self
    }
}

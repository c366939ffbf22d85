//! [`Alert`]: a condition, over which time, and who is told.

use super::condition::{Condition, ConditionError};
use crate::dimension::Dimension;
use crate::text::Text;
use crate::time::Timestamp;
use std::fmt;
use std::time::Duration;

/// The longest window: what a month of 31 days has.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

/// Tells somebody when a condition holds.
///
/// ```
/// use jobmon_core::{Alert, Dimension};
/// use std::time::Duration;
///
/// let alert = Alert::new("High error rate", "error_rate > 0.05")
///     .window(Duration::from_secs(300))
///     .by([Dimension::Feature])
///     .min_calls(20)
///     .channels(["slack"]);
/// alert.check().expect("complete");
/// ```
///
/// # States
///
/// Each group of an alert (without [`by`](Self::by) there is one) is *ok*, *pending* while its condition holds and has not
/// held for [`hold`](Self::hold), *firing* after that, and *resolved* when it holds no longer. Who is told hears of it when it
/// fires, again after each [`repeat`](Self::repeat), and when it is resolved.
///
/// A condition holds, does not, or cannot be told: there is no figure (no calls, no rate), of money only a part is known and
/// the rest would decide, or there were fewer than [`min_calls`](Self::min_calls). What cannot be told is treated as
/// [`no_data`](Self::no_data) says.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "an alert does nothing until a monitor has it"]
pub struct Alert {
    pub(super) name: Text,
    condition: Result<Condition, ConditionError>,
    pub(super) window: Duration,
    pub(super) by: Vec<Dimension>,
    pub(super) hold: Duration,
    pub(super) min_calls: u64,
    pub(super) no_data: NoData,
    pub(super) repeat: Duration,
    pub(super) channels: Vec<Text>,
    pub(super) silent_until: Option<Timestamp>,
    pub(super) summary: Option<Text>,
}

/// What a condition that cannot be told means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth")]
pub enum NoData {
    /// That it does not hold.
    #[default]
    Ok,
    /// That nothing has changed.
    Keep,
    /// That it holds: for what must always happen.
    Fire,
}

impl Alert {
    /// An alert on a condition over the last five minutes, see [`Condition`]. A text that is no condition is reported when a
    /// monitor starts.
    pub fn new(name: impl Into<Text>, condition: impl AsRef<str>) -> Self {
        Self {
            name: name.into(),
            condition: condition.as_ref().parse(),
            window: Duration::from_secs(300),
            by: Vec::new(),
            hold: Duration::ZERO,
            min_calls: 0,
            no_data: NoData::Ok,
            repeat: Duration::from_secs(4 * 3_600),
            channels: Vec::new(),
            silent_until: None,
            summary: None,
        }
    }

    /// The time just passed that measures are computed over: from ten seconds to 31 days.
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Looks at each value of these dimensions apart.
    pub fn by(mut self, dimensions: impl IntoIterator<Item = Dimension>) -> Self {
        self.by = dimensions.into_iter().collect();
        self
    }

    /// How long the condition has to hold before it fires; at once by default.
    pub const fn hold(mut self, time: Duration) -> Self {
        self.hold = time;
        self
    }

    /// Calls that a group must have in the window, so that one failure of two does not count.
    pub const fn min_calls(mut self, calls: u64) -> Self {
        self.min_calls = calls;
        self
    }

    /// What a condition that cannot be told means.
    pub const fn no_data(mut self, no_data: NoData) -> Self {
        self.no_data = no_data;
        self
    }

    /// How long it fires before that is told once more; four hours by default, zero is never.
    pub const fn repeat(mut self, time: Duration) -> Self {
        self.repeat = time;
        self
    }

    /// Who is told: names of channels. Without any, all are.
    pub fn channels<C: Into<Text>>(mut self, channels: impl IntoIterator<Item = C>) -> Self {
        self.channels = channels.into_iter().map(Into::into).collect();
        self
    }

    /// Tells nobody until a moment; states go on.
    pub const fn silent_until(mut self, moment: Timestamp) -> Self {
        self.silent_until = Some(moment);
        self
    }

    /// What it means, for those who are told.
    pub fn summary(mut self, summary: impl Into<Text>) -> Self {
        self.summary = Some(summary.into());
        self
    }

    /// Its name.
    pub const fn name(&self) -> &Text {
        &self.name
    }

    /// The time that its measures are computed over.
    pub const fn window_length(&self) -> Duration {
        self.window
    }

    /// How long its condition has to hold.
    pub const fn held_for(&self) -> Duration {
        self.hold
    }

    /// What it looks at apart by.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.by
    }

    /// Calls that a group must have in the window.
    pub const fn least_calls(&self) -> u64 {
        self.min_calls
    }

    /// What a condition that cannot be told means.
    pub const fn on_no_data(&self) -> NoData {
        self.no_data
    }

    /// What it means, where that was said.
    pub const fn told_summary(&self) -> Option<&Text> {
        self.summary.as_ref()
    }

    /// Who is told; nobody in particular is everybody.
    pub fn channel_names(&self) -> &[Text] {
        &self.channels
    }

    /// Its condition.
    ///
    /// # Errors
    /// Where the text that was given is none.
    pub const fn condition(&self) -> Result<&Condition, &ConditionError> {
        self.condition.as_ref()
    }

    /// Checks that it is complete and possible, as a monitor does when it starts.
    ///
    /// # Errors
    /// Names what is missing or wrong, and what is accepted.
    pub fn check(&self) -> Result<(), AlertError> {
        let wrong = |key, problem: String| AlertError { alert: self.name.clone(), key, problem };
        if self.name.trim().is_empty() {
            return Err(wrong("name", "has no name; name it".to_owned()));
        }
        if let Err(error) = &self.condition {
            return Err(wrong("condition", format!("has a wrong condition: {error}")));
        }
        if !(Duration::from_secs(10)..=LONGEST).contains(&self.window) {
            return Err(wrong("window", "window: expected ten seconds to 31 days".to_owned()));
        }
        if let Some(dimension) = self.by.iter().find(|dimension| dimension.is_of_facts()) {
            let problem = format!(
                "by `{dimension}`: calls have none; filter by it, as in `mean_score{{score=\"match\"}}`"
            );
            return Err(wrong("by", problem));
        }
        if self.hold > LONGEST {
            return Err(wrong("for", "for: expected at most 31 days".to_owned()));
        }
        Ok(())
    }
}

/// An alert that cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertError {
    /// Which alert.
    pub alert: Text,
    /// The key of `[[alerts]]` in `jobmon.toml` that is wrong, or missing.
    pub key: &'static str,
    /// What is wrong, and what is accepted.
    pub problem: String,
}

impl AlertError {
    /// A mistake in a key of an alert.
    pub const fn new(alert: Text, key: &'static str, problem: String) -> Self {
        Self { alert, key, problem }
    }
}

impl fmt::Display for AlertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "alert `{}` {}", self.alert, self.problem)
    }
}

impl std::error::Error for AlertError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_that_cannot_work_says_what_is_wrong_and_what_is_accepted() {
        let complete = || Alert::new("a", "error_rate > 5%");
        complete().window(LONGEST).by([Dimension::Feature, Dimension::User]).check().expect("complete");
        for (alert, key, words) in [
            (Alert::new(" ", "calls > 1"), "name", "has no name"),
            (
                Alert::new("a", "error_rat > 5%"),
                "condition",
                "unknown measure `error_rat`, did you mean `error_rate`?",
            ),
            (complete().window(Duration::from_secs(9)), "window", "expected ten seconds to 31 days"),
            (complete().window(Duration::MAX), "window", "expected ten seconds to 31 days"),
            (complete().by([Dimension::Score]), "by", "filter by it"),
            (complete().hold(Duration::MAX), "for", "at most 31 days"),
        ] {
            let error = alert.check().expect_err(words);
            assert!(error.key == key && error.to_string().contains(words), "{error}");
        }
    }
}

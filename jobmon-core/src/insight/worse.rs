//! Whether one way of doing something is worse than another: a stated test.

use super::saving::FEWEST_CALLS;
use crate::event::{CallRecord, End};
use crate::stats::{Moments, ONE_SIDED};
use crate::text::Text;
use std::collections::BTreeMap;

/// How good some calls were.
#[derive(Clone, Debug, Default)]
pub(super) struct Quality {
    calls: u64,
    ok: u64,
    scores: BTreeMap<Text, Moments>,
}

/// Whether something is worse.
pub(super) enum Verdict {
    /// It is not, by these figures.
    NotWorse(String),
    /// It is, or may be, for this reason.
    Worse(String),
    /// Nobody knows.
    Unknown(String),
}

#[expect(clippy::cast_precision_loss, reason = "shares are rounded figures")]
impl Quality {
    pub(super) fn call(&mut self, call: &CallRecord) {
        self.calls += 1;
        self.ok += u64::from(call.end == End::Ok);
    }

    pub(super) fn score(&mut self, name: &Text, value: f64) {
        self.scores.entry(name.clone()).or_default().add(value);
    }

    fn rate(&self) -> (f64, f64) {
        let rate = self.ok as f64 / self.calls as f64;
        (rate, rate * (1.0 - rate) / self.calls as f64)
    }

    /// Whether another one is worse than this: by each score that both have enough of, and by the success rate, the lower
    /// end of the one-sided interval (95 %, normal approximation) of the difference must be above a margin.
    pub(super) fn compare(&self, other: &Self, margin: f64) -> Verdict {
        let enough = |moments: &Moments| moments.count >= FEWEST_CALLS;
        let mut said = Vec::new();
        for (name, mine) in self.scores.iter().filter(|(_, moments)| enough(moments)) {
            let Some(theirs) = other.scores.get(name).filter(|moments| enough(moments)) else { continue };
            let error = mine.error_squared().unwrap_or(0.0) + theirs.error_squared().unwrap_or(0.0);
            let low = theirs.mean - mine.mean - ONE_SIDED * error.sqrt();
            let least = -margin * mine.mean.abs();
            let figures = format!(
                "score `{name}`: {:.2} against {:.2}, difference at least {low:+.2}, allowed {least:+.2}",
                theirs.mean, mine.mean
            );
            if low < least {
                return Verdict::Worse(figures);
            }
            said.push(figures);
        }
        if said.is_empty() {
            return Verdict::Unknown(format!("no score of which both have at least {FEWEST_CALLS}"));
        }
        let ((mine, my_error), (theirs, their_error)) = (self.rate(), other.rate());
        let low = theirs - mine - ONE_SIDED * (my_error + their_error).sqrt();
        let figures = format!(
            "success rate: {:.1} % against {:.1} %, difference at least {:+.1} %, allowed {:+.1} %",
            theirs * 100.0,
            mine * 100.0,
            low * 100.0,
            -margin * 100.0
        );
        if low < -margin {
            return Verdict::Worse(figures);
        }
        said.push(figures);
        Verdict::NotWorse(said.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quality(scores: impl Iterator<Item = f64>, ok: u64, calls: u64) -> Quality {
        let mut quality = Quality { calls, ok, ..Quality::default() };
        scores.for_each(|score| quality.score(&Text::literal("match"), score));
        quality
    }

    fn around(mean: f64) -> impl Iterator<Item = f64> {
        (0..100).map(move |n| mean + f64::from(n % 5) - 2.0)
    }

    #[test]
    fn what_is_as_good_is_told_from_what_is_worse_and_from_what_nobody_knows() {
        let good = quality(around(80.0), 99, 100);
        let verdict = |other: &Quality| match good.compare(other, 0.02) {
            Verdict::NotWorse(_) => "not worse",
            Verdict::Worse(reason) if reason.starts_with("score") => "worse score",
            Verdict::Worse(_) => "worse rate",
            Verdict::Unknown(_) => "unknown",
        };
        assert_eq!(verdict(&quality(around(80.0), 4_950, 5_000)), "not worse");
        assert_eq!(verdict(&quality(around(79.5), 5_000, 5_000)), "not worse");
        // 1.4142 is the deviation, so the error of the difference is 0.201: 78.8 is 1.53 below at worst, 78.7 is 1.63.
        assert_eq!(verdict(&quality(around(78.8), 5_000, 5_000)), "not worse");
        assert_eq!(verdict(&quality(around(78.7), 5_000, 5_000)), "worse score");
        assert_eq!(verdict(&quality(around(95.0), 4_700, 5_000)), "worse rate");
        assert_eq!(verdict(&quality(around(95.0).take(29), 5_000, 5_000)), "unknown");
        assert_eq!(verdict(&Quality::default()), "unknown");
    }
}

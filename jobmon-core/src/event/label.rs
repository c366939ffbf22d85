//! [`Label`]: what was predicted, and what turned out to be true.

use super::Fact;
use crate::text::Text;
use crate::words::words;

/// A yes or no about something: what was predicted of it, or what is true.
///
/// Both sides find each other by their name and key; without a key, by the call they are about. The later one is given
/// the other's value as its `counterpart`, and is what counts: in the hour in which the pair became known, under the
/// call that predicted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Label {
    /// When, of which call, for whom.
    pub fact: Box<Fact>,
    /// What the question is, such as `match`.
    pub name: Text,
    /// What it is about in your own terms, such as the id of a job.
    pub key: Option<Text>,
    /// Which side it is.
    pub side: Side,
    /// Yes or no.
    pub value: bool,
    /// What the other side says, where that is known.
    pub counterpart: Option<bool>,
}

words! {
    /// Which side of a label.
    enum Side, "side" {
        Prediction "prediction" "What was predicted."
        Truth "truth" "What turned out to be true."
    }
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Prediction => Self::Truth,
            Self::Truth => Self::Prediction,
        }
    }
}

words! {
    /// How a prediction fared.
    enum Judged, "judgement" {
        TruePositive "true_positive" "Yes was predicted, rightly."
        FalsePositive "false_positive" "Yes was predicted, wrongly."
        TrueNegative "true_negative" "No was predicted, rightly."
        FalseNegative "false_negative" "No was predicted, wrongly."
    }
}

impl Label {
    /// One side, about a call or nothing in particular.
    pub fn new(fact: Fact, name: Text, side: Side, value: bool) -> Self {
        Self { fact: Box::new(fact), name, key: None, side, value, counterpart: None }
    }

    /// How the prediction fared; `None` while only one side is known.
    ///
    /// ```
    /// use jobmon_core::{Fact, Judged, Label, Side, Timestamp};
    ///
    /// let fact = Fact::new(Timestamp::now(), None, jobmon_core::Scope::default());
    /// let mut truth = Label::new(fact, "match".into(), Side::Truth, false);
    /// assert_eq!(truth.judged(), None);
    /// truth.counterpart = Some(true);
    /// assert_eq!(truth.judged(), Some(Judged::FalsePositive));
    /// ```
    pub fn judged(&self) -> Option<Judged> {
        let other = self.counterpart?;
        let (predicted, truth) = match self.side {
            Side::Prediction => (self.value, other),
            Side::Truth => (other, self.value),
        };
        Some(match (predicted, truth) {
            (true, true) => Judged::TruePositive,
            (true, false) => Judged::FalsePositive,
            (false, false) => Judged::TrueNegative,
            (false, true) => Judged::FalseNegative,
        })
    }

    /// Takes over what a prediction says, where this is the truth about it.
    pub fn join(&mut self, other: &Self) {
        self.counterpart = Some(other.value);
        if self.side == Side::Truth {
            // It counts for the call that predicted.
            self.fact.subject.clone_from(&other.fact.subject);
            self.fact.call = self.fact.call.or(other.fact.call);
            let (scope, its) = (&mut self.fact.scope, &other.fact.scope);
            scope.session.clone_from(&its.session);
            scope.user.clone_from(&its.user);
            scope.feature.clone_from(&its.feature);
            scope.strategy.clone_from(&its.strategy);
        }
    }
}

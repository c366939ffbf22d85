//! [`Event`]: everything that happens, in one type. Exporters and aggregates see nothing else.

mod call;
mod chunks;
mod content;
mod fact;
mod label;
mod late;

use crate::text::Text;
use crate::time::Timestamp;

pub use call::{Attempt, CallRecord, End, Location, Original, PricedAnswer, Pricing, Prompt, Rollup};
pub use chunks::{Chunks, Gaps};
pub use content::{Content, DataPlace, Message, Modality, Part, Prefix, Request, Role, Tool};
pub use fact::{Fact, Feedback, Outcome, Score, Search, Subject, Verdict};
pub use label::{Judged, Label, Side};
pub use late::Late;

/// Something that happened: a finished call, or a fact about one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A call ended.
    Call(Box<CallRecord>),
    /// A number that says how good something was.
    Score(Score),
    /// What a person said about a result.
    Feedback(Feedback),
    /// What a call led to in the end.
    Outcome(Outcome),
    /// A search and what it found.
    Search(Search),
    /// What was predicted, or what turned out to be true.
    Label(Label),
    /// Usage or attributes of a call that had ended.
    Late(Box<Late>),
}

impl Event {
    /// When it happened: the start of a call, the moment of a fact.
    pub fn at(&self) -> Timestamp {
        match self.parts() {
            Ok(call) => call.start,
            Err(fact) => fact.at,
        }
    }

    /// On whose behalf it happened.
    pub fn scope(&self) -> &Scope {
        match self.parts() {
            Ok(call) => &call.scope,
            Err(fact) => &fact.scope,
        }
    }

    /// The fact in it; `None` for a call.
    pub fn fact(&self) -> Option<&Fact> {
        self.parts().err()
    }

    /// The fact in it, to be completed; `None` for a call.
    pub fn fact_mut(&mut self) -> Option<&mut Fact> {
        match self {
            Self::Call(_) => None,
            Self::Score(Score { fact, .. })
            | Self::Feedback(Feedback { fact, .. })
            | Self::Outcome(Outcome { fact, .. })
            | Self::Search(Search { fact, .. })
            | Self::Label(Label { fact, .. }) => Some(fact),
            Self::Late(late) => Some(&mut late.fact),
        }
    }

    /// A call, or the fact in it.
    fn parts(&self) -> Result<&CallRecord, &Fact> {
        match self {
            Self::Call(call) => Ok(call),
            Self::Score(Score { fact, .. })
            | Self::Feedback(Feedback { fact, .. })
            | Self::Outcome(Outcome { fact, .. })
            | Self::Search(Search { fact, .. })
            | Self::Label(Label { fact, .. }) => Err(fact),
            Self::Late(late) => Err(&late.fact),
        }
    }

    /// Whether exporters that keep single events should keep this one (see `sampling_rate`). Facts always are.
    pub fn is_sampled(&self) -> bool {
        !matches!(self, Self::Call(call) if !call.sampled)
    }
}

/// On whose behalf something happens: set by scopes, inherited by every call inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Scope {
    /// The user's session: one job search, one conversation.
    pub session: Option<Text>,
    /// Who it was for. Give a pseudonym, not a name: it is stored as it is.
    pub user: Option<Text>,
    /// The feature of the product that pays for it.
    pub feature: Option<Text>,
    /// The strategy being tried, to compare what it costs and brings.
    pub strategy: Option<Text>,
}

impl Scope {
    /// Takes over what another one says and this one does not.
    pub fn complete(&mut self, other: Self) {
        self.session = self.session.take().or(other.session);
        self.user = self.user.take().or(other.user);
        self.feature = self.feature.take().or(other.feature);
        self.strategy = self.strategy.take().or(other.strategy);
    }
}

//! [`Event`]: everything that happens, in one type. Exporters and aggregates see nothing else.

use crate::failure::Failure;
use crate::id::{CallId, SpanId};
use crate::money::{Cost, CostSum, Usd};
use crate::operation::Operation;
use crate::response::Answer;
use crate::text::Text;
use crate::time::Timestamp;
use crate::usage::Usage;
use crate::value::Value;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

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
            | Self::Search(Search { fact, .. }) => Some(fact),
        }
    }

    /// A call, or the fact in it.
    fn parts(&self) -> Result<&CallRecord, &Fact> {
        match self {
            Self::Call(call) => Ok(call),
            Self::Score(Score { fact, .. })
            | Self::Feedback(Feedback { fact, .. })
            | Self::Outcome(Outcome { fact, .. })
            | Self::Search(Search { fact, .. }) => Err(fact),
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

/// One finished call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CallRecord {
    /// Its durable identity.
    pub id: CallId,
    /// The call it was made from.
    pub parent: Option<SpanId>,
    /// The outermost call it belongs to; its own span where it is that.
    pub root: SpanId,
    /// The function's name, or the one given with `name = ".."`.
    pub name: Text,
    /// Where the function stands.
    pub location: Location,
    /// What kind of work it is.
    pub operation: Operation,
    /// Who runs the model, as OpenTelemetry names providers (`openai`, `gcp.gemini`, ..).
    pub provider: Option<Text>,
    /// The model asked for.
    pub model: Option<Text>,
    /// On whose behalf it ran.
    pub scope: Scope,
    /// When it was first polled (async) or entered (sync).
    pub start: Timestamp,
    /// From start to end, waiting and back-off included; `None` where latency is not tracked.
    pub duration: Option<Duration>,
    /// From start to the first token, where the body reported it.
    pub first_token: Option<Duration>,
    /// How it ended.
    pub end: End,
    /// Why it failed, where it did and errors are tracked.
    pub failure: Option<Failure>,
    /// The answers of models observed in it, in order. Empty for calls that only contain others.
    pub answers: Vec<PricedAnswer>,
    /// The attempts made, in order; empty when the body made just one and did not say so.
    pub attempts: Vec<Attempt>,
    /// What it cost, failed attempts included; `None` for work that uses no model itself.
    pub cost: Option<Cost>,
    /// Version of the price list that `cost` was computed with.
    pub prices: Option<Text>,
    /// Whether it succeeded as a model call and yet nobody reported usage.
    pub usage_missing: bool,
    /// Whether usage was tracked.
    pub tokens_tracked: bool,
    /// Whether exporters that keep single calls should keep this one.
    pub sampled: bool,
    /// The attributes recorded, in order.
    pub attributes: Vec<(Text, Value)>,
}

impl CallRecord {
    /// A call that succeeded at once and about which nothing else is known.
    pub const fn new(id: CallId, name: Text, operation: Operation, start: Timestamp) -> Self {
        Self {
            id,
            parent: None,
            root: id.span,
            name,
            location: Location { module: Text::literal(""), line: 0 },
            operation,
            provider: None,
            model: None,
            scope: Scope { session: None, user: None, feature: None, strategy: None },
            start,
            duration: None,
            first_token: None,
            end: End::Ok,
            failure: None,
            answers: Vec::new(),
            attempts: Vec::new(),
            cost: None,
            prices: None,
            usage_missing: false,
            tokens_tracked: true,
            sampled: true,
            attributes: Vec::new(),
        }
    }

    /// Tokens of all its answers.
    pub fn usage(&self) -> Option<Usage> {
        let mut usages = self.answers.iter().filter_map(|answer| answer.answer.usage);
        let mut sum = usages.next()?;
        usages.for_each(|usage| sum += usage);
        Some(sum)
    }

    /// Whether it is a call to a model, so that it has tokens and a cost.
    pub fn is_model_call(&self) -> bool {
        self.operation.is_model_call() || !self.answers.is_empty()
    }

    /// The model to group it by: the one asked for, else the one that answered.
    pub fn model_name(&self) -> Option<&Text> {
        self.model.as_ref().or_else(|| self.answers.iter().rev().find_map(|a| a.answer.model.as_ref()))
    }

    /// How often it was attempted; at least 1.
    pub fn attempt_count(&self) -> u64 {
        (self.attempts.len() as u64).max(1)
    }

    /// Whether an attempt failed and another followed.
    pub fn was_retried(&self) -> bool {
        self.attempts.len() > 1
    }

    /// Whether it succeeded although an attempt had failed.
    pub fn recovered(&self) -> bool {
        self.was_retried() && self.end == End::Ok
    }

    /// Money spent on attempts that failed, and on the whole call where that failed.
    pub fn wasted(&self) -> Usd {
        let failed = |number: u32| {
            self.end != End::Ok || self.attempts.iter().any(|a| a.number == number && a.failure.is_some())
        };
        self.answers.iter().filter(|a| failed(a.attempt)).map(|a| a.cost.floor()).sum()
    }

    /// Costs of its answers, added up.
    pub(crate) fn answer_costs(&self) -> CostSum {
        let mut sum = CostSum::default();
        self.answers.iter().for_each(|answer| sum.add(answer.cost));
        sum
    }
}

/// Where a function stands; prints as `module::path:line`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a place has these two parts")]
pub struct Location {
    /// Its module.
    pub module: Text,
    /// The line of its attribute.
    pub line: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.module, self.line)
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum End {
    /// It returned, and not an `Err`. (`None` of an `Option` is no error.)
    Ok,
    /// It returned an `Err`.
    Error,
    /// Its future was dropped before it ended.
    Cancelled,
    /// It panicked.
    Panicked,
    /// Its stream was dropped in the middle.
    Abandoned,
}

impl End {
    /// Every way to end.
    pub const ALL: &[Self] = &[Self::Ok, Self::Error, Self::Cancelled, Self::Panicked, Self::Abandoned];

    /// The stable name, such as `ok`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Panicked => "panicked",
            Self::Abandoned => "abandoned",
        }
    }
}

impl FromStr for End {
    type Err = UnknownEnd;
    fn from_str(text: &str) -> Result<Self, UnknownEnd> {
        let found = Self::ALL.iter().find(|end| end.name() == text);
        found.copied().ok_or_else(|| UnknownEnd(text.to_owned()))
    }
}

/// A word that is no way to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEnd(String);

impl fmt::Display for UnknownEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown end `{}`; expected one of: ok, error, cancelled, panicked, abandoned", self.0)
    }
}

impl std::error::Error for UnknownEnd {}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One answer of a model and its price.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PricedAnswer {
    /// What was read from it.
    pub answer: Answer,
    /// The attempt it belongs to, from 1.
    pub attempt: u32,
    /// Its price.
    pub cost: Cost,
}

impl PricedAnswer {
    /// An answer, priced or not yet.
    pub const fn new(answer: Answer, attempt: u32, cost: Cost) -> Self {
        Self { answer, attempt, cost }
    }
}

/// One attempt of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// Which attempt, from 1.
    pub number: u32,
    /// From the start of the call to the start of the attempt.
    pub after: Duration,
    /// How long it took.
    pub duration: Duration,
    /// Why it failed, where it did.
    pub failure: Option<Failure>,
}

impl Attempt {
    /// An attempt that ended.
    pub const fn new(number: u32, after: Duration, duration: Duration, failure: Option<Failure>) -> Self {
        Self { number, after, duration, failure }
    }
}

/// What all facts have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fact {
    /// When it was reported.
    pub at: Timestamp,
    /// The call it is about, where it is about one.
    pub call: Option<CallId>,
    /// On whose behalf.
    pub scope: Scope,
    /// What is known of that call, so that facts can be grouped as calls are.
    pub subject: Option<Subject>,
}

impl Fact {
    /// A fact at a moment.
    pub const fn new(at: Timestamp, call: Option<CallId>, scope: Scope) -> Self {
        Self { at, call, scope, subject: None }
    }
}

/// What is known of the call that a fact is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// The call's name.
    pub name: Text,
    /// Its kind of work.
    pub operation: Operation,
    /// Its provider.
    pub provider: Option<Text>,
    /// Its model.
    pub model: Option<Text>,
}

impl Subject {
    /// What is known of a call.
    pub const fn new(name: Text, operation: Operation, provider: Option<Text>, model: Option<Text>) -> Self {
        Self { name, operation, provider, model }
    }
}

/// A number that says how good something was.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Score {
    /// When, on what, for whom.
    pub fact: Fact,
    /// What is scored, such as `match`.
    pub name: Text,
    /// The score, in a unit of your own.
    pub value: f64,
}

impl Score {
    /// A score.
    pub const fn new(fact: Fact, name: Text, value: f64) -> Self {
        Self { fact, name, value }
    }
}

/// What a person said about a result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Feedback {
    /// When, on what, by whom.
    pub fact: Fact,
    /// What they said.
    pub verdict: Verdict,
}

impl Feedback {
    /// A verdict.
    pub const fn new(fact: Fact, verdict: Verdict) -> Self {
        Self { fact, verdict }
    }
}

/// A person's verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Thumbs up.
    Positive,
    /// Thumbs down.
    Negative,
}

impl Verdict {
    /// The stable name: `positive` or `negative`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
        }
    }
}

impl FromStr for Verdict {
    type Err = UnknownVerdict;
    fn from_str(text: &str) -> Result<Self, UnknownVerdict> {
        match text {
            "positive" => Ok(Self::Positive),
            "negative" => Ok(Self::Negative),
            _ => Err(UnknownVerdict(text.to_owned())),
        }
    }
}

/// A word that is not a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVerdict(String);

impl fmt::Display for UnknownVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown verdict `{}`; expected one of: positive, negative", self.0)
    }
}

impl std::error::Error for UnknownVerdict {}

/// What a call led to in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// When, from what, for whom.
    pub fact: Fact,
    /// What happened, such as `application` or `interview`.
    pub kind: Text,
    /// What it is worth to you, where you can say.
    pub value: Option<Usd>,
}

impl Outcome {
    /// An outcome.
    pub const fn new(fact: Fact, kind: Text, value: Option<Usd>) -> Self {
        Self { fact, kind, value }
    }
}

/// A search and what it found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Search {
    /// When, in which call, for whom. The strategy stands in its scope.
    pub fact: Fact,
    /// What was searched for.
    pub query: Text,
    /// How many results it gave.
    pub results: u64,
    /// How many of them were relevant, where that is known.
    pub relevant: Option<u64>,
}

impl Search {
    /// A search without results so far.
    pub const fn new(fact: Fact, query: Text) -> Self {
        Self { fact, query, results: 0, relevant: None }
    }
}

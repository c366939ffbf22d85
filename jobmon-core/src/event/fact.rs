//! Facts: what is said about calls, or beside them.

use super::{CallRecord, Prompt, Scope};
use crate::id::CallId;
use crate::money::Usd;
use crate::operation::Operation;
use crate::redact::Redactions;
use crate::text::Text;
use crate::time::Timestamp;
use crate::words::words;

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
    /// What was removed from it.
    pub redactions: Redactions,
}

impl Fact {
    /// A fact at a moment.
    pub const fn new(at: Timestamp, call: Option<CallId>, scope: Scope) -> Self {
        Self { at, call, scope, subject: None, redactions: Redactions::NONE }
    }

    /// Takes over what is known of the call that it is about; what it says itself of on whose behalf it is stays.
    pub fn complete(&mut self, subject: Subject, scope: Scope) {
        self.subject = Some(subject);
        self.scope.complete(scope);
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
    /// Its prompt.
    pub prompt: Option<Prompt>,
    /// What calls with the same answer have in common.
    pub cache_key: Option<Text>,
}

impl Subject {
    /// What is known of a call.
    pub const fn new(name: Text, operation: Operation, provider: Option<Text>, model: Option<Text>) -> Self {
        Self { name, operation, provider, model, prompt: None, cache_key: None }
    }

    /// What a finished call says of itself.
    pub fn of(call: &CallRecord) -> Self {
        Self {
            prompt: call.prompt.clone(),
            cache_key: call.cache_key.clone(),
            ..Self::new(call.name.clone(), call.operation, call.provider.clone(), call.model_name().cloned())
        }
    }
}

/// A number that says how good something was.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Score {
    /// When, on what, for whom.
    pub fact: Box<Fact>,
    /// What is scored, such as `match`.
    pub name: Text,
    /// The score, in a unit of your own.
    pub value: f64,
}

impl Score {
    /// A score.
    pub fn new(fact: Fact, name: Text, value: f64) -> Self {
        Self { fact: Box::new(fact), name, value }
    }
}

/// What a person said about a result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Feedback {
    /// When, on what, by whom.
    pub fact: Box<Fact>,
    /// What they said.
    pub verdict: Verdict,
}

impl Feedback {
    /// A verdict.
    pub fn new(fact: Fact, verdict: Verdict) -> Self {
        Self { fact: Box::new(fact), verdict }
    }
}

words! {
    /// A person's verdict.
    enum Verdict, "verdict" {
        Positive "positive" "Thumbs up."
        Negative "negative" "Thumbs down."
    }
}

/// What a call led to in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// When, from what, for whom.
    pub fact: Box<Fact>,
    /// What happened, such as `application` or `interview`.
    pub kind: Text,
    /// What it is worth to you, where you can say.
    pub value: Option<Usd>,
}

impl Outcome {
    /// An outcome.
    pub fn new(fact: Fact, kind: Text, value: Option<Usd>) -> Self {
        Self { fact: Box::new(fact), kind, value }
    }
}

/// A search and what it found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Search {
    /// When, in which call, for whom. The strategy stands in its scope.
    pub fact: Box<Fact>,
    /// What was searched for.
    pub query: Text,
    /// How many results it gave.
    pub results: u64,
    /// How many of them were relevant, where that is known.
    pub relevant: Option<u64>,
}

impl Search {
    /// A search without results so far.
    pub fn new(fact: Fact, query: Text) -> Self {
        Self { fact: Box::new(fact), query, results: 0, relevant: None }
    }
}

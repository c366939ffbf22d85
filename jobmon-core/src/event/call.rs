//! A finished call.

use super::{Chunks, Content, Request, Scope};
use crate::failure::Failure;
use crate::id::{CallId, SpanId};
use crate::money::{Cost, CostSum, Usd};
use crate::operation::Operation;
use crate::redact::Redactions;
use crate::response::Answer;
use crate::sampling;
use crate::surroundings::SpanContext;
use crate::text::Text;
use crate::time::Timestamp;
use crate::usage::Usage;
use crate::value::Value;
use crate::words::words;
use std::fmt;
use std::time::Duration;

/// One finished call.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
#[non_exhaustive]
pub struct CallRecord {
    /// Its durable identity.
    pub id: CallId,
    /// The call it was made from.
    pub parent: Option<SpanId>,
    /// The span around it that is no call of jobmon's, and nearer than `parent`: of OpenTelemetry, or in another process.
    pub remote: Option<Box<SpanContext>>,
    /// The `tracestate` of its trace.
    pub trace_state: Option<Text>,
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
    /// The agent that it works for: the nearest call around it that is one. Of an agent, itself.
    pub agent: Option<Text>,
    /// How its model was asked, where that is known.
    pub request: Option<Box<Request>>,
    /// What it said and heard, where that was to be captured.
    pub content: Option<Box<Content>>,
    /// On whose behalf it ran.
    pub scope: Scope,
    /// The budgets that its function, or one around it, names.
    pub budgets: Vec<Text>,
    /// When it was first polled (async) or entered (sync).
    pub start: Timestamp,
    /// From start to end, waiting and back-off included; `None` where latency is not tracked.
    pub duration: Option<Duration>,
    /// From start to the first token, where the body reported it.
    pub first_token: Option<Duration>,
    /// Whether it gives a stream.
    pub streams: bool,
    /// The chunks of its stream, where there were any.
    pub chunks: Option<Chunks>,
    /// How it ended.
    pub end: End,
    /// Why it failed, where it did and errors are tracked.
    pub failure: Option<Failure>,
    /// The answers of models observed in it, in order. Empty for calls that only contain others.
    pub answers: Vec<PricedAnswer>,
    /// The attempts made, in order; empty when the body made just one and did not say so.
    pub attempts: Vec<Attempt>,
    /// What else decides on its price.
    pub pricing: Pricing,
    /// What it cost, failed attempts included; `None` for work that uses no model itself.
    pub cost: Option<Cost>,
    /// Version of the price list that `cost` was computed with.
    pub prices: Option<Text>,
    /// What it cost at first, where it was priced again since.
    pub original: Option<Original>,
    /// The prompt that it used.
    pub prompt: Option<Prompt>,
    /// A digest of what its answer depends on: calls of one name with the same could have the same answer.
    pub cache_key: Option<Text>,
    /// What the calls inside it used and cost. No sum counts it: it counts where the requests were made.
    pub rollup: Option<Box<Rollup>>,
    /// Whether it succeeded as a model call and yet nobody reported usage.
    pub usage_missing: bool,
    /// Whether usage was tracked.
    pub tokens_tracked: bool,
    /// Whether exporters that keep single calls should keep this one.
    pub sampled: bool,
    /// The share of calls that are kept as this one was, above 0 to 1: one that is kept stands for its inverse.
    pub sample_rate: f64,
    /// The attributes recorded, in order.
    pub attributes: Vec<(Text, Value)>,
    /// What was removed from it.
    pub redactions: Redactions,
    /// Marks of prompt injection in what it was given: phrases such as "ignore all previous instructions".
    pub injection_markers: u32,
}

impl CallRecord {
    /// A call that succeeded at once and about which nothing else is known.
    pub const fn new(id: CallId, name: Text, operation: Operation, start: Timestamp) -> Self {
        Self {
            id,
            parent: None,
            remote: None,
            trace_state: None,
            root: id.span,
            name,
            location: Location { module: Text::literal(""), line: 0 },
            operation,
            provider: None,
            model: None,
            agent: None,
            request: None,
            content: None,
            scope: Scope { session: None, user: None, feature: None, strategy: None },
            budgets: Vec::new(),
            start,
            duration: None,
            first_token: None,
            streams: false,
            chunks: None,
            end: End::Ok,
            failure: None,
            answers: Vec::new(),
            attempts: Vec::new(),
            pricing: Pricing { api_url: None, context: Vec::new() },
            cost: None,
            prices: None,
            original: None,
            prompt: None,
            cache_key: None,
            rollup: None,
            usage_missing: false,
            tokens_tracked: true,
            sampled: true,
            sample_rate: 1.0,
            attributes: Vec::new(),
            redactions: Redactions::NONE,
            injection_markers: 0,
        }
    }

    /// The span that its own is a child of.
    pub fn parent_span(&self) -> Option<SpanId> {
        self.remote.as_ref().map_or(self.parent, |remote| Some(remote.span))
    }

    /// The `tracestate` of its span: as it came, and with the share of calls that are kept as it was, as `ot=th:..`, so that
    /// whoever counts spans can scale
    /// ([OpenTelemetry](https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/)).
    pub fn state(&self) -> Option<Text> {
        sampling::state(self.sample_rate, self.trace_state.as_ref())
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

    /// Failures of its attempts; of a call that made just one, its own.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        let attempts = self.attempts.iter().filter_map(|attempt| attempt.failure.as_ref());
        attempts.chain(self.failure.as_ref().filter(|_| self.attempts.is_empty()))
    }

    /// How long was waited between attempts.
    pub fn backoff(&self) -> Duration {
        self.attempts.iter().map(|attempt| attempt.backoff).fold(Duration::ZERO, Duration::saturating_add)
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

/// What decides on a price beside model, time and usage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pricing {
    /// Address of the API, which tells the provider where none is given.
    pub api_url: Option<Text>,
    /// The price context, in the words of the price list, such as `processing` and `batch`. A service tier that an
    /// answer tells goes before one given here.
    pub context: Vec<(Text, Text)>,
}

/// A cost before it was computed again with other prices.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Original {
    /// What it cost then.
    pub cost: Cost,
    /// Of it, on what failed.
    pub wasted: Usd,
    /// Version of the price list then.
    pub prices: Option<Text>,
}

impl Original {
    /// A cost, the part of it that was for nothing, and the prices it was computed with.
    pub const fn new(cost: Cost, wasted: Usd, prices: Option<Text>) -> Self {
        Self { cost, wasted, prices }
    }
}

/// A prompt by its name, so that its versions can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prompt {
    /// Its name.
    pub name: Text,
    /// Its version.
    pub version: Option<Text>,
}

impl Prompt {
    /// A prompt.
    pub const fn new(name: Text, version: Option<Text>) -> Self {
        Self { name, version }
    }
}

/// What the calls inside a call used and cost, at any depth. Calls that go on after its end are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rollup {
    /// Calls to a model.
    pub model_calls: u64,
    /// Tools that ran.
    pub tool_calls: u64,
    /// What they used.
    pub usage: Usage,
    /// What they cost.
    pub cost: CostSum,
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

words! {
    /// How a call ended.
    enum End, "end of a call" {
        Ok "ok" "It returned, and not an `Err`. (`None` of an `Option` is no error.)"
        Error "error" "It returned an `Err`."
        Cancelled "cancelled" "Its future was dropped before it ended."
        Panicked "panicked" "It panicked."
        Abandoned "abandoned" "Its stream was dropped in the middle."
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
    /// How long was waited for it after the one before.
    pub backoff: Duration,
    /// How long it took, without that.
    pub duration: Duration,
    /// Why it failed, where it did.
    pub failure: Option<Failure>,
}

impl Attempt {
    /// An attempt that ended and was not waited for.
    pub const fn new(number: u32, after: Duration, duration: Duration, failure: Option<Failure>) -> Self {
        Self { number, after, backoff: Duration::ZERO, duration, failure }
    }
}

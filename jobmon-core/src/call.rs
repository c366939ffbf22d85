//! The life of a call: start, polls, attempts, answers, and exactly one end.

use crate::category::ErrorCategory;
use crate::context::Context;
use crate::event::{Attempt, CallRecord, End, Event, Location, PricedAnswer, Scope, Subject};
use crate::failure::Failure;
use crate::id::{CallId, SpanId, TraceId};
use crate::lane::lock;
use crate::money::Cost;
use crate::monitor::Shared;
use crate::response::Answer;
use crate::site::{Site, Track};
use crate::text::Text;
use crate::time::Timestamp;
use crate::value::Value;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Attributes kept for one call; further ones are counted as unattached.
const MOST_ATTRIBUTES: usize = 128;
/// Bytes kept of an attribute's text.
const LONGEST_ATTRIBUTE: usize = 4_096;
/// Answers and attempts kept for one call: enough for any honest function, and a bound for a runaway loop.
const MOST_ANSWERS: usize = 1_024;

/// A call that has started and not ended.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) monitor: Arc<Shared>,
    site: &'static Site,
    pub(crate) id: CallId,
    pub(crate) parent: Option<Arc<Active>>,
    root: SpanId,
    scope: Scope,
    track: Track,
    pub(crate) sampled: bool,
    state: Mutex<State>,
}

/// What becomes known while the call runs.
#[derive(Debug, Default)]
struct State {
    provider: Option<Text>,
    model: Option<Text>,
    began: Option<(Instant, Timestamp)>,
    first_token: Option<Duration>,
    answers: Vec<PricedAnswer>,
    attempts: Vec<Attempt>,
    attempts_begun: u32,
    attributes: Vec<(Text, Value)>,
    /// A call inside reported usage: what this function returns was counted there.
    counted_inside: bool,
    ended: bool,
}

/// What a probe saw in a function's output.
#[derive(Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "built by generated code")]
pub struct Seen {
    /// Whether it is an `Err`.
    pub failed: bool,
    /// The model's answer, where the output has one.
    pub answer: Option<Answer>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

impl Active {
    /// A new call of a function, child of the current one, and the context of code inside it.
    pub(crate) fn start(site: &'static Site, monitor: Arc<Shared>, setting: Setting) -> (Arc<Self>, Context) {
        let mut inside = Context::current();
        let parent = inside.call.take().filter(|parent| Arc::ptr_eq(&parent.monitor, &monitor));
        let span = SpanId::random();
        let (trace, root, sampled) = match &parent {
            Some(parent) => (parent.id.trace, parent.root, parent.sampled),
            None => {
                let trace = TraceId::random();
                (trace, span, sampled(trace, monitor.settings.sampling_rate))
            }
        };
        inside.attempt = 0;
        inside.feature =
            setting.feature.or(site.facts.feature.map(Text::literal)).or_else(|| inside.feature.take());
        let state = State {
            provider: setting.provider.or(site.facts.provider.map(Text::literal)),
            model: setting.model.or(site.facts.model.map(Text::literal)),
            attributes: setting.attributes,
            ..State::default()
        };
        let call = Arc::new(Self {
            track: site.facts.track.and(monitor.settings.track),
            monitor,
            site,
            id: CallId { trace, span },
            parent,
            root,
            scope: inside.scope(),
            sampled,
            state: Mutex::new(state),
        });
        inside.call = Some(Arc::clone(&call));
        (call, inside)
    }

    /// Starts the clock, once.
    pub(crate) fn begin(&self) {
        lock(&self.state).began.get_or_insert_with(|| (Instant::now(), Timestamp::now()));
    }

    /// Records something unless the call has ended; then it is counted as lost.
    fn record<R>(&self, change: impl FnOnce(&mut State) -> R) -> Option<R> {
        let mut state = lock(&self.state);
        if state.ended {
            drop(state);
            self.lost("after the end of its call");
            return None;
        }
        Some(change(&mut state))
    }

    fn lost(&self, why: &str) {
        self.monitor.unattached.fetch_add(1, Relaxed);
        let text = format!("something reported in `{}` came {why} and is not recorded", self.site.facts.name);
        self.monitor.settings.warnings.once(&text, &text);
    }

    pub(crate) fn answer(&self, answer: Answer, attempt: u32) {
        if !self.track.tokens {
            return;
        }
        let full = self.record(|state| {
            // Outside of any attempt it belongs to the last one.
            let attempt = if attempt > 0 { attempt } else { state.attempts_begun.max(1) };
            let full = state.answers.len() >= MOST_ANSWERS;
            if !full {
                state.answers.push(PricedAnswer::new(answer, attempt, Cost::Unpriced));
            }
            full
        });
        if full == Some(true) {
            self.lost("after 1,024 answers of one call");
        }
    }

    /// What is known of it so far, for facts about it.
    pub(crate) fn subject(&self) -> Subject {
        let state = lock(&self.state);
        let answered = || state.answers.iter().rev().find_map(|answer| answer.answer.model.clone());
        let model = state.model.clone().or_else(answered);
        Subject::new(
            Text::literal(self.site.facts.name),
            self.site.facts.operation,
            state.provider.clone(),
            model,
        )
    }

    pub(crate) fn set_model(&self, model: Text) {
        self.record(|state| state.model = Some(model));
    }

    pub(crate) fn set_provider(&self, provider: Text) {
        self.record(|state| state.provider = Some(provider));
    }

    pub(crate) fn first_token(&self) {
        if self.track.latency {
            self.record(|state| {
                let began = state.began.map(|(instant, _)| instant.elapsed());
                state.first_token = state.first_token.or(began);
            });
        }
    }

    /// Sets an attribute; the last value of a key wins.
    pub(crate) fn attribute(&self, key: Text, value: Value) {
        let value = value.limited(LONGEST_ATTRIBUTE);
        let full = self.record(|state| {
            if let Some(known) = state.attributes.iter_mut().find(|(known, _)| *known == key) {
                known.1 = value;
                return false;
            }
            let full = state.attributes.len() >= MOST_ATTRIBUTES;
            if !full {
                state.attributes.push((key, value));
            }
            full
        });
        if full == Some(true) {
            self.lost("after 128 attributes of one call");
        }
    }

    /// Begins an attempt and gives its number.
    pub(crate) fn begin_attempt(&self) -> u32 {
        let begun = self.record(|state| {
            state.attempts_begun = state.attempts_begun.saturating_add(1);
            state.attempts_begun
        });
        begun.unwrap_or(0)
    }

    pub(crate) fn end_attempt(&self, number: u32, began: Instant, failure: Option<Failure>) {
        if !self.track.retries {
            return;
        }
        let failure = failure.map(|failure| self.visible(failure));
        self.record(|state| {
            if let (Some((start, _)), true) = (state.began, state.attempts.len() < MOST_ANSWERS) {
                let (after, duration) = (began.saturating_duration_since(start), began.elapsed());
                state.attempts.push(Attempt::new(number, after, duration, failure));
            }
        });
    }

    /// What may be told of a failure.
    fn visible(&self, failure: Failure) -> Failure {
        if self.track.errors { failure } else { Failure::new(ErrorCategory::Other) }
    }

    /// Ends the call: the one event of its life. Later ends do nothing.
    pub(crate) fn finish(&self, end: End, seen: Seen) {
        let ended_at = Instant::now();
        let mut state = {
            let mut state = lock(&self.state);
            if state.ended {
                return;
            }
            std::mem::replace(&mut *state, State { ended: true, ..State::default() })
        };
        let facts = &self.site.facts;
        // The body's own report goes before what the return type tells, and so does that of calls inside.
        let automatic = seen.answer.filter(|_| {
            self.track.tokens && state.answers.is_empty() && !state.counted_inside && !facts.manual_usage
        });
        // Data that is no answer of a model tells neither usage nor, in a call to one, anything else.
        let tells = |answer: &Answer| {
            answer.usage.is_some() || (facts.operation.is_model_call() && *answer != Answer::default())
        };
        if let Some(answer) = automatic.filter(tells) {
            let attempt = state.attempts_begun.max(1);
            state.answers.push(PricedAnswer::new(answer, attempt, Cost::Unpriced));
        }
        let has_usage = state.answers.iter().any(|answer| answer.answer.usage.is_some());
        if (has_usage || state.counted_inside)
            && let Some(parent) = &self.parent
        {
            lock(&parent.state).counted_inside = true;
        }
        let usage_missing = end == End::Ok
            && !has_usage
            && !state.counted_inside
            && self.track.tokens
            && facts.operation.is_model_call();
        if usage_missing {
            self.usage_is_missing();
        }
        state.attempts.sort_by_key(|attempt| attempt.number);
        let (began, start) = state.began.unwrap_or_else(|| (ended_at, Timestamp::now()));
        let failure = match end {
            End::Error if self.track.errors => seen.failure,
            End::Cancelled => Some(Failure::new(ErrorCategory::Cancelled)),
            End::Panicked => Some(Failure::new(ErrorCategory::Panic)),
            _ => None,
        };
        let record = CallRecord {
            id: self.id,
            parent: self.parent.as_ref().map(|parent| parent.id.span),
            root: self.root,
            name: Text::literal(facts.name),
            location: Location { module: Text::literal(facts.module), line: facts.line },
            operation: facts.operation,
            provider: state.provider,
            model: state.model,
            scope: self.scope.clone(),
            start,
            duration: self.track.latency.then(|| ended_at.saturating_duration_since(began)),
            first_token: state.first_token,
            end,
            failure,
            answers: state.answers,
            attempts: state.attempts,
            cost: None,
            prices: None,
            usage_missing,
            tokens_tracked: self.track.tokens,
            sampled: self.sampled,
            attributes: state.attributes,
        };
        self.monitor.submit(Event::Call(Box::new(record)));
    }

    /// Counts it, and tells once for each function what can be done.
    fn usage_is_missing(&self) {
        self.monitor.without_usage.fetch_add(1, Relaxed);
        let facts = &self.site.facts;
        let text = format!(
            "`{}` ({}:{}) is a model call that ended without usage, so its cost is unknown. Ways out: pass the \
             provider's answer through `jobmon::observe(..)` in its body, or return a type that is an \
             `LlmResponse`, or write `usage = |out| ..` or `track(latency, errors, retries)` in its attribute",
            facts.name, facts.file, facts.line
        );
        self.monitor.settings.warnings.once(&format!("{}:{}", facts.file, facts.line), &text);
    }
}

/// Keeps a share of traces: those whose last eight bytes, read as a number, are below it (as OpenTelemetry's
/// `TraceIdRatioBased` does), so that all services keep the same ones.
fn sampled(trace: TraceId, rate: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
    let position = (trace.low_bits() >> 1) as f64;
    rate >= 1.0 || position < rate * 9_223_372_036_854_775_808.0
}

/// What the attribute sets when a call starts. Made only when somebody listens.
#[derive(Debug, Default)]
pub struct Setting {
    provider: Option<Text>,
    model: Option<Text>,
    feature: Option<Text>,
    attributes: Vec<(Text, Value)>,
}

impl Setting {
    /// Sets the model.
    pub fn model(&mut self, model: &(impl AsRef<str> + ?Sized)) {
        self.model = Some(Text::copied(model.as_ref()));
    }

    /// Sets the provider.
    pub fn provider(&mut self, provider: &(impl AsRef<str> + ?Sized)) {
        self.provider = Some(Text::copied(provider.as_ref()));
    }

    /// Sets the feature.
    pub fn feature(&mut self, feature: &(impl AsRef<str> + ?Sized)) {
        self.feature = Some(Text::copied(feature.as_ref()));
    }

    /// Adds an attribute; `None` adds nothing.
    pub fn field(&mut self, key: &'static str, value: Option<Value>) {
        if let (Some(value), true) = (value, self.attributes.len() < MOST_ATTRIBUTES) {
            self.attributes.push((Text::literal(key), value.limited(LONGEST_ATTRIBUTE)));
        }
    }
}

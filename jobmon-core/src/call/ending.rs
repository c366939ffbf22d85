//! The end of a call: the one event of its life.

use super::{Active, MOST_ANSWERS, OWN_HANDLES};
use crate::capture::Captured;
use crate::category::ErrorCategory;
use crate::event::{CallRecord, End, Event, PricedAnswer};
use crate::failure::Failure;
use crate::lane::lock;
use crate::late::Ended;
use crate::money::Cost;
use crate::response::Answer;
use crate::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// What a probe saw in a function's output.
#[derive(Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "generated code hands it on, and nothing else does")]
pub struct Seen {
    /// Whether it is an `Err`.
    pub failed: bool,
    /// The model's answer, where the output has one.
    pub answer: Option<Answer>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What came out, where that is captured.
    pub output: Option<Box<Captured>>,
}

impl Active {
    /// What may be told of a failure.
    pub(super) fn visible(&self, failure: Failure) -> Failure {
        if self.track.errors { failure } else { Failure::new(ErrorCategory::Other) }
    }

    /// Ends the call: the one event of its life. Later ends do nothing.
    pub(crate) fn finish(self: &Arc<Self>, end: End, seen: Seen) {
        // Held to the end, so that what comes late finds either the record or what it became.
        let mut state = lock(&self.state);
        let Some(mut record) = state.record.take() else { return };
        if let Some(output) = seen.output
            && self.monitor.settings.capture_content
        {
            let content = record.content.get_or_insert_default();
            // What was observed inside is what the model said; this is what the function made of it.
            if content.output.is_empty() {
                content.add_output(self.site.facts.operation, *output);
            }
        }
        let (began, mut attempts) = (state.began, std::mem::take(&mut state.attempts));
        let (counted_inside, hints) = (state.counted_inside, std::mem::take(&mut state.hints));
        let facts = &self.site.facts;
        record.end = end;
        if began.is_none() {
            record.start = Timestamp::now();
        }
        // One moment for all that ends here.
        let now = Instant::now();
        let since = |began: Instant| now.saturating_duration_since(began);
        record.duration = self.track.latency.then(|| began.map_or(Duration::ZERO, since));
        if !counted_inside {
            self.take_answer(&mut record, seen.answer, attempts.last(), hints);
        }
        let has_usage = record.answers.iter().any(|answer| answer.answer.usage.is_some());
        record.usage_missing = end == End::Ok
            && !has_usage
            && !counted_inside
            && self.track.tokens
            && facts.operation.is_model_call();
        record.failure = match end {
            End::Error if self.track.errors => seen.failure.map(|failure| self.stopped_or(failure)),
            End::Cancelled => Some(Failure::new(ErrorCategory::Cancelled)),
            End::Panicked => Some(Failure::new(ErrorCategory::Panic)),
            _ => None,
        };
        if let Some(began) = began.filter(|_| self.track.retries) {
            let failure = record.failure.clone();
            attempts.finish(&mut record, (began, now), failure.as_ref());
        }
        // Nobody else can report of it where none but the one that ends it, and the context of its body, know it.
        if Arc::strong_count(self) > OWN_HANDLES {
            state.ended = Some(Box::new(Ended::of(&record)));
        }
        drop(state);
        if record.usage_missing {
            self.usage_is_missing();
        }
        if (has_usage || counted_inside)
            && let Some(parent) = &self.parent
        {
            lock(&parent.state).counted_inside = true;
        }
        let book = &self.monitor.book;
        book.end(self, &mut record, &self.monitor.settings.prices);
        let around = self.around.as_ref().filter(|around| around.waits_for_end()).cloned();
        self.monitor.submit_with(Event::Call(record), around);
    }

    /// Takes the answer that its output tells, unless what it reported goes before; else what client crates told.
    fn take_answer(
        &self,
        record: &mut CallRecord,
        seen: Option<Answer>,
        last_attempt: u32,
        hints: Vec<PricedAnswer>,
    ) {
        let facts = &self.site.facts;
        // What the last attempt returned is told by no report of an earlier one.
        let told = record.answers.iter().any(|answer| answer.attempt == last_attempt);
        let seen = seen.filter(|_| self.track.tokens && !told && !facts.manual_usage);
        // Data that is no answer of a model tells neither usage nor, in a call to one, anything else.
        let tells = |answer: &Answer| {
            answer.usage.is_some() || (facts.operation.is_model_call() && *answer != Answer::default())
        };
        if let Some(answer) = seen.filter(tells) {
            let priced = |answer| PricedAnswer::new(answer, last_attempt, Cost::Unpriced);
            // Most calls have one answer.
            if answer.requests.is_empty() {
                record.answers.reserve_exact(1);
                record.answers.push(priced(answer));
            } else {
                record.answers.extend(answer.into_requests().take(MOST_ANSWERS).map(priced));
            }
        }
        if record.answers.is_empty() {
            record.answers = hints;
        }
    }

    /// Gives this up, since it is the same request as the call to a model around it, which takes the answer as a hint.
    /// False where there is none around it.
    pub(crate) fn merge(&self, answer: &Answer) -> bool {
        let is_model = |call: &Self| call.site.facts.operation.is_model_call();
        let Some(parent) = self.parent.as_ref().filter(|parent| is_model(self) && is_model(parent)) else {
            return false;
        };
        lock(&self.state).record = None;
        let mut around = lock(&parent.state);
        if around.record.is_some() && parent.track.tokens && around.hints.len() < MOST_ANSWERS {
            let attempt = around.attempts.last();
            around.hints.push(PricedAnswer::new(answer.clone(), attempt, Cost::Unpriced));
        }
        true
    }

    /// A failure, of the category `budget` where a budget stopped the call: whatever its error tells.
    pub(crate) fn stopped_or(&self, failure: Failure) -> Failure {
        let stopped = self.funds.stopped.load(Relaxed);
        if stopped { failure.with_category(ErrorCategory::Budget) } else { failure }
    }

    /// Counts it, and tells once for each function what can be done.
    fn usage_is_missing(&self) {
        self.monitor.counts.without_usage.fetch_add(1, Relaxed);
        let facts = &self.site.facts;
        let text = format!(
            "`{}` ({}:{}) is a model call that ended without usage, so its cost is unknown. Ways out: pass the \
             provider's answer through `jobmon::observe(..)` in its body, or return a type that is an \
             `LlmResponse`, or write `usage = |out| ..` or `track(latency, errors, retries)` in its attribute",
            facts.name, facts.file, facts.line
        );
        self.monitor.settings.warnings.once(&format!("{}:{}:{}", facts.file, facts.line, facts.name), &text);
    }
}

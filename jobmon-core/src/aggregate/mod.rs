//! [`Aggregate`]: any number of events summed up in one mergeable value.

use crate::dimension::{Dimension, Key};
use crate::event::{End, Event, Verdict};
use crate::exporter::Resource;
use crate::money::{CostSum, Usd};
use crate::sketch::Sketch;
use crate::text::Text;
use codec::{Reader, Writer};

pub(crate) mod codec;

/// Scores are kept in millionths, so that sums are exact and merging does not depend on order.
pub(crate) const SCORE_UNIT: f64 = 1e6;

macro_rules! aggregate {
    ($($(#[$doc:meta])* $field:ident,)*) => {
        /// Any number of events summed up.
        ///
        /// A commutative monoid: `Default` is no event, [`Aggregate::merge`] adds, exactly and in any order. A live
        /// window, an hour in the history and a report are all one of these; every
        /// [`Measure`](crate::Measure) is a function of one.
        ///
        /// ```
        /// use jobmon_core::Aggregate;
        /// let (mut a, b) = (Aggregate::default(), Aggregate::default());
        /// a.merge(&b);
        /// assert_eq!(a, Aggregate::default());
        /// ```
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Aggregate {
            $($(#[$doc])* pub $field: u64,)*
            /// Money spent.
            pub cost: CostSum,
            /// Of it, on attempts and calls that failed.
            pub wasted: Usd,
            /// Value of outcomes.
            pub outcome_value: Usd,
            /// Durations of calls, in nanoseconds.
            pub latency: Sketch,
            /// Times to first token, in nanoseconds.
            pub first_token: Sketch,
            /// Scores, in millionths.
            pub scores: Sketch,
        }

        impl Aggregate {
            /// Adds another aggregate. Sums saturate.
            pub fn merge(&mut self, other: &Self) {
                $(self.$field = self.$field.saturating_add(other.$field);)*
                self.cost.merge(&other.cost);
                self.wasted += other.wasted;
                self.outcome_value += other.outcome_value;
                self.latency.merge(&other.latency);
                self.first_token.merge(&other.first_token);
                self.scores.merge(&other.scores);
            }

            fn counters(&self) -> impl Iterator<Item = u64> {
                [$(self.$field),*].into_iter()
            }

            fn counters_mut(&mut self) -> impl Iterator<Item = &mut u64> {
                [$(&mut self.$field),*].into_iter()
            }
        }
    };
}

// Stored in this order (see `encode`): add at the end only, and raise `VERSION`.
aggregate! {
    /// Calls of every kind.
    calls,
    /// Calls that returned, and not an error.
    ok,
    /// Calls that returned an error.
    failed,
    /// Calls whose future was dropped.
    cancelled,
    /// Calls that panicked.
    panicked,
    /// Calls whose stream was dropped in the middle.
    abandoned,
    /// Calls to a model.
    model_calls,
    /// Model calls that succeeded without usage.
    without_usage,
    /// Attempts of all calls, first ones included.
    attempts,
    /// Calls with more than one attempt.
    retried,
    /// Calls that succeeded after a failed attempt.
    recovered,
    /// Input tokens, cached ones included.
    input_tokens,
    /// Output tokens, reasoning included.
    output_tokens,
    /// Input tokens read from a cache.
    cache_read_tokens,
    /// Input tokens written to a cache.
    cache_write_tokens,
    /// Output tokens spent on reasoning.
    reasoning_tokens,
    /// Input tokens that carry audio.
    input_audio_tokens,
    /// Output tokens that carry audio.
    output_audio_tokens,
    /// Positive verdicts.
    positive,
    /// Negative verdicts.
    negative,
    /// Outcomes.
    outcomes,
    /// Searches.
    searches,
    /// Results of searches.
    results,
    /// Results of searches of which the relevant ones were counted.
    judged_results,
    /// Relevant results of searches.
    relevant,
    /// Attempts that failed, a call's only one included.
    failed_attempts,
    /// Of them, those whose call succeeded in the end.
    recovered_attempts,
}

/// Is given a key, and what to do to the aggregate of that key.
pub type Place<'a> = dyn FnMut(Key, &dyn Fn(&mut Aggregate)) + 'a;

/// Version of the stored form.
const VERSION: u8 = 1;

impl Aggregate {
    /// Sums up one event under every key it counts for: `place` is given each key, and what to do to its
    /// aggregate.
    ///
    /// A call counts under its own key; each failed attempt of it under the same key with its own category.
    pub fn sum_up(resource: &Resource, event: &Event, place: &mut Place<'_>) {
        let key = Key::of(resource, event);
        if let Event::Call(call) = event {
            let recovered = u64::from(call.end == End::Ok);
            let attempts = call.attempts.iter().filter_map(|attempt| attempt.failure.as_ref());
            // A call that made just one attempt and failed: that attempt failed.
            let only = call.failure.as_ref().filter(|_| call.attempts.is_empty());
            for failure in attempts.chain(only) {
                let mut key = key.clone();
                key.set(Dimension::Category, Some(Text::literal(failure.category.name())));
                place(key, &|aggregate| {
                    aggregate.failed_attempts += 1;
                    aggregate.recovered_attempts += recovered;
                });
            }
        }
        place(key, &|aggregate| aggregate.add(event));
    }

    fn add(&mut self, event: &Event) {
        match event {
            Event::Call(call) => self.add_call(call),
            Event::Score(score) => {
                #[expect(clippy::cast_possible_truncation, reason = "saturates, and scores are small")]
                self.scores.record((score.value * SCORE_UNIT).round() as i64);
            }
            Event::Feedback(feedback) => match feedback.verdict {
                Verdict::Positive => self.positive += 1,
                Verdict::Negative => self.negative += 1,
            },
            Event::Outcome(outcome) => {
                self.outcomes += 1;
                self.outcome_value += outcome.value.unwrap_or_default();
            }
            Event::Search(search) => {
                self.searches += 1;
                self.results = self.results.saturating_add(search.results);
                if let Some(relevant) = search.relevant {
                    self.judged_results = self.judged_results.saturating_add(search.results);
                    self.relevant = self.relevant.saturating_add(relevant);
                }
            }
        }
    }

    fn add_call(&mut self, call: &crate::CallRecord) {
        self.calls += 1;
        match call.end {
            End::Ok => self.ok += 1,
            End::Error => self.failed += 1,
            End::Cancelled => self.cancelled += 1,
            End::Panicked => self.panicked += 1,
            End::Abandoned => self.abandoned += 1,
        }
        self.model_calls += u64::from(call.is_model_call());
        self.without_usage += u64::from(call.usage_missing);
        self.attempts = self.attempts.saturating_add(call.attempt_count());
        self.retried += u64::from(call.was_retried());
        self.recovered += u64::from(call.recovered());
        if let Some(usage) = call.usage() {
            for (sum, tokens) in [
                (&mut self.input_tokens, usage.input),
                (&mut self.output_tokens, usage.output),
                (&mut self.cache_read_tokens, usage.cache_read),
                (&mut self.cache_write_tokens, usage.cache_write),
                (&mut self.reasoning_tokens, usage.reasoning),
                (&mut self.input_audio_tokens, usage.input_audio),
                (&mut self.output_audio_tokens, usage.output_audio),
            ] {
                *sum = sum.saturating_add(tokens.unwrap_or(0));
            }
        }
        if let Some(cost) = call.cost {
            self.cost.add(cost);
            self.wasted += call.wasted();
        }
        let nanos = |time: std::time::Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        if let Some(duration) = call.duration {
            self.latency.record(nanos(duration));
        }
        if let Some(first_token) = call.first_token {
            self.first_token.record(nanos(first_token));
        }
    }

    /// Errors: calls that returned one, and panics. Cancelled calls are not errors.
    pub const fn errors(&self) -> u64 {
        self.failed.saturating_add(self.panicked)
    }

    /// The stored form: a version, the number of counters, then all figures as variable-length integers.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.byte(VERSION);
        out.unsigned(self.counters().count() as u64);
        self.counters().for_each(|counter| out.unsigned(counter));
        out.signed(self.cost.usd.nanos());
        [self.cost.known, self.cost.at_least, self.cost.unpriced].into_iter().for_each(|n| out.unsigned(n));
        out.signed(self.wasted.nanos());
        out.signed(self.outcome_value.nanos());
        [&self.latency, &self.first_token, &self.scores]
            .into_iter()
            .for_each(|sketch| sketch.write(&mut out));
        out.finish()
    }

    /// Reads the stored form; `None` when it is damaged or of a later version.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes);
        if from.byte()? != VERSION {
            return None;
        }
        let mut aggregate = Self::default();
        let stored = from.unsigned()?;
        for counter in aggregate.counters_mut().take(usize::try_from(stored).ok()?) {
            *counter = from.unsigned()?;
        }
        aggregate.cost.usd = Usd::from_nanos(from.signed()?);
        for counter in [&mut aggregate.cost.known, &mut aggregate.cost.at_least, &mut aggregate.cost.unpriced]
        {
            *counter = from.unsigned()?;
        }
        aggregate.wasted = Usd::from_nanos(from.signed()?);
        aggregate.outcome_value = Usd::from_nanos(from.signed()?);
        for sketch in [&mut aggregate.latency, &mut aggregate.first_token, &mut aggregate.scores] {
            *sketch = Sketch::read(&mut from)?;
        }
        from.is_at_end().then_some(aggregate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn any_aggregate() -> impl Strategy<Value = Aggregate> {
        let counters = prop::collection::vec(0..1_000_000_u64, 27);
        let numbers = || prop::collection::vec(any::<i32>(), 0..20);
        (counters, any::<i32>(), any::<i32>(), numbers(), numbers(), numbers()).prop_map(
            |(counters, usd, wasted, latency, first_token, scores)| {
                let mut aggregate = Aggregate::default();
                aggregate.counters_mut().zip(counters).for_each(|(counter, value)| *counter = value);
                aggregate.cost.usd = Usd::from_nanos(usd.into());
                aggregate.cost.unpriced = aggregate.calls;
                aggregate.wasted = Usd::from_nanos(wasted.into());
                latency.into_iter().for_each(|n| aggregate.latency.record(n.into()));
                first_token.into_iter().for_each(|n| aggregate.first_token.record(n.into()));
                scores.into_iter().for_each(|n| aggregate.scores.record(n.into()));
                aggregate
            },
        )
    }

    proptest! {
        #[test]
        fn merging_is_a_commutative_monoid(a in any_aggregate(), b in any_aggregate(), c in any_aggregate()) {
            let merged = |x: &Aggregate, y: &Aggregate| { let mut sum = x.clone(); sum.merge(y); sum };
            prop_assert_eq!(merged(&a, &b), merged(&b, &a));
            prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
            prop_assert_eq!(merged(&a, &Aggregate::default()), a);
        }

        #[test]
        fn the_stored_form_round_trips(a in any_aggregate()) {
            prop_assert_eq!(Aggregate::decode(&a.encode()), Some(a));
        }

        #[test]
        fn damaged_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), a in any_aggregate(), cut in 0..100_usize) {
            let _ = Aggregate::decode(&bytes);
            let whole = a.encode();
            prop_assert_eq!(Aggregate::decode(&whole[..whole.len() - 1 - cut.min(whole.len() - 1)]), None);
        }
    }
}

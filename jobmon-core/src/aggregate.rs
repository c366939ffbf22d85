//! [`Aggregate`]: any number of events summed up in one mergeable value.

use crate::dimension::{Dimension, Key};
use crate::event::{End, Event, Judged, Label, Side, Verdict};
use crate::exporter::Resource;
use crate::money::{Cost, CostSum, Usd};
use crate::redact::{Redacted, Redactions};
use crate::sketch::Sketch;
use crate::text::Text;
use crate::usage::Usage;
use crate::usage_unit::UsageUnit;

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
            /// Mean times from one chunk of a stream to the next, in nanoseconds.
            pub chunk_time: Sketch,
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
                self.chunk_time.merge(&other.chunk_time);
                self.scores.merge(&other.scores);
            }

            /// Names of its whole numbers, in the order of [`Aggregate::numbers`]: columns of a stored form.
            pub const NUMBERS: &[&str] = &[
                $(stringify!($field),)*
                "cost_nanodollars",
                "cost_known",
                "cost_at_least",
                "cost_unpriced",
                "wasted_nanodollars",
                "outcome_value_nanodollars",
            ];

            /// Its whole numbers, in the order of [`Aggregate::NUMBERS`].
            pub fn numbers(&self) -> Vec<i64> {
                let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
                vec![
                    $(count(self.$field),)*
                    self.cost.usd.nanos(),
                    count(self.cost.known),
                    count(self.cost.at_least),
                    count(self.cost.unpriced),
                    self.wasted.nanos(),
                    self.outcome_value.nanos(),
                ]
            }

            /// An aggregate of its stored parts; missing numbers are zero.
            pub fn from_parts(numbers: impl IntoIterator<Item = i64>, sketches: [Sketch; 4]) -> Self {
                let mut numbers = numbers.into_iter();
                let mut number = || numbers.next().unwrap_or(0);
                let count = |number: i64| u64::try_from(number).unwrap_or(0);
                let mut aggregate = Self::default();
                $(aggregate.$field = count(number());)*
                aggregate.cost.usd = Usd::from_nanos(number());
                aggregate.cost.known = count(number());
                aggregate.cost.at_least = count(number());
                aggregate.cost.unpriced = count(number());
                aggregate.wasted = Usd::from_nanos(number());
                aggregate.outcome_value = Usd::from_nanos(number());
                [aggregate.latency, aggregate.first_token, aggregate.chunk_time, aggregate.scores] = sketches;
                aggregate
            }

            /// Names of its distributions, in the order of [`Aggregate::sketches`].
            pub const SKETCHES: [&str; 4] = ["latency", "first_token", "chunk_time", "scores"];

            /// Its distributions, in the order of [`Aggregate::SKETCHES`].
            pub const fn sketches(&self) -> [&Sketch; 4] {
                [&self.latency, &self.first_token, &self.chunk_time, &self.scores]
            }
        }
    };
}

// A new one is a new column of every stored form: raise their versions.
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
    /// Time waited between attempts, in nanoseconds.
    backoff_nanos,
    /// Chunks of streams.
    chunks,
    /// Reports that came after the end of their call.
    late,
    /// Web searches by providers.
    web_searches,
    /// Input tokens that carry images.
    input_image_tokens,
    /// Output tokens that carry images.
    output_image_tokens,
    /// Yes or no, predicted.
    predictions,
    /// Yes was predicted, rightly.
    true_positives,
    /// Yes was predicted, wrongly.
    false_positives,
    /// No was predicted, rightly.
    true_negatives,
    /// No was predicted, wrongly.
    false_negatives,
    /// Addresses of e-mail that were removed.
    redacted_emails,
    /// Telephone numbers that were removed.
    redacted_phones,
    /// Numbers of payment cards that were removed.
    redacted_cards,
    /// Bank account numbers that were removed.
    redacted_ibans,
    /// Keys and tokens that were removed.
    redacted_keys,
    /// Values of fields that were removed.
    redacted_fields,
    /// What patterns of the user's own found.
    redacted_patterns,
    /// Marks of prompt injection.
    injection_markers,
}

/// Is given a key, and what to do to the aggregate of that key.
pub type Place<'a> = dyn FnMut(Key, &dyn Fn(&mut Aggregate)) + 'a;

impl Aggregate {
    /// Sums up one event under every key it counts for: `place` is given each key, and what to do to its
    /// aggregate.
    ///
    /// A call counts under its own key; each failed attempt of it under the same key with its own category.
    pub fn sum_up(resource: &Resource, event: &Event, place: &mut Place<'_>) {
        let key = Key::of(resource, event);
        if let Event::Call(call) = event {
            let recovered = u64::from(call.end == End::Ok);
            for failure in call.failures() {
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
        if let Some(fact) = event.fact() {
            self.add_redactions(fact.redactions);
        }
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
            Event::Label(label) => self.add_label(label),
            Event::Late(late) => {
                self.late += 1;
                self.add_usage(late.usage());
                self.add_cost(late.cost(), late.wasted());
            }
        }
    }

    fn add_redactions(&mut self, redactions: Redactions) {
        for (kind, times) in redactions.iter() {
            let sum = match kind {
                Redacted::Email => &mut self.redacted_emails,
                Redacted::Phone => &mut self.redacted_phones,
                Redacted::Card => &mut self.redacted_cards,
                Redacted::Iban => &mut self.redacted_ibans,
                Redacted::Key => &mut self.redacted_keys,
                Redacted::Field => &mut self.redacted_fields,
                Redacted::Pattern => &mut self.redacted_patterns,
            };
            *sum = sum.saturating_add(times.into());
        }
    }

    /// All that was removed.
    pub(crate) fn redactions(&self) -> u64 {
        let kinds = [
            self.redacted_emails,
            self.redacted_phones,
            self.redacted_cards,
            self.redacted_ibans,
            self.redacted_keys,
            self.redacted_fields,
            self.redacted_patterns,
        ];
        kinds.into_iter().fold(0, u64::saturating_add)
    }

    fn add_label(&mut self, label: &Label) {
        self.predictions += u64::from(label.side == Side::Prediction);
        match label.judged() {
            None => {}
            Some(Judged::TruePositive) => self.true_positives += 1,
            Some(Judged::FalsePositive) => self.false_positives += 1,
            Some(Judged::TrueNegative) => self.true_negatives += 1,
            Some(Judged::FalseNegative) => self.false_negatives += 1,
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
        self.add_redactions(call.redactions);
        self.injection_markers = self.injection_markers.saturating_add(call.injection_markers.into());
        self.add_usage(call.usage());
        self.add_cost(call.cost, call.wasted());
        let nanos = |time: std::time::Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        if let Some(duration) = call.duration {
            self.latency.record(nanos(duration));
        }
        if let Some(first_token) = call.first_token {
            self.first_token.record(nanos(first_token));
        }
        let backoff = u64::try_from(call.backoff().as_nanos()).unwrap_or(u64::MAX);
        self.backoff_nanos = self.backoff_nanos.saturating_add(backoff);
        if let Some(chunks) = &call.chunks {
            self.chunks = self.chunks.saturating_add(chunks.count);
            if let Some(time) = chunks.time_per_chunk() {
                self.chunk_time.record(nanos(time));
            }
        }
    }

    fn add_usage(&mut self, usage: Option<Usage>) {
        let Some(usage) = usage else { return };
        for (sum, tokens) in [
            (&mut self.input_tokens, usage.input),
            (&mut self.output_tokens, usage.output),
            (&mut self.cache_read_tokens, usage.cache_read),
            (&mut self.cache_write_tokens, usage.cache_write),
            (&mut self.reasoning_tokens, usage.reasoning),
            (&mut self.input_audio_tokens, usage.input_audio),
            (&mut self.output_audio_tokens, usage.output_audio),
            (&mut self.web_searches, usage.get(UsageUnit::WebSearches)),
            (&mut self.input_image_tokens, usage.get(UsageUnit::InputImageTokens)),
            (&mut self.output_image_tokens, usage.get(UsageUnit::OutputImageTokens)),
        ] {
            *sum = sum.saturating_add(tokens.unwrap_or(0));
        }
    }

    fn add_cost(&mut self, cost: Option<Cost>, wasted: Usd) {
        if let Some(cost) = cost {
            self.cost.add(cost);
            self.wasted += wasted;
        }
    }

    /// Errors: calls that returned one, and panics. Cancelled calls are not errors.
    pub const fn errors(&self) -> u64 {
        self.failed.saturating_add(self.panicked)
    }

    /// Predictions of which it is known whether they were right.
    pub const fn judged(&self) -> u64 {
        let right = self.true_positives.saturating_add(self.true_negatives);
        right.saturating_add(self.false_positives).saturating_add(self.false_negatives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_aggregate() -> impl Strategy<Value = Aggregate> {
        let numbers = prop::collection::vec(0..1_000_000_000_i64, Aggregate::NUMBERS.len());
        let sketch = || {
            prop::collection::vec(any::<i32>(), 0..20).prop_map(|numbers| {
                let mut sketch = Sketch::default();
                numbers.into_iter().for_each(|number| sketch.record(number.into()));
                sketch
            })
        };
        (numbers, sketch(), sketch(), sketch(), sketch())
            .prop_map(|(numbers, a, b, c, d)| Aggregate::from_parts(numbers, [a, b, c, d]))
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
        fn its_parts_make_it_whole_again(a in any_aggregate()) {
            prop_assert_eq!(Aggregate::from_parts(a.numbers(), a.sketches().map(Clone::clone)), a);
        }
    }

    #[test]
    fn every_part_has_one_name() {
        let names: std::collections::BTreeSet<_> =
            Aggregate::NUMBERS.iter().chain(&Aggregate::SKETCHES).collect();
        assert_eq!(names.len(), Aggregate::NUMBERS.len() + 4);
        assert_eq!(Aggregate::default().numbers().len(), Aggregate::NUMBERS.len());
    }
}

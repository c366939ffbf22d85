//! The catalogue of measures: every figure that reports, queries, alerts and dashboards can name.

use super::{Measure, Quantity, Unit};
use crate::aggregate::{Aggregate, SCORE_UNIT};
use crate::money::Cost;
use crate::sketch::Sketch;
use std::time::Duration;

const fn measure(
    name: &'static str,
    unit: Unit,
    meaning: &'static str,
    formula: fn(&Aggregate) -> Option<Quantity>,
) -> Measure {
    Measure { name, unit, meaning, formula, distribution: None }
}

/// A measure of a distribution.
const fn of(distribution: usize, mut measure: Measure) -> Measure {
    measure.distribution = Some(distribution);
    measure
}

// Places in `Aggregate::SKETCHES`.
const LATENCY: usize = 0;
const FIRST_TOKEN: usize = 1;
const CHUNK_TIME: usize = 2;
const SCORES: usize = 3;

#[expect(clippy::unnecessary_wraps, reason = "the catalogue's formulas share one type")]
const fn count(n: u64) -> Option<Quantity> {
    Some(Quantity::Count(n))
}

#[expect(clippy::cast_precision_loss, reason = "a share is a rounded figure")]
fn ratio(part: u64, whole: u64) -> Option<Quantity> {
    (whole > 0).then(|| Quantity::Ratio(part as f64 / whole as f64))
}

fn time(sketch: &Sketch, q: f64) -> Option<Quantity> {
    sketch.quantile(q).map(|nanos| Quantity::Duration(Duration::from_nanos(nanos.unsigned_abs())))
}

#[expect(clippy::cast_precision_loss, reason = "a score is a rounded figure")]
fn score(millionths: Option<i64>) -> Option<Quantity> {
    millionths.map(|millionths| Quantity::Number(millionths as f64 / SCORE_UNIT))
}

/// Money for each of some things, with the grade of the sum; rounded to the nanodollar.
fn cost_per(aggregate: &Aggregate, things: u64) -> Option<Quantity> {
    let cost = aggregate.cost.cost().filter(|_| things > 0)?;
    Some(Quantity::Cost(match cost {
        Cost::Known(usd) => Cost::Known(usd.shared(things)),
        Cost::AtLeast(usd) => Cost::AtLeast(usd.shared(things)),
        Cost::Unpriced => Cost::Unpriced,
    }))
}

#[expect(clippy::cast_precision_loss, reason = "a return is a rounded figure")]
fn roi(aggregate: &Aggregate) -> Option<Quantity> {
    let cost = aggregate.cost.cost()?;
    let (value, spent) = (aggregate.outcome_value.nanos() as f64, cost.floor().nanos() as f64);
    let roi = (spent > 0.0 && aggregate.outcomes > 0).then(|| (value - spent) / spent)?;
    // With part of the cost unknown the true return is less than it looks.
    Some(if matches!(cost, Cost::Known(_)) { Quantity::Ratio(roi) } else { Quantity::AtMost(roi) })
}

#[expect(clippy::cast_precision_loss, reason = "a speed is a rounded figure")]
fn tokens_per_second(aggregate: &Aggregate) -> Option<Quantity> {
    let seconds = aggregate.latency.sum() as f64 / 1e9;
    (aggregate.output_tokens > 0 && seconds > 0.0)
        .then(|| Quantity::Number(aggregate.output_tokens as f64 / seconds))
}

fn mean_latency(aggregate: &Aggregate) -> Option<Quantity> {
    let mean = aggregate.latency.mean()?;
    Some(Quantity::Duration(Duration::from_secs_f64((mean / 1e9).max(0.0))))
}

use Unit::{Count, Duration as Time, Ratio, Score, TokensPerSecond, Usd as Money};

impl Measure {
    /// Every measure, in the order of documentation.
    pub const ALL: &[Self] = &[
        measure("calls", Count, "Calls of every kind that ended.", |a| count(a.calls)),
        measure("model_calls", Count, "Calls to a model.", |a| count(a.model_calls)),
        measure("successes", Count, "Calls that returned, and not an error.", |a| count(a.ok)),
        measure("errors", Count, "Calls that returned an error or panicked.", |a| count(a.errors())),
        measure("cancelled", Count, "Calls whose caller stopped waiting.", |a| count(a.cancelled)),
        measure("panics", Count, "Calls that panicked.", |a| count(a.panicked)),
        measure("abandoned", Count, "Calls whose stream was dropped in the middle.", |a| count(a.abandoned)),
        measure("success_rate", Ratio, "successes / calls.", |a| ratio(a.ok, a.calls)),
        measure("error_rate", Ratio, "errors / calls.", |a| ratio(a.errors(), a.calls)),
        measure("attempts", Count, "Attempts of all calls, first ones included.", |a| count(a.attempts)),
        measure("retried_calls", Count, "Calls with more than one attempt.", |a| count(a.retried)),
        measure("recovered_calls", Count, "Calls that succeeded after a failed attempt.", |a| {
            count(a.recovered)
        }),
        measure("recovery_rate", Ratio, "recovered_calls / retried_calls.", |a| {
            ratio(a.recovered, a.retried)
        }),
        measure("failed_attempts", Count, "Attempts that failed, a call's only one included.", |a| {
            count(a.failed_attempts)
        }),
        measure("recovered_attempts", Count, "Failed attempts whose call succeeded in the end.", |a| {
            count(a.recovered_attempts)
        }),
        measure("attempt_recovery_rate", Ratio, "recovered_attempts / failed_attempts.", |a| {
            ratio(a.recovered_attempts, a.failed_attempts)
        }),
        measure("input_tokens", Count, "Input tokens, cached ones included.", |a| count(a.input_tokens)),
        measure("output_tokens", Count, "Output tokens, reasoning included.", |a| count(a.output_tokens)),
        measure("total_tokens", Count, "input_tokens + output_tokens.", |a| {
            count(a.input_tokens.saturating_add(a.output_tokens))
        }),
        measure("cache_read_tokens", Count, "Input tokens read from a cache.", |a| {
            count(a.cache_read_tokens)
        }),
        measure("cache_write_tokens", Count, "Input tokens written to a cache.", |a| {
            count(a.cache_write_tokens)
        }),
        measure("reasoning_tokens", Count, "Output tokens spent on reasoning.", |a| {
            count(a.reasoning_tokens)
        }),
        measure("input_audio_tokens", Count, "Input tokens that carry audio.", |a| {
            count(a.input_audio_tokens)
        }),
        measure("output_audio_tokens", Count, "Output tokens that carry audio.", |a| {
            count(a.output_audio_tokens)
        }),
        measure("input_image_tokens", Count, "Input tokens that carry images.", |a| {
            count(a.input_image_tokens)
        }),
        measure("output_image_tokens", Count, "Output tokens that carry images.", |a| {
            count(a.output_image_tokens)
        }),
        measure("web_searches", Count, "Web searches by providers.", |a| count(a.web_searches)),
        measure("cost", Money, "Money spent, failed attempts included.", |a| {
            a.cost.cost().map(Quantity::Cost)
        }),
        measure("wasted_cost", Money, "Of it, on attempts and calls that failed.", |a| {
            a.cost.cost().map(|_| Quantity::Usd(a.wasted))
        }),
        measure("cost_per_call", Money, "cost / model_calls.", |a| cost_per(a, a.model_calls)),
        measure(
            "unpriced_calls",
            Count,
            "Model calls and late answers without any price, so that `cost` lacks them.",
            |a| count(a.cost.unpriced),
        ),
        measure(
            "partly_priced_calls",
            Count,
            "Model calls and late answers of which `cost` has only a part.",
            |a| count(a.cost.at_least),
        ),
        measure("calls_without_usage", Count, "Model calls that succeeded without usage.", |a| {
            count(a.without_usage)
        }),
        measure("late_reports", Count, "Usage and fields that came after the end of their call.", |a| {
            count(a.late)
        }),
        of(LATENCY, measure("mean_latency", Time, "Mean duration of calls.", mean_latency)),
        of(LATENCY, measure("p50_latency", Time, "Median duration of calls.", |a| time(&a.latency, 0.5))),
        of(
            LATENCY,
            measure("p90_latency", Time, "90 % of calls took at most this.", |a| time(&a.latency, 0.9)),
        ),
        of(
            LATENCY,
            measure("p95_latency", Time, "95 % of calls took at most this.", |a| time(&a.latency, 0.95)),
        ),
        of(
            LATENCY,
            measure("p99_latency", Time, "99 % of calls took at most this.", |a| time(&a.latency, 0.99)),
        ),
        of(LATENCY, measure("max_latency", Time, "The longest call.", |a| time(&a.latency, 1.0))),
        of(
            FIRST_TOKEN,
            measure("p50_time_to_first_token", Time, "Median time to the first token.", |a| {
                time(&a.first_token, 0.5)
            }),
        ),
        of(
            FIRST_TOKEN,
            measure("p95_time_to_first_token", Time, "95 % of first tokens came within this.", |a| {
                time(&a.first_token, 0.95)
            }),
        ),
        measure("chunks", Count, "Chunks of streams.", |a| count(a.chunks)),
        of(
            CHUNK_TIME,
            measure(
                "p50_time_per_output_chunk",
                Time,
                "Median over streams of the mean time between chunks.",
                |a| time(&a.chunk_time, 0.5),
            ),
        ),
        of(
            CHUNK_TIME,
            measure(
                "p95_time_per_output_chunk",
                Time,
                "In 95 % of streams chunks came at least this fast.",
                |a| time(&a.chunk_time, 0.95),
            ),
        ),
        measure("backoff_time", Time, "Time waited between attempts, of all calls.", |a| {
            (a.retried > 0).then(|| Quantity::Duration(Duration::from_nanos(a.backoff_nanos)))
        }),
        of(
            LATENCY,
            measure(
                "tokens_per_second",
                TokensPerSecond,
                "output_tokens / sum of durations.",
                tokens_per_second,
            ),
        ),
        of(SCORES, measure("scores", Count, "Scores given.", |a| count(a.scores.count()))),
        of(
            SCORES,
            measure("mean_score", Score, "Mean of scores.", |a| {
                a.scores.mean().map(|mean| Quantity::Number(mean / SCORE_UNIT))
            }),
        ),
        of(SCORES, measure("min_score", Score, "The lowest score.", |a| score(a.scores.min()))),
        of(
            SCORES,
            measure("p10_score", Score, "10 % of scores are at most this.", |a| {
                score(a.scores.quantile(0.1))
            }),
        ),
        of(SCORES, measure("p50_score", Score, "Median of scores.", |a| score(a.scores.quantile(0.5)))),
        of(
            SCORES,
            measure("p90_score", Score, "90 % of scores are at most this.", |a| {
                score(a.scores.quantile(0.9))
            }),
        ),
        of(SCORES, measure("max_score", Score, "The highest score.", |a| score(a.scores.max()))),
        measure("feedback", Count, "Verdicts of people.", |a| count(a.positive.saturating_add(a.negative))),
        measure("positive_feedback", Count, "Positive verdicts.", |a| count(a.positive)),
        measure("negative_feedback", Count, "Negative verdicts.", |a| count(a.negative)),
        measure("feedback_rate", Ratio, "positive_feedback / feedback.", |a| {
            ratio(a.positive, a.positive.saturating_add(a.negative))
        }),
        measure("predictions", Count, "Yes or no, predicted.", |a| count(a.predictions)),
        measure(
            "judged_predictions",
            Count,
            "Predictions of which it became known whether they were right.",
            |a| count(a.judged()),
        ),
        measure("true_positives", Count, "Yes was predicted, rightly.", |a| count(a.true_positives)),
        measure("false_positives", Count, "Yes was predicted, wrongly.", |a| count(a.false_positives)),
        measure("true_negatives", Count, "No was predicted, rightly.", |a| count(a.true_negatives)),
        measure("false_negatives", Count, "No was predicted, wrongly.", |a| count(a.false_negatives)),
        measure("accuracy", Ratio, "(true_positives + true_negatives) / judged_predictions.", |a| {
            ratio(a.true_positives.saturating_add(a.true_negatives), a.judged())
        }),
        measure("precision", Ratio, "true_positives / (true_positives + false_positives).", |a| {
            ratio(a.true_positives, a.true_positives.saturating_add(a.false_positives))
        }),
        measure("recall", Ratio, "true_positives / (true_positives + false_negatives).", |a| {
            ratio(a.true_positives, a.true_positives.saturating_add(a.false_negatives))
        }),
        measure(
            "false_positive_rate",
            Ratio,
            "false_positives / (false_positives + true_negatives): of what is no, how much was taken for yes.",
            |a| ratio(a.false_positives, a.false_positives.saturating_add(a.true_negatives)),
        ),
        measure("outcomes", Count, "Outcomes reported.", |a| count(a.outcomes)),
        measure("outcome_value", Money, "What outcomes are worth, where that was said.", |a| {
            (a.outcomes > 0).then_some(Quantity::Usd(a.outcome_value))
        }),
        measure("cost_per_outcome", Money, "cost / outcomes.", |a| cost_per(a, a.outcomes)),
        measure(
            "roi",
            Ratio,
            "(outcome_value - cost) / cost; at most that where part of the cost is unknown.",
            roi,
        ),
        measure("searches", Count, "Searches.", |a| count(a.searches)),
        measure("results", Count, "Results of searches.", |a| count(a.results)),
        measure("relevant_results", Count, "Relevant results of searches.", |a| count(a.relevant)),
        measure("relevance", Ratio, "relevant_results / results, of searches that were judged.", |a| {
            ratio(a.relevant, a.judged_results)
        }),
        #[expect(clippy::cast_precision_loss, reason = "a mean is a rounded figure")]
        measure("outcomes_per_search", Count, "outcomes / searches.", |a| {
            (a.searches > 0).then(|| Quantity::Number(a.outcomes as f64 / a.searches as f64))
        }),
        measure("redactions", Count, "Texts removed from what was recorded, of all kinds.", |a| {
            count(a.redactions())
        }),
        measure("redacted_emails", Count, "Addresses of e-mail that were removed.", |a| {
            count(a.redacted_emails)
        }),
        measure("redacted_phones", Count, "Telephone numbers that were removed.", |a| {
            count(a.redacted_phones)
        }),
        measure("redacted_cards", Count, "Numbers of payment cards that were removed.", |a| {
            count(a.redacted_cards)
        }),
        measure("redacted_ibans", Count, "Bank account numbers that were removed.", |a| {
            count(a.redacted_ibans)
        }),
        measure("redacted_keys", Count, "Keys and tokens that were removed.", |a| count(a.redacted_keys)),
        measure("redacted_fields", Count, "Values of fields such as `password` that were removed.", |a| {
            count(a.redacted_fields)
        }),
        measure("redacted_patterns", Count, "What patterns of your own found and removed.", |a| {
            count(a.redacted_patterns)
        }),
        measure("injection_markers", Count, "Marks of prompt injection in what calls were given.", |a| {
            count(a.injection_markers)
        }),
    ];
}

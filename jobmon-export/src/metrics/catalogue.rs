//! [`Instrument`]: everything that is counted or measured.
//!
//! Names, units, buckets and attributes of `gen_ai.*` are those of the conventions (`docs/opentelemetry.md`); what is ours
//! begins with `jobmon.`. Names of earlier conventions are only used where a backend still reads them.

/// What an instrument is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A count that only grows.
    Count,
    /// Money that only grows, kept as nanodollars, told in dollars.
    Money,
    /// A value of the moment.
    Gauge,
    /// A distribution over buckets with these upper bounds.
    Histogram(&'static [f64]),
}

/// Something that is counted or measured.
#[derive(Debug)]
pub(crate) struct Instrument {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) kind: Kind,
    pub(crate) about: &'static str,
}

const SECONDS: Kind = Kind::Histogram(&[
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
]);
const AGENT_SECONDS: Kind =
    Kind::Histogram(&[0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6]);
const WORKFLOW_SECONDS: Kind =
    Kind::Histogram(&[1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0]);
const TOKENS: Kind = Kind::Histogram(&[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
]);
const FEW: Kind = Kind::Histogram(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]);
const SCORES: Kind = Kind::Histogram(&[
    0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0,
    80.0, 90.0, 100.0,
]);
const DOLLARS: Kind = Kind::Histogram(&[0.000_001, 0.000_01, 0.000_1, 0.001, 0.01, 0.1, 1.0, 10.0, 100.0]);

macro_rules! instruments {
    ($($NAME:ident $name:literal $unit:literal $kind:expr, $about:literal;)*) => {
        /// An instrument by its place in [`ALL`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "they stand for constants")]
        pub(crate) enum Of { $($NAME,)* }

        /// All of them.
        pub(crate) const ALL: &[Instrument] =
            &[$(Instrument { name: $name, unit: $unit, kind: $kind, about: $about },)*];
    };
}

instruments! {
    INFERENCE_DURATION "gen_ai.client.inference.duration" "s" SECONDS, "Duration of requests to a model, retries included.";
    OPERATION_DURATION "gen_ai.client.operation.duration" "s" SECONDS, "Duration of other requests, such as embeddings.";
    FIRST_CHUNK "gen_ai.client.inference.time_to_first_chunk" "s" SECONDS, "Time to the first chunk of a stream.";
    OUTPUT_CHUNK "gen_ai.client.inference.time_per_output_chunk" "s" SECONDS, "Time from one chunk of a stream to the next.";
    WORKFLOW_DURATION "gen_ai.invoke_workflow.duration" "s" WORKFLOW_SECONDS, "Duration of workflows.";
    AGENT_DURATION "gen_ai.invoke_agent.duration" "s" AGENT_SECONDS, "Duration of agents.";
    AGENT_INFERENCES "gen_ai.invoke_agent.inference_calls" "{inference_call}" FEW, "Requests to a model inside an agent.";
    AGENT_TOOLS "gen_ai.invoke_agent.tool_calls" "{tool_call}" FEW, "Tools that ran inside an agent.";
    TOOL_DURATION "gen_ai.execute_tool.duration" "s" SECONDS, "Duration of tools.";
    INPUT "gen_ai.client.inference.usage.input_tokens" "{token}" Kind::Count, "Input tokens, cached ones included.";
    OUTPUT "gen_ai.client.inference.usage.output_tokens" "{token}" Kind::Count, "Output tokens, reasoning included.";
    CACHE_READ "gen_ai.client.inference.usage.cache_read.input_tokens" "{token}" Kind::Count, "Input tokens read from a cache.";
    CACHE_WRITE "gen_ai.client.inference.usage.cache_write.input_tokens" "{token}" Kind::Count, "Input tokens written to a cache.";
    REASONING "gen_ai.client.inference.usage.reasoning.output_tokens" "{token}" Kind::Count, "Output tokens spent on reasoning.";
    OPERATION_INPUT "gen_ai.client.inference.operation.input_tokens" "{token}" TOKENS, "Input tokens of single requests.";
    OPERATION_OUTPUT "gen_ai.client.inference.operation.output_tokens" "{token}" TOKENS, "Output tokens of single requests.";
    CALLS "jobmon.calls" "{call}" Kind::Count, "Calls, by how they ended.";
    COST "jobmon.cost" "usd" Kind::Money, "What calls cost, as far as it is known.";
    WASTED "jobmon.wasted_cost" "usd" Kind::Money, "What failed calls and failed attempts cost.";
    UNPRICED "jobmon.unpriced_calls" "{call}" Kind::Count, "Calls whose cost is not known, or only a part of it.";
    WITHOUT_USAGE "jobmon.calls_without_usage" "{call}" Kind::Count, "Calls to a model that succeeded without telling what they used.";
    ATTEMPTS "jobmon.attempts" "{attempt}" Kind::Count, "Attempts of calls, the first ones included.";
    RETRIED "jobmon.retried_calls" "{call}" Kind::Count, "Calls that were tried again.";
    RECOVERED "jobmon.recovered_calls" "{call}" Kind::Count, "Calls that succeeded after an attempt had failed.";
    SCORE "jobmon.score" "1" SCORES, "Scores, by what is scored.";
    FEEDBACK "jobmon.feedback" "{verdict}" Kind::Count, "What people said about results.";
    OUTCOMES "jobmon.outcomes" "{outcome}" Kind::Count, "What calls led to.";
    OUTCOME_VALUE "jobmon.outcome_value" "usd" Kind::Money, "What that is worth, where it is known.";
    PREDICTIONS "jobmon.predictions" "{prediction}" Kind::Count, "Yes or no, predicted.";
    JUDGED "jobmon.judged_predictions" "{prediction}" Kind::Count, "Predictions of which it became known whether they were right, by how they fared.";
    SEARCHES "jobmon.searches" "{search}" Kind::Count, "Searches.";
    SEARCH_RESULTS "jobmon.search_results" "{result}" Kind::Count, "Results of searches.";
    SEARCH_RELEVANT "jobmon.relevant_results" "{result}" Kind::Count, "Results of searches that were relevant.";
    REDACTIONS "jobmon.redactions" "{redaction}" Kind::Count, "Texts removed from what was recorded, by kind.";
    MARKERS "jobmon.injection_markers" "{marker}" Kind::Count, "Marks of prompt injection in what calls were given.";
    DELIVERED "jobmon.exporter.events" "{event}" Kind::Count, "What became of events, by exporter.";
    PENDING "jobmon.exporter.pending_events" "{event}" Kind::Gauge, "Events that an exporter has not dealt with.";
    SPOOLED "jobmon.exporter.spooled_events" "{event}" Kind::Gauge, "Events that an exporter keeps on disk.";
    DROPPED "jobmon.dropped_events" "{event}" Kind::Count, "Events that found no room before any exporter.";
    OVERFLOW "jobmon.metric_overflows" "{point}" Kind::Count, "Points that found no series of their own.";
    OLD_DURATION "gen_ai.client.operation.duration" "s" SECONDS, "Duration of requests to a model, by the name of earlier conventions.";
    OLD_TOKENS "gen_ai.client.token.usage" "{token}" TOKENS, "Tokens of single requests, by the name of earlier conventions.";
    OLD_FIRST_CHUNK "gen_ai.client.operation.time_to_first_chunk" "s" SECONDS, "Time to the first chunk, by the name of earlier conventions.";
    OLD_COST "operation.cost" "{USD}" DOLLARS, "What single requests cost, as Logfire reads it.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobmon_core::Gaps;

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn times_between_chunks_are_kept_by_the_bounds_of_their_metric() {
        let Kind::Histogram(bounds) = ALL[Of::OUTPUT_CHUNK as usize].kind else { panic!("a histogram") };
        assert_eq!(bounds, Gaps::BOUNDS.map(|millis| millis as f64 / 1e3));
    }
}

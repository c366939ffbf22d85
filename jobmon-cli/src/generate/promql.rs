//! Measures in the words of Prometheus, over the metrics that our exporters give it.

use jobmon_core::{Aggregate, Comparison, Dimension, Filter, Function, Quantity};

/// Metrics with the same labels.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Family {
    /// Counters of calls and costs.
    Calls,
    /// Tokens and durations of requests to a model, by the conventions.
    Requests,
    /// Scores and verdicts.
    Quality,
    Outcomes,
    Predictions,
    Searches,
}

impl Family {
    /// The label that a dimension has there.
    fn label(self, dimension: Dimension) -> Option<&'static str> {
        let of_request = matches!(self, Self::Calls | Self::Requests);
        let of_house = !matches!(self, Self::Requests);
        Some(match dimension {
            Dimension::Operation if of_request => "gen_ai_operation_name",
            Dimension::Provider if of_request => "gen_ai_provider_name",
            Dimension::Model if of_request => "gen_ai_request_model",
            Dimension::Name if of_house && self != Self::Searches => "jobmon_name",
            Dimension::Feature if of_house => "jobmon_feature",
            Dimension::Strategy if !of_request => "jobmon_strategy",
            Dimension::Score if self == Self::Quality => "gen_ai_evaluation_name",
            Dimension::Label if self == Self::Predictions => "jobmon_label_name",
            Dimension::Outcome if self == Self::Outcomes => "jobmon_outcome_kind",
            _ => return None,
        })
    }
}

/// How a measure is computed.
enum Formula {
    /// What a counter grew by; the second text selects some of its series.
    Count(Family, &'static str, &'static str),
    /// The quotient of two of these.
    Ratio(Family, (&'static str, &'static str), (&'static str, &'static str)),
    /// The sum of two.
    Sum(Family, &'static str, &'static str),
    /// A quantile of a histogram.
    Quantile(Family, f64, &'static str),
    /// The mean of a histogram.
    Mean(Family, &'static str),
}

const CALLS: &str = "jobmon_calls_total";
const COST: &str = "jobmon_cost_usd_total";
const ERRORS: &str = "jobmon_end=~\"error|panicked\"";
const LATENCY: &str = "gen_ai_client_inference_duration_seconds";
const FIRST: &str = "gen_ai_client_inference_time_to_first_chunk_seconds";
const CHUNK: &str = "gen_ai_client_inference_time_per_output_chunk_seconds";
const INPUT: &str = "gen_ai_client_inference_usage_input_tokens_total";
const OUTPUT: &str = "gen_ai_client_inference_usage_output_tokens_total";

const JUDGED: &str = "jobmon_judged_predictions_total";

/// Selects predictions by how they fared.
macro_rules! judged {
    ($how:literal) => {
        concat!("jobmon_label_judgement=~\"", $how, "\"")
    };
}

const REDACTIONS: &str = "jobmon_redactions_total";

/// Selects what was removed of a kind.
macro_rules! redacted {
    ($kind:literal) => {
        concat!("jobmon_redaction_kind=\"", $kind, "\"")
    };
}

fn formula(measure: &str) -> Option<Formula> {
    use Family::{Calls, Outcomes, Predictions, Quality, Requests, Searches};
    use Formula::{Count, Mean, Quantile, Ratio, Sum};
    Some(match measure {
        "calls" => Count(Calls, CALLS, ""),
        "successes" => Count(Calls, CALLS, "jobmon_end=\"ok\""),
        "errors" => Count(Calls, CALLS, ERRORS),
        "cancelled" => Count(Calls, CALLS, "jobmon_end=\"cancelled\""),
        "panics" => Count(Calls, CALLS, "jobmon_end=\"panicked\""),
        "abandoned" => Count(Calls, CALLS, "jobmon_end=\"abandoned\""),
        "success_rate" => Ratio(Calls, (CALLS, "jobmon_end=\"ok\""), (CALLS, "")),
        "error_rate" => Ratio(Calls, (CALLS, ERRORS), (CALLS, "")),
        "attempts" => Count(Calls, "jobmon_attempts_total", ""),
        "retried_calls" => Count(Calls, "jobmon_retried_calls_total", ""),
        "recovered_calls" => Count(Calls, "jobmon_recovered_calls_total", ""),
        "recovery_rate" => {
            Ratio(Calls, ("jobmon_recovered_calls_total", ""), ("jobmon_retried_calls_total", ""))
        }
        "calls_without_usage" => Count(Calls, "jobmon_calls_without_usage_total", ""),
        "cost" => Count(Calls, COST, ""),
        "wasted_cost" => Count(Calls, "jobmon_wasted_cost_usd_total", ""),
        "input_tokens" => Count(Requests, INPUT, ""),
        "output_tokens" => Count(Requests, OUTPUT, ""),
        "total_tokens" => Sum(Requests, INPUT, OUTPUT),
        "cache_read_tokens" => {
            Count(Requests, "gen_ai_client_inference_usage_cache_read_input_tokens_total", "")
        }
        "cache_write_tokens" => {
            Count(Requests, "gen_ai_client_inference_usage_cache_write_input_tokens_total", "")
        }
        "reasoning_tokens" => {
            Count(Requests, "gen_ai_client_inference_usage_reasoning_output_tokens_total", "")
        }
        "mean_latency" => Mean(Requests, LATENCY),
        "p50_latency" => Quantile(Requests, 0.5, LATENCY),
        "p90_latency" => Quantile(Requests, 0.9, LATENCY),
        "p95_latency" => Quantile(Requests, 0.95, LATENCY),
        "p99_latency" => Quantile(Requests, 0.99, LATENCY),
        "p50_time_to_first_token" => Quantile(Requests, 0.5, FIRST),
        "p95_time_to_first_token" => Quantile(Requests, 0.95, FIRST),
        "p50_time_per_output_chunk" => Quantile(Requests, 0.5, CHUNK),
        "p95_time_per_output_chunk" => Quantile(Requests, 0.95, CHUNK),
        "scores" => Count(Quality, "jobmon_score_count", ""),
        "mean_score" => Mean(Quality, "jobmon_score"),
        "feedback" => Count(Quality, "jobmon_feedback_total", ""),
        "positive_feedback" => {
            Count(Quality, "jobmon_feedback_total", "gen_ai_evaluation_score_label=\"positive\"")
        }
        "negative_feedback" => {
            Count(Quality, "jobmon_feedback_total", "gen_ai_evaluation_score_label=\"negative\"")
        }
        "predictions" => Count(Predictions, "jobmon_predictions_total", ""),
        "judged_predictions" => Count(Predictions, JUDGED, ""),
        "true_positives" => Count(Predictions, JUDGED, judged!("true_positive")),
        "false_positives" => Count(Predictions, JUDGED, judged!("false_positive")),
        "true_negatives" => Count(Predictions, JUDGED, judged!("true_negative")),
        "false_negatives" => Count(Predictions, JUDGED, judged!("false_negative")),
        "accuracy" => Ratio(Predictions, (JUDGED, judged!("true_positive|true_negative")), (JUDGED, "")),
        "precision" => {
            let yes = judged!("true_positive|false_positive");
            Ratio(Predictions, (JUDGED, judged!("true_positive")), (JUDGED, yes))
        }
        "recall" => {
            let is_yes = judged!("true_positive|false_negative");
            Ratio(Predictions, (JUDGED, judged!("true_positive")), (JUDGED, is_yes))
        }
        "false_positive_rate" => {
            let is_no = judged!("false_positive|true_negative");
            Ratio(Predictions, (JUDGED, judged!("false_positive")), (JUDGED, is_no))
        }
        "redactions" => Count(Calls, REDACTIONS, ""),
        "redacted_emails" => Count(Calls, REDACTIONS, redacted!("email")),
        "redacted_phones" => Count(Calls, REDACTIONS, redacted!("phone")),
        "redacted_cards" => Count(Calls, REDACTIONS, redacted!("card")),
        "redacted_ibans" => Count(Calls, REDACTIONS, redacted!("iban")),
        "redacted_keys" => Count(Calls, REDACTIONS, redacted!("key")),
        "redacted_fields" => Count(Calls, REDACTIONS, redacted!("field")),
        "redacted_patterns" => Count(Calls, REDACTIONS, redacted!("pattern")),
        "injection_markers" => Count(Calls, "jobmon_injection_markers_total", ""),
        "outcomes" => Count(Outcomes, "jobmon_outcomes_total", ""),
        "outcome_value" => Count(Outcomes, "jobmon_outcome_value_usd_total", ""),
        "searches" => Count(Searches, "jobmon_searches_total", ""),
        "results" => Count(Searches, "jobmon_search_results_total", ""),
        "relevant_results" => Count(Searches, "jobmon_relevant_results_total", ""),
        _ => return None,
    })
}

/// What a comparison looks at, over a window, by some dimensions; or why Prometheus cannot know it.
pub(super) fn subject(comparison: &Comparison, window: &str, by: &[Dimension]) -> Result<String, String> {
    let name = comparison.measure.name;
    let formula = formula(name).ok_or_else(|| format!("no metric has what `{name}` needs"))?;
    let family = formula.family();
    let label = |dimension: Dimension| {
        family
            .label(dimension)
            .ok_or_else(|| format!("the metrics of `{name}` have no label for `{dimension}`"))
    };
    let by = by.iter().map(|dimension| label(*dimension)).collect::<Result<Vec<_>, _>>()?;
    let filters = comparison
        .filters
        .iter()
        .map(|filter| Ok(format!("{}{}", label(filter.dimension)?, matcher(filter))))
        .collect::<Result<Vec<_>, String>>()?;
    let of = |window: &str| formula.over(&filters, &by, window);
    let nothing = by.is_empty() && comparison.measure.of(&Aggregate::default()) == Some(Quantity::Count(0));
    match comparison.function {
        Function::Value if nothing => Ok(or_none(&of(window))),
        Function::Value => Ok(of(window)),
        // The window before ends where this one begins.
        Function::Change => {
            Ok(format!("({}) / ({}) - 1", of(window), of(&format!("{window}] offset {window}"))))
        }
        _ => Err("only jobmon itself knows its functions `anomaly` and `forecast`".to_owned()),
    }
}

/// A measure over a window, by some dimensions; `None` where no metric has it, or no label the dimension.
pub(super) fn of(measure: &str, by: &[Dimension], window: &str) -> Option<String> {
    Some(formula(measure)?.over(&[], &labels(measure, by)?, window))
}

/// The labels that dimensions have on the metrics of a measure.
pub(super) fn labels(measure: &str, by: &[Dimension]) -> Option<Vec<&'static str>> {
    let family = formula(measure)?.family();
    by.iter().map(|dimension| family.label(*dimension)).collect()
}

/// Where nothing was ever counted there is no series.
fn or_none(count: &str) -> String {
    format!("{count} or vector(0)")
}

/// Groups of an alert, whose name is quoted, that fire or are about to.
pub(super) fn fires(alert: &str, by: &[Dimension]) -> Result<String, String> {
    Ok(format!("sum{}(ALERTS{{alertname={alert}}})", grouped(&labels_of_calls(by)?)))
}

/// Calls of a group, for the least number of them.
pub(super) fn calls(window: &str, by: &[Dimension]) -> Result<String, String> {
    let calls = Formula::Count(Family::Calls, CALLS, "").over(&[], &labels_of_calls(by)?, window);
    Ok(if by.is_empty() { or_none(&calls) } else { calls })
}

fn labels_of_calls(by: &[Dimension]) -> Result<Vec<&'static str>, String> {
    let label = |dimension: &Dimension| {
        Family::Calls.label(*dimension).ok_or_else(|| format!("calls have no label for `{dimension}`"))
    };
    by.iter().map(label).collect()
}

impl Formula {
    const fn family(&self) -> Family {
        match self {
            Self::Count(family, ..)
            | Self::Ratio(family, ..)
            | Self::Sum(family, ..)
            | Self::Quantile(family, ..)
            | Self::Mean(family, ..) => *family,
        }
    }

    fn over(&self, filters: &[String], by: &[&str], window: &str) -> String {
        let sum = |metric: &str, some: &str, by: &[&str]| {
            let mut all: Vec<&str> = filters.iter().map(String::as_str).collect();
            all.extend(Some(some).filter(|some| !some.is_empty()));
            let selector = if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(", ")) };
            // A window that says its own offset has closed its bracket.
            let range = if window.contains(']') { format!("[{window}") } else { format!("[{window}]") };
            format!("sum{}(increase({metric}{selector}{range}))", grouped(by))
        };
        match self {
            Self::Count(_, metric, some) => sum(metric, some, by),
            // What has no series yet is none of many, and not unknown.
            Self::Ratio(_, (part, some), (whole, of)) => {
                let whole = sum(whole, of, by);
                format!("({} or {whole} * 0) / ({whole} > 0)", sum(part, some, by))
            }
            Self::Sum(_, one, other) => format!("{} + {}", sum(one, "", by), sum(other, "", by)),
            Self::Quantile(_, quantile, metric) => {
                let by = [&["le"], by].concat();
                format!("histogram_quantile({quantile}, {})", sum(&format!("{metric}_bucket"), "", &by))
            }
            Self::Mean(_, metric) => {
                format!(
                    "{} / ({} > 0)",
                    sum(&format!("{metric}_sum"), "", by),
                    sum(&format!("{metric}_count"), "", by)
                )
            }
        }
    }
}

fn grouped(by: &[&str]) -> String {
    if by.is_empty() { String::new() } else { format!(" by ({}) ", by.join(", ")) }
}

/// A filter on a label: an exact value, or one of several.
fn matcher(filter: &Filter) -> String {
    let values: Vec<&str> = filter.values.iter().map(|value| value.as_deref().unwrap_or_default()).collect();
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    match (&values[..], filter.negated) {
        ([value], false) => format!("=\"{}\"", escaped(value)),
        ([value], true) => format!("!=\"{}\"", escaped(value)),
        (values, negated) => {
            let literal = |value: &&str| {
                let special = |c: char| "\\.+*?()|[]{}^$".contains(c);
                value
                    .chars()
                    .flat_map(|c| special(c).then_some('\\').into_iter().chain([c]))
                    .collect::<String>()
            };
            let any = values.iter().map(literal).collect::<Vec<_>>().join("|");
            format!("{}\"{}\"", if negated { "!~" } else { "=~" }, escaped(&any))
        }
    }
}

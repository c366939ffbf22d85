//! Measures in ClickHouse's SQL, over the sums that the exporter `clickhouse` keeps.

use jobmon_core::{Aggregate, Dimension};

/// Buckets of one power of two, as `jobmon_core::Sketch` has them.
const STEPS: u32 = 64;

fn sum(name: &str) -> String {
    format!("s_{name}")
}

fn ratio(a: &str, b: &str) -> String {
    format!("if({b} = 0, NULL, {a} / {b})")
}

/// In its unit, where there is any; of what [`steps`] has prepared.
fn quantile(sketch: &str, q: &str, unit: &str) -> String {
    let (least, most) = (format!("least_{sketch}"), format!("most_{sketch}"));
    let (count, rank) = (format!("n_{sketch}"), format!("rank_{sketch}_{q}"));
    // The first and the last of them are known exactly.
    format!(
        "multiIf({count} = 0, NULL, {rank} <= 1, {least}, {rank} >= {count}, {most}, \
         least(greatest(middle_{sketch}_{q}, {least}), {most})) / {unit}"
    )
}

/// Names for what quantiles are computed from, each of those before it.
fn steps() -> Vec<(String, String)> {
    let mut steps = Vec::new();
    for sketch in Aggregate::SKETCHES {
        let map = format!("b_{sketch}");
        steps.push((format!("n_{sketch}"), format!("arraySum(mapValues({map}))")));
        for q in ["50", "90", "95", "99"] {
            let of = |name: &str| format!("{name}_{sketch}_{q}");
            let (rank, bucket, shift) = (of("rank"), of("bucket"), of("shift"));
            steps.push((rank.clone(), format!("ceil(0.{q} * n_{sketch})")));
            steps.push((
                bucket.clone(),
                format!(
                    "toInt64(arrayElement(mapKeys({map}), arrayFirstIndex(seen -> seen >= {rank}, arrayCumSum(mapValues({map})))))"
                ),
            ));
            steps.push((shift.clone(), format!("greatest(intDiv(abs({bucket}), {STEPS}) - 1, 0)")));
            steps.push((
                of("middle"),
                format!("sign({bucket}) * ((abs({bucket}) - {STEPS} * {shift} + 0.5) * exp2({shift}) - 0.5)"),
            ));
        }
    }
    steps
}

/// Whether an expression has the name in it, whole.
fn uses(expression: &str, name: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    expression.split(|c| !is_of_name(c)).any(|word| word == name)
}

/// A measure over the columns of [`sums`]; `None` where nothing of it is there.
pub(super) fn of(measure: &str) -> Option<String> {
    const TIME: &str = "1e9";
    let errors = "(s_failed + s_panicked)";
    let priced = "(s_cost_known + s_cost_at_least) = 0";
    Some(match measure {
        "successes" => sum("ok"),
        "errors" => errors.to_owned(),
        "success_rate" => ratio("s_ok", "s_calls"),
        "error_rate" => ratio(errors, "s_calls"),
        "recovery_rate" => ratio("s_recovered", "s_retried"),
        "retried_calls" => sum("retried"),
        "recovered_calls" => sum("recovered"),
        "attempt_recovery_rate" => ratio("s_recovered_attempts", "s_failed_attempts"),
        "cost" => format!("if({priced}, NULL, s_cost_nanodollars / 1e9)"),
        "wasted_cost" => format!("if({priced}, NULL, s_wasted_nanodollars / 1e9)"),
        "outcome_value" => "if(s_outcomes = 0, NULL, s_outcome_value_nanodollars / 1e9)".to_owned(),
        "unpriced_calls" => sum("cost_unpriced"),
        "p50_latency" => quantile("latency", "50", TIME),
        "p90_latency" => quantile("latency", "90", TIME),
        "p95_latency" => quantile("latency", "95", TIME),
        "p99_latency" => quantile("latency", "99", TIME),
        "p50_time_to_first_token" => quantile("first_token", "50", TIME),
        "p95_time_to_first_token" => quantile("first_token", "95", TIME),
        "mean_score" => "if(n_scores = 0, NULL, total_scores / n_scores / 1e6)".to_owned(),
        "positive_feedback" => sum("positive"),
        "negative_feedback" => sum("negative"),
        "false_positive_rate" => ratio("s_false_positives", "(s_false_positives + s_true_negatives)"),
        other if Aggregate::NUMBERS.contains(&other) => sum(other),
        _ => return None,
    })
}

/// What expressions use of the sums of a time, by time and groups.
fn sums(database: &str, expressions: &str, time: &str, by: &[Dimension]) -> String {
    let numbers = Aggregate::NUMBERS.iter().map(|name| (format!("s_{name}"), format!("sum(sum_{name})")));
    let sketches = Aggregate::SKETCHES.iter().flat_map(|name| {
        [
            (format!("b_{name}"), format!("sumMap({name}_buckets)")),
            (format!("total_{name}"), format!("toFloat64(sum({name}_sum))")),
            (format!("least_{name}"), format!("toFloat64(min({name}_min))")),
            (format!("most_{name}"), format!("toFloat64(max({name}_max))")),
        ]
    });
    let used = numbers.chain(sketches).filter(|(name, _)| uses(expressions, name));
    let groups: Vec<String> = by.iter().map(|dimension| format!("`{}`", dimension.name())).collect();
    let columns: Vec<String> =
        groups.iter().cloned().chain(used.map(|(name, column)| format!("{column} AS {name}"))).collect();
    // What belongs to facts of a kind is asked of those alone.
    let there: String = by
        .iter()
        .filter(|dimension| dimension.is_of_facts())
        .map(|dimension| format!(" AND `{}` != ''", dimension.name()))
        .collect();
    let key = if time.is_empty() {
        groups.join(", ")
    } else {
        [vec!["time".to_owned()], groups].concat().join(", ")
    };
    let group = if key.is_empty() { String::new() } else { format!(" GROUP BY {key}") };
    format!(
        "SELECT {time}{} FROM {database}.hourly \
         WHERE start >= toStartOfHour($__fromTime) AND start <= $__toTime{there}{group}",
        columns.join(", ")
    )
}

/// The query of a panel: measures over time or of the whole time, by groups. Its macros are those of Grafana's data source.
pub(super) fn query(database: &str, measures: &[&str], by: &[Dimension], over_time: bool) -> String {
    // There is nothing finer than hours.
    let time = if over_time {
        "toStartOfInterval(start, toIntervalSecond(greatest($__interval_s, 3600))) AS time, "
    } else {
        ""
    };
    let groups: String = by.iter().map(|dimension| format!("`{}`, ", dimension.name())).collect();
    let figures: Vec<String> = measures
        .iter()
        .filter_map(|measure| Some(format!("{} AS `{}`", of(measure)?, measure.replace('_', " "))))
        .collect();
    let figures = figures.join(", ");
    // From the last step back, since each uses those before it.
    let mut expressions = figures.clone();
    let mut prepared = Vec::new();
    for (name, step) in steps().into_iter().rev() {
        if uses(&expressions, &name) {
            expressions = format!("{expressions} {step}");
            prepared.insert(0, format!("{step} AS {name}"));
        }
    }
    let with = if prepared.is_empty() { String::new() } else { format!("WITH {} ", prepared.join(", ")) };
    let (first, order) = if over_time { ("time, ", " ORDER BY time") } else { ("", "") };
    let sums = sums(database, &expressions, time, by);
    format!("{with}SELECT {first}{groups}{figures} FROM ({sums}){order}")
}

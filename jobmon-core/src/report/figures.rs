//! Figures for machines.

use crate::alert::Notice;
use crate::measure::Quantity;
use crate::money::{Cost, Usd};
use crate::query::Row;
use crate::table::printable;
use crate::text::Text;
use serde_json::{Map, Value, json};

/// A row as a JSON object: groups as text or null, figures as [`figure_to_json`] writes them.
pub fn row_to_json(row: &Row, groups: &[&'static str], columns: &[&'static str]) -> Value {
    let mut object = Map::new();
    if let Some(bucket) = row.bucket {
        object.insert("time".to_owned(), json!(bucket.to_string()));
    }
    for (name, value) in groups.iter().zip(&row.group) {
        object.insert((*name).to_owned(), json!(value.as_ref().map(Text::as_str)));
    }
    for (name, figure) in columns.iter().zip(&row.figures) {
        object.insert((*name).to_owned(), figure.map_or(Value::Null, figure_to_json));
    }
    Value::Object(object)
}

/// A figure for machines: counts and ratios as numbers (an upper bound as `{"at_most": n}`), times in seconds, money in whole nanodollars with its
/// grade.
pub fn figure_to_json(figure: Quantity) -> Value {
    match figure {
        Quantity::Count(count) => json!(count),
        Quantity::Ratio(number) | Quantity::Number(number) | Quantity::Change(number) => json!(number),
        Quantity::AtMost(number) => json!({"at_most": number}),
        Quantity::Duration(duration) => json!(duration.as_secs_f64()),
        Quantity::Usd(usd) => json!({"nanodollars": usd.nanos()}),
        Quantity::Cost(cost) => json!({"nanodollars": cost.floor().nanos(), "grade": cost.grade()}),
        Quantity::Estimate(cost) => {
            json!({"nanodollars": cost.floor().nanos(), "grade": cost.grade(), "estimate": true})
        }
    }
}

/// What an alert says as a JSON object: `alert`, `state`, `at`, `since`, `condition`, `group`, `figures` as
/// [`figure_to_json`] writes them, and `summary`.
pub fn notice_to_json(notice: &Notice) -> Map<String, Value> {
    let group =
        notice.group.iter().map(|(dimension, value)| (dimension.name().to_owned(), json!(value.as_deref())));
    let figures = notice
        .figures
        .iter()
        .map(|(name, figure)| (name.to_string(), figure.map_or(Value::Null, figure_to_json)));
    let texts = [
        ("alert", json!(notice.alert.as_str())),
        ("state", json!(notice.kind.name())),
        ("at", json!(notice.at.to_string())),
        ("since", json!(notice.since.to_string())),
        ("condition", json!(notice.condition.as_str())),
        ("group", Value::Object(group.collect())),
        ("figures", Value::Object(figures.collect())),
        ("summary", json!(notice.summary.as_deref())),
    ];
    texts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A figure for a spreadsheet: as [`figure_to_json`], money in dollars to the nanodollar.
pub fn figure_to_csv(figure: Quantity) -> String {
    match figure {
        Quantity::AtMost(number) => format!("<={number}"),
        other => figure_parts(other).0,
    }
}

/// A figure in three cells of a spreadsheet: value, unit, and how sure it is where that is a question. Money is in dollars
/// to the nanodollar; what is unpriced has no value.
pub fn figure_parts(figure: Quantity) -> (String, &'static str, &'static str) {
    let dollars = |usd: Usd| usd.to_string().replace('$', "");
    let number = |figure: Quantity| figure_to_json(figure).to_string();
    match figure {
        Quantity::Count(_) => (number(figure), "count", ""),
        Quantity::Ratio(_) | Quantity::Change(_) => (number(figure), "ratio", ""),
        Quantity::AtMost(bound) => (bound.to_string(), "ratio", "at_most"),
        Quantity::Number(_) => (number(figure), "number", ""),
        Quantity::Duration(_) => (number(figure), "seconds", ""),
        Quantity::Usd(usd) => (dollars(usd), "usd", "known"),
        Quantity::Cost(Cost::Unpriced) => (String::new(), "usd", "unpriced"),
        Quantity::Cost(cost) => (dollars(cost.floor()), "usd", cost.grade()),
        Quantity::Estimate(Cost::Known(usd)) => (dollars(usd), "usd", "estimate"),
        Quantity::Estimate(cost) => (dollars(cost.floor()), "usd", "estimate_at_least"),
    }
}

/// Text on one line that cannot steer a terminal.
pub fn one_line(text: &str) -> String {
    printable(text)
}

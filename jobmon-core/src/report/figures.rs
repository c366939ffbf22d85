//! Figures for machines.

use crate::dimension::Dimension;
use crate::measure::{Measure, Quantity};
use crate::money::{Cost, Usd};
use crate::query::Row;
use crate::table::printable;
use crate::text::Text;
use serde_json::{Map, Value, json};

/// A row as a JSON object: groups as text or null, figures as [`figure_to_json`] writes them.
pub fn row_to_json(row: &Row, by: &[Dimension], measures: &[&'static Measure]) -> Value {
    let mut object = Map::new();
    if let Some(bucket) = row.bucket {
        object.insert("time".to_owned(), json!(bucket.to_string()));
    }
    for (dimension, value) in by.iter().zip(&row.group) {
        object.insert(dimension.name().to_owned(), json!(value.as_ref().map(Text::as_str)));
    }
    for (measure, figure) in measures.iter().zip(&row.figures) {
        object.insert(measure.name.to_owned(), figure.map_or(Value::Null, figure_to_json));
    }
    Value::Object(object)
}

/// A figure for machines: counts and ratios as numbers (an upper bound as `{"at_most": n}`), times in seconds, money in whole nanodollars with its
/// grade.
pub fn figure_to_json(figure: Quantity) -> Value {
    match figure {
        Quantity::Count(count) => json!(count),
        Quantity::Ratio(number) | Quantity::Number(number) => json!(number),
        Quantity::AtMost(number) => json!({"at_most": number}),
        Quantity::Duration(duration) => json!(duration.as_secs_f64()),
        Quantity::Usd(usd) => json!({"nanodollars": usd.nanos()}),
        Quantity::Cost(cost) => json!({"nanodollars": cost.floor().nanos(), "grade": cost.grade()}),
    }
}

/// A figure for a spreadsheet: as [`figure_to_json`], money in dollars to the nanodollar.
pub fn figure_to_csv(figure: Quantity) -> String {
    let dollars = |usd: Usd| usd.to_string().replace('$', "");
    match figure {
        Quantity::Usd(usd) => dollars(usd),
        Quantity::AtMost(number) => format!("<={number}"),
        Quantity::Cost(Cost::Unpriced) => String::new(),
        Quantity::Cost(cost) => dollars(cost.floor()),
        other => figure_to_json(other).to_string(),
    }
}

/// Text on one line that cannot steer a terminal.
pub fn one_line(text: &str) -> String {
    printable(text)
}

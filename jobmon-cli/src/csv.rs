//! Answers as comma-separated values (RFC 4180).

use jobmon_core::report::{figure_to_csv, one_line};
use jobmon_core::{Quantity, Query, Row, Unit};

/// A header line, then one line for each row. Money is in dollars; a cost has its grade in a column of its own.
pub(crate) fn of(query: &Query, rows: &[Row]) -> String {
    let is_money = |unit: Unit| unit == Unit::Usd;
    let mut heads: Vec<String> = query.bucket.map(|_| "time".to_owned()).into_iter().collect();
    heads.extend(query.by.iter().map(|dimension| dimension.name().to_owned()));
    for measure in &query.measures {
        heads.push(measure.name.to_owned());
        if is_money(measure.unit) {
            heads.push(format!("{}_grade", measure.name));
        }
    }
    let mut text = line(&heads);
    for row in rows {
        let mut cells: Vec<String> = row.bucket.map(|at| at.to_string()).into_iter().collect();
        cells.extend(row.group.iter().map(|value| value.as_ref().map_or_else(String::new, |v| cell_text(v))));
        for (measure, figure) in query.measures.iter().zip(&row.figures) {
            cells.push(figure.map_or_else(String::new, figure_to_csv));
            if is_money(measure.unit) {
                cells.push(match figure {
                    Some(Quantity::Cost(cost)) => cost.grade().to_owned(),
                    Some(_) => "known".to_owned(),
                    None => String::new(),
                });
            }
        }
        text.push_str(&line(&cells));
    }
    text
}

/// Spreadsheets run cells that begin like a formula: such text gets an apostrophe in front. Characters that steer a
/// terminal or reorder text are replaced.
pub(crate) fn cell_text(text: &str) -> String {
    let text = one_line(text);
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

pub(crate) fn line(cells: &[String]) -> String {
    let quoted = cells.iter().map(|cell| {
        if cell.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.clone()
        }
    });
    format!("{}\n", quoted.collect::<Vec<_>>().join(","))
}

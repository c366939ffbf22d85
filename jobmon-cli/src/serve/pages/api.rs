//! The API: any query, as JSON or CSV.

use super::look::Look;
use super::{App, as_json};
use crate::commands::{Message, message};
use crate::csv;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jobmon_core::report::row_to_json;
use jobmon_core::{Bucket, Dimension, Measure, Query};
use serde_json::json;

/// `/api/query?measures=cost,calls&by=model&bucket=day&since=7d&feature=search`, with `format=csv` for that.
pub(super) async fn query(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let refused =
        |problem: &str| (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": problem }))).into_response();
    let (query, is_csv) = match read(&query.unwrap_or_default()) {
        Ok(read) => read,
        Err(problem) => return refused(&problem),
    };
    let asked = query.clone();
    let rows = match app.read(move |history| asked.run(history).map_err(message)).await {
        Ok(rows) => rows,
        Err(problem) => return refused(&problem),
    };
    if is_csv {
        return ([(CONTENT_TYPE, "text/csv; charset=utf-8")], csv::of(&query, &rows)).into_response();
    }
    let by: Vec<_> = query.by.iter().map(|dimension| dimension.name()).collect();
    let measures: Vec<_> = query.measures.iter().map(|measure| measure.name).collect();
    as_json(&rows.iter().map(|row| row_to_json(row, &by, &measures)).collect())
}

fn read(query: &str) -> Result<(Query, bool), Message> {
    let look = Look::of("/api/query", query, &["measures", "by", "bucket"])?;
    let words = |name: &str| {
        let words = look.more(name).unwrap_or_default().split(',').map(str::trim);
        words.filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let measures: Result<Vec<_>, _> = words("measures").iter().map(|name| Measure::named(name)).collect();
    let measures = measures.map_err(message)?;
    if measures.is_empty() {
        let names: Vec<_> = Measure::ALL.iter().map(|measure| measure.name).collect();
        return Err(format!(
            "`measures` says what to compute, separated by commas; there are: {}",
            names.join(", ")
        ));
    }
    let by: Result<Vec<Dimension>, _> = words("by").iter().map(|name| name.parse()).collect();
    let mut query = Query::new(measures).by(by.map_err(message)?).range(look.range);
    query.filters.clone_from(&look.filters);
    query.bucket = match look.more("bucket") {
        None | Some("") => None,
        Some("hour") => Some(Bucket::Hour),
        Some("day") => Some(Bucket::Day),
        Some(other) => return Err(format!("`bucket={other}` is `hour` or `day`")),
    };
    match look.more("format") {
        None | Some("json") => Ok((query, false)),
        Some("csv") => Ok((query, true)),
        Some(other) => Err(format!("`format={other}` is `json` or `csv`")),
    }
}

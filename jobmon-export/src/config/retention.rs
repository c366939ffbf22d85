//! `[retention]`: how long a history keeps what.

use super::document::{Item, Mistake, expected, unknown};
use super::{duration, list};
use jobmon_core::{Retention, Stored};
use std::time::Duration;
use toml::de::DeValue;

/// What is kept for less would hardly be seen.
const SHORTEST: Duration = Duration::from_secs(3_600);
const EXPECTED: &str = "a time of at least an hour, such as `36h` or `90d`, or `forever`";

fn names() -> String {
    list(Stored::ALL.iter().map(|kind| kind.name()))
}

fn time(text: &str) -> Option<Duration> {
    match text {
        "forever" => Some(Duration::MAX),
        text => duration(text).filter(|time| *time >= SHORTEST),
    }
}

/// `[retention]` of a file: `content = "7d"`.
pub(super) fn read(value: &Item<'_>) -> Result<Retention, Mistake> {
    let DeValue::Table(table) = value.get_ref() else {
        return Err(expected(value, "a table such as `[retention]` with `content = \"7d\"`"));
    };
    let mut retention = Retention::default();
    for (kind, value) in table {
        let name = kind.get_ref().as_ref();
        let kind: Stored =
            name.parse().map_err(|_| unknown(kind.span().start, name, "kind of data", &names()))?;
        let text = if let DeValue::String(text) = value.get_ref() { text.as_ref() } else { "" };
        retention = retention.keep(kind, time(text).ok_or_else(|| expected(value, EXPECTED))?);
    }
    Ok(retention)
}

/// `JOBMON_RETENTION`: `content=7d,calls=90d`.
pub(super) fn parse(text: &str) -> Result<Retention, String> {
    let mut retention = Retention::default();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, given) =
            pair.split_once('=').map_or((pair, ""), |(name, time)| (name.trim(), time.trim()));
        let kind: Stored = name
            .parse()
            .map_err(|_| format!("names `{name}`, which is no kind of data; expected any of: {}", names()))?;
        let time = time(given).ok_or_else(|| format!("has `{pair}`; expected {EXPECTED}"))?;
        retention = retention.keep(kind, time);
    }
    Ok(retention)
}

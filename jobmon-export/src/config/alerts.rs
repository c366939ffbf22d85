//! `[[alerts]]` in `jobmon.toml`.

use super::document::{Item, Mistake, count, duration, expected, named, place, string, strings, unknown};
use super::list;
use jobmon_core::{Alert, Dimension, NoData, Timestamp};
use std::time::Duration;
use toml::de::{DeTable, DeValue};

const KEYS: [&str; 11] = [
    "name",
    "condition",
    "window",
    "by",
    "for",
    "min_calls",
    "no_data",
    "repeat",
    "channels",
    "silent_until",
    "summary",
];

/// Reads all of them.
pub(super) fn read(value: &Item<'_>) -> Result<Vec<Alert>, Mistake> {
    named(value, "alert", alert, Alert::name)
}

/// One alert of the table that begins at some place.
fn alert(at: usize, table: &DeTable<'_>) -> Result<Alert, Mistake> {
    let needed = |key: &str, hint: &str| match table.get(key) {
        Some(value) => string(value),
        None => Err(Mistake { at, problem: format!("this alert has no `{key}`; {hint}") }),
    };
    let name = needed("name", "name it")?;
    let mut alert = Alert::new(name, needed("condition", "give it one, such as `error_rate > 5%`")?);
    for (key, value) in table {
        alert = match key.get_ref().as_ref() {
            "name" | "condition" => alert,
            "window" => alert.window(duration(value)?),
            "by" => alert.by(dimensions(value)?),
            "for" => alert.hold(duration(value)?),
            "min_calls" => alert.min_calls(count(value)? as u64),
            "no_data" => match string(value)?.as_str() {
                "ok" => alert.no_data(NoData::Ok),
                "keep" => alert.no_data(NoData::Keep),
                "fire" => alert.no_data(NoData::Fire),
                _ => return Err(expected(value, "\"ok\", \"keep\" or \"fire\"")),
            },
            "repeat" => alert.repeat(repeat(value)?),
            "channels" => alert.channels(strings(value, "names of channels such as `[\"slack\"]`")?),
            "silent_until" => alert.silent_until(moment(value)?),
            "summary" => alert.summary(string(value)?),
            other => return Err(unknown(key.span().start, other, "key of an alert", &list(KEYS))),
        };
    }
    // The mistake inside the condition, not where the condition begins.
    if let (Err(error), Some(value)) = (alert.condition(), table.get("condition")) {
        let text = string(value)?;
        let inside: usize = text.chars().take(error.position()).map(char::len_utf8).sum();
        return Err(Mistake { at: value.span().start + 1 + inside, problem: error.problem().to_owned() });
    }
    match alert.check() {
        Ok(()) => Ok(alert),
        Err(error) => Err(Mistake { at: place(table, error.key).unwrap_or(at), problem: error.to_string() }),
    }
}

fn dimensions(value: &Item<'_>) -> Result<Vec<Dimension>, Mistake> {
    let names = strings(value, "dimensions such as `[\"feature\"]`")?;
    let dimension =
        |name: &String| name.parse().map_err(|error: jobmon_core::UnknownWord| expected_word(value, &error));
    names.iter().map(dimension).collect()
}

fn expected_word(value: &Item<'_>, error: &jobmon_core::UnknownWord) -> Mistake {
    Mistake { at: value.span().start, problem: error.to_string() }
}

/// A duration, or `"never"`.
fn repeat(value: &Item<'_>) -> Result<Duration, Mistake> {
    match value.get_ref() {
        DeValue::String(text) if text == "never" => Ok(Duration::ZERO),
        _ => duration(value),
    }
}

/// A moment as TOML has them: `2026-12-01T08:00:00Z`.
fn moment(value: &Item<'_>) -> Result<Timestamp, Mistake> {
    let wrong =
        || expected(value, "a moment such as `2026-12-01T08:00:00Z`, with its offset and without quotes");
    let DeValue::Datetime(moment) = value.get_ref() else { return Err(wrong()) };
    let (Some(date), Some(offset)) = (moment.date, moment.offset) else { return Err(wrong()) };
    let time = moment.time.ok_or_else(wrong)?;
    let day = Timestamp::from_date(date.year.into(), date.month.into(), date.day.into()).ok_or_else(wrong)?;
    let seconds =
        i64::from(time.hour) * 3_600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0));
    // `Z` or `+01:00`: its type has no name without features of `toml` that nothing else needs.
    let offset = offset.to_string();
    let parts = offset.get(1..).and_then(|rest| rest.split_once(':'));
    let minutes = parts
        .and_then(|(hours, minutes)| Some(hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?));
    let minutes = minutes.unwrap_or(0) * if offset.starts_with('-') { -1 } else { 1 };
    Ok(Timestamp::from_nanos(day.nanos() + (seconds - minutes * 60) * 1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::super::file::{NAME, parse};
    use super::*;

    #[test]
    fn every_key_is_read() {
        let text = r#"
            [[alerts]]
            name = "High error rate"
            condition = "error_rate > 0.05"
            window = "5m"
            [[alerts]]
            name = "slow"
            condition = "p95_latency{feature=\"search\"} > 3s and calls >= 20"
            window = "1d"
            by = ["feature", "model"]
            for = "10m"
            min_calls = 20
            no_data = "keep"
            repeat = "never"
            channels = ["slack", "email"]
            silent_until = 2026-12-01T09:00:00+01:00
            summary = "Searches are slow."
        "#;
        let alerts = parse(NAME, text).expect("correct").alerts;
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let until = Timestamp::from_date(2026, 12, 1).expect("a date").plus(Duration::from_secs(8 * 3_600));
        let expected = [
            Alert::new("High error rate", "error_rate > 5%"),
            Alert::new("slow", "p95_latency{feature=\"search\"} > 3s and calls >= 20")
                .window(minutes(1_440))
                .by([Dimension::Feature, Dimension::Model])
                .hold(minutes(10))
                .min_calls(20)
                .no_data(NoData::Keep)
                .repeat(Duration::ZERO)
                .channels(["slack", "email"])
                .silent_until(until)
                .summary("Searches are slow."),
        ];
        assert_eq!(alerts, expected);
    }

    #[test]
    fn mistakes_name_place_problem_and_what_is_accepted() {
        let with = |line: &str| format!("[[alerts]]\nname = 'a'\ncondition = 'calls > 1'\n{line}");
        for (text, place, problem) in [
            ("[[alerts]]\ncondition = 'calls > 1'".to_owned(), "jobmon.toml:1:1", "this alert has no `name`"),
            (
                "\n[[alerts]]\nname = 'a'".to_owned(),
                "jobmon.toml:2:1",
                "no `condition`; give it one, such as `error_rate > 5%`",
            ),
            (
                "[[alerts]]\nname = 'a'\ncondition = 'errors > 3 and eror_rate > 5%'".to_owned(),
                "jobmon.toml:3:29",
                "unknown measure `eror_rate`, did you mean `error_rate`? Expected one of: calls",
            ),
            (
                "[[alerts]]\nname = 'a'\ncondition = 'cost > 5'".to_owned(),
                "jobmon.toml:3:21",
                "`cost` is money",
            ),
            (with("window = '5'"), "jobmon.toml:4:10", "expected a duration such as"),
            (with("window = '5s'"), "jobmon.toml:4:10", "expected ten seconds to 31 days"),
            (
                with("by = ['featur']"),
                "jobmon.toml:4:6",
                "unknown dimension `featur`, did you mean `feature`?",
            ),
            (with("by = ['score']"), "jobmon.toml:4:6", "filter by it"),
            (with("for = 5"), "jobmon.toml:4:7", "expected a duration such as"),
            (with("min_calls = 0"), "jobmon.toml:4:13", "at least 1"),
            (with("no_data = 'alert'"), "jobmon.toml:4:11", "expected \"ok\", \"keep\" or \"fire\""),
            (with("repeat = 'often'"), "jobmon.toml:4:10", "expected a duration such as"),
            (with("channels = 5"), "jobmon.toml:4:12", "expected names of channels"),
            (with("silent_until = '2026-12-01'"), "jobmon.toml:4:16", "expected a moment such as"),
            (with("silent_until = 2026-12-01"), "jobmon.toml:4:16", "with its offset"),
            (
                with("treshold = 5"),
                "jobmon.toml:4:1",
                "unknown key of an alert `treshold`; expected any of: name, condition",
            ),
            (
                with("[[alerts]]\nname = 'a'\ncondition = 'calls > 2'"),
                "jobmon.toml:5:8",
                "alert `a` is there twice",
            ),
            ("alerts = 5".to_owned(), "jobmon.toml:1:10", "expected tables such as `[[alerts]]`"),
        ] {
            let error = parse(NAME, &text).expect_err(&text).to_string();
            assert!(error.starts_with(place) && error.contains(problem), "{text}: {error}");
        }
    }
}

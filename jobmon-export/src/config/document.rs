//! TOML with mistakes at their places: what `jobmon.toml` is read by, and files like it.

use super::ConfigError;
use jobmon_core::Text;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A mistake and where in the text it stands.
#[derive(Debug)]
pub struct Mistake {
    pub at: usize,
    pub problem: String,
}

pub type Item<'a> = Spanned<DeValue<'a>>;

/// Reads a document; a mistake is told with its line and a caret.
///
/// # Errors
/// When it is no TOML, or `read` finds a mistake.
pub fn read<T>(
    name: &str,
    text: &str,
    read: impl FnOnce(&DeTable<'_>) -> Result<T, Mistake>,
) -> Result<T, ConfigError> {
    let read = DeTable::parse(text)
        .map_err(|error| Mistake {
            at: error.span().map_or(0, |span| span.start),
            problem: error.message().to_owned(),
        })
        .and_then(|table| read(table.get_ref()));
    read.map_err(|mistake| {
        // The parser's spans lie between characters; should one not, the line is all we say.
        let before = text.get(..mistake.at).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[start..].chars().count() + 1;
        let source = text[start..].lines().next().unwrap_or_default();
        let caret = format!("{:>width$}", "^", width = column);
        ConfigError {
            place: format!("{name}:{line}:{column}"),
            problem: format!("{}\n  | {source}\n  | {caret}", mistake.problem),
        }
    })
}

pub fn unknown(at: usize, word: &str, what: &str, accepted: &str) -> Mistake {
    Mistake { at, problem: format!("unknown {what} `{word}`; expected any of: {accepted}") }
}

pub fn expected(value: &Item<'_>, what: &str) -> Mistake {
    Mistake { at: value.span().start, problem: format!("expected {what}") }
}

pub fn string(value: &Item<'_>) -> Result<String, Mistake> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.to_string()),
        _ => Err(expected(value, "text in quotes")),
    }
}

pub fn strings(value: &Item<'_>, what: &str) -> Result<Vec<String>, Mistake> {
    match value.get_ref() {
        DeValue::Array(items) => items.iter().map(string).collect(),
        DeValue::String(text) => Ok(vec![text.to_string()]),
        _ => Err(expected(value, what)),
    }
}

/// Tables such as `[[alerts]]`, each of which has a name of its own.
pub fn named<T>(
    value: &Item<'_>,
    what: &str,
    read: fn(usize, &DeTable<'_>) -> Result<T, Mistake>,
    name: fn(&T) -> &Text,
) -> Result<Vec<T>, Mistake> {
    let DeValue::Array(tables) = value.get_ref() else {
        return Err(expected(value, &format!("tables such as `[[{what}s]]`")));
    };
    let mut all: Vec<T> = Vec::new();
    for table in tables {
        let DeValue::Table(keys) = table.get_ref() else { return Err(expected(table, "a table")) };
        let one = read(table.span().start, keys)?;
        if all.iter().any(|known| name(known) == name(&one)) {
            let problem = format!("{what} `{}` is there twice; give each a name of its own", name(&one));
            return Err(Mistake { at: place(keys, "name").unwrap_or(table.span().start), problem });
        }
        all.push(one);
    }
    Ok(all)
}

/// Where the value of a key stands.
pub fn place(table: &DeTable<'_>, key: &str) -> Option<usize> {
    table.get(key).map(|value| value.span().start)
}

pub fn boolean(value: &Item<'_>) -> Result<bool, Mistake> {
    match value.get_ref() {
        DeValue::Boolean(flag) => Ok(*flag),
        _ => Err(expected(value, "`true` or `false`")),
    }
}

pub fn share(value: &Item<'_>) -> Result<f64, Mistake> {
    let number = match value.get_ref() {
        DeValue::Float(number) => number.as_str().parse().ok(),
        DeValue::Integer(number) => number.as_str().parse().ok(),
        _ => None,
    };
    number.filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| expected(value, "a number from 0 to 1"))
}

pub fn count(value: &Item<'_>) -> Result<usize, Mistake> {
    let number = match value.get_ref() {
        DeValue::Integer(number) => number.as_str().parse().ok(),
        _ => None,
    };
    number.filter(|count| *count > 0).ok_or_else(|| expected(value, "a whole number of at least 1"))
}

pub fn duration(value: &Item<'_>) -> Result<Duration, Mistake> {
    let text = string(value).map_err(|_| expected(value, super::DURATION))?;
    super::duration(&text).ok_or_else(|| expected(value, super::DURATION))
}

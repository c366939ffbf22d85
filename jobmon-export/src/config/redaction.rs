//! `[redaction]`: what is removed from what is recorded.

use super::document::{Item, Mistake, expected, strings, unknown};
use super::list;
use jobmon_core::{Redacted, Redaction};
use toml::de::DeValue;

const KEYS: [&str; 3] = ["keep", "names", "patterns"];

fn optional() -> String {
    list(Redacted::OPTIONAL.iter().map(|kind| kind.name()))
}

/// A kind that may be kept.
fn kept(name: &str) -> Option<Redacted> {
    Redacted::OPTIONAL.iter().copied().find(|kind| kind.name() == name)
}

/// `[redaction]` of a file: `keep = ["phone"]`, `names = ["salary"]`, `patterns = { employee = 'EMP-\\d+' }`.
pub(super) fn read(value: &Item<'_>) -> Result<Redaction, Mistake> {
    let DeValue::Table(table) = value.get_ref() else {
        return Err(expected(value, "a table such as `[redaction]` with `names = [\"salary\"]`"));
    };
    let mut redaction = Redaction::default();
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "keep" => {
                for name in strings(value, "kinds such as `[\"phone\"]`")? {
                    let kind = kept(&name);
                    let kind = kind.ok_or_else(|| {
                        unknown(value.span().start, &name, "kind that can be kept", &optional())
                    })?;
                    redaction = redaction.keep(kind);
                }
            }
            "names" => {
                let names = strings(value, "names of fields such as `[\"salary\"]`")?;
                if names.iter().any(|name| name.trim().is_empty()) {
                    return Err(expected(value, "names of fields that are not empty"));
                }
                redaction = names.into_iter().fold(redaction, Redaction::name);
            }
            "patterns" => redaction = patterns(value, redaction)?,
            other => return Err(unknown(key.span().start, other, "key of `[redaction]`", &list(KEYS))),
        }
    }
    Ok(redaction)
}

#[cfg(feature = "redact-patterns")]
fn patterns(value: &Item<'_>, mut redaction: Redaction) -> Result<Redaction, Mistake> {
    let DeValue::Table(patterns) = value.get_ref() else {
        return Err(expected(value, "regular expressions by name, such as `{ employee = 'EMP-\\d{6}' }`"));
    };
    for (name, regex) in patterns {
        let text = super::document::string(regex)?;
        redaction = redaction
            .pattern(name.get_ref().to_string(), &text)
            .map_err(|error| Mistake { at: regex.span().start, problem: error.to_string() })?;
    }
    Ok(redaction)
}

#[cfg(not(feature = "redact-patterns"))]
fn patterns(value: &Item<'_>, _: Redaction) -> Result<Redaction, Mistake> {
    let problem = "patterns need the feature `redact-patterns` of jobmon".to_owned();
    Err(Mistake { at: value.span().start, problem })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// `JOBMON_REDACTION_KEEP`: `phone, email`.
pub(super) fn parse_kept(text: &str) -> Result<Redaction, String> {
    words(text).try_fold(Redaction::default(), |redaction, name| {
        let kind = kept(name);
        let wrong =
            || format!("names `{name}`, which is no kind that can be kept; expected any of: {}", optional());
        kind.map(|kind| redaction.keep(kind)).ok_or_else(wrong)
    })
}

/// `JOBMON_REDACTION_NAMES`: `salary, date of birth`.
pub(super) fn parse_names(text: &str) -> Redaction {
    words(text).map(str::to_owned).fold(Redaction::default(), Redaction::name)
}

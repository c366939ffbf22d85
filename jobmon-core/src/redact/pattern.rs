//! [`Pattern`]: a regular expression of the user's.

use super::PLACEHOLDER;
use crate::text::Text;
use regex::{NoExpand, Regex};
use std::fmt;

/// Bytes of the compiled form of one.
const LARGEST: usize = 1 << 20;

#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) name: Text,
    regex: Regex,
    /// What stands where it finds something.
    instead: String,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.regex.as_str() == other.regex.as_str()
    }
}

impl Pattern {
    pub(super) fn new(name: Text, regex: &str) -> Result<Self, PatternError> {
        let wrong = |reason| PatternError { name: name.clone(), reason };
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ')) {
            return Err(wrong("its name may have letters, digits, `-`, `_` and spaces".to_owned()));
        }
        let compiled = regex::RegexBuilder::new(regex).size_limit(LARGEST).build();
        let regex = compiled.map_err(|error| wrong(error.to_string()))?;
        if regex.is_match("") {
            return Err(wrong("it finds the empty text, and so would be everywhere".to_owned()));
        }
        let instead = format!("{PLACEHOLDER} {name}]");
        Ok(Self { name, regex, instead })
    }

    /// The text without what it finds, and how often that was; `None` where it finds nothing.
    pub(super) fn remove(&self, text: &str) -> Option<(String, u32)> {
        let times = self.regex.find_iter(text).count();
        (times > 0).then(|| {
            let clean = self.regex.replace_all(text, NoExpand(&self.instead)).into_owned();
            (clean, u32::try_from(times).unwrap_or(u32::MAX))
        })
    }
}

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    name: Text,
    reason: String,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pattern `{}` cannot be used: {}", self.name, self.reason)
    }
}

impl std::error::Error for PatternError {}

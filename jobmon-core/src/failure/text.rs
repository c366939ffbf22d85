//! What the words of an error tell: the last resort, for errors whose types say nothing.

use super::phrases::{BEFORE_STATUS, LOOSE, PARSERS, REASONS, SAFETY, SERDE, SPECIFIC};
use crate::category::ErrorCategory;
use ErrorCategory::{Cancelled, ContentFilter, Other, Panic, Parsing, Quota, RateLimit};

/// Bytes that are looked at. The part of an error that names the failure is at its start.
const LONGEST: usize = 8 * 1024;

/// What was read, the more certain first.
pub(super) struct Read {
    /// Codes and phrases that mean one thing whatever the status.
    pub(super) specific: Option<ErrorCategory>,
    pub(super) http_status: Option<u16>,
    /// Phrases that count only where there is no status.
    loose: Option<ErrorCategory>,
}

impl Read {
    pub(super) fn category(&self) -> ErrorCategory {
        let by_status = || self.http_status.and_then(ErrorCategory::from_http_status);
        self.specific.or_else(by_status).or(self.loose).unwrap_or(Other)
    }
}

pub(super) fn examine(text: &str) -> Read {
    let text = fold(head(text, LONGEST));
    // The words of a parser quote the names of fields, which may be `content_filter` or `timeout`.
    let parser = PARSERS.iter().any(|start| text.starts_with(start));
    let serde = SERDE.iter().any(|start| text.starts_with(start));
    if parser || serde && text.contains(", expected ") {
        return Read { specific: Some(Parsing), http_status: None, loose: None };
    }
    // `tokio::task::JoinError`.
    if text.starts_with("task ") && text.contains(" panicked") {
        return Read { specific: Some(Panic), http_status: None, loose: None };
    }
    if text.starts_with("task ") && text.contains(" was cancelled") {
        return Read { specific: Some(Cancelled), http_status: None, loose: None };
    }
    let find = |table: &[(ErrorCategory, &[&str])]| {
        table
            .iter()
            .find(|(_, phrases)| phrases.iter().any(|p| text.contains(p)))
            .map(|(category, _)| *category)
    };
    let http_status = status(&text);
    // A provider that fails may say so in any words: a 5xx with "rate limit" in a quoted prompt stays a 5xx.
    let specific = google(&text)
        .or_else(|| find(SPECIFIC))
        .filter(|found| !(*found == RateLimit && http_status.is_some_and(|status| status >= 500)));
    let filtered =
        || (text.contains("safety") && SAFETY.iter().any(|p| text.contains(p))).then_some(ContentFilter);
    Read { specific: specific.or_else(filtered), http_status, loose: find(LOOSE) }
}

/// The first bytes of a text, as far as they are whole characters.
pub(super) fn head(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Lower case, and without addresses: a path may be `/v1/safety/503`.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        folded.push_str(&rest[..at]);
        let after = &rest[at + 3..];
        rest = &after[after
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '>'))
            .unwrap_or(after.len())..];
    }
    folded.push_str(rest);
    folded.make_ascii_lowercase();
    folded
}

/// Google uses the same code for limits per minute and per day; see [`super::classify`].
fn google(text: &str) -> Option<ErrorCategory> {
    let exhausted = text.contains("resource_exhausted") || text.contains("resource has been exhausted");
    let exceeded = text.contains("exceeded your current quota") || text.contains("quota exceeded for");
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    if !exhausted && !exceeded || text.contains("insufficient_quota") {
        None
    } else if has(&["perday", "per_day", "per day"]) {
        Some(Quota)
    } else if has(&["perminute", "per_minute", "per minute", "retry in", "retrydelay"]) || !exceeded {
        Some(RateLimit)
    } else {
        Some(Quota)
    }
}

/// An HTTP status in one of its usual phrasings: after a word such as `status` or `HTTP`, or before its own reason.
fn status(text: &str) -> Option<u16> {
    let bytes = text.as_bytes();
    let is_word =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let mut at = 0;
    while let Some(found) = bytes.get(at..)?.iter().position(u8::is_ascii_digit) {
        let start = at + found;
        let length = bytes[start..].iter().take_while(|b| b.is_ascii_digit()).count();
        at = start + length;
        // `0.503` and `503.7` are other numbers.
        let fraction = start > 0 && bytes[start - 1] == b'.'
            || bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        if length != 3 || fraction || start > 0 && is_word(bytes.get(start - 1)) || is_word(bytes.get(at)) {
            continue;
        }
        let Some(code) = text[start..at].parse::<u16>().ok().filter(|code| (400..=599).contains(code)) else {
            continue;
        };
        let before = text[..start].trim_end_matches([' ', ':', '=', '(', '[', '"', '\'', '\\', '#']);
        let after = text[at..].trim_start_matches([' ', ':', ',', '-', '(']);
        let reason = REASONS.iter().any(|(of, reason)| *of == code && after.starts_with(reason));
        if reason || BEFORE_STATUS.iter().any(|word| before.ends_with(word)) {
            return Some(code);
        }
    }
    None
}

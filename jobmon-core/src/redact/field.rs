//! Values after the names of secrets.

use super::kinds::Redacted;
use super::names::{self, Named};
use super::scan::{Hit, REDACTED, Scan, starts_with, value_length};
use super::{PLACEHOLDER, keys};

impl Scan<'_> {
    /// `name=value`, `name: value`, `"name": "value"` and, where the value looks like a secret, `name value`.
    pub(super) fn named(&self, text: &str, whole: &str) -> Option<Hit> {
        let (name, named) = self.name(text)?;
        let after = &text[name..];
        // OpenAI: "Incorrect API key provided: ..".
        let after = after.strip_prefix(" provided").unwrap_or(after);
        let unquoted = after.trim_start_matches(['"', '\'', '\\', ' ']);
        let unquoted =
            unquoted.strip_prefix("is").filter(|rest| rest.starts_with([':', ' '])).unwrap_or(unquoted);
        let unquoted = unquoted.trim_start_matches(' ');
        let (value, sure) = match unquoted.strip_prefix([':', '=']) {
            // `=>`, `==` and `::` too.
            Some(value) if !self.careful => {
                (value.trim_start_matches([' ', '"', '\'', '\\', '=', '>', ':', '(', '[']), true)
            }
            Some(value) => (value.trim_start_matches([' ', '"', '\'', '\\', '=', '>']), true),
            // `<password>..`
            None if self.careful && unquoted.starts_with('>') => (&unquoted[1..], true),
            None => (unquoted, false),
        };
        if value.len() == after.len() || value.starts_with(PLACEHOLDER) {
            return None;
        }
        let begin = text.len() - value.len();
        // `Authorization: Bearer ..`: the next rule takes it from here, unless it is a scheme of another name.
        if starts_with(value, "bearer ") || starts_with(value, "basic ") {
            let mut hit = self.scheme(value)?;
            hit.kept.insert_str(0, &text[..begin]);
            hit.length += begin;
            return Some(hit);
        }
        let before = &text[..begin];
        if value.starts_with(keys::PEM) {
            let value = &whole[begin..];
            let length = if self.careful { keys::pem(value)? } else { value.len() };
            return Some(Hit::new(Redacted::Key, format!("{before}{REDACTED}"), begin + length));
        }
        let quote = before.chars().next_back().filter(|c| sure && matches!(c, '"' | '\''));
        let length = if self.careful {
            careful_length(text, &text[..name], value, quote, named, sure)?
        } else {
            rash_length(&text[..name], value, quote, sure)?
        };
        Some(Hit::new(Redacted::Field, format!("{before}{REDACTED}"), begin + length))
    }

    /// The length of the name of a secret at the start of the text, if there is one. Separators may be `_`, `-`, a space
    /// or missing, and a prefix may precede it: `OPENAI_API_KEY`, `x-goog-api-key`, `API key`.
    fn name(&self, text: &str) -> Option<(usize, Named)> {
        let word = text
            .bytes()
            .take(64)
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-') || !b.is_ascii())
            .count();
        let first = text.get(..word)?;
        let next = &text[word..];
        for (with, names) in [
            (" key", &["api", "secret", "access", "private"][..]),
            (" token", &["api", "access"]),
            (" secret", &["client"]),
        ] {
            if starts_with(next, with) && names.iter().any(|name| first.eq_ignore_ascii_case(name)) {
                return Some((word + with.len(), Named::Sure));
            }
        }
        let named = names::named(first, self.rules)?;
        // A bare `key` names too much (`key: value`); only what follows makes it a secret's name.
        let is_bare = ["key", "sig"].iter().any(|bare| first.eq_ignore_ascii_case(bare));
        let is_short = ["pin", "otp"].iter().any(|short| first.eq_ignore_ascii_case(short));
        if named != Named::Own && (is_bare && !next.starts_with('=') || is_short && !self.careful) {
            return None;
        }
        Some((word, named))
    }
}

/// How long the value is; `None` where it is no secret.
fn careful_length(
    text: &str,
    name: &str,
    value: &str,
    quote: Option<char>,
    named: Named,
    sure: bool,
) -> Option<usize> {
    let line = value.find('\n').unwrap_or(value.len());
    let is_header = ["cookie", "authorization"]
        .iter()
        .any(|header| name.len() >= header.len() && name.to_ascii_lowercase().ends_with(header));
    let quoted = quote.and_then(|quote| value[..line].find(quote));
    let word = value[..value_length(value)].split('\\').next().unwrap_or_default();
    let plain = || word.trim_end_matches(['.', ':', '\\', '!', '?']).len();
    if named == Named::Own {
        let whole = || {
            let ends = [";", "|", "\"", "}", ", "].map(|end| value[..line].find(end).unwrap_or(line));
            value[..ends.into_iter().min().unwrap_or(line)].trim_end_matches([' ', '.', '\r', '\\']).len()
        };
        return Some(quoted.unwrap_or_else(whole)).filter(|length| sure && *length > 0);
    }
    let length = quoted.map_or_else(plain, |length| value[..length].trim_end_matches('\\').len());
    let word = &value[..length];
    if is_header && sure && quoted.is_none() {
        let whole = value[..line].find(['"', '\'']).unwrap_or(line);
        let words = value[..whole].trim_end();
        let is_value = !names::is_no_value(value[..plain()].trim()) && words.len() >= 6;
        let is_pair = words.contains('=') || names::looks_secret(words);
        return (is_value && is_pair).then_some(words.len());
    }
    // `password=getpass()`, `token = next(..)`: code.
    let next = &value[length..];
    let is_called = next.starts_with(['(', '[']) || next.starts_with('<') && !next.starts_with("</");
    let is_path = text[name.len()..].starts_with("::") || word.contains("::");
    let is_code = is_path || quoted.is_none() && (is_called || names::is_identifier(word));
    // `no password: listen on loopback`: a sentence goes on.
    let is_lower = |text: &str| text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let is_prose = quoted.is_none()
        && !text[name.len()..].starts_with('=')
        && word.bytes().all(|b| b.is_ascii_lowercase())
        && next.strip_prefix(' ').is_some_and(is_lower);
    if length < 3 || names::is_no_value(word) || is_code || is_prose {
        return None;
    }
    let is_bare = ["key", "sig", "pin", "otp"].iter().any(|bare| name.eq_ignore_ascii_case(bare));
    let secret = match named {
        _ if !sure => {
            let is_mixed =
                word.bytes().any(|b| b.is_ascii_digit()) && word.bytes().any(|b| b.is_ascii_alphabetic());
            (length >= 8 || named == Named::Sure && length >= 6) && is_mixed && names::looks_secret(word)
        }
        // A type, as in `password: String`.
        Named::Sure if quoted.is_none() => {
            let is_type = word.starts_with(|c: char| c.is_ascii_uppercase())
                && word.bytes().all(|b| b.is_ascii_alphabetic());
            !is_type && !word.starts_with(['&', '[', '(', '@'])
        }
        Named::Sure => true,
        Named::Own | Named::Maybe => {
            let is_assigned = text[name.len()..].starts_with('=');
            names::looks_secret(word) && !word.contains(' ') && (!is_bare || is_assigned)
        }
    };
    secret.then_some(length)
}

/// How long the value after the name of a secret in a message is.
fn rash_length(name: &str, value: &str, quote: Option<char>, sure: bool) -> Option<usize> {
    // A full stop belongs to the sentence.
    let mut length = value[..value_length(value)].trim_end_matches('.').len();
    if let Some(quote) = quote {
        // In quotes it may have spaces.
        length = value.find(quote).unwrap_or(value.len());
    }
    let name = name.to_ascii_lowercase();
    if sure && ["cookie", "authorization"].iter().any(|header| name.ends_with(header)) {
        // Headers whose values have spaces: to the end of the quotation or the message.
        length = value.find(['"', '\'']).unwrap_or(value.len());
    }
    // Long, and with digits: no word of English.
    let looks_secret =
        |value: &str| value.len() >= 8 && value.bytes().any(|b| b.is_ascii_digit() || b == b'*');
    (length > 0 && (sure || looks_secret(&value[..length]))).then_some(length)
}

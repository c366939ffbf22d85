//! What is removed from what is recorded: keys and tokens, e-mail addresses and the like, in errors ([`message`]) and in
//! everything else ([`Cleaner`]).
//!
//! Errors of HTTP clients quote addresses and headers, and with them keys. What is recorded of them passes [`message`]
//! where they are made, which errs on the side of removing too much. The worker takes the rest out of events, so that
//! ordinary text stays as it is.

mod event;
mod field;
mod injection;
mod keys;
mod kinds;
mod names;
#[cfg(feature = "redact-patterns")]
mod pattern;
mod personal;
mod scan;
#[cfg(test)]
mod tests;

use crate::table::is_invisible;
use crate::text::Text;

pub(crate) use event::{Cleaner, LONGEST_TEXT};
pub use kinds::{Redacted, Redaction, Redactions};
#[cfg(feature = "redact-patterns")]
pub use pattern::PatternError;
pub(crate) use scan::REDACTED;

/// The most characters that a message keeps, the sign of a cut included.
pub(crate) const LONGEST: usize = 300;

/// Characters of the original that are looked at: what is removed is often longer than what stays.
const LONGEST_SOURCE: usize = 8 * LONGEST;

/// How all that stands for something removed begins: `[redacted]`, `[redacted email]`.
const PLACEHOLDER: &str = "[redacted";

/// A message without secrets and control characters, cut to [`LONGEST`] characters.
///
/// Removed are the user information and the query of addresses, credentials after `Bearer`, `Basic` and names such
/// as `api_key` or `password`, and words that look like keys of well-known providers (`sk-…`, `AIza…`, JWTs, …).
/// Line breaks and other white space become one space. Takes time linear in what it looks at, at most a few
/// kilobytes.
pub(crate) fn message(text: &str) -> Text {
    let (plain, whole) = plain(text);
    let own = own_words(&plain);
    let mut scan = scan::Scan { rules: &Redaction::NONE, careful: false, found: Redactions::default() };
    let clean = scan.clean(own).unwrap_or_else(|| own.to_owned());
    Text::from(shorten(clean, whole && own.len() == plain.len()))
}
/// The message without the request that an error of `genai` quotes, or the answer that one of `async-openai` does.
fn own_words(plain: &str) -> &str {
    let request = plain.find("Request Payload:");
    let answer = || {
        let start = plain.find("failed to deserialize api response")?;
        Some(start + plain[start..].find(" content:")?)
    };
    request.or_else(answer).map_or(plain, |at| &plain[..at])
}

/// The start of the text without characters that could garble a terminal or a log, and whether that is all of it.
fn plain(text: &str) -> (String, bool) {
    let mut plain = String::with_capacity(text.len().min(LONGEST_SOURCE));
    let mut characters = text.chars();
    for character in characters.by_ref().take(LONGEST_SOURCE) {
        if character.is_whitespace() {
            if !plain.ends_with(' ') {
                plain.push(' ');
            }
        } else if !character.is_control() && !is_invisible(character) {
            plain.push(character);
        }
    }
    (plain, characters.next().is_none())
}

fn shorten(mut text: String, whole: bool) -> String {
    text.truncate(text.trim_end().len());
    let cut = text.char_indices().nth(LONGEST - 1).map(|(at, _)| at);
    match cut {
        Some(at) if !whole || text[at..].chars().nth(1).is_some() => text.truncate(at),
        _ if whole => return text,
        _ => {}
    }
    text.push('…');
    text
}

/// At most so many bytes of a text.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

//! One pass over a text: at each start of a word, is this an address, a key, the name of a secret, or a person's?

use super::kinds::{Redacted, Redaction, Redactions};
use super::names;
use super::{PLACEHOLDER, cut, keys, personal};

/// What stands where a secret was.
pub(crate) const REDACTED: &str = "[redacted]";

/// How far rules look ahead: what makes the whole linear.
const NEAR: usize = 1_024;

/// Words that follow `Bearer` and `Basic` in plain English.
const NO_CREDENTIALS: &[&str] = &[
    "token",
    "tokens",
    "auth",
    "authentication",
    "authorization",
    "credentials",
    "realm",
    "scheme",
    "header",
    "is",
    "was",
    "and",
    "or",
    "error",
];

/// Something to be removed at the start of a text.
pub(super) struct Hit {
    pub(super) kind: Redacted,
    /// What stands there instead.
    pub(super) kept: String,
    /// How much of the text it replaces.
    pub(super) length: usize,
}

impl Hit {
    pub(super) fn new(kind: Redacted, kept: String, length: usize) -> Self {
        Self { kind, kept, length }
    }

    fn secret(length: usize) -> Self {
        Self::new(Redacted::Key, REDACTED.to_owned(), length)
    }

    fn personal(kind: Redacted, length: usize) -> Self {
        Self::new(kind, format!("{PLACEHOLDER} {kind}]"), length)
    }
}

/// How a text is looked at.
pub(super) struct Scan<'a> {
    pub(super) rules: &'a Redaction,
    /// Whether ordinary text must stay as it is. Messages of errors are looked at less carefully: rather too much is
    /// removed from them.
    pub(super) careful: bool,
    pub(super) found: Redactions,
}

impl Scan<'_> {
    /// The text without what is to be removed; `None` where that is nothing. Linear in its length.
    pub(super) fn clean(&mut self, text: &str) -> Option<String> {
        let bytes = text.as_bytes();
        let mut clean = String::new();
        let (mut copied, mut at, mut in_word) = (0, 0, false);
        while at < bytes.len() {
            let hit = if !in_word && may_start(&bytes[at..]) { self.hit(text, at) } else { None };
            if let Some(hit) = hit {
                in_word = false;
                clean.push_str(&text[copied..at]);
                clean.push_str(&hit.kept);
                at += hit.length;
                copied = at;
                self.found.add(hit.kind, 1);
                continue;
            }
            // `\\n` in a text within a text: a word begins after it.
            if let [b'\\', b'n' | b'r' | b't', ..] = bytes[at..] {
                (at, in_word) = (at + 2, false);
                continue;
            }
            let Some(character) = text[at..].chars().next() else { break };
            at += character.len_utf8();
            in_word = character.is_alphanumeric();
            if in_word {
                at += bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            }
        }
        (copied > 0).then(|| {
            clean.push_str(&text[copied..]);
            clean
        })
    }

    fn hit(&self, text: &str, at: usize) -> Option<Hit> {
        let rest = &text[at..];
        let first = rest.as_bytes()[0];
        if first == b'-' {
            return self.private_key(rest);
        }
        if first.is_ascii_alphabetic() {
            // Messages are short as a whole.
            let near = if self.careful { cut(rest, NEAR) } else { rest };
            let secret = self.address(near).or_else(|| self.key(rest)).or_else(|| self.scheme(near));
            if let Some(mut hit) = secret.or_else(|| self.named(near, rest)) {
                if hit.length == near.len() {
                    // What goes on beyond it belongs to it.
                    hit.length += value_length(&rest[near.len()..]);
                }
                return Some(hit);
            }
        } else if first.is_ascii_digit() {
            if let Some(hit) = self.key(rest) {
                return Some(hit);
            }
            if !self.careful {
                // `3scale_token: ..` is a name all the same.
                if let Some(hit) = self.named(rest, rest) {
                    return Some(hit);
                }
            }
        }
        if self.careful { self.personal(text, at) } else { None }
    }

    fn private_key(&self, rest: &str) -> Option<Hit> {
        if self.careful {
            return keys::pem(rest).map(Hit::secret);
        }
        // A private key in PEM form: nothing after it is worth the risk.
        rest.starts_with(keys::PEM).then(|| Hit::secret(rest.len()))
    }

    fn personal(&self, text: &str, at: usize) -> Option<Hit> {
        let rest = &text[at..];
        let removes = |kind| self.rules.removes(kind);
        let first = rest.as_bytes()[0];
        let alone = |find: fn(&str) -> Option<usize>, kind| {
            removes(kind).then(|| find(rest)).flatten().map(|length| Hit::personal(kind, length))
        };
        if first.is_ascii_digit() || matches!(first, b'+' | b'(') {
            if !first.is_ascii_digit() || !follows_number(text, at) {
                let card = || alone(personal::card, Redacted::Card);
                let phone = || alone(personal::phone, Redacted::Phone);
                if let Some(hit) = card().or_else(phone) {
                    return Some(hit);
                }
            }
        } else if let Some(hit) = alone(personal::iban, Redacted::Iban) {
            return Some(hit);
        }
        if matches!(first, b'+' | b'(') {
            return None;
        }
        // `ssh://git@host` is no address of a person.
        let email = if text[..at].ends_with("://") { None } else { alone(personal::email, Redacted::Email) };
        if let Some(hit) = email {
            return Some(hit);
        }
        if !removes(Redacted::Phone) {
            return None;
        }
        let (start, length) = personal::named_phone(rest)?;
        let mut hit = Hit::personal(Redacted::Phone, start + length);
        hit.kept.insert_str(0, &rest[..start]);
        Some(hit)
    }

    /// `scheme://user:password@host/path?query`. Of a message it is kept without user information and query; elsewhere only
    /// without user information, and the rest is looked at as any text.
    fn address(&self, text: &str) -> Option<Hit> {
        let scheme = text
            .bytes()
            .take(16)
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-'))
            .count();
        let after = text.get(scheme..)?.strip_prefix("://")?;
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\');
        let address = &after[..after.find(is_end).unwrap_or(after.len())];
        let authority = address.find(['/', '?', '#']).unwrap_or(address.len());
        let (authority, path) = address.split_at(authority);
        let user = authority.rsplit_once('@').map_or(0, |(user, _)| user.len() + 1);
        let host = &authority[user..];
        let mut kept = format!("{}://{host}", &text[..scheme]);
        let begin = scheme + "://".len();
        if self.careful {
            let is_placeholder = authority[..user].contains(PLACEHOLDER);
            let is_hook = ["webhook", "/services/", "/workflows/"].iter().any(|hook| address.contains(hook));
            if is_secret_path(host) && is_hook {
                kept.push_str("/…");
                return Some(Hit::new(Redacted::Key, kept, begin + address.len()));
            }
            // Code is fetched from `git@..` and `ssh://git@..`: no secret.
            let is_bare = !authority[..user].contains(':');
            let hit = Hit::new(Redacted::Key, kept, begin + authority.len());
            return (user > 0 && !is_bare && !is_placeholder).then_some(hit);
        }
        let (path, query) = path.split_at(path.find(['?', '#']).unwrap_or(path.len()));
        if is_secret_path(host) {
            kept.push_str("/…");
        } else {
            for (i, segment) in path.split('/').enumerate() {
                kept.push_str(if i == 0 { "" } else { "/" });
                // A segment that is a key, also within a word such as Telegram's `bot123:..`.
                let is_secret = keys::key(segment, false).is_some()
                    || segment.starts_with("bot") && segment.contains(':');
                kept.push_str(if is_secret { REDACTED } else { segment });
            }
        }
        let mut length = begin + address.len();
        if !query.is_empty() {
            kept.push_str(&query[..1]);
            kept.push('…');
            // `for url (https://..?key=..)`: the parenthesis belongs to the sentence.
            length -= query.len() - query.trim_end_matches([')', ']', '}', ',', ';', '.', ':']).len();
        }
        Some(Hit::new(Redacted::Key, kept, length))
    }

    fn key(&self, text: &str) -> Option<Hit> {
        let length = keys::key(text, self.careful).or_else(|| keys::bot_token(text))?;
        Some(Hit::secret(length))
    }

    /// `Bearer ..` and `Basic ..`.
    pub(super) fn scheme(&self, text: &str) -> Option<Hit> {
        let name = ["bearer", "basic"].into_iter().find(|name| starts_with(text, name))?;
        let after = &text[name.len()..];
        let value = after.trim_start_matches([' ', ':', '"', '\'', '=']);
        if value.len() == after.len() {
            return None;
        }
        let word = value[..value_length(value)].trim_end_matches('.');
        if word.is_empty() || NO_CREDENTIALS.iter().any(|plain| word.eq_ignore_ascii_case(plain)) {
            return None;
        }
        if self.careful && (names::is_no_value(word) || !names::looks_secret(word)) {
            return None;
        }
        let begin = text.len() - value.len();
        let length = if self.careful { word.len() } else { value_length(value) };
        Some(Hit::new(Redacted::Key, format!("{}{REDACTED}", &text[..begin]), begin + length))
    }
}

/// Whether something can begin here: a word, or what a number or a private key begins with.
fn may_start(rest: &[u8]) -> bool {
    match rest[0] {
        b'-' => rest.starts_with(keys::PEM.as_bytes()),
        b'+' | b'(' => true,
        first => first.is_ascii_alphanumeric() || !first.is_ascii(),
    }
}

/// Whether a digit stands before, with one separator between: so that this is the middle of a longer number.
fn follows_number(text: &str, at: usize) -> bool {
    match text.as_bytes()[..at] {
        [.., b'.' | b'_'] => true,
        [.., digit, b' ' | b'-' | b'/' | b':' | b','] => digit.is_ascii_digit(),
        _ => false,
    }
}

/// Hosts whose paths are credentials.
fn is_secret_path(host: &str) -> bool {
    ["hooks.slack.com", "discord.com", "discordapp.com", "webhook.office.com"]
        .iter()
        .any(|secret| host.ends_with(secret))
}

pub(super) fn value_length(value: &str) -> usize {
    let is_end = |c: char| {
        c.is_whitespace()
            || matches!(c, '"' | '\'' | '`' | ',' | ';' | '&' | '<' | '>' | '{' | '}' | '(' | ')')
    };
    value.find(is_end).unwrap_or(value.len())
}

pub(super) fn starts_with(text: &str, prefix: &str) -> bool {
    text.as_bytes().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

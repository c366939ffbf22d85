//! Names of secrets, and what may stand after them.

use super::{PLACEHOLDER, kinds::Redaction};

/// Names whose values are secrets whatever they look like, in lower case with `_` for any separator.
const SURE: &[&str] = &[
    "api_key",
    "apikey",
    "x_api_key",
    "x_goog_api_key",
    "goog_api_key",
    "api_secret",
    "api_token",
    "access_token",
    "refresh_token",
    "id_token",
    "auth_token",
    "session_token",
    "client_secret",
    "secret_access_key",
    "secret_key",
    "access_key",
    "private_key",
    "encryption_key",
    "signing_key",
    "signing_secret",
    "webhook_secret",
    "account_key",
    "passphrase",
    "password",
    "passwd",
    "pwd",
    "authorization",
    "proxy_authorization",
    "set_cookie",
    "passwort",
    "contraseña",
    "senha",
];

/// Names that also mean other things: their values are secrets where they look like it.
const MAYBE: &[&str] =
    &["secret", "credential", "credentials", "token", "cookie", "key", "signature", "sig", "pin", "otp"];

/// What the name at the start of a text names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A secret.
    Sure,
    /// A secret where it looks like one.
    Maybe,
    /// What the user wants to be removed.
    Own,
}

/// What a name names. Most are told by their last letters, at no cost.
pub(super) fn named(name: &str, rules: &Redaction) -> Option<Named> {
    if rules.names.is_empty() && !may_end_so(name) {
        return None;
    }
    let folded = &*folded(name);
    let ends = |names: &[&str]| names.iter().any(|name| ends_with_word(folded, name));
    if rules.names.iter().any(|name| ends_with_word(folded, name)) {
        return Some(Named::Own);
    }
    if ends(SURE) || ["password", "passwd", "apikey"].iter().any(|name| folded.ends_with(name)) {
        return Some(Named::Sure);
    }
    ends(MAYBE).then_some(Named::Maybe)
}

/// Whether the last letters are those of a name, of [`SURE`] or [`MAYBE`].
fn may_end_so(name: &str) -> bool {
    let [.., a, b] = name.as_bytes() else { return false };
    let ends = [
        b"ey", b"en", b"et", b"se", b"rd", b"wd", b"on", b"ie", b"rt", b"\xb1a", b"ha", b"al", b"ls", b"re",
        b"ig", b"in", b"tp",
    ];
    ends.contains(&&[a.to_ascii_lowercase(), b.to_ascii_lowercase()])
}

fn ends_with_word(folded: &str, name: &str) -> bool {
    folded.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('_'))
}

/// A name in lower case with `_` for any separator, `accessToken` as `access_token`.
pub(super) fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len() + 4);
    let mut after_lower = false;
    for character in name.chars() {
        if character.is_uppercase() && after_lower {
            folded.push('_');
        }
        after_lower = character.is_lowercase() || character.is_ascii_digit();
        match character {
            '-' | ' ' | '.' | '_' => folded.push('_'),
            other => folded.extend(other.to_lowercase()),
        }
    }
    folded
}

/// Words that stand where a secret would, and are none.
const NO_VALUES: &[&str] = &[
    "a",
    "an",
    "and",
    "are",
    "as",
    "at",
    "be",
    "bool",
    "boolean",
    "bytes",
    "can",
    "change",
    "char",
    "cannot",
    "could",
    "denied",
    "disabled",
    "does",
    "empty",
    "enabled",
    "enter",
    "error",
    "expired",
    "failed",
    "false",
    "field",
    "for",
    "forgot",
    "from",
    "has",
    "have",
    "header",
    "hidden",
    "here",
    "how",
    "if",
    "in",
    "incorrect",
    "input",
    "int",
    "integer",
    "invalid",
    "is",
    "it",
    "let",
    "list",
    "manager",
    "managers",
    "may",
    "missing",
    "must",
    "my",
    "n/a",
    "needed",
    "never",
    "new",
    "nil",
    "no",
    "none",
    "not",
    "null",
    "number",
    "object",
    "of",
    "on",
    "optional",
    "or",
    "our",
    "please",
    "policy",
    "provided",
    "refused",
    "rejected",
    "required",
    "reset",
    "rotated",
    "revoked",
    "see",
    "set",
    "should",
    "str",
    "string",
    "text",
    "that",
    "the",
    "their",
    "then",
    "this",
    "to",
    "true",
    "type",
    "undefined",
    "unknown",
    "unset",
    "use",
    "valid",
    "value",
    "was",
    "when",
    "where",
    "which",
    "will",
    "with",
    "wrong",
    "yes",
    "you",
    "your",
    "bearer",
    "basic",
    "digest",
    "vec",
    "option",
];

/// Whether a value is a word, a placeholder or code rather than a secret.
pub(super) fn is_no_value(value: &str) -> bool {
    let bare = value.trim_matches(|c: char| matches!(c, '.' | '!' | '?' | ':' | ','));
    value.starts_with(PLACEHOLDER)
        || bare.is_empty()
        || bare.chars().all(|c| matches!(c, '*' | '.' | '…' | '-' | '_' | 'x' | 'X' | '•'))
        || value.starts_with(['<', '{', '%', '&', '|'])
        || value.starts_with("${")
        || value.starts_with("$(")
        || value.starts_with("os.")
        || value.starts_with("env")
        || value.starts_with("process.")
        || value.starts_with("your-")
        || value.starts_with("your_")
        || value
            .strip_prefix('$')
            .is_some_and(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
        || is_number_type(bare)
        || NO_VALUES.iter().any(|word| bare.eq_ignore_ascii_case(word))
}

/// `u64`, `f32`: a type in code.
fn is_number_type(word: &str) -> bool {
    word.strip_prefix(['u', 'i', 'f']).is_some_and(|bits| matches!(bits, "8" | "16" | "32" | "64" | "128"))
}

/// `created_at_2`: the name of something in code.
pub(super) fn is_identifier(word: &str) -> bool {
    word.contains('_')
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && word.bytes().filter(u8::is_ascii_digit).count() <= 3
}

/// Long enough, with letters and digits, or very long: no word of a language.
pub(super) fn looks_secret(value: &str) -> bool {
    let has_digit = value.bytes().any(|b| b.is_ascii_digit());
    let has_letter = value.bytes().any(|b| b.is_ascii_alphabetic());
    let has_both_cases =
        value.bytes().any(|b| b.is_ascii_uppercase()) && value.bytes().any(|b| b.is_ascii_lowercase());
    let is_mixed = has_digit && (has_letter || value.contains("**"));
    (value.len() >= 6 && is_mixed) || (value.len() >= 20 && has_both_cases && !value.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_all_names_are_known() {
        for name in SURE.iter().chain(MAYBE) {
            assert!(may_end_so(name), "{name}");
        }
    }

    #[test]
    fn spellings_of_a_name_are_one() {
        for name in ["accessToken", "access-token", "ACCESS_TOKEN", "access token", "Access.Token"] {
            assert_eq!(folded(name), "access_token");
        }
    }
}

//! One pass over a message: at each start of a word, is this an address, a key, or the name of a secret?

use super::REDACTED;

/// Beginnings of keys and tokens: OpenAI and Anthropic, Google (key and OAuth), GitHub, Slack, Hugging Face, Groq,
/// xAI, Perplexity, Replicate, AWS, GitLab, Stripe, JWTs.
const KEYS: &[&str] = &[
    "sk-",
    "AIza",
    "ya29.",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "ghr_",
    "github_pat_",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxe-",
    "xapp-",
    "hf_",
    "gsk_",
    "xai-",
    "pplx-",
    "r8_",
    "AKIA",
    "ASIA",
    "glpat-",
    "nvapi-",
    "fw_",
    "tvly-",
    "csk-",
    "lsv2_",
    "dapi",
    "AQ.",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "eyJ",
];

/// How a key in PEM form begins.
const PEM: &str = "-----BEGIN";

/// The least that follows the beginning of a key; shorter words are words (`sk-learn`, `hf_hub`).
const SHORTEST_KEY: usize = 6;

/// Names of secrets, in lower case with `_` for any separator.
const NAMES: &[&str] = &[
    "api_key",
    "apikey",
    "x_api_key",
    "x_goog_api_key",
    "goog_api_key",
    "access_token",
    "refresh_token",
    "id_token",
    "auth_token",
    "session_token",
    "client_secret",
    "secret_access_key",
    "secret_key",
    "secret",
    "account_key",
    "credential",
    "credentials",
    "passphrase",
    "password",
    "passwd",
    "pwd",
    "token",
    "authorization",
    "proxy_authorization",
    "cookie",
    "set_cookie",
    "key",
    "signature",
    "sig",
];

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

pub(super) fn redact(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_word = false;
    while let Some(character) = rest.chars().next() {
        if !in_word && character.is_ascii_alphanumeric() {
            if let Some((kept, after)) =
                address(rest).or_else(|| key(rest)).or_else(|| scheme(rest)).or_else(|| named(rest))
            {
                clean.push_str(&kept);
                rest = after;
                in_word = false;
                continue;
            }
        } else if rest.starts_with(PEM) {
            // A private key in PEM form: nothing after it is worth the risk.
            clean.push_str(REDACTED);
            break;
        }
        in_word = character.is_alphanumeric();
        clean.push(character);
        rest = &rest[character.len_utf8()..];
    }
    clean
}

type Found<'a> = Option<(String, &'a str)>;

/// `scheme://user:password@host/path?query`, kept without user information and query.
fn address(text: &str) -> Found<'_> {
    let scheme = text
        .bytes()
        .take(16)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-'))
        .count();
    let after = text.get(scheme..)?.strip_prefix("://")?;
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\');
    let (address, mut rest) = after.split_at(after.find(is_end).unwrap_or(after.len()));
    let authority = address.find(['/', '?', '#']).unwrap_or(address.len());
    let (authority, path) = address.split_at(authority);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (path, query) = path.split_at(path.find(['?', '#']).unwrap_or(path.len()));
    let mut kept = format!("{}://{host}", &text[..scheme]);
    if is_secret_path(host) {
        kept.push_str("/…");
    } else {
        for (i, segment) in path.split('/').enumerate() {
            kept.push_str(if i == 0 { "" } else { "/" });
            // A segment that is a key, also within a word such as Telegram's `bot123:..`.
            kept.push_str(if is_key(segment) || segment.starts_with("bot") && segment.contains(':') {
                REDACTED
            } else {
                segment
            });
        }
    }
    if !query.is_empty() {
        kept.push_str(&query[..1]);
        kept.push('…');
        // `for url (https://..?key=..)`: the parenthesis belongs to the sentence.
        let tail = query.trim_end_matches([')', ']', '}', ',', ';', '.', ':']);
        rest = &after[address.len() - (query.len() - tail.len())..];
    }
    Some((kept, rest))
}

/// Hosts whose paths are credentials.
fn is_secret_path(host: &str) -> bool {
    ["hooks.slack.com", "discord.com", "discordapp.com", "webhook.office.com"]
        .iter()
        .any(|secret| host.ends_with(secret))
}

fn is_key(word: &str) -> bool {
    key(word).is_some()
}

/// A word that begins like a key. Providers quote keys with asterisks, which still shows their ends.
fn key(text: &str) -> Found<'_> {
    let prefix = KEYS.iter().find(|prefix| text.starts_with(**prefix))?;
    let after = &text[prefix.len()..];
    let is_part =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*' | '.' | '+' | '/' | '=' | '~');
    let end = after.find(|c| !is_part(c)).unwrap_or(after.len());
    let key = after[..end].trim_end_matches('.');
    (key.len() >= SHORTEST_KEY).then(|| (REDACTED.to_owned(), &after[key.len()..]))
}

/// `Bearer ..` and `Basic ..`.
fn scheme(text: &str) -> Found<'_> {
    let name = ["bearer", "basic"].into_iter().find(|name| starts_with(text, name))?;
    let after = &text[name.len()..];
    let value = after.trim_start_matches([' ', ':', '"', '\'', '=']);
    if value.len() == after.len() {
        return None;
    }
    let length = value_length(value);
    let word = value[..length].trim_end_matches('.');
    if word.is_empty() || NO_CREDENTIALS.iter().any(|plain| word.eq_ignore_ascii_case(plain)) {
        return None;
    }
    let between = &after[..after.len() - value.len()];
    Some((format!("{}{between}{REDACTED}", &text[..name.len()]), &value[length..]))
}

/// `name=value`, `name: value`, `"name": "value"` and, where the value looks like a secret, `name value`.
fn named(text: &str) -> Found<'_> {
    let name = name_length(text)?;
    let after = &text[name..];
    // OpenAI: "Incorrect API key provided: ..".
    let after = after.strip_prefix(" provided").unwrap_or(after);
    let unquoted = after.trim_start_matches(['"', '\'', '\\', ' ']);
    let (value, sure) = match unquoted.strip_prefix([':', '=']) {
        // `=>`, `==` and `::` too.
        Some(value) => (value.trim_start_matches([' ', '"', '\'', '\\', '=', '>', ':', '(', '[']), true),
        None => (unquoted, false),
    };
    if value.len() == after.len() {
        return None;
    }
    // `Authorization: Bearer ..`: the next rule takes it from here, unless it is a scheme of another name.
    if starts_with(value, "bearer ") || starts_with(value, "basic ") {
        let between = text.len() - value.len();
        return scheme(value).map(|(kept, rest)| (format!("{}{kept}", &text[..between]), rest));
    }
    let between = text.len() - value.len();
    if value.starts_with(PEM) {
        return Some((format!("{}{REDACTED}", &text[..between]), ""));
    }
    // A full stop belongs to the sentence.
    let mut length = value[..value_length(value)].trim_end_matches('.').len();
    if let (true, Some(quote @ ('"' | '\''))) = (sure, text[..between].chars().next_back()) {
        // In quotes it may have spaces.
        length = value.find(quote).unwrap_or(value.len());
    }
    let is_header =
        ["cookie", "authorization"].iter().any(|header| text[..name].to_ascii_lowercase().ends_with(header));
    if sure && is_header {
        // Headers whose values have spaces: to the end of the quotation or the message.
        length = value.find(['"', '\'']).unwrap_or(value.len());
    }
    if length == 0 || !(sure || looks_secret(&value[..length])) {
        return None;
    }
    Some((format!("{}{REDACTED}", &text[..between]), &value[length..]))
}

/// The length of the name of a secret at the start of the text, if there is one. Separators may be `_`, `-`, a space
/// or missing, and a prefix may precede it: `OPENAI_API_KEY`, `x-goog-api-key`, `API key`.
fn name_length(text: &str) -> Option<usize> {
    let word =
        text.bytes().take(64).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
    let is_name = |candidate: &str| {
        let folded = folded(candidate);
        NAMES.iter().any(|name| {
            folded.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('_'))
        })
    };
    // A bare `key` names too much (`key: value`); only what precedes it makes it a secret's name.
    let is_bare = |candidate: &str| ["key", "sig"].iter().any(|bare| candidate.eq_ignore_ascii_case(bare));
    let first = &text[..word];
    if starts_with(first, "api") && word == 3 && starts_with(&text[word..], " key") {
        return Some(word + 4);
    }
    (is_name(first) && (!is_bare(first) || text[word..].starts_with('='))).then_some(word)
}

/// A name in lower case with `_` for any separator, `accessToken` as `access_token`.
fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len() + 4);
    let mut after_lower = false;
    for character in name.chars() {
        if character.is_ascii_uppercase() && after_lower {
            folded.push('_');
        }
        after_lower = character.is_ascii_lowercase() || character.is_ascii_digit();
        folded.push(if matches!(character, '-' | ' ') { '_' } else { character.to_ascii_lowercase() });
    }
    folded
}

fn value_length(value: &str) -> usize {
    let is_end = |c: char| {
        c.is_whitespace()
            || matches!(c, '"' | '\'' | '`' | ',' | ';' | '&' | '<' | '>' | '{' | '}' | '(' | ')')
    };
    value.find(is_end).unwrap_or(value.len())
}

/// Long, and with digits: no word of English.
fn looks_secret(value: &str) -> bool {
    value.len() >= 8 && value.bytes().any(|b| b.is_ascii_digit() || b == b'*')
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.as_bytes().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

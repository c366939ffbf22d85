//! Tokens: a simple, deterministic stand-in for a provider's tokenizer, and its prompt cache.

use crate::faults::Dice;
use std::collections::HashSet;

/// Letters that make one token of a longer word.
const PIECE: usize = 5;

/// Tokens of a prefix that are cached together. Real providers use 128 and more; ours suits short prompts.
const BLOCK: usize = 32;

/// The tokens of a text: words in pieces of five letters, each sign and each line break by itself.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', '\r']);
        let first = rest.chars().next()?;
        let end = if first.is_alphanumeric() {
            let mut letters = rest.char_indices();
            let end = letters.by_ref().take(PIECE).take_while(|(_, c)| c.is_alphanumeric()).last();
            end.map_or(0, |(at, c)| at + c.len_utf8())
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(end);
        rest = after;
        Some(token)
    })
}

/// How many tokens a text has, as this provider counts.
///
/// ```
/// assert_eq!(example_provider::count_tokens("Senior engineer, Rust."), 7);
/// ```
pub fn count_tokens(text: &str) -> u64 {
    tokens(text).count() as u64
}

/// The text up to `limit` tokens, and whether that cut it.
pub(crate) fn truncate(text: &str, limit: u64) -> (&str, bool) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    match tokens(text).nth(limit) {
        None => (text, false),
        // Both point into the same text, so the difference of the addresses is where the token starts.
        Some(next) => (text[..next.as_ptr() as usize - text.as_ptr() as usize].trim_end(), true),
    }
}

/// Tokens of a stream's event.
const PER_EVENT: usize = 8;

/// The text in pieces of some tokens, as a stream brings them.
pub(crate) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(next) = tokens(rest).nth(PER_EVENT) {
        let (piece, after) = rest.split_at(next.as_ptr() as usize - rest.as_ptr() as usize);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// The prefixes that were seen, per model, in blocks of tokens.
#[derive(Debug, Default)]
pub(crate) struct PrefixCache(HashSet<u64>);

impl PrefixCache {
    /// How many tokens at the start of the prompt were seen before; from now on, all of it was.
    pub(crate) fn read(&mut self, model: &str, prompt: &str) -> u64 {
        let mut prefix = Dice::new(0).with(model);
        let (mut cached, mut cold) = (0, false);
        for (n, token) in tokens(prompt).enumerate() {
            prefix = prefix.with(token);
            if (n + 1) % BLOCK == 0 {
                cold |= self.0.insert(prefix.value());
                if !cold {
                    cached = n as u64 + 1;
                }
            }
        }
        cached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_signs_and_lines() {
        let all: Vec<_> = tokens("Hello wonderful world,\n  {\"é\": 1}").collect();
        assert_eq!(all, ["Hello", "wonde", "rful", "world", ",", "\n", "{", "\"", "é", "\"", ":", "1", "}"]);
        assert_eq!(count_tokens(""), 0);
        assert_eq!(count_tokens(" \t "), 0);
    }

    #[test]
    fn cuts_between_tokens() {
        assert_eq!(truncate("one two three", 2), ("one two", true));
        assert_eq!(truncate("one two three", 3), ("one two three", false));
        assert_eq!(truncate("one", 0), ("", true));
        assert_eq!(truncate("", 0), ("", false));
    }

    #[test]
    fn pieces_are_the_text_again() {
        let text = "one two, three\nfour ".repeat(5);
        assert!(pieces(&text).len() > 2);
        assert_eq!(pieces(&text).concat(), text);
        assert_eq!(pieces(""), [""]);
    }

    #[test]
    fn only_whole_known_blocks_are_cached() {
        let mut cache = PrefixCache::default();
        let shared = "word ".repeat(2 * BLOCK + 5);
        assert_eq!(cache.read("m", &format!("{shared} first")), 0);
        assert_eq!(cache.read("m", &format!("{shared} second")), 2 * BLOCK as u64);
        assert_eq!(cache.read("other", &shared), 0);
        assert_eq!(cache.read("m", "word word"), 0);
    }
}

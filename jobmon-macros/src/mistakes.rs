//! Lists between commas, and all that is wrong in them.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Result, Token};

/// Mistakes found so far.
#[derive(Default)]
pub(crate) struct Mistakes(pub(crate) Option<Error>);

impl Mistakes {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.clone().map_or(0, |errors| errors.into_iter().count())
    }

    pub(crate) fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            none => *none = Some(error),
        }
    }

    /// Notes a word that may come once, and tells both spots when it comes again.
    pub(crate) fn check_duplicate(&mut self, what: &str, word: &Ident, seen: &mut Vec<Ident>) {
        if let Some(first) = seen.iter().find(|first| first.unraw() == word.unraw()) {
            self.add(Error::new(word.span(), format!("duplicate {what} `{word}`")));
            self.add(Error::new(first.span(), format!("`{first}` is given here first")));
        }
        seen.push(word.clone());
    }
}

/// Reads entries between commas. A broken entry is skipped up to the next comma; a missing comma is told.
pub(crate) fn each(
    input: ParseStream<'_>,
    mistakes: &mut Mistakes,
    mut entry: impl FnMut(ParseStream<'_>, &mut Mistakes, &mut Vec<Ident>) -> Result<()>,
) {
    let mut seen = Vec::new();
    while !input.is_empty() {
        let parsed = entry(input, mistakes, &mut seen);
        let broken = parsed.is_err();
        if let Err(error) = parsed {
            mistakes.add(error);
        }
        if !broken && !input.is_empty() && !input.peek(Token![,]) {
            let next = input.cursor().token_tree().map(|(token, _)| token);
            mistakes.add(input.error("expected `,` before this"));
            // A word begins the next entry; anything else is rubbish.
            if matches!(next, Some(TokenTree::Ident(_))) {
                continue;
            }
        }
        while !input.is_empty() && !input.peek(Token![,]) {
            if input.parse::<TokenTree>().is_err() {
                return;
            }
        }
        if input.parse::<Option<Token![,]>>().is_err() {
            return;
        }
    }
}

/// The same for the tokens between parentheses.
pub(crate) fn each_of(
    tokens: &TokenStream,
    mistakes: &mut Mistakes,
    entry: impl FnMut(ParseStream<'_>, &mut Mistakes, &mut Vec<Ident>) -> Result<()>,
) {
    let mut inner = Mistakes::default();
    let parser = |input: ParseStream<'_>| {
        each(input, &mut inner, entry);
        Ok(())
    };
    if let Err(error) = parser.parse2(tokens.clone()) {
        inner.add(error);
    }
    if let Some(error) = inner.0 {
        mistakes.add(error);
    }
}

/// The tokens between the parentheses of `key(..)`.
pub(crate) fn list_of(input: ParseStream<'_>, key: &Ident, example: &str) -> Result<TokenStream> {
    if !input.peek(syn::token::Paren) {
        let message = format!("expected `(` after `{key}`: write {example}");
        return Err(Error::new(key.span(), message));
    }
    let content;
    syn::parenthesized!(content in input);
    content.parse()
}

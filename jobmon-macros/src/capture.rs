//! `capture(input(prompt), output)`: what of the content of a call is kept.

use crate::mistakes::{Mistakes, each_of};
use crate::words;
use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Result, Token};

const SIDES: &[&str] = &["input", "output"];

/// What is kept.
#[derive(Clone, Default)]
pub(crate) struct Capture {
    /// What goes in: these, and what `current().request(..)` tells.
    pub(crate) input: bool,
    pub(crate) inputs: Vec<Expr>,
    /// What comes out.
    pub(crate) output: bool,
}

/// Reads the list; mistakes are told on their own spots.
pub(crate) fn parse(key: &Ident, tokens: &TokenStream, mistakes: &mut Mistakes) -> Result<Option<Capture>> {
    let before = mistakes.count();
    let mut capture = Capture::default();
    each_of(tokens, mistakes, |input, mistakes, seen| {
        let Ok(side) = input.call(Ident::parse_any) else {
            return Err(input.error("expected `input`, `input(prompt)` or `output`"));
        };
        let name = side.unraw().to_string();
        if !SIDES.contains(&name.as_str()) {
            return Err(Error::new(side.span(), words::unknown("side", &name, SIDES)));
        }
        mistakes.check_duplicate("side", &side, seen);
        if name == "output" {
            if input.peek(syn::token::Paren) {
                return Err(Error::new(side.span(), "`output` takes nothing: it is what the function gives"));
            }
            capture.output = true;
            return Ok(());
        }
        capture.input = true;
        if input.peek(syn::token::Paren) {
            let inside;
            syn::parenthesized!(inside in input);
            let tokens: TokenStream = inside.parse()?;
            let values = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens)?;
            if values.is_empty() {
                return Err(Error::new(side.span(), "`input(..)` needs a value: `input(prompt)`"));
            }
            capture.inputs = values.into_iter().collect();
        }
        Ok(())
    });
    if capture.input || capture.output || mistakes.count() > before {
        return Ok(Some(capture));
    }
    Err(Error::new(key.span(), "`capture` needs to know what: `capture(input(prompt), output)`"))
}

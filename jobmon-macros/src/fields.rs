//! The entries of `fields(..)`: `job_id`, `n = items.len()`, `job.id = %job.id`, `who = ?user`, `%x`, `?y`.

use crate::mistakes::{Mistakes, each_of};
use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Error, Expr, LitStr, Result, Token};

/// One attribute of a call.
#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) key: String,
    /// Tokens rather than an expression: a half-typed one is the compiler's to explain.
    pub(crate) value: TokenStream,
    /// The function of the private door that records it.
    pub(crate) how: &'static str,
}

/// Reads the entries; mistakes are told on their own spots.
pub(crate) fn parse(tokens: &TokenStream, mistakes: &mut Mistakes) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    each_of(tokens, mistakes, |input, _, _| {
        let (field, key_span) = entry(input)?;
        if fields.iter().any(|known| known.key == field.key) {
            return Err(Error::new(key_span, format!("duplicate field `{}`", field.key)));
        }
        fields.push(field);
        Ok(())
    });
    fields
}

fn entry(input: ParseStream<'_>) -> Result<(Field, Span)> {
    if let Some(how) = sigil(input)? {
        let (key, value, span) = dotted(input)?;
        return Ok((Field { key, value, how }, span));
    }
    let (key, value, span) = if input.peek(LitStr) {
        let key: LitStr = input.parse()?;
        if !input.peek(Token![=]) {
            return Err(Error::new(key.span(), "a quoted key needs a value: `\"job.id\" = %job.id`"));
        }
        (key.value(), TokenStream::new(), key.span())
    } else {
        dotted(input)?
    };
    if !input.peek(Token![=]) {
        return Ok((Field { key, value, how: "value" }, span));
    }
    input.parse::<Token![=]>()?;
    let how = sigil(input)?.unwrap_or("value");
    let value: Expr = input.parse()?;
    Ok((Field { key, value: quote!(#value), how }, span))
}

/// `%` records by `Display`, `?` by `Debug`.
fn sigil(input: ParseStream<'_>) -> Result<Option<&'static str>> {
    if input.parse::<Option<Token![%]>>()?.is_some() {
        return Ok(Some("display"));
    }
    Ok(input.parse::<Option<Token![?]>>()?.map(|_| "debug"))
}

/// `job.id`: a key, and the same as an expression.
fn dotted(input: ParseStream<'_>) -> Result<(String, TokenStream, Span)> {
    let Ok(first) = input.call(Ident::parse_any) else {
        return Err(input.error("expected a field: `job_id`, `job.id = %job.id`, `who = ?user`"));
    };
    let span = first.span();
    let mut key = first.unraw().to_string();
    let mut value = TokenStream::from(TokenTree::from(first));
    while input.peek(Token![.]) {
        let dot: Token![.] = input.parse()?;
        // A field of a tuple is a number; `0.1` in `self.0.1` is one token.
        let (name, part) = if input.peek(syn::Lit) {
            let number: Literal = input.parse()?;
            (number.to_string(), TokenTree::from(number))
        } else {
            let part = input.call(Ident::parse_any)?;
            (part.unraw().to_string(), TokenTree::from(part))
        };
        key = format!("{key}.{name}");
        value.extend(quote!(#dot #part));
    }
    Ok((key, value, span))
}

//! `retry(..)` and `timeout = ..`: when a call is tried again, and how long it may take.

use crate::mistakes::{Mistakes, each, list_of};
use crate::values::expression;
use crate::words;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Error, Expr, Lit, Path, Result, Token};

const KEYS: &[&str] = &["attempts", "backoff", "max", "max_retry_after", "jitter", "on", "when"];
const BACKOFFS: &[&str] = &["fixed", "exponential"];

/// Names of the variants of `ErrorCategory`, and of the categories.
const CATEGORIES: [(&str, &str); 14] = [
    ("RateLimit", "rate_limit"),
    ("Quota", "quota"),
    ("Authentication", "authentication"),
    ("InvalidRequest", "invalid_request"),
    ("ContextLength", "context_length"),
    ("ContentFilter", "content_filter"),
    ("Parsing", "parsing"),
    ("Network", "network"),
    ("Timeout", "timeout"),
    ("Server", "server"),
    ("Cancelled", "cancelled"),
    ("Panic", "panic"),
    ("Budget", "budget"),
    ("Other", "other"),
];

/// What is said about retries.
#[derive(Clone)]
pub(crate) struct Retry {
    /// Of the word `retry`.
    pub(crate) span: Span,
    policy: Policy,
    /// `when = |e| ..`: decides instead of the category.
    pub(crate) when: Option<Expr>,
    /// Said of all methods of a block, some of which may not be able to fail.
    pub(crate) of_block: bool,
}

#[derive(Clone)]
enum Policy {
    /// `retry = expression`.
    Given(Box<Expr>),
    Written(Vec<Part>),
}

/// A call of the builder of `Retry`, its arguments still without the private door.
#[derive(Clone)]
enum Part {
    Attempts(TokenStream),
    Backoff(&'static str, Wait),
    By(Expr),
    Number(&'static str, TokenStream),
    Limit(&'static str, Wait),
    Jitter,
    On(Vec<(&'static str, Span)>),
}

/// A time: known now, or at the call.
#[derive(Clone)]
pub(crate) enum Wait {
    Nanos(u64),
    Computed(Box<Expr>),
}

impl Wait {
    /// `"200ms"`, or an expression that gives a `Duration`.
    pub(crate) fn parse(input: ParseStream<'_>, key: &str) -> Result<Self> {
        const EXPECTED: &str = "a duration such as \"200ms\", \"5s\", \"1m\" or \"2h\", or an expression that gives a `Duration`";
        match expression(input)? {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => match nanos(&text.value()) {
                    Some(nanos) => Ok(Self::Nanos(nanos)),
                    None => {
                        let text = text.value();
                        Err(Error::new_spanned(
                            literal,
                            format!("`{text}` is no duration: `{key}` takes {EXPECTED}"),
                        ))
                    }
                },
                _ => Err(Error::new_spanned(literal, format!("`{key}` takes {EXPECTED}"))),
            },
            other => Ok(Self::Computed(Box::new(other))),
        }
    }

    pub(crate) fn tokens(&self, p: &TokenStream) -> TokenStream {
        let m = Span::mixed_site();
        match self {
            Self::Nanos(nanos) => quote_spanned!(m=> #p::Duration::from_nanos(#nanos)),
            Self::Computed(expr) => quote!(#expr),
        }
    }
}

/// A whole number and its unit.
fn nanos(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

impl Retry {
    /// `retry`, `retry(..)` or `retry = policy`, after the word.
    pub(crate) fn parse(key: &Ident, input: ParseStream<'_>, mistakes: &mut Mistakes) -> Result<Self> {
        let span = key.span();
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(Self { span, policy: Policy::Written(Vec::new()), when: None, of_block: false });
        }
        if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            let value = expression(input)?;
            if let Expr::Lit(_) = value {
                let message = "`retry` takes a `jobmon::Retry`, or is written `retry(attempts = 3, ..)`";
                return Err(Error::new_spanned(value, message));
            }
            return Ok(Self { span, policy: Policy::Given(Box::new(value)), when: None, of_block: false });
        }
        let tokens = list_of(input, key, "`retry(attempts = 3, on(RateLimit))`")?;
        let mut inner = Mistakes::default();
        let (mut parts, mut when, mut on) = (Vec::new(), None, None);
        let parser = |input: ParseStream<'_>| {
            each(input, &mut inner, |input, mistakes, seen| {
                let word = key_of(input)?;
                mistakes.check_duplicate("key", &word, seen);
                match word.unraw().to_string().as_str() {
                    "jitter" => parts.push(Part::Jitter),
                    "on" => {
                        on = Some(word.span());
                        let tokens = list_of(input, &word, "`on(RateLimit, Network)`")?;
                        parts.push(Part::On(categories(&tokens, word.span(), mistakes)));
                    }
                    name => {
                        equals(input, &word)?;
                        match name {
                            "attempts" => parts.push(Part::Attempts(attempts(input)?)),
                            "backoff" => backoff(input, &mut parts, mistakes)?,
                            "max" => parts.push(Part::Limit("max", Wait::parse(input, name)?)),
                            "max_retry_after" => {
                                parts.push(Part::Limit("max_retry_after", Wait::parse(input, name)?));
                            }
                            _ => when = Some((word.span(), function(input, "when", "|error| ..")?)),
                        }
                    }
                }
                Ok(())
            });
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            inner.add(error);
        }
        if let (Some(on), Some((when, _))) = (on, &when) {
            inner.add(Error::new(*when, "`when` decides alone; `on` would have no effect beside it"));
            inner.add(Error::new(on, "`on` is given here"));
        }
        if let Some(error) = inner.0 {
            mistakes.add(error);
        }
        Ok(Self { span, policy: Policy::Written(parts), when: when.map(|(_, when)| when), of_block: false })
    }

    /// What a block says of a method.
    pub(crate) fn of_block(self) -> Self {
        Self { of_block: true, ..self }
    }

    /// The policy, as an expression.
    pub(crate) fn tokens(&self, p: &TokenStream) -> TokenStream {
        let m = Span::mixed_site();
        let parts = match &self.policy {
            Policy::Given(expr) => return quote!(#expr),
            Policy::Written(parts) => parts,
        };
        let attempts = parts.iter().find_map(|part| match part {
            Part::Attempts(number) => Some(number.clone()),
            _ => None,
        });
        let attempts = attempts.unwrap_or_else(|| quote!(3));
        let calls = parts.iter().map(|part| match part {
            Part::Attempts(_) => TokenStream::new(),
            Part::Backoff(name, wait) | Part::Limit(name, wait) => {
                let (name, wait) = (Ident::new(name, m), wait.tokens(p));
                quote_spanned!(m=> .#name(#wait))
            }
            Part::Number(name, number) => {
                let name = Ident::new(name, m);
                quote_spanned!(m=> .#name(#number))
            }
            Part::By(function) => quote_spanned!(m=> .by(#function)),
            Part::Jitter => quote_spanned!(m=> .jitter()),
            Part::On(categories) => {
                let names = categories.iter().map(|(name, span)| Ident::new(name, m.located_at(*span)));
                quote_spanned!(m=> .on(&[#(#p::ErrorCategory::#names),*]))
            }
        });
        quote_spanned!(m=> #p::Retry::new(#attempts) #(#calls)*)
    }
}

fn key_of(input: ParseStream<'_>) -> Result<Ident> {
    let Ok(word) = input.call(Ident::parse_any) else {
        return Err(input.error(format!("expected a key of `retry`, one of: {}", words::list(KEYS))));
    };
    let name = word.unraw().to_string();
    if KEYS.contains(&name.as_str()) {
        Ok(word)
    } else {
        Err(Error::new(word.span(), words::unknown("key of `retry`", &name, KEYS)))
    }
}

fn equals(input: ParseStream<'_>, word: &Ident) -> Result<()> {
    if !input.peek(Token![=]) {
        return Err(Error::new(word.span(), format!("expected `=` after `{word}`: write `{word} = ..`")));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new(word.span(), format!("`{word} =` needs a value")));
    }
    Ok(())
}

/// How often in total: a number, or an expression that gives one.
fn attempts(input: ParseStream<'_>) -> Result<TokenStream> {
    const EXPECTED: &str =
        "`attempts` takes how often to try in total, a number from 2, or an expression that gives a `u32`";
    let value = expression(input)?;
    if let Expr::Lit(literal) = &value {
        let number =
            if let Lit::Int(number) = &literal.lit { number.base10_parse::<u32>().ok() } else { None };
        if number.is_none_or(|number| number < 2) {
            return Err(Error::new_spanned(value, EXPECTED));
        }
    }
    Ok(quote!(#value))
}

/// `fixed("1s")`, `exponential("200ms", max = "5s", factor = 2)`, or a function.
fn backoff(input: ParseStream<'_>, parts: &mut Vec<Part>, mistakes: &mut Mistakes) -> Result<()> {
    const EXPECTED: &str = "`backoff` takes `fixed(\"1s\")`, `exponential(\"200ms\", max = \"5s\")`, or a function from the number of the attempt that failed to a `Duration`";
    let ahead = input.fork();
    let known = ahead.call(Ident::parse_any).ok().filter(|word| BACKOFFS.iter().any(|known| word == known));
    let Some(known) = known.filter(|_| ahead.peek(syn::token::Paren)) else {
        return match expression(input)? {
            value @ (Expr::Closure(_) | Expr::Path(_)) => {
                parts.push(Part::By(value));
                Ok(())
            }
            other => Err(Error::new_spanned(other, EXPECTED)),
        };
    };
    let word: Ident = input.call(Ident::parse_any)?;
    let kind = if known == "fixed" { "fixed" } else { "exponential" };
    let tokens = list_of(input, &word, EXPECTED)?;
    let mut inner = Mistakes::default();
    let mut first = None;
    let parser = |input: ParseStream<'_>| {
        each(input, &mut inner, |input, mistakes, seen| {
            let named = input.peek(syn::Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]);
            if !named {
                if first.is_some() {
                    return Err(input.error(format!("expected one time; {EXPECTED}")));
                }
                first = Some(Wait::parse(input, kind)?);
                return Ok(());
            }
            let key = input.call(Ident::parse_any)?;
            let name = key.unraw().to_string();
            let keys: &[&str] = if kind == "fixed" { &[] } else { &["max", "factor"] };
            if !keys.contains(&name.as_str()) {
                let message = if keys.is_empty() {
                    "`fixed` takes one time and nothing else".to_owned()
                } else {
                    words::unknown("key of `exponential`", &name, keys)
                };
                return Err(Error::new(key.span(), message));
            }
            mistakes.check_duplicate("key", &key, seen);
            equals(input, &key)?;
            if name == "max" {
                parts.push(Part::Limit("max", Wait::parse(input, "max")?));
            } else {
                let factor = expression(input)?;
                parts.push(Part::Number("factor", quote!(#factor)));
            }
            Ok(())
        });
        Ok(())
    };
    if let Err(error) = parser.parse2(tokens) {
        inner.add(error);
    }
    let broken = inner.0.is_some();
    if let Some(error) = inner.0 {
        mistakes.add(error);
    }
    match first {
        // Before the others: a factor belongs to an exponential back-off.
        Some(first) => parts.insert(0, Part::Backoff(kind, first)),
        None if broken => {}
        None => return Err(Error::new(word.span(), format!("`{kind}` needs a time: `{kind}(\"200ms\")`"))),
    }
    Ok(())
}

/// A closure, or the name of a function.
fn function(input: ParseStream<'_>, key: &str, example: &str) -> Result<Expr> {
    match expression(input)? {
        value @ (Expr::Closure(_) | Expr::Path(_)) => Ok(value),
        other => {
            let message = format!("`{key}` takes a closure or the name of a function: `{key} = {example}`");
            Err(Error::new_spanned(other, message))
        }
    }
}

/// Categories by the names of their variants, or by their own.
fn categories(tokens: &TokenStream, at: Span, mistakes: &mut Mistakes) -> Vec<(&'static str, Span)> {
    let mut found = Vec::new();
    let mut inner = Mistakes::default();
    let names: Vec<&str> = CATEGORIES.iter().map(|(variant, _)| *variant).collect();
    let parser = |input: ParseStream<'_>| {
        each(input, &mut inner, |input, mistakes, seen| {
            let Ok(path) = input.call(Path::parse_mod_style) else {
                return Err(input.error(format!("expected a category, one of: {}", words::list(&names))));
            };
            // `ErrorCategory::RateLimit` is as good as `RateLimit`.
            let word = path.segments.last().map(|last| last.ident.clone());
            let Some(word) = word else { return Err(Error::new(path.span(), "expected a category")) };
            let name = word.unraw().to_string();
            let known = CATEGORIES.iter().find(|(variant, own)| *variant == name || *own == name);
            let Some((variant, _)) = known else {
                return Err(Error::new(word.span(), words::unknown("category", &name, &names)));
            };
            mistakes.check_duplicate("category", &word, seen);
            found.push((*variant, word.span()));
            Ok(())
        });
        if found.is_empty() {
            return Err(Error::new(Span::call_site(), ""));
        }
        Ok(())
    };
    let empty = parser.parse2(tokens.clone()).is_err();
    match inner.0 {
        Some(error) => mistakes.add(error),
        None if empty => mistakes.add(Error::new(
            at,
            format!("`on()` would retry nothing; name a category: {}", words::list(&names)),
        )),
        None => {}
    }
    found
}

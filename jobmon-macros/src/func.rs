//! The annotated function: its signature as a tree, its body as tokens.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Error, Result, Signature, Token, Visibility};

/// A function. Its body is not parsed, so a half-typed one keeps the editor's help.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// `#![..]` and `//!` at the start of the body.
    pub(crate) inner: Vec<Attribute>,
    /// Of the braces of the body.
    pub(crate) brace: Span,
    pub(crate) body: TokenStream,
    /// Its line, where the attribute stands elsewhere.
    pub(crate) line: Option<u32>,
}

impl Function {
    /// Reads a function, or tells what to write instead of what is there.
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        // What an ordinary function is read by; whatever is wrong is told by the thorough reading.
        let function = match quickly(tokens.clone()) {
            Some(function) => function,
            None => function.parse2(tokens)?,
        };
        function.refuse_unsupported()?;
        Ok(function)
    }

    /// Whether an attribute of this name is on it.
    pub(crate) fn has(&self, name: &str) -> Option<&Attribute> {
        self.attrs.iter().find(|attr| attr.path().is_ident(name))
    }

    fn refuse_unsupported(&self) -> Result<()> {
        if let Some(keyword) = &self.sig.constness {
            return Err(Error::new_spanned(
                keyword,
                "a `const fn` cannot be monitored: it may run in the compiler; put `#[instrument_llm]` on the function that calls it",
            ));
        }
        if let (Some(attr), None) = (self.has("track_caller"), &self.sig.asyncness) {
            return Err(Error::new_spanned(
                attr,
                "`#[track_caller]` does not work through `#[instrument_llm]`: the caller would be jobmon; remove it, or put `#[instrument_llm]` on a function inside",
            ));
        }
        Ok(())
    }
}

/// Reads a function that ends in a block without inner attributes. Its body is not looked into, which saves most of the
/// time that the macro takes.
fn quickly(tokens: TokenStream) -> Option<Function> {
    let mut header: Vec<TokenTree> = tokens.into_iter().collect();
    let Some(TokenTree::Group(body)) = header.pop() else { return None };
    let mut first = body.stream().into_iter().take(2);
    let is = |token: Option<TokenTree>, sign| matches!(token, Some(TokenTree::Punct(found)) if found.as_char() == sign);
    if body.delimiter() != Delimiter::Brace || (is(first.next(), '#') && is(first.next(), '!')) {
        return None;
    }
    let signature =
        |input: ParseStream<'_>| Ok((input.call(Attribute::parse_outer)?, input.parse()?, input.parse()?));
    let (attrs, vis, sig) = signature.parse2(header.into_iter().collect()).ok()?;
    Some(Function { attrs, vis, sig, inner: Vec::new(), brace: body.span(), body: body.stream(), line: None })
}

fn function(input: ParseStream<'_>) -> Result<Function> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis: Visibility = input.parse()?;
    refuse_other_items(input)?;
    let sig: Signature = input.parse()?;
    if input.peek(Token![;]) {
        let name = sig.ident.unraw();
        return Err(Error::new_spanned(
            &sig,
            format!("`{name}` has no body to monitor; put `#[instrument_llm]` on its implementation"),
        ));
    }
    let body = braces(input)?;
    let inner_and_rest = |input: ParseStream<'_>| {
        let inner = input.call(Attribute::parse_inner)?;
        Ok((inner, input.parse::<TokenStream>()?))
    };
    let brace = body.span();
    let (inner, body) = inner_and_rest.parse2(body.stream())?;
    if !input.is_empty() {
        return Err(input.error("expected nothing after the function's body"));
    }
    Ok(Function { attrs, vis, sig, inner, brace, body, line: None })
}

/// The body, also where `macro_rules!` put it into an invisible group as `$body:block`.
fn braces(input: ParseStream<'_>) -> Result<Group> {
    let mut found = input.fork().parse::<TokenTree>();
    while let Ok(TokenTree::Group(group)) = found {
        if group.delimiter() == Delimiter::Brace {
            input.parse::<TokenTree>()?;
            return Ok(group);
        }
        if group.delimiter() != Delimiter::None {
            break;
        }
        let mut inside = group.stream().into_iter();
        found = inside.next().ok_or_else(|| input.error("expected a body"));
    }
    Err(input.error("expected the function's body in braces"))
}

/// An item that `macro_rules!` passed as `$item:item`.
pub(crate) fn ungrouped(tokens: TokenStream) -> TokenStream {
    let mut trees = tokens.clone().into_iter();
    match (trees.next(), trees.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::None => group.stream(),
        _ => tokens,
    }
}

/// One message for each kind of item that is not a function.
fn refuse_other_items(input: ParseStream<'_>) -> Result<()> {
    let ahead = input.fork();
    // `unsafe impl`, `unsafe trait`, `auto trait`, `unsafe mod`: the keyword after tells the kind.
    let _ = ahead.parse::<Option<Token![unsafe]>>();
    let Ok(word) = ahead.call(syn::Ident::parse_any) else {
        return Err(input.error("expected a function after `#[instrument_llm]`"));
    };
    let kind = match word.to_string().as_str() {
        "const" if !ahead.peek(Token![fn]) && !followed_by_function(&ahead) => "a constant",
        "async" | "const" | "extern" | "fn" | "safe" | "unsafe" => return Ok(()),
        "trait" => {
            return Err(Error::new(
                word.span(),
                "`#[instrument_llm]` takes a function, this is a trait; put it on each method with a body, and on the implementations",
            ));
        }
        "mod" => "a module",
        "struct" => "a struct",
        "enum" => "an enum",
        "union" => "a union",
        "static" => "a static",
        "type" => "a type alias",
        "use" => "a `use` declaration",
        "let" => "a variable",
        "macro_rules" | "macro" => "a macro",
        _ => "something else",
    };
    let message = format!(
        "`#[instrument_llm]` takes a function, this is {kind}; put it on the function that does the work"
    );
    Err(Error::new(word.span(), message))
}

/// Whether `const` belongs to `const async unsafe extern "C" fn`.
fn followed_by_function(after: ParseStream<'_>) -> bool {
    after.peek(Token![async]) || after.peek(Token![unsafe]) || after.peek(Token![extern])
}

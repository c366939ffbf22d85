//! `#[instrument_llm]` on an `impl` block: on each of its async methods.

use crate::args::Args;
use crate::expand::instrumented;
use crate::func::Function;
use crate::mistakes::Mistakes;
use crate::shape::Shape;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Error, ImplItem, Meta, Result, Signature, Token, Visibility};

/// The block with its methods instrumented.
//
// Input:
//     #[instrument_llm(model = "m")]
//     impl Agent {
//         async fn ask(&self) { .. }
//         #[instrument_llm(name = "search", model = "n")]
//         async fn find(&self) { .. }
//         #[instrument_llm(skip)]
//         async fn wait(&self) { .. }
//         fn plain(&self) { .. }
//     }
//
// Output: the same with `#[instrument_llm(model = "m")]` expanded on `ask` and `#[instrument_llm(name = "search",
// model = "n")]` on `find`.
pub(crate) fn instrument(mut args: Args, block: &Block, mistakes: &mut Mistakes) -> TokenStream {
    if let Some(name) = &args.name {
        mistakes.add(Error::new(
            name.span(),
            "`name` is that of one method; put `#[instrument_llm(name = \"..\")]` on it",
        ));
    }
    let mut instrumented = 0;
    let items = block.items.iter().map(|item| match item {
        Item::Other(tokens) => tokens.clone(),
        Item::Method(method) => {
            let (tokens, done) = method.instrument(&mut args, mistakes);
            instrumented += usize::from(done);
            tokens
        }
    });
    let items: TokenStream = items.collect();
    if instrumented == 0 {
        mistakes.add(Error::new(
            block.span(),
            "this `impl` block has no async method to monitor; put `#[instrument_llm]` on the methods themselves",
        ));
    }
    let mut body = Group::new(Delimiter::Brace, items);
    body.set_span(block.body.span());
    let header = &block.header;
    quote!(#header #body)
}

/// An `impl` block: its methods apart, everything else as it stands.
pub(crate) struct Block {
    header: TokenStream,
    body: Group,
    items: Vec<Item>,
}

enum Item {
    Method(Box<Method>),
    Other(TokenStream),
}

struct Method {
    attrs: Vec<Attribute>,
    sig: Signature,
    /// From the visibility to the end of the body.
    rest: TokenStream,
}

impl Block {
    /// Reads an `impl` block; `None` where it is something else.
    pub(crate) fn parse(item: &TokenStream) -> Option<Result<Self>> {
        // Functions, which most items are, are told by one of their first words.
        let word = |token| if let TokenTree::Ident(word) = token { Some(word) } else { None };
        let mut words = item.clone().into_iter().filter_map(word);
        if words.find(|word| word == "impl" || word == "fn")? == "fn" {
            return None;
        }
        let mut header: Vec<TokenTree> = item.clone().into_iter().collect();
        let Some(TokenTree::Group(body)) = header.pop() else { return None };
        // Attributes, and the word before `impl` that it may have.
        let is_impl = |input: ParseStream<'_>| {
            Attribute::parse_outer(input)?;
            input.parse::<Option<Token![unsafe]>>()?;
            input.parse::<Token![impl]>()?;
            input.parse::<TokenStream>()
        };
        let header: TokenStream = header.into_iter().collect();
        if body.delimiter() != Delimiter::Brace || is_impl.parse2(header.clone()).is_err() {
            return None;
        }
        Some(items.parse2(body.stream()).map(|items| Self { header, body, items }))
    }

    /// Of the word `impl`, or what comes first.
    fn span(&self) -> proc_macro2::Span {
        let is_impl = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "impl");
        let word = self.header.clone().into_iter().find(is_impl);
        word.map_or_else(|| self.body.span(), |word| word.span())
    }
}

fn items(input: ParseStream<'_>) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    let inner = input.call(Attribute::parse_inner)?;
    if !inner.is_empty() {
        items.push(Item::Other(quote!(#(#inner)*)));
    }
    while !input.is_empty() {
        items.push(match method(input)? {
            Some(method) => Item::Method(Box::new(method)),
            None => Item::Other(input.parse::<ImplItem>()?.into_token_stream()),
        });
    }
    Ok(items)
}

/// A method with a body, if one comes next. The body is not parsed.
fn method(input: ParseStream<'_>) -> Result<Option<Method>> {
    let ahead = input.fork();
    let attrs = ahead.call(Attribute::parse_outer)?;
    let (Ok(vis), Ok(sig)) = (ahead.parse::<Visibility>(), ahead.parse::<Signature>()) else {
        return Ok(None);
    };
    let Ok(TokenTree::Group(body)) = ahead.parse::<TokenTree>() else { return Ok(None) };
    input.advance_to(&ahead);
    Ok(Some(Method { attrs, rest: quote!(#vis #sig #body), sig }))
}

impl Method {
    /// Gives it instrumented where it is to be, and whether it is.
    fn instrument(&self, block: &mut Args, mistakes: &mut Mistakes) -> (TokenStream, bool) {
        let Self { attrs, sig, rest } = self;
        let own = attrs.iter().position(is_ours);
        let mut attrs = attrs.clone();
        let own = own.map(|at| arguments(&attrs.remove(at)));
        let plain = quote!(#(#attrs)* #rest);
        let mut own_model = false;
        let mut args = match own {
            None if Shape::of(sig).is_async() => Args::default().or(block),
            None => return (plain, false),
            // It has been looked at, and stays as it is.
            Some(tokens) if tokens.to_string() == "skip" => return (plain, true),
            Some(tokens) => {
                let (own, wrong) = Args::parse(tokens);
                if let Some(error) = wrong {
                    mistakes.add(error);
                }
                own_model = own.model.is_some();
                own.or(block)
            }
        };
        if own_model {
            args.check_model(mistakes);
        } else {
            // What there is to say of the model of all is said of the first.
            block.model_warning = TokenStream::new();
        }
        let function =
            Function::parse(plain.clone()).map(|function| Function { line: line_of(sig), ..function });
        match function.and_then(|function| instrumented(&args, &function, &plain)) {
            Ok(tokens) => (tokens, true),
            Err(error) => {
                mistakes.add(error);
                (plain, true)
            }
        }
    }
}

/// The line of a method, where a compiler runs this.
fn line_of(sig: &Signature) -> Option<u32> {
    let line = proc_macro::is_available().then(|| sig.ident.span().unwrap().line())?;
    u32::try_from(line).ok()
}

fn is_ours(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|last| last.ident == "instrument_llm")
}

fn arguments(attr: &Attribute) -> TokenStream {
    match &attr.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    }
}

//! Whatever comes in, the macros answer with tokens: they never panic.

use crate::expand::instrument;
use crate::{error, response};
use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};
use quote::quote;

const ROUNDS: usize = 10_000;

/// A small generator (xorshift), the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % n
    }

    fn tokens(&mut self, depth: usize) -> TokenStream {
        (0..self.below(9)).map(|_| self.token(depth)).collect()
    }

    fn token(&mut self, depth: usize) -> TokenTree {
        const WORDS: [&str; 42] = [
            "fn",
            "async",
            "const",
            "unsafe",
            "extern",
            "pub",
            "impl",
            "struct",
            "enum",
            "trait",
            "mod",
            "self",
            "crate",
            "super",
            "let",
            "where",
            "dyn",
            "for",
            "return",
            "operation",
            "provider",
            "model",
            "feature",
            "name",
            "fields",
            "track",
            "usage",
            "error",
            "required",
            "manual",
            "tokens",
            "chat",
            "Future",
            "Pin",
            "Box",
            "Result",
            "Output",
            "llm",
            "input",
            "category",
            "x",
            "_",
        ];
        const SIGNS: [char; 16] =
            ['=', ',', '.', ':', ';', '%', '?', '|', '&', '<', '>', '!', '#', '-', '+', '\''];
        const DELIMITERS: [Delimiter; 4] =
            [Delimiter::Parenthesis, Delimiter::Brace, Delimiter::Bracket, Delimiter::None];
        match self.below(10) {
            0..=4 => Ident::new(WORDS[self.below(WORDS.len())], Span::call_site()).into(),
            5 => Literal::string("text").into(),
            6 => Literal::u32_unsuffixed(7).into(),
            7 if depth > 0 => Group::new(DELIMITERS[self.below(4)], self.tokens(depth - 1)).into(),
            _ => {
                let spacing = if self.below(2) == 0 { Spacing::Alone } else { Spacing::Joint };
                Punct::new(SIGNS[self.below(SIGNS.len())], spacing).into()
            }
        }
    }

    /// The same tokens with something left out, doubled, swapped or put in, somewhere.
    fn mutated(&mut self, tokens: &TokenStream) -> TokenStream {
        let mut trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
        for _ in 0..=self.below(2) {
            let at = self.below(trees.len().max(1));
            match self.below(6) {
                0 if at < trees.len() => drop(trees.remove(at)),
                1 if at < trees.len() => trees.insert(at, trees[at].clone()),
                2 if at < trees.len() => trees.truncate(at),
                3 if at + 1 < trees.len() => trees.swap(at, at + 1),
                4 => {
                    let token = self.token(2);
                    trees.insert(at.min(trees.len()), token);
                }
                _ => {
                    let Some(TokenTree::Group(group)) = trees.get(at) else { continue };
                    let inside = self.mutated(&group.stream());
                    trees[at] = Group::new(group.delimiter(), inside).into();
                }
            }
        }
        trees.into_iter().collect()
    }
}

/// Valid attributes, to be changed a little.
const ARGUMENTS: [&str; 6] = [
    "",
    "provider = \"openai\", model = request.model, feature = format!(\"{}\", x)",
    "operation = execute_tool, name = \"tool\", track(tokens, latency, errors, retries)",
    "fields(job.id = %job.id, n = items.len(), ?user, \"quoted\" = 1, self.0)",
    "usage = move |out| Usage::new(out.0, 1), error = |e: &E| match e { _ => Quota }",
    "usage = required, crate = ::other::path",
];

/// Valid items, to be changed a little.
const ITEMS: [&str; 10] = [
    "#[doc = \"x\"] pub(crate) async fn ask<'a, T: Clone>(&'a self, mut x: T) -> Result<T, E> where T: Send { x.y().await }",
    "fn f((a, b): (u8, u8), #[cfg(x)] c: impl Fn(u8) -> u8) -> Box<dyn Future<Output = u8> + 'static> { Box::new(x) }",
    "pub fn f(self: Pin<&mut Self>) -> Pin<Box<dyn Future<Output = Result<u8, Box<dyn Error>>> + Send + '_>> { x }",
    "unsafe extern \"C\" fn f(x: *const u8, ...) -> ! { #![allow(x)] loop {} }",
    "async fn f() -> impl Iterator<Item = impl Fn() -> Vec<[u8; { 1 + 1 }]>> { x }",
    "fn f() -> (impl A, &dyn B, fn(u8) -> !, <T as U>::V) { x }",
    "const fn f() {}",
    "#[llm(crate = ::x)] enum E<'a, T> { #[llm(category = rate_limit)] A, B { #[llm(status)] s: u16 }, C(#[llm(source)] T) }",
    "struct S<T> { #[llm(usage)] u: Option<Usage>, #[llm(model)] m: &'static str, #[llm(flatten)] i: T }",
    "struct N(Usage);",
];

fn all(arguments: TokenStream, item: &TokenStream) {
    assert!(!instrument(arguments, item.clone()).is_empty() || item.is_empty());
    let _ = (response::derive(item.clone()), error::derive(item.clone()));
}

#[test]
fn random_tokens() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..ROUNDS / 2 {
        let (noise, more) = (random.tokens(3), random.tokens(3));
        let item = match random.below(6) {
            0 => more,
            1 => quote!(async fn f() -> #more { #more }),
            2 => quote!(pub fn f(#more) { }),
            3 => quote!(fn f<#noise>() where #more { }),
            4 => quote!(
                #[llm(#noise)]
                struct S {
                    #[llm(#more)]
                    a: u8,
                }
            ),
            _ => quote!(enum E { #[llm(#noise)] A(#[llm(#more)] B), C { #more } }),
        };
        all(noise, &item);
    }
}

#[test]
fn valid_tokens_a_little_changed() {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let parse = |text: &str| text.parse::<TokenStream>().expect("valid tokens");
    let arguments = ARGUMENTS.map(parse);
    let items = ITEMS.map(parse);
    for _ in 0..ROUNDS {
        let (arguments, item) =
            (&arguments[random.below(ARGUMENTS.len())], &items[random.below(ITEMS.len())]);
        let (arguments, item) = (random.mutated(arguments), random.mutated(item));
        all(arguments, &item);
    }
}

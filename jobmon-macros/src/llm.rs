//! What both derives share: a type, its variants, and the words of `#[llm(..)]` on them.

use crate::mistakes::{Mistakes, each};
use crate::values::crate_path;
use crate::words;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Fields, GenericParam, Generics, Item, LitStr, Member, Meta, Path, Result, Token, Type,
};

/// The words that a derive knows.
pub(crate) struct Vocabulary {
    pub(crate) derive: &'static str,
    /// On the type of an enum.
    pub(crate) on_enum: &'static [&'static str],
    /// On the type of a struct.
    pub(crate) on_struct: &'static [&'static str],
    pub(crate) on_variant: &'static [&'static str],
    pub(crate) on_field: &'static [&'static str],
}

impl Vocabulary {
    /// Where a word belongs.
    fn place_of(&self, word: &str) -> Option<&'static str> {
        let places = [
            (self.on_field, "a field"),
            (self.on_variant, "a variant"),
            (self.on_struct, "the struct"),
            (self.on_enum, "the enum"),
        ];
        places.into_iter().find(|(known, _)| known.contains(&word)).map(|(_, place)| place)
    }
}

/// A type to derive for.
pub(crate) struct Input {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) krate: Option<Path>,
    /// A struct is its own only variant.
    pub(crate) variants: Vec<Variant>,
}

/// A variant of an enum, or a struct.
pub(crate) struct Variant {
    pub(crate) ident: Ident,
    pub(crate) is_struct: bool,
    pub(crate) words: Vec<Word>,
    pub(crate) fields: Vec<Field>,
    /// Whether a mistake on it was told already.
    pub(crate) mistaken: bool,
}

/// A field and what it is bound to in a pattern.
pub(crate) struct Field {
    pub(crate) member: Member,
    pub(crate) ty: Type,
    pub(crate) words: Vec<Word>,
    pub(crate) binding: Ident,
}

/// One word of `#[llm(..)]`.
pub(crate) struct Word {
    pub(crate) ident: Ident,
    /// Of `category = ..`.
    pub(crate) value: Option<Ident>,
}

impl Input {
    /// Reads a struct or an enum; mistakes in attributes do not stop it.
    pub(crate) fn parse(tokens: TokenStream, known: &Vocabulary, mistakes: &mut Mistakes) -> Result<Self> {
        let derive = known.derive;
        match syn::parse2(tokens)? {
            Item::Struct(item) => {
                let mut krate = None;
                let before = mistakes.count();
                let words = words_of(&item.attrs, known, known.on_struct, &mut krate, mistakes);
                let fields = fields_of(&item.fields, known, mistakes);
                let mistaken = mistakes.count() > before;
                let variant = Variant { ident: item.ident.clone(), is_struct: true, words, fields, mistaken };
                Ok(Self { ident: item.ident, generics: item.generics, krate, variants: vec![variant] })
            }
            Item::Enum(item) => {
                let mut krate = None;
                words_of(&item.attrs, known, known.on_enum, &mut krate, mistakes);
                let mut variants = Vec::new();
                for variant in item.variants {
                    let before = mistakes.count();
                    let words = words_of(&variant.attrs, known, known.on_variant, &mut None, mistakes);
                    let fields = fields_of(&variant.fields, known, mistakes);
                    let mistaken = mistakes.count() > before;
                    variants.push(Variant {
                        ident: variant.ident,
                        is_struct: false,
                        words,
                        fields,
                        mistaken,
                    });
                }
                Ok(Self { ident: item.ident, generics: item.generics, krate, variants })
            }
            Item::Union(item) => Err(Error::new_spanned(
                item.union_token,
                format!("`{derive}` cannot be derived for a union: nobody knows which field is valid"),
            )),
            other => {
                Err(Error::new_spanned(other, format!("`{derive}` can be derived for structs and enums")))
            }
        }
    }

    /// Whether a type mentions a type parameter, so that an implementation needs a bound on it.
    pub(crate) fn is_generic(&self, ty: &Type) -> bool {
        let parameters = self.generics.params.iter().filter_map(|parameter| match parameter {
            GenericParam::Type(parameter) => Some(&parameter.ident),
            _ => None,
        });
        let parameters: Vec<&Ident> = parameters.collect();
        mentions(ty.to_token_stream(), &parameters)
    }
}

fn mentions(tokens: TokenStream, words: &[&Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => words.contains(&&word),
        TokenTree::Group(group) => mentions(group.stream(), words),
        _ => false,
    })
}

impl Variant {
    /// A pattern that binds the fields wanted.
    pub(crate) fn pattern<'a>(&self, wanted: impl Iterator<Item = &'a Field>) -> TokenStream {
        let m = Span::mixed_site();
        let bound = wanted.map(|field| {
            let (member, binding) = (&field.member, &field.binding);
            quote_spanned!(m=> #member: #binding,)
        });
        if self.is_struct {
            return quote_spanned!(m=> Self { #(#bound)* .. });
        }
        let ident = &self.ident;
        quote_spanned!(m=> Self::#ident { #(#bound)* .. })
    }

    /// The word, where it is on the variant itself.
    pub(crate) fn word(&self, word: &str) -> Option<&Word> {
        self.words.iter().find(|known| known.ident == word)
    }

    /// The field with the word.
    pub(crate) fn field(&self, word: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.has(word))
    }

    /// Tells about words that stand on two fields.
    pub(crate) fn check_once(&self, words: &[&str], mistakes: &mut Mistakes) {
        for word in words {
            let on_field = |field: &'_ Field| field.words.iter().position(|known| known.ident == word);
            let mut spots = self.fields.iter().filter_map(|field| Some(&field.words[on_field(field)?]));
            if let (Some(first), Some(second)) = (spots.next(), spots.next()) {
                mistakes.add(Error::new(
                    second.ident.span(),
                    format!("duplicate `{word}`: another field has it"),
                ));
                mistakes.add(Error::new(first.ident.span(), format!("`{word}` is given here first")));
            }
        }
    }
}

impl Field {
    /// Whether a word is on it.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|known| known.ident == word)
    }
}

fn fields_of(fields: &Fields, known: &Vocabulary, mistakes: &mut Mistakes) -> Vec<Field> {
    let of_field = |(i, field): (usize, &syn::Field)| {
        let member = match &field.ident {
            Some(ident) => Member::Named(ident.clone()),
            None => Member::Unnamed(i.into()),
        };
        let at = Span::mixed_site().located_at(field.ty.span());
        let words = words_of(&field.attrs, known, known.on_field, &mut None, mistakes);
        Field { member, ty: field.ty.clone(), words, binding: format_ident!("__jobmon_field{i}", span = at) }
    };
    fields.iter().enumerate().map(of_field).collect()
}

/// The words in one place, of which `known` are those that belong there.
fn words_of(
    attrs: &[Attribute],
    vocabulary: &Vocabulary,
    known: &[&str],
    krate: &mut Option<Path>,
    mistakes: &mut Mistakes,
) -> Vec<Word> {
    let mut words = Vec::new();
    let mut all_seen: Vec<Ident> = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("llm")) {
        let tokens = match &attr.meta {
            Meta::List(list) if !list.tokens.is_empty() => list.tokens.clone(),
            _ => {
                let accepted = words::list(known);
                mistakes
                    .add(Error::new_spanned(attr, format!("expected `#[llm(..)]` with one of: {accepted}")));
                continue;
            }
        };
        let mut inner = Mistakes::default();
        let parser = |input: ParseStream<'_>| {
            each(input, &mut inner, |input, mistakes, _| {
                words.extend(word(input, vocabulary, known, krate, &mut all_seen, mistakes)?);
                Ok(())
            });
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            inner.add(error);
        }
        if let Some(error) = inner.0 {
            mistakes.add(error);
        }
    }
    words
}

fn word(
    input: ParseStream<'_>,
    vocabulary: &Vocabulary,
    known: &[&str],
    krate: &mut Option<Path>,
    seen: &mut Vec<Ident>,
    mistakes: &mut Mistakes,
) -> Result<Option<Word>> {
    let Ok(ident) = input.call(Ident::parse_any) else {
        return Err(input.error(format!("expected one of: {}", words::list(known))));
    };
    let name = ident.to_string();
    if !known.contains(&name.as_str()) {
        let message = match vocabulary.place_of(&name) {
            Some(place) if known.is_empty() => format!("`{name}` goes on {place}"),
            Some(place) => format!("`{name}` goes on {place}; expected one of: {}", words::list(known)),
            None if known.is_empty() => format!("`{name}` has no meaning here"),
            None => words::unknown("word", &name, known),
        };
        return Err(Error::new(ident.span(), message));
    }
    mistakes.check_duplicate("word", &ident, seen);
    if !matches!(name.as_str(), "crate" | "category") {
        return Ok(Some(Word { ident, value: None }));
    }
    if input.parse::<Option<Token![=]>>()?.is_none() {
        return Err(Error::new(ident.span(), format!("expected `=` after `{name}`: write `{name} = ..`")));
    }
    if name == "crate" {
        *krate = Some(crate_path(input)?);
        return Ok(None);
    }
    Ok(Some(Word { ident, value: Some(category_word(input)?) }))
}

/// `rate_limit` or `"rate_limit"`.
fn category_word(input: ParseStream<'_>) -> Result<Ident> {
    if let Ok(word) = input.call(Ident::parse_any) {
        return Ok(word);
    }
    let literal: LitStr = input
        .parse()
        .map_err(|error| Error::new(error.span(), "expected a category: `category = rate_limit`"))?;
    let is_word = syn::parse_str::<Ident>(&literal.value()).is_ok();
    let word = if is_word { literal.value() } else { "unknown".to_owned() };
    Ok(Ident::new(&word, literal.span()))
}

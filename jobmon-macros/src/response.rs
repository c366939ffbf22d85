//! `#[derive(LlmResponse)]`.

use crate::llm::{Field, Input, Variant, Vocabulary};
use crate::mistakes::Mistakes;
use crate::values::door;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Error, Member, WherePredicate, parse_quote_spanned};

const VOCABULARY: Vocabulary = Vocabulary {
    derive: "LlmResponse",
    on_enum: &["crate"],
    on_struct: &["crate"],
    on_variant: &["skip"],
    on_field: &WORDS,
};

/// In the order in which fields are read: what a type tells itself goes before what others tell. The trait is the
/// one that a field's type needs.
const READ: [(&str, &str); 12] = [
    ("input", "TokenCount"),
    ("output", "TokenCount"),
    ("cache_read", "TokenCount"),
    ("cache_write", "TokenCount"),
    ("reasoning", "TokenCount"),
    ("input_audio", "TokenCount"),
    ("output_audio", "TokenCount"),
    ("usage", "ReportsUsage"),
    ("model", "Texts"),
    ("id", "Texts"),
    ("finish_reason", "Texts"),
    ("flatten", "ReportsUsage"),
];

/// What a model said, which is read apart from the rest, where content is captured.
const SAID: [(&str, &str); 2] = [("content", "Texts"), ("flatten", "ReportsUsage")];

const WORDS: [&str; 13] = {
    let mut words = ["content"; 13];
    let mut i = 0;
    while i < READ.len() {
        words[i] = READ[i].0;
        i += 1;
    }
    words
};

/// Expands the derive.
//
// Input:
//     #[derive(LlmResponse)]
//     struct Completion { text: String, #[llm(input)] prompt: u64, #[llm(model)] model: String }
//
// Output, with `P` for `::jobmon::__private`:
//     impl P::LlmResponse for Completion {
//         fn usage(&self) -> Option<P::Usage> { P::LlmResponse::answer(self).usage }
//         .. model, response_id, finish_reasons: the same
//         fn messages(&self) -> P::Vec<P::Message> {
//             match self { Self { .. } => P::Said::messages(P::Said::new()) }
//         }
//         fn answer(&self) -> P::Answer {
//             match self {
//                 Self { prompt: field1, model: field2, .. } => P::Reading::answer(
//                     P::Reading::model(P::Reading::input(P::Reading::new(), field1), field2)
//                 ),
//             }
//         }
//     }
pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let implementation = match Input::parse(item, &VOCABULARY, &mut mistakes) {
        Ok(input) => implementation(&input, &mut mistakes),
        Err(error) => {
            mistakes.add(error);
            TokenStream::new()
        }
    };
    let errors = mistakes.0.map(Error::into_compile_error);
    quote!(#implementation #errors)
}

fn implementation(input: &Input, mistakes: &mut Mistakes) -> TokenStream {
    let m = Span::mixed_site();
    let p = door(input.krate.as_ref());
    let mut bounds: Vec<WherePredicate> = Vec::new();
    let mut arms = Vec::new();
    let mut said = Vec::new();
    for variant in &input.variants {
        check(variant, mistakes);
        arms.push(arm(input, variant, &p, (&READ, "Reading", "answer"), &mut bounds));
        said.push(arm(input, variant, &p, (&SAID, "Said", "messages"), &mut bounds));
    }
    let matched = |arms: &[TokenStream]| {
        if arms.is_empty() {
            quote_spanned!(m=> match *self {})
        } else {
            quote_spanned!(m=> match self { #(#arms)* })
        }
    };
    let (answer, said) = (matched(&arms), matched(&said));
    let mut generics = input.generics.clone();
    if !bounds.is_empty() {
        generics.make_where_clause().predicates.extend(bounds);
    }
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let ident = &input.ident;
    quote_spanned! {m=>
        #[automatically_derived]
        impl #impl_generics #p::LlmResponse for #ident #type_generics #where_clause {
            fn usage(&self) -> #p::core::option::Option<#p::Usage> {
                #p::LlmResponse::answer(self).usage
            }
            fn model(&self) -> #p::core::option::Option<#p::Text> {
                #p::LlmResponse::answer(self).model
            }
            fn response_id(&self) -> #p::core::option::Option<#p::Text> {
                #p::LlmResponse::answer(self).id
            }
            fn finish_reasons(&self) -> #p::Vec<#p::Text> {
                #p::LlmResponse::answer(self).finish_reasons
            }
            fn messages(&self) -> #p::Vec<#p::Message> {
                #said
            }
            fn answer(&self) -> #p::Answer {
                #answer
            }
        }
    }
}

fn check(variant: &Variant, mistakes: &mut Mistakes) {
    let single: Vec<&str> =
        WORDS.iter().copied().filter(|word| !matches!(*word, "flatten" | "finish_reason")).collect();
    variant.check_once(&single, mistakes);
    if forwarded(variant).is_none() && !variant.mistaken && !tells_usage(variant) {
        mistakes.add(Error::new(variant.ident.span(), silent(variant)));
    }
}

/// One arm of the `match` over variants: reads fields with some words into something, and gives what was read.
fn arm(
    input: &Input,
    variant: &Variant,
    p: &TokenStream,
    (words, into, give): (&[(&str, &str)], &str, &str),
    bounds: &mut Vec<WherePredicate>,
) -> TokenStream {
    let m = Span::mixed_site();
    let (into, give) = (Ident::new(into, m), Ident::new(give, m));
    let mut reading = quote_spanned!(m=> #p::#into::new());
    let mut read = |field: &Field, word: &str, role: &str| {
        let (at, binding, ty) = (field.binding.span(), &field.binding, &field.ty);
        let (into, word) = (Ident::new(&into.to_string(), at), Ident::new(word, at));
        reading = quote_spanned!(at=> #p::#into::#word(#reading, #binding));
        if input.is_generic(ty) {
            let role = Ident::new(role, at);
            bounds.push(parse_quote_spanned!(at=> #ty: #p::#role));
        }
    };
    let forwarded = forwarded(variant);
    if let Some(field) = forwarded {
        read(field, "flatten", "ReportsUsage");
    }
    for (word, role) in words {
        for field in variant.fields.iter().filter(|field| field.has(word)) {
            read(field, word, role);
        }
    }
    let used = |field: &&Field| forwarded.is_some() || words.iter().any(|(word, _)| field.has(word));
    let pattern = variant.pattern(variant.fields.iter().filter(used));
    quote_spanned!(m=> #pattern => #p::#into::#give(#reading),)
}

/// The only field of a newtype that says nothing else.
fn forwarded(variant: &Variant) -> Option<&Field> {
    match &*variant.fields {
        [field] if field.words.is_empty() && matches!(field.member, Member::Unnamed(_)) => {
            variant.word("skip").is_none().then_some(field)
        }
        _ => None,
    }
}

fn tells_usage(variant: &Variant) -> bool {
    let tells = |word: &Ident| READ.iter().any(|(known, role)| word == known && *role != "Texts");
    let nothing_to_tell = variant.fields.is_empty() && !variant.is_struct;
    nothing_to_tell
        || variant.word("skip").is_some()
        || variant.fields.iter().flat_map(|field| &field.words).any(|word| tells(&word.ident))
}

fn silent(variant: &Variant) -> String {
    let skip = if variant.is_struct { "" } else { ", or `#[llm(skip)]` on the variant where there is none" };
    format!(
        "no field of `{}` tells its usage: write `#[llm(usage)]` on a field of type `Usage` or of any `LlmResponse`, \
         or `#[llm(input)]` and `#[llm(output)]` on token counts{skip}",
        variant.ident
    )
}

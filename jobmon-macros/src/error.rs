//! `#[derive(LlmError)]`.

use crate::llm::{Field, Input, Variant, Vocabulary};
use crate::mistakes::Mistakes;
use crate::values::door;
use crate::{shape, words};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Error, Type};

const VOCABULARY: Vocabulary = Vocabulary {
    derive: "LlmError",
    on_enum: &["crate"],
    on_struct: &["category", "crate"],
    on_variant: &["category"],
    on_field: &["source", "transparent", "status", "retry_after"],
};

/// Names of categories, and of the variants of `ErrorCategory`.
const CATEGORIES: [(&str, &str); 14] = [
    ("rate_limit", "RateLimit"),
    ("quota", "Quota"),
    ("authentication", "Authentication"),
    ("invalid_request", "InvalidRequest"),
    ("context_length", "ContextLength"),
    ("content_filter", "ContentFilter"),
    ("parsing", "Parsing"),
    ("network", "Network"),
    ("timeout", "Timeout"),
    ("server", "Server"),
    ("cancelled", "Cancelled"),
    ("panic", "Panic"),
    ("budget", "Budget"),
    ("other", "Other"),
];

/// Expands the derive.
//
// Input:
//     #[derive(LlmError)]
//     enum AgentError { #[llm(category = rate_limit)] Busy { #[llm(retry_after)] after: Duration }, Io(#[llm(source)] io::Error) }
//
// Output, with `P` for `::jobmon::__private`:
//     impl P::LlmError for AgentError {
//         fn category(&self) -> P::ErrorCategory {
//             match self {
//                 Self::Busy { .. } => P::ErrorCategory::RateLimit,
//                 Self::Io { 0: __jobmon_field0, .. } => P::Failing::of(__jobmon_field0).__jobmon_failure().__jobmon_else().category,
//             }
//         }
//         .. http_status, retry_after: the same
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
    let p = &door(input.krate.as_ref());
    for variant in &input.variants {
        variant.check_once(&["status", "retry_after"], mistakes);
        let sources = variant.fields.iter().filter(|field| is_source(field));
        if let Some(second) = sources.skip(1).flat_map(|field| &field.words).next() {
            let message = "only one field of a variant can be the source that decides";
            mistakes.add(Error::new(second.ident.span(), message));
        }
    }
    let category = matched(input, |variant| category(variant, p, mistakes));
    let status = matched(input, |variant| {
        let Some(field) = variant.field("status") else { return from_source(variant, "http_status", p) };
        let binding = &field.binding;
        let read = Ident::new(
            if is_option(&field.ty) { "optional_http_status" } else { "http_status" },
            binding.span(),
        );
        Some((Some(field), quote_spanned!(binding.span()=> #p::#read(#binding))))
    });
    let wait = matched(input, |variant| {
        let Some(field) = variant.field("retry_after") else { return from_source(variant, "retry_after", p) };
        let binding = &field.binding;
        Some((Some(field), quote_spanned!(binding.span()=> #p::retry_after(#binding))))
    });
    let other = quote_spanned!(m=> #p::ErrorCategory::Other);
    let category = category.or(&other);
    let none = quote_spanned!(m=> #p::core::option::Option::None);
    let (status, wait) = (status.or(&none), wait.or(&none));
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let ident = &input.ident;
    quote_spanned! {m=>
        #[automatically_derived]
        impl #impl_generics #p::LlmError for #ident #type_generics #where_clause {
            fn category(&self) -> #p::ErrorCategory {
                #category
            }
            fn http_status(&self) -> #p::core::option::Option<#p::core::primitive::u16> {
                #status
            }
            fn retry_after(&self) -> #p::core::option::Option<#p::core::time::Duration> {
                #wait
            }
        }
    }
}

/// A field that an arm looks at, if any, and what the arm gives.
type Arm<'a> = Option<(Option<&'a Field>, TokenStream)>;

/// The arms of a `match` over variants, without those that have nothing to say.
struct Matched {
    arms: Vec<TokenStream>,
    /// Whether each variant has an arm.
    complete: bool,
}

fn matched<'a>(input: &'a Input, mut arm: impl FnMut(&'a Variant) -> Arm<'a>) -> Matched {
    let m = Span::mixed_site();
    let mut arms = Vec::new();
    for variant in &input.variants {
        if let Some((field, value)) = arm(variant) {
            let pattern = variant.pattern(field.into_iter());
            arms.push(quote_spanned!(m=> #pattern => #value,));
        }
    }
    Matched { complete: arms.len() == input.variants.len(), arms }
}

impl Matched {
    /// The `match`, with a value for the other variants.
    fn or(self, otherwise: &TokenStream) -> TokenStream {
        let m = Span::mixed_site();
        let arms = self.arms;
        match (arms.is_empty(), self.complete) {
            (true, true) => quote_spanned!(m=> match *self {}),
            (true, false) => otherwise.clone(),
            (false, true) => quote_spanned!(m=> match self { #(#arms)* }),
            (false, false) => quote_spanned!(m=> match self { #(#arms)* _ => #otherwise, }),
        }
    }
}

/// The category that is written down, else that of the status, else that of the source.
fn category<'a>(variant: &'a Variant, p: &TokenStream, mistakes: &mut Mistakes) -> Arm<'a> {
    let m = Span::mixed_site();
    if let Some(word) = variant.word("category").and_then(|word| word.value.as_ref()) {
        let known = CATEGORIES.iter().find(|(name, _)| word == name);
        let Some((_, category)) = known else {
            let names = CATEGORIES.map(|(name, _)| name);
            mistakes.add(Error::new(word.span(), words::unknown("category", &word.to_string(), &names)));
            return None;
        };
        let category = Ident::new(category, m);
        return Some((None, quote_spanned!(m=> #p::ErrorCategory::#category)));
    }
    let Some(field) = variant.field("status") else { return from_source(variant, "category", p) };
    let binding = &field.binding;
    let read =
        Ident::new(if is_option(&field.ty) { "optional_http_status" } else { "http_status" }, binding.span());
    Some((Some(field), quote_spanned!(binding.span()=> #p::status_category(#p::#read(#binding)))))
}

fn is_source(field: &Field) -> bool {
    field.has("source") || field.has("transparent")
}

/// What the error in a field tells.
fn from_source<'a>(variant: &'a Variant, part: &str, p: &TokenStream) -> Arm<'a> {
    let field = variant.fields.iter().find(|field| is_source(field))?;
    let binding = &field.binding;
    let (part, failing) =
        (Ident::new(part, binding.span()), Ident::new(shape::failing(&field.ty), binding.span()));
    Some((
        Some(field),
        quote_spanned!(binding.span()=> #p::#failing::of(#binding).__jobmon_failure().__jobmon_else().#part),
    ))
}

/// Whether a field's type is spelled as an option.
fn is_option(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Option"),
        Type::Group(group) => is_option(&group.elem),
        Type::Paren(paren) => is_option(&paren.elem),
        _ => false,
    }
}

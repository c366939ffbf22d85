//! The check of models that are written down: `#[instrument_llm(model = "gpt-4o-mni")]`.

use crate::args::{Args, Given, ModelCheck};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{Error, LitStr, Result};

/// Who provides a model, as far as it is known while compiling.
#[derive(Clone, Copy)]
pub(crate) enum Provider<'a> {
    /// Nobody says: the model's name alone decides.
    Unsaid,
    /// Known only at the call.
    Computed,
    Named(&'a str),
}

/// What is doubtful about a model.
#[cfg_attr(
    not(any(test, feature = "check-models")),
    expect(dead_code, reason = "without the check nothing is")
)]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    UnknownProvider(String),
    UnknownModel(String),
    RetiredModel(String),
}

/// An item that makes the compiler warn about a doubtful model, once and where it is written; nothing for others.
//
// Output for `model = "gpt-4o-mni"`, with the span of the literal:
//     const _: () = {
//         #[deprecated(note = "unknown model `gpt-4o-mni`, did you mean `gpt-4o-mini`? ..")]
//         const UNKNOWN_MODEL: () = ();
//         UNKNOWN_MODEL
//     };
//
// Stable macros cannot warn, but the compiler warns about what is deprecated, and users know how to set that lint.
pub(crate) fn check(args: &Args) -> Result<TokenStream> {
    let nothing = Ok(TokenStream::new());
    let Some(Given::Literal(model)) = &args.model else { return nothing };
    if args.disabled || args.model_check == ModelCheck::Off {
        return nothing;
    }
    let (provider, named) = match &args.provider {
        None => (None, false),
        Some(Given::Literal(provider)) => (Some(provider), true),
        Some(Given::Computed(_)) => (None, true),
    };
    let name = provider.map(LitStr::value);
    let doubt = match (&name, named) {
        (Some(name), _) => doubt(Provider::Named(name), &model.value()),
        (None, true) => doubt(Provider::Computed, &model.value()),
        (None, false) => doubt(Provider::Unsaid, &model.value()),
    };
    let (constant, at, text) = match doubt {
        None => return nothing,
        Some(Doubt::UnknownProvider(text)) => ("UNKNOWN_PROVIDER", provider.unwrap_or(model).span(), text),
        Some(Doubt::UnknownModel(text)) => ("UNKNOWN_MODEL", model.span(), text),
        Some(Doubt::RetiredModel(text)) => ("RETIRED_MODEL", model.span(), text),
    };
    if args.model_check == ModelCheck::Error {
        return Err(Error::new(at, text));
    }
    let at = Span::mixed_site().located_at(at);
    let constant = Ident::new(constant, at);
    Ok(quote_spanned! {at=>
        const _: () = {
            #[deprecated(note = #text)]
            const #constant: () = ();
            #constant
        };
    })
}

#[cfg(feature = "check-models")]
use crate::price_list::doubt;

/// Without the feature no model is.
#[cfg(not(feature = "check-models"))]
fn doubt(provider: Provider<'_>, model: &str) -> Option<Doubt> {
    let _ = match provider {
        Provider::Named(name) => name,
        Provider::Unsaid | Provider::Computed => model,
    };
    None
}

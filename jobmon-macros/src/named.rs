//! Lists of named texts: `prompt(name = "match-job", version = VERSION)`, `price_context(processing = "batch")`.

use crate::args::Given;
use crate::mistakes::{Mistakes, each_of};
use crate::values::given;
use crate::words;
use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::{Error, Result, Token};

/// A prompt's name and version.
#[derive(Clone)]
pub(crate) struct Prompt {
    pub(crate) name: Given,
    pub(crate) version: Option<Given>,
}

/// Reads `key = value` entries; mistakes are told on their own spots. With `keys`, only these are accepted.
fn entries(tokens: &TokenStream, keys: &[&str], mistakes: &mut Mistakes) -> Vec<(String, Given)> {
    let mut entries = Vec::new();
    each_of(tokens, mistakes, |input, mistakes, seen| {
        let Ok(key) = input.call(Ident::parse_any) else {
            let of = if keys.is_empty() {
                String::new()
            } else {
                format!(", with a key of: {}", words::list(keys))
            };
            return Err(input.error(format!("expected `key = value`{of}")));
        };
        let name = key.unraw().to_string();
        if !keys.is_empty() && !keys.contains(&name.as_str()) {
            return Err(Error::new(key.span(), words::unknown("key", &name, keys)));
        }
        mistakes.check_duplicate("key", &key, seen);
        if input.parse::<Option<Token![=]>>()?.is_none() || input.is_empty() || input.peek(Token![,]) {
            return Err(Error::new(key.span(), format!("`{name}` needs a value: `{name} = \"..\"`")));
        }
        entries.push((name.clone(), given(input, &name)?));
        Ok(())
    });
    entries
}

/// `prompt(name = .., version = ..)`.
pub(crate) fn prompt(key: &Ident, tokens: &TokenStream, mistakes: &mut Mistakes) -> Result<Option<Prompt>> {
    let before = mistakes.count();
    let (mut name, mut version) = (None, None);
    for (key, value) in entries(tokens, &["name", "version"], mistakes) {
        if key == "name" {
            name = Some(value);
        } else {
            version = Some(value);
        }
    }
    match name {
        Some(name) => Ok(Some(Prompt { name, version })),
        // What is wrong was told.
        None if mistakes.count() > before => Ok(None),
        None => Err(Error::new(
            key.span(),
            "`prompt` needs a name: `prompt(name = \"match-job\", version = \"v3\")`",
        )),
    }
}

/// `price_context(processing = .., service_tier = ..)`.
pub(crate) fn price_context(tokens: &TokenStream, mistakes: &mut Mistakes) -> Vec<(String, Given)> {
    entries(tokens, &[], mistakes)
}

//! The names that a function's parameters bind.

use crate::shape;
use proc_macro2::{Ident, Spacing, TokenStream, TokenTree};
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, FnArg, Pat, PatIdent, PatType, Signature, Token, Type};

/// One name, and what the signature says of it.
pub(crate) struct Binding {
    pub(crate) name: Ident,
    pub(crate) mutable: Option<Token![mut]>,
    /// Bound by reference to a parameter that itself stays outside.
    pub(crate) by_ref: bool,
    /// `#[cfg(..)]` of its parameter.
    pub(crate) cfg: Vec<Attribute>,
    /// The type of its parameter, where the parameter is nothing but this name.
    pub(crate) ty: Option<Type>,
}

/// The names of all parameters but `self`, in the order of declaration.
pub(crate) fn all(sig: &Signature) -> Vec<Binding> {
    let typed = sig
        .inputs
        .iter()
        .filter_map(|input| if let FnArg::Typed(typed) = input { Some(typed) } else { None });
    typed.flat_map(all_of).collect()
}

/// The names of one parameter.
pub(crate) fn all_of(typed: &PatType) -> Vec<Binding> {
    let cfg: Vec<Attribute> =
        typed.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect();
    let whole = matches!(&*typed.pat, Pat::Ident(name) if name.subpat.is_none());
    let mut names = Vec::new();
    collect(&typed.pat, &mut names);
    let binding = |name: &PatIdent| Binding {
        name: name.ident.clone(),
        mutable: name.mutability,
        by_ref: name.by_ref.is_some(),
        cfg: cfg.clone(),
        ty: whole.then(|| (*typed.ty).clone()),
    };
    names.into_iter().map(binding).collect()
}

fn collect<'a>(pattern: &'a Pat, found: &mut Vec<&'a PatIdent>) {
    match pattern {
        Pat::Ident(binding) => {
            found.push(binding);
            if let Some((_, inner)) = &binding.subpat {
                collect(inner, found);
            }
        }
        Pat::Paren(inner) => collect(&inner.pat, found),
        Pat::Reference(inner) => collect(&inner.pat, found),
        Pat::Slice(list) => list.elems.iter().for_each(|pattern| collect(pattern, found)),
        Pat::Struct(fields) => fields.fields.iter().for_each(|field| collect(&field.pat, found)),
        Pat::Tuple(list) => list.elems.iter().for_each(|pattern| collect(pattern, found)),
        Pat::TupleStruct(list) => list.elems.iter().for_each(|pattern| collect(pattern, found)),
        // Patterns of parameters cannot fail, so each side of an `|` binds the same names.
        Pat::Or(cases) => cases.cases.first().into_iter().for_each(|pattern| collect(pattern, found)),
        _ => {}
    }
}

/// Something that is borrowed exclusively, and so by one attempt only.
pub(crate) fn exclusive(sig: &Signature) -> Option<TokenStream> {
    sig.inputs.iter().find_map(|input| match input {
        FnArg::Receiver(receiver) => match &receiver.kind {
            syn::ReceiverKind::Reference(_, _, mutability) => mutability.map(|_| quote!(#receiver)),
            _ => None,
        },
        FnArg::Typed(typed) => match shape::plain(&typed.ty) {
            Type::Reference(reference) if reference.mutability.is_some() => Some(quote!(#typed)),
            _ => None,
        },
    })
}

/// Whether a variable is named among the tokens, or in the text of a literal (`"{name}"`). `x.name` and `name: x` are
/// names of fields.
pub(crate) fn mentions(tokens: &TokenStream, name: &str) -> bool {
    let sign =
        |token: &TokenTree| if let TokenTree::Punct(sign) = token { Some(sign.as_char()) } else { None };
    let (mut before, mut last) = (None, None);
    let mut tokens = tokens.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        let found = match &token {
            TokenTree::Ident(word) if word.unraw() == *name => {
                let is_field = last == Some('.') && before != Some('.');
                let is_key = match tokens.peek() {
                    Some(TokenTree::Punct(colon)) => {
                        colon.as_char() == ':' && colon.spacing() == Spacing::Alone
                    }
                    _ => false,
                };
                !is_field && !is_key
            }
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                text.contains(&format!("{{{name}")) || text.contains(&format!("{name}$"))
            }
            TokenTree::Group(group) => mentions(&group.stream(), name),
            _ => false,
        };
        if found {
            return true;
        }
        (before, last) = (last, sign(&token));
    }
    false
}

/// The signature without the `mut` of these names.
pub(crate) fn without_mut(sig: &Signature, names: &[Ident]) -> Signature {
    let mut sig = sig.clone();
    if !names.is_empty() {
        for input in &mut sig.inputs {
            if let FnArg::Typed(typed) = input {
                strip(&mut typed.pat, names);
            }
        }
    }
    sig
}

fn strip(pattern: &mut Pat, names: &[Ident]) {
    match pattern {
        Pat::Ident(binding) => {
            if names.contains(&binding.ident) {
                binding.mutability = None;
            }
            if let Some((_, inner)) = &mut binding.subpat {
                strip(inner, names);
            }
        }
        Pat::Paren(inner) => strip(&mut inner.pat, names),
        Pat::Reference(inner) => strip(&mut inner.pat, names),
        Pat::Slice(list) => list.elems.iter_mut().for_each(|pattern| strip(pattern, names)),
        Pat::Struct(fields) => fields.fields.iter_mut().for_each(|field| strip(&mut field.pat, names)),
        Pat::Tuple(list) => list.elems.iter_mut().for_each(|pattern| strip(pattern, names)),
        Pat::TupleStruct(list) => list.elems.iter_mut().for_each(|pattern| strip(pattern, names)),
        Pat::Or(cases) => cases.cases.iter_mut().for_each(|pattern| strip(pattern, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_told_from_a_field_of_its_name() {
        for (text, expected) in [
            ("id", true),
            ("f(0..id)", true),
            ("Job { id }", true),
            ("Job { id: other }", false),
            ("Job { other: id }", true),
            ("job.id", false),
            ("job.0.id.len()", false),
            ("id::new()", true),
            ("r#id", true),
            ("format!(\"{id:?}\")", true),
            ("\"id\"", false),
            ("ids + idle", false),
        ] {
            let tokens: TokenStream = text.parse().expect("tokens");
            assert_eq!(mentions(&tokens, "id"), expected, "{text}");
        }
    }
}

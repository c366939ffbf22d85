//! In which order a function's parameters are dropped.

use crate::bindings::{self, Binding, mentions};
use crate::func::Function;
use crate::{own_self, shape};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, Pat, PatType, Signature, Token, Type};

/// What keeps a body, moved into a closure or an async block, dropping parameters as the bare function does: last
/// declared first, and whole.
//
// What a closure names is what it holds, in the order in which it is named, and in this order its values are dropped.
// But some parameters become variables of the body: those that the body does not name, since holding them would count
// as a use and silence `unused_variables`; those that are `mut`, of which the compiler tells less when a closure holds
// them; and those with a pattern, of which parts may have no name. Variables are dropped before what a closure holds,
// so all that are declared after one of these become variables, too.
pub(crate) struct DropOrder {
    /// Names in a branch that is never taken.
    pub(crate) captured: TokenStream,
    /// The variables.
    pub(crate) lets: TokenStream,
    /// The signature, in which such a parameter has a name of ours, so that nothing is shadowed.
    pub(crate) sig: Signature,
}

impl DropOrder {
    /// Decides by the signature and by the words in the body. Parameters keep their names where others look at them:
    /// code outside of the body, given as well, and other macros.
    pub(crate) fn of(function: &Function, outside: &TokenStream, p: &TokenStream) -> Self {
        let Function { sig, body, .. } = function;
        let is_read = function.attrs.iter().any(may_read_parameters);
        let m = Span::mixed_site();
        let mut held: Vec<TokenStream> = Vec::new();
        let mut lets = TokenStream::new();
        let mut changed = sig.clone();
        if let Some(receiver) = sig.receiver()
            && !matches!(receiver.kind, syn::ReceiverKind::Reference(..))
            && mentions(body, "self")
        {
            let own = Ident::new("self", receiver.self_token.span);
            held.push(quote_spanned!(m=> #p::captured(#own);));
        }
        let mut inputs = Punctuated::<TokenStream, Token![,]>::new();
        for (number, input) in sig.inputs.iter().enumerate() {
            let FnArg::Typed(typed) = input else {
                inputs.push(quote!(#input));
                continue;
            };
            let cfg: Vec<_> = typed.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).collect();
            let plain = match &*typed.pat {
                Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => Some(name),
                _ => None,
            };
            let named_in = |tokens: &TokenStream, name: &Ident| mentions(tokens, &name.unraw().to_string());
            let (drops, is_mut) =
                (may_need_drop(&typed.ty), plain.is_some_and(|name| name.mutability.is_some()));
            if !drops && !is_mut {
                inputs.push(quote!(#input));
                continue;
            }
            if let Some(name) = plain.filter(|name| name.mutability.is_none() && lets.is_empty()) {
                let known = named_in(body, &name.ident) && !name.ident.to_string().starts_with('_');
                if known || held.is_empty() {
                    // What is declared first and not named may stay outside: it is dropped last.
                    let name = &name.ident;
                    held.extend(known.then(|| quote_spanned!(m=> #(#cfg)* #p::captured(#name);)));
                    inputs.push(quote!(#input));
                    continue;
                }
            }
            let names = bindings::all_of(typed);
            if is_read || names.iter().any(|binding| named_in(outside, &binding.name)) {
                if let Some(name) = plain {
                    let (name, mutable) = (&name.ident, &name.mutability);
                    lets.extend(quote!(#(#cfg)* let #mutable #name = #name;));
                    inputs.push(without_mut(typed));
                } else {
                    inputs.push(quote!(#input));
                }
                continue;
            }
            // Documentation shows the signature as it was.
            let PatType { attrs, pat, ty, .. } = typed;
            let ours = format_ident!("__jobmon_{}", number, span = m.located_at(pat.span()));
            inputs.push(quote!(#(#attrs)* #[cfg(doc)] #pat: #ty));
            inputs.push(quote!(#(#attrs)* #[cfg(not(doc))] #ours: #ty));
            let cfg = quote!(#(#cfg)* #[cfg(not(doc))]);
            // `ref mut` in a parameter needs no `mut` of the whole, in a variable it does.
            let by_mut = names.iter().any(|binding| binding.by_ref && binding.mutable.is_some());
            let by_mut = by_mut.then(|| quote_spanned!(m=> mut));
            let whole = plain.is_none().then(|| quote_spanned!(m=> #cfg let #by_mut #ours = #ours;));
            lets.extend(quote_spanned!(m=> #whole #cfg let #pat = #ours;));
        }
        if !lets.is_empty()
            && let Ok(inputs) = Punctuated::parse_terminated.parse2(quote!(#inputs))
        {
            changed.inputs = inputs;
        }
        Self { captured: held.into_iter().rev().collect(), lets, sig: changed }
    }

    /// The body stays where it is.
    pub(crate) fn as_it_is(function: &Function) -> Self {
        Self { captured: TokenStream::new(), lets: TokenStream::new(), sig: function.sig.clone() }
    }

    /// Attempts run one after the other on clones of what was given by value and is named in the body.
    pub(crate) fn of_attempts(function: &Function, p: &TokenStream) -> Self {
        let Function { sig, body, .. } = function;
        let mut moved = Vec::new();
        let mut lets = TokenStream::new();
        let mut sig = sig.clone();
        let own_self = own_self::by_value(&sig).filter(|_| mentions(body, "self"));
        if let Some((at, mutable)) = own_self {
            let (own, given) = (own_self::name(at), Ident::new("self", at));
            let at = Span::mixed_site().located_at(at);
            lets.extend(quote_spanned!(at=> let #mutable #own = #p::again(&#given);));
            if let Some(FnArg::Receiver(receiver)) = sig.inputs.first_mut() {
                receiver.mutability = None;
            }
        }
        for Binding { name, mutable, by_ref, cfg, ty } in bindings::all(&sig) {
            if by_ref || !mentions(body, &name.unraw().to_string()) {
                continue;
            }
            let at = Span::mixed_site().located_at(name.span());
            lets.extend(match ty.as_ref().map(shape::plain) {
                // Borrowed anew by each attempt.
                Some(Type::Reference(reference)) if reference.mutability.is_some() => {
                    quote_spanned!(at=> #(#cfg)* let #mutable #name = &mut *#name;)
                }
                Some(Type::Reference(_)) if mutable.is_none() => continue,
                _ => quote_spanned!(at=> #(#cfg)* let #mutable #name = #p::again(&#name);),
            });
            if mutable.is_some() {
                moved.push(name);
            }
        }
        Self { captured: TokenStream::new(), lets, sig: bindings::without_mut(&sig, &moved) }
    }
}

/// Whether an attribute may be a macro, which gets the function as we leave it.
fn may_read_parameters(attr: &Attribute) -> bool {
    const PLAIN: [&str; 22] = [
        "allow",
        "cfg",
        "clippy",
        "cold",
        "deny",
        "deprecated",
        "diagnostic",
        "doc",
        "expect",
        "export_name",
        "forbid",
        "ignore",
        "inline",
        "link_section",
        "must_use",
        "no_mangle",
        "rustfmt",
        "should_panic",
        "target_feature",
        "test",
        "track_caller",
        "warn",
    ];
    let first = attr.path().segments.first();
    !first.is_some_and(|first| PLAIN.iter().any(|plain| first.ident == plain))
}

fn without_mut(typed: &PatType) -> TokenStream {
    let mut typed = typed.clone();
    if let Pat::Ident(name) = &mut *typed.pat {
        name.mutability = None;
    }
    quote!(#typed)
}

/// Whether dropping a value may do something, as far as its type's spelling says.
fn may_need_drop(ty: &Type) -> bool {
    const PLAIN: [&str; 17] = [
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16", "u32",
        "u64", "u128", "usize",
    ];
    match shape::plain(ty) {
        Type::Reference(_) | Type::Ptr(_) | Type::FnPtr(_) | Type::Never(_) => false,
        Type::Array(array) => may_need_drop(&array.elem),
        Type::Tuple(tuple) => tuple.elems.iter().any(may_need_drop),
        Type::Path(path) => path.path.get_ident().is_none_or(|name| !PLAIN.iter().any(|plain| name == plain)),
        _ => true,
    }
}

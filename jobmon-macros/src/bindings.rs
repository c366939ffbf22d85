//! The names that a function's parameters bind, and in which order their values are dropped.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Attribute, FnArg, Pat, PatIdent, Signature, Token, Type};

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
    let mut bindings = Vec::new();
    for input in &sig.inputs {
        let FnArg::Typed(typed) = input else { continue };
        let cfg: Vec<Attribute> =
            typed.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect();
        let whole = matches!(&*typed.pat, Pat::Ident(name) if name.subpat.is_none());
        let mut names = Vec::new();
        collect(&typed.pat, &mut names);
        bindings.extend(names.into_iter().map(|name| Binding {
            name: name.ident.clone(),
            mutable: name.mutability,
            by_ref: name.by_ref.is_some(),
            cfg: cfg.clone(),
            ty: whole.then(|| (*typed.ty).clone()),
        }));
    }
    bindings
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

/// What keeps a body, moved into a closure or an async block, dropping parameters as the bare function does: last
/// declared first.
#[derive(Default)]
pub(crate) struct DropOrder {
    /// Names where no code can come. What a closure names is what it holds, in the order in which it is named, and
    /// in this order its values are dropped.
    pub(crate) captured: TokenStream,
    /// A parameter that the body does not name must not be captured, which would count as a use and silence
    /// `unused_variables`. It becomes a variable of the body, and so must those declared after it.
    pub(crate) lets: TokenStream,
    /// Parameters that are `mut` as these variables, and so no longer as parameters.
    pub(crate) moved: Vec<Ident>,
}

impl DropOrder {
    /// Decides by the signature and by the words in the body.
    pub(crate) fn of(sig: &Signature, body: &TokenStream, p: &TokenStream) -> Self {
        let m = Span::mixed_site();
        let dropped: Vec<Binding> = all(sig).into_iter().filter(may_need_drop).collect();
        let own_self = match sig.receiver() {
            Some(receiver) if !matches!(receiver.kind, syn::ReceiverKind::Reference(..)) => {
                Some(Ident::new("self", receiver.self_token.span))
            }
            _ => None,
        };
        if dropped.len() + usize::from(own_self.is_some()) < 2 {
            return Self::default();
        }
        let known = |binding: &Binding| {
            let name = binding.name.unraw().to_string();
            name.starts_with('_') || mentions(body, &name)
        };
        let first_unknown = dropped.iter().position(|binding| !known(binding)).unwrap_or(dropped.len());
        let (held, moved) = dropped.split_at(first_unknown);
        let captured = held
            .iter()
            .rev()
            .map(|Binding { name, cfg, .. }| quote_spanned!(m=> #(#cfg)* #p::captured(#name);));
        let captured: TokenStream = captured.collect();
        let own_self =
            own_self.filter(|_| mentions(body, "self")).map(|own| quote_spanned!(m=> #p::captured(#own);));
        let lets = moved
            .iter()
            .map(|Binding { name, mutable, cfg, .. }| quote!(#(#cfg)* let #mutable #name = #name;));
        let lets = lets.collect();
        let moved =
            moved.iter().filter(|binding| binding.mutable.is_some()).map(|binding| binding.name.clone());
        Self { captured: quote!(#captured #own_self), lets, moved: moved.collect() }
    }
}

impl DropOrder {
    /// Attempts run one after the other on clones of what was given by value.
    pub(crate) fn of_attempts(sig: &Signature, p: &TokenStream) -> Self {
        let mut moved = Vec::new();
        let mut lets = TokenStream::new();
        for Binding { name, mutable, by_ref, cfg, ty } in all(sig) {
            let at = Span::mixed_site().located_at(name.span());
            lets.extend(match ty {
                // Borrowed anew by each attempt.
                Some(Type::Reference(reference)) if reference.mutability.is_some() => {
                    quote_spanned!(at=> #(#cfg)* let #mutable #name = &mut *#name;)
                }
                Some(Type::Reference(_)) => continue,
                _ if by_ref => continue,
                _ => quote_spanned!(at=> #(#cfg)* let #mutable #name = #p::again(&#name);),
            });
            if mutable.is_some() {
                moved.push(name);
            }
        }
        Self { captured: TokenStream::new(), lets, moved }
    }
}

/// Something that is borrowed exclusively, and so by one attempt only.
pub(crate) fn exclusive(sig: &Signature) -> Option<TokenStream> {
    sig.inputs.iter().find_map(|input| match input {
        FnArg::Receiver(receiver) => match &receiver.kind {
            syn::ReceiverKind::Reference(_, _, mutability) => mutability.map(|_| quote!(#receiver)),
            _ => None,
        },
        FnArg::Typed(typed) => match &*typed.ty {
            Type::Reference(reference) if reference.mutability.is_some() => Some(quote!(#typed)),
            _ => None,
        },
    })
}

/// Whether dropping the value may do something, as far as its type's spelling says.
fn may_need_drop(binding: &Binding) -> bool {
    const PLAIN: [&str; 17] = [
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16", "u32",
        "u64", "u128", "usize",
    ];
    if binding.by_ref {
        return false;
    }
    match &binding.ty {
        Some(Type::Reference(_) | Type::Ptr(_) | Type::FnPtr(_)) => false,
        Some(Type::Path(path)) => {
            path.path.get_ident().is_none_or(|name| !PLAIN.iter().any(|plain| name == plain))
        }
        _ => true,
    }
}

/// Whether a word is among the tokens, or in the text of a literal (`"{name}"`).
fn mentions(tokens: &TokenStream, name: &str) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(word) => word.unraw() == *name,
        TokenTree::Literal(literal) => {
            let text = literal.to_string();
            text.contains(&format!("{{{name}")) || text.contains(&format!("{name}$"))
        }
        TokenTree::Group(group) => mentions(&group.stream(), name),
        TokenTree::Punct(_) => false,
    })
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

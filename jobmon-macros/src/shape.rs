//! What kind of function it is, decided by its signature alone.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    AngleBracketedGenericArguments, Error, GenericArgument, PathArguments, PathSegment, Result, ReturnType,
    Signature, Type, TypeParamBound,
};

/// How the body runs as a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Runs and returns.
    Sync,
    /// Runs and never returns.
    Diverging,
    /// `async fn`.
    Async,
    /// `async fn .. -> !`.
    AsyncDiverging,
    /// Returns `impl Future`.
    Future,
    /// Returns `Pin<Box<dyn Future>>`, by whatever name.
    PinnedBox,
    /// Returns `Box<dyn Future>`.
    Box,
}

impl Shape {
    /// Decides by the signature.
    pub(crate) fn of(sig: &Signature) -> Result<Self> {
        let ReturnType::Type(_, ty) = &sig.output else {
            return Ok(if sig.asyncness.is_some() { Self::Async } else { Self::Sync });
        };
        let (ty, kind) = (plain(ty), kind(ty));
        if kind == Some(Kind::Stream) {
            return Err(Error::new_spanned(
                ty,
                "streams are not supported yet: their calls end after the function returns; put `#[instrument_llm]` on the async function that reads the stream to its end",
            ));
        }
        Ok(match (sig.asyncness.is_some(), ty, kind) {
            (true, Type::Never(_), _) => Self::AsyncDiverging,
            (true, ..) => Self::Async,
            (false, Type::Never(_), _) => Self::Diverging,
            (false, _, Some(Kind::Future)) => Self::Future,
            (false, _, Some(Kind::PinnedBox)) => Self::PinnedBox,
            (false, _, Some(Kind::Box)) => Self::Box,
            (false, ..) => Self::Sync,
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Future,
    PinnedBox,
    Box,
    Stream,
}

/// A type without parentheses and invisible groups around it.
pub(crate) fn plain(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            ty => return ty,
        };
    }
}

/// Whether a type is a future or a stream, as far as its spelling says.
fn kind(ty: &Type) -> Option<Kind> {
    match plain(ty) {
        Type::ImplTrait(ty) => bounds(ty.bounds.iter(), Kind::Future),
        Type::TraitObject(ty) => bounds(ty.bounds.iter(), Kind::Future),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            match last.ident.to_string().as_str() {
                "BoxFuture" | "LocalBoxFuture" => Some(Kind::PinnedBox),
                "BoxStream" | "LocalBoxStream" => Some(Kind::Stream),
                "Pin" => match kind(first_type(last)?)? {
                    Kind::Box => Some(Kind::PinnedBox),
                    Kind::Stream => Some(Kind::Stream),
                    Kind::Future | Kind::PinnedBox => None,
                },
                "Box" => match kind(first_type(last)?)? {
                    Kind::Future => Some(Kind::Box),
                    kind => Some(kind),
                },
                _ => None,
            }
        }
        _ => None,
    }
}

fn bounds<'a>(bounds: impl Iterator<Item = &'a TypeParamBound>, future: Kind) -> Option<Kind> {
    let mut names = bounds.filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last(),
        _ => None,
    });
    names.find_map(|name| match name.ident.to_string().as_str() {
        "Future" => Some(future),
        "Stream" => Some(Kind::Stream),
        _ => None,
    })
}

fn arguments(segment: &PathSegment) -> Option<&AngleBracketedGenericArguments> {
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments),
        _ => None,
    }
}

fn types(segment: &PathSegment) -> impl DoubleEndedIterator<Item = &Type> {
    arguments(segment).into_iter().flat_map(|arguments| &arguments.args).filter_map(|argument| match argument
    {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

pub(crate) fn first_type(segment: &PathSegment) -> Option<&Type> {
    types(segment).next()
}

/// What the future that a function returns gives, where its spelling says so.
pub(crate) fn output(ty: &Type) -> Option<&Type> {
    match plain(ty) {
        Type::ImplTrait(ty) => associated_output(ty.bounds.iter()),
        Type::TraitObject(ty) => associated_output(ty.bounds.iter()),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            match last.ident.to_string().as_str() {
                // Without a lifetime it is the user's own, and may give something else.
                "BoxFuture" | "LocalBoxFuture" => match arguments(last)?.args.first()? {
                    GenericArgument::Lifetime(_) => first_type(last),
                    _ => None,
                },
                "Pin" | "Box" => output(first_type(last)?),
                _ => None,
            }
        }
        _ => None,
    }
}

fn associated_output<'a>(mut bounds: impl Iterator<Item = &'a TypeParamBound>) -> Option<&'a Type> {
    bounds.find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        arguments(bound.path.segments.last()?)?.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(output) if output.ident == "Output" => Some(&output.ty),
            _ => None,
        })
    })
}

/// The error of `Result<_, E>`, by whatever name, where it is spelled and no lifetime is.
pub(crate) fn error(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = plain(ty) else { return None };
    let last = path.path.segments.last()?;
    let mut types = types(last);
    let (error, _) = (types.next_back()?, types.next_back()?);
    let lifetime = |argument: &GenericArgument| matches!(argument, GenericArgument::Lifetime(_));
    (!arguments(last)?.args.iter().any(lifetime)).then_some(error)
}

/// The link that reading an error begins with: the first asks for a box of `dyn Error` that does not borrow, which
/// only the spelling tells.
pub(crate) fn failing(error: &Type) -> &'static str {
    let tokens = error.to_token_stream();
    let is_dyn = contains(&tokens, &|token, next| word(token) == Some("dyn".to_owned()) && next.is_some());
    let borrows = contains(&tokens, &|token, next| {
        matches!(token, TokenTree::Punct(tick) if tick.as_char() == '\'')
            && next.and_then(word) != Some("static".to_owned())
    });
    if is_dyn && !borrows { "FailingOwned" } else { "Failing" }
}

/// The type with `_` for each `impl Trait`, to be named in the body; `None` where that says nothing.
pub(crate) fn nameable(ty: &Type) -> Option<Type> {
    let mut ty = plain(ty).clone();
    erase(&mut ty);
    let tokens = ty.to_token_stream();
    let left = contains(&tokens, &|token, _| word(token) == Some("impl".to_owned()));
    (!left && !matches!(ty, Type::Infer(_) | Type::Never(_))).then_some(ty)
}

/// Whether every part of the type is named.
pub(crate) fn is_named(ty: &Type) -> bool {
    let tokens = ty.to_token_stream();
    !contains(&tokens, &|token, _| matches!(word(token).as_deref(), Some("impl" | "_")))
}

fn erase(ty: &mut Type) {
    match ty {
        Type::ImplTrait(found) => {
            let span = found.impl_token.span;
            *ty = Type::Infer(syn::TypeInfer { attrs: Vec::new(), underscore_token: syn::Token![_](span) });
        }
        Type::Array(ty) => erase(&mut ty.elem),
        Type::Group(ty) => erase(&mut ty.elem),
        Type::Paren(ty) => erase(&mut ty.elem),
        Type::Ptr(ty) => erase(&mut ty.elem),
        Type::Reference(ty) => erase(&mut ty.elem),
        Type::Slice(ty) => erase(&mut ty.elem),
        Type::Tuple(ty) => ty.elems.iter_mut().for_each(erase),
        Type::Path(ty) => ty.path.segments.iter_mut().for_each(erase_arguments),
        Type::TraitObject(ty) => {
            for bound in &mut ty.bounds {
                if let TypeParamBound::Trait(bound) = bound {
                    bound.path.segments.iter_mut().for_each(erase_arguments);
                }
            }
        }
        _ => {}
    }
}

fn erase_arguments(segment: &mut PathSegment) {
    let PathArguments::AngleBracketed(arguments) = &mut segment.arguments else { return };
    for argument in &mut arguments.args {
        match argument {
            GenericArgument::Type(ty) => erase(ty),
            GenericArgument::AssocType(assoc) => erase(&mut assoc.ty),
            _ => {}
        }
    }
}

fn word(token: &TokenTree) -> Option<String> {
    if let TokenTree::Ident(word) = token { Some(word.to_string()) } else { None }
}

/// Whether a token, looked at together with the next, is among these or inside their groups.
fn contains(tokens: &TokenStream, wanted: &dyn Fn(&TokenTree, Option<&TokenTree>) -> bool) -> bool {
    let mut tokens = tokens.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        if wanted(&token, tokens.peek()) {
            return true;
        }
        if let TokenTree::Group(group) = &token
            && contains(&group.stream(), wanted)
        {
            return true;
        }
    }
    false
}

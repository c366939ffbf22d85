//! What kind of function it is, decided by its signature alone.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    AngleBracketedGenericArguments, GenericArgument, PathArguments, PathSegment, ReturnType, Signature, Type,
    TypeParamBound,
};

/// What the signature says about how the body runs as a call, and what it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) runs: Runs,
    pub(crate) gives: Gives,
}

/// How the body runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    /// Runs and returns.
    Sync,
    /// Runs and never returns, or returns `impl Fn`: the compiler knows what a closure takes only where the function
    /// itself returns it.
    Guarded,
    /// `async fn`.
    Async,
    /// `async fn .. -> !`.
    AsyncDiverging,
    /// Returns a future.
    Future(Wrap),
}

/// What the call gives in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    Value,
    /// A stream, until whose end the call goes on.
    Stream(Wrap),
    /// A `Result` with such a stream.
    Opened(Wrap),
}

/// How a future or a stream is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrap {
    /// `impl Future`.
    Plain,
    /// `Pin<Box<dyn Future>>`, by whatever name.
    Pinned,
    /// `Box<dyn Future>`.
    Boxed,
}

impl Shape {
    /// Decides by the signature.
    pub(crate) fn of(sig: &Signature) -> Self {
        let ReturnType::Type(_, ty) = &sig.output else {
            let runs = if sig.asyncness.is_some() { Runs::Async } else { Runs::Sync };
            return Self { runs, gives: Gives::Value };
        };
        let runs = match (sig.asyncness.is_some(), plain(ty), kind(ty)) {
            (true, Type::Never(_), _) => Runs::AsyncDiverging,
            (true, ..) => Runs::Async,
            (false, Type::Never(_), _) => Runs::Guarded,
            (false, _, Some((Kind::Future, wrap))) => Runs::Future(wrap),
            (false, ..) if is_closure(ty) => Runs::Guarded,
            (false, ..) => Runs::Sync,
        };
        let given = if let Runs::Future(_) = runs { output(ty) } else { Some(&**ty) };
        let gives = match given.map(|ty| (kind(ty), opened(ty).and_then(kind))) {
            Some((Some((Kind::Stream, wrap)), _)) => Gives::Stream(wrap),
            Some((_, Some((Kind::Stream, wrap)))) => Gives::Opened(wrap),
            _ => Gives::Value,
        };
        Self { runs, gives }
    }

    /// Whether the function works while somebody polls.
    pub(crate) fn is_async(self) -> bool {
        !matches!(self, Self { runs: Runs::Sync | Runs::Guarded, gives: Gives::Value | Gives::Opened(_) })
    }
}

/// What a spelling can say that a type is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Future,
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
fn kind(ty: &Type) -> Option<(Kind, Wrap)> {
    match plain(ty) {
        Type::ImplTrait(ty) => Some((bounds(ty.bounds.iter())?, Wrap::Plain)),
        Type::TraitObject(ty) => Some((bounds(ty.bounds.iter())?, Wrap::Plain)),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            match last.ident.to_string().as_str() {
                "BoxFuture" | "LocalBoxFuture" => Some((Kind::Future, Wrap::Pinned)),
                "BoxStream" | "LocalBoxStream" => Some((Kind::Stream, Wrap::Pinned)),
                "Pin" => match kind(first_type(last)?)? {
                    (kind, Wrap::Boxed) => Some((kind, Wrap::Pinned)),
                    _ => None,
                },
                "Box" => match kind(first_type(last)?)? {
                    (kind, Wrap::Plain) => Some((kind, Wrap::Boxed)),
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether a type is `impl Fn(..)`, as far as its spelling says.
fn is_closure(ty: &Type) -> bool {
    let Type::ImplTrait(ty) = plain(ty) else { return false };
    ty.bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            let last = bound.path.segments.last();
            last.is_some_and(|last| matches!(last.arguments, PathArguments::Parenthesized(_)))
        }
        _ => false,
    })
}

/// Whether a type is a future, as far as its spelling says.
pub(crate) fn is_future(ty: &Type) -> bool {
    let handle =
        |path: &syn::TypePath| path.path.segments.last().is_some_and(|last| last.ident == "JoinHandle");
    matches!(kind(ty), Some((Kind::Future, _))) || matches!(plain(ty), Type::Path(path) if handle(path))
}

fn bounds<'a>(bounds: impl Iterator<Item = &'a TypeParamBound>) -> Option<Kind> {
    let mut names = bounds.filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last(),
        _ => None,
    });
    names.find_map(|name| match name.ident.to_string().as_str() {
        "Future" => Some(Kind::Future),
        "Stream" | "TryStream" => Some(Kind::Stream),
        _ => None,
    })
}

/// What a `Result`, by a name that ends so, has where it is no error.
pub(crate) fn opened(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = plain(ty) else { return None };
    let last = path.path.segments.last()?;
    if last.ident.to_string().ends_with("Result") { first_type(last) } else { None }
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
    associated(ty, "Output", &["BoxFuture", "LocalBoxFuture"])
}

/// What a stream gives, where its spelling says so.
pub(crate) fn item(ty: &Type) -> Option<&Type> {
    associated(ty, "Item", &["BoxStream", "LocalBoxStream"])
}

fn associated<'a>(ty: &'a Type, name: &str, boxes: &[&str]) -> Option<&'a Type> {
    match plain(ty) {
        Type::ImplTrait(ty) => associated_in(ty.bounds.iter(), name),
        Type::TraitObject(ty) => associated_in(ty.bounds.iter(), name),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            // Without a lifetime it is the user's own, and may give something else.
            if boxes.iter().any(|known| last.ident == known) {
                return match arguments(last)?.args.first()? {
                    GenericArgument::Lifetime(_) => first_type(last),
                    _ => None,
                };
            }
            if last.ident == "Pin" || last.ident == "Box" {
                associated(first_type(last)?, name, boxes)
            } else {
                None
            }
        }
        _ => None,
    }
}

fn associated_in<'a>(mut bounds: impl Iterator<Item = &'a TypeParamBound>, name: &str) -> Option<&'a Type> {
    bounds.find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        arguments(bound.path.segments.last()?)?.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(output) if output.ident == name => Some(&output.ty),
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

//! A `self` that is given by value to several attempts: each has one of its own, which must have another name.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use syn::{ReceiverKind, Signature, Token};

/// The name of an attempt's own `self`, at the place of one.
pub(crate) fn name(at: Span) -> Ident {
    Ident::new("__jobmon_self", Span::mixed_site().located_at(at))
}

/// Where `self` is taken by value: its word and its `mut`.
pub(crate) fn by_value(sig: &Signature) -> Option<(Span, Option<Token![mut]>)> {
    let receiver = sig.receiver()?;
    let by_value = match &receiver.kind {
        ReceiverKind::Reference(..) => false,
        ReceiverKind::Typed(_, ty) => !matches!(crate::shape::plain(ty), syn::Type::Reference(_)),
        _ => true,
    };
    by_value.then_some((receiver.self_token.span, receiver.mutability))
}

/// A body with the other name instead of `self`. Items inside have a `self` of their own; `self::` is a path.
pub(crate) fn renamed(body: &TokenStream) -> TokenStream {
    let mut from = body.clone().into_iter().peekable();
    let mut to = TokenStream::new();
    while let Some(token) = from.next() {
        let word = if let TokenTree::Ident(word) = &token { word.to_string() } else { String::new() };
        let is_colon =
            |next: Option<&TokenTree>| matches!(next, Some(TokenTree::Punct(sign)) if sign.as_char() == ':');
        let is_word = |next: Option<&TokenTree>| matches!(next, Some(TokenTree::Ident(_)));
        let until: Option<fn(&TokenTree) -> bool> = match word.as_str() {
            "impl" | "trait" | "mod" => Some(is_block),
            // `fn(u8)` is a type.
            "fn" if is_word(from.peek()) => Some(is_block),
            "use" => Some(is_semicolon),
            // `pub(self)`
            "pub" => Some(|_| true),
            _ => None,
        };
        if let Some(until) = until {
            to.extend([token]);
            for next in from.by_ref() {
                let last = until(&next);
                to.extend([next]);
                if last {
                    break;
                }
            }
            continue;
        }
        to.extend([match token {
            TokenTree::Ident(word) if word == "self" && !is_colon(from.peek()) => name(word.span()).into(),
            TokenTree::Group(group) => {
                let mut inside = Group::new(group.delimiter(), renamed(&group.stream()));
                inside.set_span(group.span());
                inside.into()
            }
            other => other,
        }]);
    }
    to
}

fn is_block(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn is_semicolon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(sign) if sign.as_char() == ';')
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn only_the_self_of_the_function_is_renamed() {
        let body = quote! {
            use self::inner::{self, X};
            let Self(x) = self;
            go(self.0, |y| self.f(y), self::inner::g(), vec![self]);
            fn nested(self) -> u8 { self.0 }
            impl A { pub(self) fn b(&self) -> u8 { self.1 } }
            let f: fn(u8) = h;
            self
        };
        let expected = quote! {
            use self::inner::{self, X};
            let Self(x) = __jobmon_self;
            go(__jobmon_self.0, |y| __jobmon_self.f(y), self::inner::g(), vec![__jobmon_self]);
            fn nested(self) -> u8 { self.0 }
            impl A { pub(self) fn b(&self) -> u8 { self.1 } }
            let f: fn(u8) = h;
            __jobmon_self
        };
        assert_eq!(renamed(&body).to_string(), expected.to_string());
    }
}

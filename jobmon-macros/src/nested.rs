//! Tuples inside containers, as far as the spelling of a return type says.

use crate::shape;
use syn::Type;

/// How many containers are around a tuple: 2 for `Option<Box<(A, B)>>`, 0 where there is no tuple. The `Result` around
/// all of it is taken apart anyway and does not count.
pub(crate) fn depth(ty: &Type) -> usize {
    let ty = shape::plain(ty);
    let inside = match ty {
        Type::Path(path) => {
            path.path.segments.last().filter(|last| last.ident == "Result").and_then(shape::first_type)
        }
        _ => None,
    };
    around(inside.unwrap_or(ty)).unwrap_or(0)
}

fn around(ty: &Type) -> Option<usize> {
    match shape::plain(ty) {
        Type::Tuple(tuple) => (tuple.elems.len() > 1).then_some(0),
        Type::Reference(reference) => Some(around(&reference.elem)? + 1),
        Type::Path(path) => Some(around(shape::first_type(path.path.segments.last()?)?)? + 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_around_a_tuple_are_counted() {
        for (ty, expected) in [
            ("Option<(A, B)>", 1),
            ("std::result::Result<Option<(A, B, C)>, E>", 1),
            ("Result<(A, B), E>", 0),
            ("io::Result<Arc<Option<(A, B)>>>", 2),
            ("&'a (A, B)", 1),
            ("Answered<(A, B)>", 1),
            ("(A, Option<(B, C)>)", 0),
            ("Option<A>", 0),
            ("Option<()>", 0),
            ("impl Future", 0),
        ] {
            assert_eq!(depth(&syn::parse_str(ty).expect("a type")), expected, "{ty}");
        }
    }
}

//! What is inside a container: a tuple there has its usage in any place, which traits cannot say.
//!
//! Generated code asks once for each container that a return type spells around a tuple.

use super::chain;
use std::rc::Rc;
use std::sync::Arc;

chain!(Inside > Whole);

macro_rules! containers {
    ($($container:ty: $value:ident => $inside:expr;)*) => {
        $(impl<'a, T> Inside<'a, $container> {
            /// What is inside, if anything is.
            pub fn __jobmon_inside(&self) -> Option<&'a T> {
                let $value = self.value();
                $inside
            }
        })*
    };
}
containers! {
    Option<T>: value => value.as_ref();
    Box<T>: value => Some(&**value);
    Rc<T>: value => Some(&**value);
    Arc<T>: value => Some(&**value);
    &'a T: value => Some(*value);
}

impl<'a, T, E> Inside<'a, Result<T, E>> {
    /// The success, if it is one.
    pub fn __jobmon_inside(&self) -> Option<&'a T> {
        self.value().as_ref().ok()
    }
}

impl<'a, T> Whole<'a, T> {
    /// Anything else is taken as it is.
    pub fn __jobmon_inside(&self) -> Option<&'a T> {
        Some(self.value())
    }
}

//! Values of `fields(..)`.

use crate::sensitive::Sensitive;
use crate::text::Text;
use crate::value::Value;
use std::borrow::Cow;
use std::fmt::{Debug, Display};

/// `key = %value`: its text for people.
pub fn display<T: Display + ?Sized>(value: &T) -> Option<Value> {
    Some(Value::from(value.to_string()))
}

/// `key = ?value`: its text for programmers.
pub fn debug<T: Debug + ?Sized>(value: &T) -> Option<Value> {
    Some(Value::from(format!("{value:?}")))
}

/// `key = value`: as it is.
pub fn value<T: Recordable + ?Sized>(value: &T) -> Option<Value> {
    value.recorded()
}

/// A type that `fields(key = value)` takes without a sigil.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be recorded as it is",
    label = "not a number, a bool, text or an `Option` of these",
    note = "write `%` before it to record its `Display` text, or `?` to record its `Debug` text"
)]
pub trait Recordable {
    /// The value; `None` records nothing.
    fn recorded(&self) -> Option<Value>;
}

macro_rules! recordable {
    ($($t:ty)*) => {
        $(impl Recordable for $t {
            fn recorded(&self) -> Option<Value> {
                Some(Value::from(*self))
            }
        })*
    };
}
recordable!(bool i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64);

impl Recordable for str {
    fn recorded(&self) -> Option<Value> {
        Some(Value::Text(Text::copied(self)))
    }
}

impl Recordable for String {
    fn recorded(&self) -> Option<Value> {
        self.as_str().recorded()
    }
}

impl Recordable for Cow<'_, str> {
    fn recorded(&self) -> Option<Value> {
        str::recorded(self)
    }
}

impl Recordable for Text {
    fn recorded(&self) -> Option<Value> {
        Some(Value::Text(self.clone()))
    }
}

impl Recordable for char {
    fn recorded(&self) -> Option<Value> {
        display(self)
    }
}

impl<T: ?Sized> Recordable for Sensitive<T> {
    fn recorded(&self) -> Option<Value> {
        display(self)
    }
}

impl<T: Recordable> Recordable for Option<T> {
    fn recorded(&self) -> Option<Value> {
        self.as_ref().and_then(T::recorded)
    }
}

macro_rules! forward {
    ($($outer:ty),*) => {
        $(impl<T: Recordable + ?Sized> Recordable for $outer {
            fn recorded(&self) -> Option<Value> {
                (**self).recorded()
            }
        })*
    };
}
forward!(&T, &mut T, Box<T>, std::rc::Rc<T>, std::sync::Arc<T>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_recorded_as_they_are_written() {
        assert_eq!(value(&3_u8), Some(Value::Int(3)));
        assert_eq!(value(&&"x"), Some(Value::Text(Text::literal("x"))));
        assert_eq!(value(&Some(String::from("x"))), Some(Value::Text(Text::literal("x"))));
        assert_eq!(value(&None::<u8>), None);
        assert_eq!(display("a b"), Some(Value::Text(Text::literal("a b"))));
        assert_eq!(debug("a b"), Some(Value::Text(Text::literal("\"a b\""))));
    }
}

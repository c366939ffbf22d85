//! [`Value`]: the value of an attribute.

use crate::text::Text;
use std::fmt;

/// The value of an attribute recorded with `fields(..)` or [`Current::field`](crate::Current::field).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number; not-a-number and infinities are kept as they are.
    Float(f64),
    /// Text.
    Text(Text),
}

impl Value {
    /// This value, its text cut to a number of bytes.
    pub(crate) fn limited(self, bytes: usize) -> Self {
        match self {
            Self::Text(text) => Self::Text(text.limited(bytes)),
            other => other,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value}"),
        }
    }
}

macro_rules! from {
    ($($from:ty => |$value:ident| $to:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $to
            }
        })*
    };
}

from! {
    bool => |value| Self::Bool(value);
    i8 => |value| Self::Int(value.into());
    i16 => |value| Self::Int(value.into());
    i32 => |value| Self::Int(value.into());
    i64 => |value| Self::Int(value);
    isize => |value| Self::Int(value as i64);
    u8 => |value| Self::Int(value.into());
    u16 => |value| Self::Int(value.into());
    u32 => |value| Self::Int(value.into());
    u64 => |value| Self::Int(i64::try_from(value).unwrap_or(i64::MAX));
    usize => |value| Self::Int(i64::try_from(value).unwrap_or(i64::MAX));
    f32 => |value| Self::Float(value.into());
    f64 => |value| Self::Float(value);
    &'static str => |value| Self::Text(Text::from(value));
    String => |value| Self::Text(Text::from(value));
    Text => |value| Self::Text(value);
}

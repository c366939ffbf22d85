//! [`Text`]: a short string that is cheap to clone.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A short immutable string: a literal, or text shared by all its clones.
///
/// Names of models, features and sessions travel through several threads; cloning a `Text` never allocates.
///
/// ```
/// use jobmon_core::Text;
///
/// let literal = Text::from("gpt-4o-mini");
/// let owned = Text::from(String::from("gpt-4o-mini"));
/// assert_eq!(literal, owned);
/// assert_eq!(literal.len(), 11);
/// ```
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Literal(&'static str),
    Shared(Arc<str>),
}

impl Text {
    /// A literal, without allocation.
    pub const fn literal(text: &'static str) -> Self {
        Self(Repr::Literal(text))
    }

    /// A copy of borrowed text. One allocation.
    pub fn copied(text: &str) -> Self {
        Self(Repr::Shared(Arc::from(text)))
    }

    /// This text, cut to a number of bytes and marked with `…` where it is longer.
    #[must_use]
    pub fn limited(self, bytes: usize) -> Self {
        if self.len() <= bytes {
            return self;
        }
        let end = (0..=bytes).rev().find(|end| self.is_char_boundary(*end)).unwrap_or(0);
        Self::from(format!("{}…", &self[..end]))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Literal(text) => text,
            Repr::Shared(text) => text,
        }
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::literal(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Repr::Shared(Arc::from(text)))
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self(Repr::Shared(text))
    }
}

impl From<Cow<'static, str>> for Text {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::literal(text),
            Cow::Owned(text) => Self::from(text),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl std::hash::Hash for Text {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(Text::from("kurz").limited(4), "kurz");
        assert_eq!(Text::from("größer").limited(3), "gr…");
    }
}

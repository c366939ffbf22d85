//! [`Sensitive`]: a value that nothing shows.

use crate::capture::{Capture, Captured};
use crate::redact::REDACTED;
use crate::text::Text;
use crate::value::Value;
use std::fmt;

/// A value that is not to be recorded, whatever names it: `Debug`, `Display`, `capture(..)` and `fields(..)` show
/// `[redacted]`, and the call counts it as a redacted field.
///
/// It guards against mistakes, not against code that wants the value: [`expose`](Self::expose) gives it.
///
/// ```
/// use jobmon_core::{Sensitive, instrument_llm};
///
/// #[instrument_llm(capture(input(resume)), fields(salary = %salary), crate = ::jobmon_core)]
/// fn analyze(resume: &Sensitive<String>, salary: Sensitive<u32>) -> usize {
///     resume.expose().len()
/// }
///
/// let resume = Sensitive::new("Anna Schmidt, born 1990".to_owned());
/// assert_eq!(format!("{resume} {resume:?}"), "[redacted] [redacted]");
/// assert_eq!(analyze(&resume, Sensitive::new(65_000)), 23);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sensitive<T: ?Sized>(T);

impl<T> Sensitive<T> {
    /// Hides a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: ?Sized> Sensitive<T> {
    /// The value, for code that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Sensitive<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: ?Sized> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T: ?Sized> fmt::Display for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(REDACTED)
    }
}

impl<T: ?Sized> Capture for Sensitive<T> {
    fn captured(&self) -> Captured {
        Captured::Text(Text::literal(REDACTED))
    }
}

impl<T> From<Sensitive<T>> for Value {
    fn from(_: Sensitive<T>) -> Self {
        Self::Text(Text::literal(REDACTED))
    }
}

impl<T> From<&Sensitive<T>> for Value {
    fn from(_: &Sensitive<T>) -> Self {
        Self::Text(Text::literal(REDACTED))
    }
}

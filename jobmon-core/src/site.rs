//! [`Site`]: what is known about an annotated function at compile time.

use crate::operation::Operation;

/// What of a call is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent switches are what the user sets")]
#[expect(clippy::exhaustive_structs, reason = "built by generated code")]
pub struct Track {
    /// Tokens and so costs.
    pub tokens: bool,
    /// Durations.
    pub latency: bool,
    /// Categories and messages of errors. That a call failed is always recorded.
    pub errors: bool,
    /// Single attempts.
    pub retries: bool,
}

impl Track {
    /// Everything: the default.
    pub const ALL: Self = Self { tokens: true, latency: true, errors: true, retries: true };

    /// What both allow.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            tokens: self.tokens && other.tokens,
            latency: self.latency && other.latency,
            errors: self.errors && other.errors,
            retries: self.retries && other.retries,
        }
    }
}

/// The compile-time facts of an annotated function.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "built by generated code")]
pub struct Facts {
    /// The function's name, or the one given.
    pub name: &'static str,
    /// `module_path!()` of the function.
    pub module: &'static str,
    /// `file!()` of the function.
    pub file: &'static str,
    /// `line!()` of the attribute.
    pub line: u32,
    /// The operation, given or by default.
    pub operation: Operation,
    /// The provider, where it is a literal.
    pub provider: Option<&'static str>,
    /// The model, where it is a literal.
    pub model: Option<&'static str>,
    /// The feature, where it is a literal.
    pub feature: Option<&'static str>,
    /// What is recorded.
    pub track: Track,
    /// Whether the user took it on himself to report usage, so that its absence is no surprise.
    pub manual_usage: bool,
}

/// An annotated function. One `static` for each.
#[derive(Debug)]
pub struct Site {
    pub(crate) facts: Facts,
}

impl Site {
    /// The site of a function.
    pub const fn new(facts: Facts) -> Self {
        Self { facts }
    }
}

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

/// What is known about an annotated function at compile time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// The function's name, or the one given.
    pub(crate) name: &'static str,
    /// Its module.
    pub(crate) module: &'static str,
    /// Its file.
    pub(crate) file: &'static str,
    /// The line of its attribute.
    pub(crate) line: u32,
    /// The operation, given or by default.
    pub(crate) operation: Operation,
    /// The provider, where it is a literal.
    pub(crate) provider: Option<&'static str>,
    /// The model, where it is a literal.
    pub(crate) model: Option<&'static str>,
    /// The feature, where it is a literal.
    pub(crate) feature: Option<&'static str>,
    /// The budget that it names, where that is a literal.
    pub(crate) budget: Option<&'static str>,
    /// What is recorded.
    pub(crate) track: Track,
    /// Whether the user took it on himself to report usage, so that its absence is no surprise.
    pub(crate) manual_usage: bool,
    /// Whether what its model is asked is captured, and what it answers.
    pub(crate) captures: [bool; 2],
}

/// An annotated function. One `static` for each.
#[derive(Debug)]
pub struct Site {
    pub(crate) facts: Facts,
}

impl Site {
    /// The site of a function, where it is called: in the expansion of its attribute. Of provider, model and feature
    /// those that are no literals are empty.
    #[track_caller]
    pub const fn new(
        name: &'static str,
        module: &'static str,
        operation: Operation,
        [provider, model, feature]: [&'static str; 3],
    ) -> Self {
        const fn literal(text: &'static str) -> Option<&'static str> {
            if text.is_empty() { None } else { Some(text) }
        }
        let here = std::panic::Location::caller();
        Self {
            facts: Facts {
                name,
                module,
                file: here.file(),
                line: here.line(),
                operation,
                provider: literal(provider),
                model: literal(model),
                feature: literal(feature),
                budget: None,
                track: Track::ALL,
                manual_usage: false,
                captures: [false; 2],
            },
        }
    }

    /// The site of code that is not annotated, and tells of calls by other means.
    pub(crate) const fn foreign(
        name: &'static str,
        module: &'static str,
        (file, line): (&'static str, u32),
        operation: Operation,
    ) -> Self {
        let facts = Facts {
            name,
            module,
            file,
            line,
            operation,
            provider: None,
            model: None,
            feature: None,
            budget: None,
            track: Track::ALL,
            manual_usage: false,
            captures: [false; 2],
        };
        Self { facts }
    }

    /// Its line, where the attribute stands elsewhere.
    #[must_use]
    pub const fn line(mut self, line: u32) -> Self {
        self.facts.line = line;
        self
    }

    /// What is recorded of it.
    #[must_use]
    pub const fn track(mut self, track: Track) -> Self {
        self.facts.track = track;
        self
    }

    /// The budget that it names.
    #[must_use]
    pub const fn budget(mut self, name: &'static str) -> Self {
        self.facts.budget = Some(name);
        self
    }

    /// What goes in and what comes out of it is captured.
    #[must_use]
    pub const fn capture(mut self, input: bool, output: bool) -> Self {
        self.facts.captures = [input, output];
        self
    }

    /// Its body reports usage.
    #[must_use]
    pub const fn manual_usage(mut self) -> Self {
        self.facts.manual_usage = true;
        self
    }
}

//! [`Redacted`], [`Redactions`] and [`Redaction`]: what is removed, how often it was, and what a monitor removes.

use crate::digest::Digest;
use crate::text::Text;
use crate::words::words;
use std::collections::BTreeSet;

#[cfg(feature = "redact-patterns")]
use super::pattern::Pattern;

words! {
    /// A kind of text that is removed before any exporter sees it.
    enum Redacted, "kind of redaction" {
        Email "email" "Addresses of e-mail."
        Phone "phone" "Telephone numbers: international ones, and national ones in their usual spellings."
        Card "card" "Numbers of payment cards, whose check digit is right."
        Iban "iban" "International bank account numbers, whose check digits are right."
        Key "key" "Keys, tokens and passwords in addresses."
        Field "field" "What follows the name of a secret, such as `password` or `api_key`, or a name of your own."
        Pattern "pattern" "What a pattern of your own finds."
    }
}

impl Redacted {
    /// Those that can be kept. Secrets are always removed, and what is asked to be.
    pub const OPTIONAL: &[Self] = &[Self::Email, Self::Phone, Self::Card, Self::Iban];
}

/// How often something of each kind was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redactions([u32; Redacted::ALL.len()]);

impl Redactions {
    pub(crate) const NONE: Self = Self([0; Redacted::ALL.len()]);

    /// Of one kind.
    ///
    /// ```
    /// use jobmon_core::{Redacted, Redactions};
    ///
    /// let mut found = Redactions::default();
    /// found.add(Redacted::Email, 2);
    /// assert_eq!((found.of(Redacted::Email), found.of(Redacted::Card), found.total()), (2, 0, 2));
    /// ```
    pub const fn of(&self, kind: Redacted) -> u32 {
        self.0[kind as usize]
    }

    /// Counts some more of a kind.
    pub const fn add(&mut self, kind: Redacted, times: u32) {
        let count = &mut self.0[kind as usize];
        *count = count.saturating_add(times);
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine = mine.saturating_add(theirs));
        self
    }

    /// Of all kinds.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|count| u64::from(*count)).sum()
    }

    /// Each kind of which there was something.
    pub fn iter(&self) -> impl Iterator<Item = (Redacted, u32)> + '_ {
        Redacted::ALL.iter().map(|kind| (*kind, self.of(*kind))).filter(|(_, count)| *count > 0)
    }

    /// Whether there was nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a monitor removes from what it records: from content, attributes, queries of searches, and messages of errors.
///
/// By default every kind of [`Redacted`]. Names of your own are those of fields whose values nobody should see.
///
/// ```
/// use jobmon_core::{Redacted, Redaction};
///
/// let redaction = Redaction::default().keep(Redacted::Phone).name("salary");
/// # drop(redaction);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redaction {
    pub(super) kept: BTreeSet<Redacted>,
    /// In lower case with `_` for any separator.
    pub(super) names: BTreeSet<String>,
    #[cfg(feature = "redact-patterns")]
    pub(super) patterns: Vec<Pattern>,
}

impl Redaction {
    /// Nothing of one's own.
    pub(super) const NONE: Self = Self {
        kept: BTreeSet::new(),
        names: BTreeSet::new(),
        #[cfg(feature = "redact-patterns")]
        patterns: Vec::new(),
    };

    /// Leaves a kind as it is; of [`Redacted::OPTIONAL`] only, others are removed all the same.
    #[must_use]
    pub fn keep(mut self, kind: Redacted) -> Self {
        if Redacted::OPTIONAL.contains(&kind) {
            self.kept.insert(kind);
        }
        self
    }

    /// Removes the values of fields of this name too, in JSON, attributes and text such as `salary: 65000`. Upper and
    /// lower case, `-`, `_` and spaces make no difference, and a longer name that ends with it is meant too.
    #[must_use]
    pub fn name(mut self, name: impl Into<Text>) -> Self {
        self.names.insert(super::names::folded(&name.into()));
        self
    }

    /// Removes what a regular expression finds, in the syntax of the [`regex`](https://docs.rs/regex) crate. What is removed
    /// is shown as `[redacted <name>]`.
    ///
    /// ```
    /// let redaction = jobmon_core::Redaction::default().pattern("employee", r"\bEMP-\d{6}\b")?;
    /// # drop(redaction);
    /// # Ok::<(), jobmon_core::PatternError>(())
    /// ```
    ///
    /// # Errors
    /// When it is no regular expression, finds the empty text, or is too large.
    #[cfg(feature = "redact-patterns")]
    pub fn pattern(mut self, name: impl Into<Text>, regex: &str) -> Result<Self, super::PatternError> {
        let pattern = Pattern::new(name.into(), regex)?;
        self.patterns.retain(|known| known.name != pattern.name);
        self.patterns.push(pattern);
        Ok(self)
    }

    /// Both together: what one of them keeps is kept, and the names and patterns of both are removed. Of two patterns with
    /// the same name, that of the first.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.kept.extend(other.kept);
        self.names.extend(other.names);
        #[cfg(feature = "redact-patterns")]
        {
            let own: Vec<Text> = self.patterns.iter().map(|pattern| pattern.name.clone()).collect();
            self.patterns.extend(other.patterns.into_iter().filter(|pattern| !own.contains(&pattern.name)));
        }
        self
    }

    /// What it leaves, in order.
    pub fn kept(&self) -> impl Iterator<Item = Redacted> + '_ {
        self.kept.iter().copied()
    }

    /// What is recorded instead of an id in which there is something to remove, such as an address of e-mail: a digest, the
    /// same in every process, so that it can be looked for. Without the id nobody can read it, but whoever has the id can
    /// make it too; ids of users are better hashed with a [`UserKey`](crate::UserKey).
    ///
    /// ```
    /// use jobmon_core::Redaction;
    /// assert_eq!(Redaction::stand_in("anna@example.com"), Redaction::stand_in("anna@example.com"));
    /// ```
    pub fn stand_in(id: &str) -> Text {
        Text::from(format!("{}-{}]", super::PLACEHOLDER, Digest::of(id)))
    }

    /// An id as it is recorded.
    pub(crate) fn id(&self, id: &Text) -> Text {
        if super::Cleaner::new(self).finds(id) { Self::stand_in(id) } else { id.clone() }
    }

    pub(super) fn removes(&self, kind: Redacted) -> bool {
        !self.kept.contains(&kind)
    }
}

//! Enums whose variants have stable names, and what is said about a name that none of them has.

use std::fmt;

/// A word that names nothing of its kind; the message lists all that would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord {
    what: &'static str,
    given: String,
    expected: Vec<&'static str>,
}

impl UnknownWord {
    pub(crate) fn new(what: &'static str, given: &str, expected: impl Iterator<Item = &'static str>) -> Self {
        Self { what, given: given.to_owned(), expected: expected.collect() }
    }
}

impl UnknownWord {
    /// The word that was probably meant: one that differs in few letters.
    fn closest(&self) -> Option<&'static str> {
        let given: Vec<char> = self.given.chars().take(40).collect();
        let few = (given.len() / 4).clamp(1, 3);
        let differing = self.expected.iter().map(|word| (edits(&given, word), *word));
        differing.min().filter(|(edits, _)| *edits <= few).map(|(_, word)| word)
    }
}

/// Letters to add, drop or change (Levenshtein).
fn edits(given: &[char], word: &str) -> usize {
    let mut costs: Vec<usize> = (0..=given.len()).collect();
    for letter in word.chars() {
        let mut diagonal = costs[0];
        costs[0] += 1;
        for (at, other) in given.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = costs[at + 1];
            costs[at + 1] = changed.min(diagonal + 1).min(costs[at] + 1);
        }
    }
    costs[given.len()]
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, given, expected } = self;
        let accepted = expected.join(", ");
        match self.closest() {
            Some(closest) => {
                write!(f, "unknown {what} `{given}`, did you mean `{closest}`? Expected one of: {accepted}")
            }
            None => write!(f, "unknown {what} `{given}`; expected one of: {accepted}"),
        }
    }
}

impl std::error::Error for UnknownWord {}

/// Defines an enum with a name and a line of documentation for each variant, printed and parsed by name.
macro_rules! words {
    ($(#[$meta:meta])* enum $Name:ident, $what:literal { $($Variant:ident $name:literal $doc:literal)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $Name {
            $(#[doc = $doc] $Variant,)*
        }

        impl $Name {
            /// All of them, in the order of reports.
            pub const ALL: &[Self] = &[$(Self::$Variant),*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Variant => $name,)* }
            }

            /// What it means, in one line.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$Variant => $doc,)* }
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $Name {
            type Err = $crate::words::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.iter().copied().find(|word| word.name() == text);
                let expected = || Self::ALL.iter().map(|word| word.name());
                found.ok_or_else(|| $crate::words::UnknownWord::new($what, text, expected()))
            }
        }
    };
}
pub(crate) use words;

//! What a history tells of what was done to it.

use jobmon_core::{CallRecord, Dimension, NoticeKind, Resource, Text, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// What an entry of the audit log is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// A monitor started with another configuration than before.
    Configuration,
    /// Data was written elsewhere, by a command.
    Export,
    /// Data was deleted since it was old.
    Retention,
    /// All about one user was deleted.
    Erasure,
    /// An alert was silenced, or is not any more.
    Silence,
    /// Costs were computed again.
    Reprice,
    /// Events of elsewhere were written into the history.
    Import,
}

impl Action {
    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Export => "export",
            Self::Retention => "retention",
            Self::Erasure => "erasure",
            Self::Silence => "silence",
            Self::Reprice => "reprice",
            Self::Import => "import",
        }
    }
}

/// What became of events that were imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// Those that were written.
    pub written: usize,
    /// Those that the history had already.
    pub known: usize,
}

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Its number, from 1.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// Who: a service, or a command and the user of the system who called it.
    pub actor: Text,
    /// What was done.
    pub action: Text,
    /// More about it.
    pub detail: Value,
}

/// An audit log that is whole, as far as it goes: that nothing was cut off its end, only somebody who has kept a head knows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditHead {
    /// How many entries there are.
    pub entries: i64,
    /// The hash of the last one, in hexadecimal: to be kept elsewhere.
    pub hash: String,
}

/// An audit log is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditBroken {
    /// An entry is not what it was, or not the one that was there.
    Changed {
        /// Its number.
        number: i64,
    },
    /// An entry is gone.
    Missing {
        /// Its number.
        number: i64,
    },
    /// The head that was kept belongs to no entry.
    Head {
        /// How many entries there are.
        entries: i64,
    },
}

impl fmt::Display for AuditBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { number } => {
                write!(
                    f,
                    "entry {number} of the audit log is not what was written: it or one before it was changed"
                )
            }
            Self::Missing { number } => write!(f, "entry {number} of the audit log is missing"),
            Self::Head { entries } => write!(
                f,
                "none of the {entries} entries of the audit log has the hash that was kept: its end was cut off, or it \
                 was written anew"
            ),
        }
    }
}

impl std::error::Error for AuditBroken {}

/// What was deleted of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Erased {
    /// Calls.
    pub calls: usize,
    /// Facts: of the user, and about these calls.
    pub facts: usize,
    /// Sessions whose sums were put to what has no session.
    pub sessions: usize,
    /// Whether the id is nowhere in the file any more, be it as text in an attribute. `None` where it is so short that it
    /// would be found by accident.
    pub gone: Option<bool>,
}

/// What was deleted since it was old, by kind of data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// Rows that were deleted or cleared.
    pub deleted: BTreeMap<&'static str, usize>,
    /// Rows that should be gone and are not: none, unless they are being written again.
    pub left: BTreeMap<&'static str, i64>,
}

/// What became of a group of an alert of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertChange {
    /// When.
    pub at: Timestamp,
    /// Whose alert it is.
    pub resource: Resource,
    /// The alert.
    pub alert: Text,
    /// The group: a value for each dimension that the alert looks at.
    pub group: Vec<(Dimension, Option<Text>)>,
    /// Whether it began to fire, or is over.
    pub kind: NoticeKind,
    /// Since when its condition held.
    pub since: Timestamp,
    /// Whether nobody was told, as it was silenced.
    pub silent: bool,
}

/// A call of a history, and who made it.
pub type KeptCall = (Resource, CallRecord);

/// A slice of time whose stored sums are not those of its events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// `hourly`, `daily`, `sessions` or `session_days`.
    pub table: &'static str,
    /// Start of the slice.
    pub start: Timestamp,
    /// Calls in the stored sums.
    pub stored_calls: u64,
    /// Calls in the events.
    pub event_calls: u64,
}

//! [`BudgetStatus`]: how much of a budget is left.

use super::amount::Amount;
use crate::text::Text;
use crate::time::Timestamp;
use std::fmt;
use std::time::Duration;

/// How much of a budget, or of one key of it, is left.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetStatus {
    /// The budget's name.
    pub budget: Text,
    /// Whose share of it this is, where it counts [`each`](crate::Budget::each) apart.
    pub key: Option<Text>,
    /// What may be spent.
    pub limit: Amount,
    /// What is spent in the current window, by all who share it.
    pub spent: Amount,
    /// What calls of this process that are under way have reserved.
    pub reserved: Amount,
    /// When the current window began.
    pub since: Timestamp,
    /// When it ends; `None` for a rolling one, which forgets bit by bit.
    pub resets_at: Option<Timestamp>,
    /// Whether it stops calls, or only warns.
    pub blocks: bool,
    /// With whom it is shared.
    pub sharing: Sharing,
}

impl BudgetStatus {
    /// What can still be reserved.
    pub fn remaining(&self) -> Amount {
        let taken = self.spent.number().saturating_add(self.reserved.number());
        self.limit.with_number(self.limit.number().saturating_sub(taken).max(0))
    }

    /// Its name and key, for messages.
    pub(super) fn title(&self) -> String {
        match &self.key {
            None => format!("budget `{}`", self.budget),
            Some(key) => format!("budget `{}` of `{key}`", self.budget),
        }
    }
}

/// With whom a budget is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sharing {
    /// Only this process' own calls count since it started and, where there is a history, what it had of calls before.
    Local,
    /// All processes that write the same history on this machine.
    History {
        /// How long it can take at most until this process sees what another one spent, while both can read and write:
        /// the time until the other has written it, taken to be as long as here, and until this one looks.
        staleness: Duration,
    },
}

impl fmt::Display for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.pad("this process alone"),
            Self::History { staleness } => {
                f.pad(&format!("all processes that write the history, seen within {staleness:?}"))
            }
        }
    }
}

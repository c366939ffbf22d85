//! [`Repriced`]: what pricing a history again has changed.

use jobmon_core::CostSum;
use std::collections::BTreeMap;

/// What pricing a history again has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repriced {
    /// Calls, and answers that came late, that were looked at.
    pub looked_at: u64,
    /// Of them, those that cost something else now.
    pub changed: u64,
    /// What all that were looked at cost before.
    pub before: CostSum,
    /// What they cost now.
    pub after: CostSum,
    /// By provider and model, what changed.
    pub models: BTreeMap<(Option<String>, Option<String>), RepricedModel>,
    /// Calls that are in the sums and have no event any more, so that their cost stays as it is.
    pub without_events: u64,
}

/// What changed for one model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepricedModel {
    /// Calls and late answers that cost something else now.
    pub changed: u64,
    /// What those cost before.
    pub before: CostSum,
    /// What they cost now.
    pub after: CostSum,
}

//! [`AlertMemory`]: what alerts know after a restart.

use super::notice::AlertState;
use super::recent::Recent;
use crate::exporter::Resource;
use crate::query::EngineError;
use crate::text::Text;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// What alerts of an agent know from before it started, and what others tell them while it runs. An exporter that has one
/// gives it by [`Exporter::alert_memory`](crate::Exporter::alert_memory).
///
/// Called on the thread of the alerts, apart from `begin`; may block there for a while.
pub trait AlertMemory: Send {
    /// Called when a monitor starts, before anything is recorded, on the thread that starts it: what [`remember`](Self::remember)
    /// sums up is what there is now.
    ///
    /// # Errors
    /// When it cannot be read. Alerts know then what happens from now on.
    fn begin(&mut self) -> Result<(), EngineError>;

    /// Sums up what there was when this [began](Self::begin) and had happened before a moment, as [`Recent::remember`] does.
    ///
    /// # Errors
    /// When it cannot be read. Alerts know then what happens from now on.
    fn remember(
        &mut self,
        recent: &mut Recent,
        resource: &Resource,
        until: Timestamp,
    ) -> Result<(), EngineError>;

    /// Where the alerts of a service stood last.
    ///
    /// # Errors
    /// When it cannot be read.
    fn states(&mut self, resource: &Resource) -> Result<Vec<AlertState>, EngineError>;

    /// Keeps where they stand, instead of what was kept before.
    ///
    /// # Errors
    /// When it cannot be written.
    fn keep(&mut self, resource: &Resource, states: &[AlertState]) -> Result<(), EngineError>;

    /// Alerts that are silenced, by their names, and until when.
    ///
    /// # Errors
    /// When it cannot be read.
    fn silences(&mut self) -> Result<BTreeMap<Text, Timestamp>, EngineError>;
}

//! Whether a history agrees with itself.

use super::History;
use jobmon_core::{Aggregate, Dimension, EngineError, Key, Range, Timestamp};
use std::collections::BTreeMap;

type Slices = BTreeMap<(Timestamp, Key), Aggregate>;

/// A slice of time whose stored sums are not those of its events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// `hourly` or `daily`.
    pub table: &'static str,
    /// Start of the slice.
    pub start: Timestamp,
    /// Calls in the stored sums.
    pub stored_calls: u64,
    /// Calls in the events.
    pub event_calls: u64,
}

impl History {
    /// Compares the stored aggregates with the events they were made of: every figure of every key.
    ///
    /// Empty when they agree. Meant for histories without sampling whose events are all still kept: what has
    /// no event any more differs.
    ///
    /// # Errors
    /// When the history cannot be read.
    ///
    /// # Cost
    /// Reads every event.
    pub fn check(&self) -> Result<Vec<Difference>, EngineError> {
        let snapshot = self.connection.unchecked_transaction();
        let result = self.compare();
        drop(snapshot);
        result
            .map_err(|error| EngineError(format!("cannot read the history {}: {error}", self.path.display())))
    }

    fn compare(&self) -> rusqlite::Result<Vec<Difference>> {
        let (mut hours, mut days) = (Slices::new(), Slices::new());
        self.visit_events(Range::ALL, &mut |resource, event| {
            Aggregate::sum_up(resource, event, &mut |key, add| {
                let key = key.only(Dimension::ROLLUP);
                add(days.entry((event.at().day(), key.clone())).or_default());
                add(hours.entry((event.at().hour(), key)).or_default());
            });
        })?;
        let mut differences = Vec::new();
        for (table, expected) in [("hourly", hours), ("daily", days)] {
            let mut stored = Slices::new();
            self.visit_slices(table, Range::ALL, &mut |start, key, aggregate| {
                stored.insert((start, key.clone()), aggregate.clone());
            })?;
            let keys: std::collections::BTreeSet<_> = stored.keys().chain(expected.keys()).collect();
            for key in keys.into_iter().filter(|key| stored.get(key) != expected.get(key)) {
                let calls = |slices: &Slices| slices.get(key).map_or(0, |aggregate| aggregate.calls);
                differences.push(Difference {
                    table,
                    start: key.0,
                    stored_calls: calls(&stored),
                    event_calls: calls(&expected),
                });
            }
        }
        Ok(differences)
    }
}

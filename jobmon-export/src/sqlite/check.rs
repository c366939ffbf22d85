//! Whether a history agrees with itself.

use super::{History, closed, sessions};
use crate::account::Difference;
use crate::difference::{Expected, Slices, differing};
use jobmon_core::{EngineError, Range, Text};

impl History {
    /// Compares the stored sums with the events they were made of: every figure of every key, and of every session.
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
        let mut expected = Expected::default();
        let mut by_session = sessions::Sums::new();
        self.visit_events(Range::ALL, &mut |resource, event| {
            sessions::count(&mut by_session, event);
            expected.add(resource, event);
        })?;
        let Expected { hours, days } = expected;
        let mut differences = Vec::new();
        for (table, expected) in [("hourly", hours), ("daily", days)] {
            let mut stored = Slices::new();
            self.visit_slices(table, Range::ALL, [true; 4], &mut |start, key, aggregate| {
                stored.insert((start, key.clone()), aggregate.clone());
            })?;
            differences.extend(differing(table, &stored, &expected, |aggregate| aggregate.calls));
        }
        let mut stored = sessions::Sums::new();
        self.stored_sessions(Range::ALL, &mut |start, session, sum| {
            stored.insert((start, Text::copied(session)), sum);
        })?;
        differences.extend(differing("sessions", &stored, &by_session, sessions::Sum::calls));
        differences.extend(closed::wrong(&self.connection)?);
        Ok(differences)
    }
}

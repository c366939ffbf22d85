//! [`Only`]: an engine of some events.

use super::Sessions;
use crate::aggregate::Aggregate;
use crate::dimension::Key;
use crate::event::Event;
use crate::exporter::Resource;
use crate::query::{Engine, EngineError, Filter, Query, Range};
use crate::time::Timestamp;

/// Those events of an engine that filters keep, for reports about them.
///
/// What sessions cost is not known of some events, so that a report leaves it out.
///
/// ```
/// use jobmon_core::{Memory, Range, report::{Only, Report}};
/// let engine = Memory::default();
/// let search = Only::new(&engine, vec!["feature=search".parse()?]);
/// let report = Report::of(&search, Range::ALL)?;
/// # Ok::<(), jobmon_core::QueryError>(())
/// ```
#[expect(missing_debug_implementations, reason = "an engine need not have one")]
pub struct Only<'e> {
    engine: &'e dyn Engine,
    filters: Vec<Filter>,
}

impl<'e> Only<'e> {
    /// Events for which all filters agree; without any, all of them.
    pub fn new(engine: &'e dyn Engine, filters: Vec<Filter>) -> Self {
        Self { engine, filters }
    }

    fn keeps(&self, key: &Key) -> bool {
        self.filters.iter().all(|filter| filter.keeps(key))
    }
}

impl Engine for Only<'_> {
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        // An engine looks at the filters to know what it has to go through.
        let mut query = query.clone();
        query.filters.extend(self.filters.iter().cloned());
        self.engine.scan(&query, &mut |at, key, sums| {
            if self.keeps(key) {
                visit(at, key, sums);
            }
        })
    }

    fn sessions(&self, range: Range) -> Result<Option<Sessions>, EngineError> {
        if self.filters.is_empty() { self.engine.sessions(range) } else { Ok(None) }
    }

    fn facts(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        self.engine.facts(range, &mut |resource, event| {
            if self.keeps(&Key::of(resource, event)) {
                visit(resource, event);
            }
        })
    }

    fn events(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        self.engine.events(range, &mut |resource, event| {
            if self.keeps(&Key::of(resource, event)) {
                visit(resource, event);
            }
        })
    }
}

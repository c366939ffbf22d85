//! [`Once`]: an engine that is gone through once for many questions.

use super::Sessions;
use crate::aggregate::Aggregate;
use crate::dimension::{Dimension, Key};
use crate::event::Event;
use crate::exporter::Resource;
use crate::query::{Bucket, Engine, EngineError, Query, Range};
use crate::time::Timestamp;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

type Sums = Vec<(Timestamp, Key, Aggregate)>;

/// What an engine said about a time, apart by some dimensions.
struct Known {
    range: Range,
    bucket: Option<Bucket>,
    by: BTreeSet<Dimension>,
    distributions: [bool; Aggregate::SKETCHES.len()],
    sums: Rc<Sums>,
}

impl Known {
    fn answers(&self, query: &Query, by: &BTreeSet<Dimension>) -> bool {
        let has = self.distributions.iter().zip(query.distributions()).all(|(has, wanted)| *has || !wanted);
        self.range == query.range && self.bucket == query.bucket && has && self.by.is_superset(by)
    }
}

/// An engine whose sums of a time are read once, for reports and pages that ask many questions about it. What has been
/// read stays as it was, so that all answers agree, though calls may be written meanwhile.
///
/// Single events are read anew for each question.
///
/// ```
/// use jobmon_core::{Measure, Memory, Query, report::Once};
/// let engine = Memory::default();
/// let once = Once::new(&engine);
/// for measure in ["cost", "calls"] {
///     let rows = Query::new([Measure::named(measure)?]).run(&once).unwrap();
/// }
/// # Ok::<(), jobmon_core::UnknownWord>(())
/// ```
#[expect(missing_debug_implementations, reason = "an engine need not have one")]
pub struct Once<E> {
    engine: E,
    /// Whether distributions are read that were not asked for yet.
    all: bool,
    known: RefCell<Vec<Known>>,
}

impl<E: Engine> Once<E> {
    /// Nothing has been read yet. What is read of a time as a whole has all distributions, as reports ask for most of them.
    pub const fn new(engine: E) -> Self {
        Self { engine, all: true, known: RefCell::new(Vec::new()) }
    }

    /// The same, reading only distributions that are asked for: for alerts, which seldom ask for any.
    pub const fn as_asked(engine: E) -> Self {
        Self { engine, all: false, known: RefCell::new(Vec::new()) }
    }

    fn sums(&self, query: &Query) -> Result<Rc<Sums>, EngineError> {
        let asked: BTreeSet<_> =
            query.by.iter().copied().chain(query.filters.iter().map(|filter| filter.dimension)).collect();
        if let Some(known) = self.known.borrow().iter().find(|known| known.answers(query, &asked)) {
            return Ok(Rc::clone(&known.sums));
        }
        // Slices are many: of them no more is kept than what is asked.
        let (measures, by) = match query.bucket {
            Some(_) => (query.measures.clone(), asked),
            None => {
                let measures = if self.all { Vec::new() } else { query.measures.clone() };
                (measures, Dimension::ROLLUP.iter().copied().collect())
            }
        };
        let mut whole = Query::new(measures).by(by.iter().copied()).range(query.range);
        whole.bucket = query.bucket;
        let groups = whole.groups(&self.engine)?;
        let at = |slice: Option<Timestamp>| slice.unwrap_or(query.range.since);
        let sums: Sums = groups.into_iter().map(|((slice, key), sums)| (at(slice), key, sums)).collect();
        let sums = Rc::new(sums);
        self.known.borrow_mut().push(Known {
            range: query.range,
            bucket: query.bucket,
            by,
            distributions: whole.distributions(),
            sums: Rc::clone(&sums),
        });
        Ok(sums)
    }
}

impl<E: Engine> Engine for Once<E> {
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        if query.needs_events() {
            return self.engine.scan(query, visit);
        }
        for (at, key, sums) in self.sums(query)?.iter() {
            visit(*at, key, sums);
        }
        Ok(())
    }

    fn sessions(&self, range: Range) -> Result<Option<Sessions>, EngineError> {
        self.engine.sessions(range)
    }

    fn outcomes_without_value(
        &self,
        range: Range,
        visit: &mut dyn FnMut(&Resource, &Event),
    ) -> Result<(), EngineError> {
        self.engine.outcomes_without_value(range, visit)
    }

    fn facts(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        self.engine.facts(range, visit)
    }

    fn events(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        self.engine.events(range, visit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Measure;
    use crate::query::Memory;
    use crate::report::tests::two_months;
    use std::cell::Cell;

    /// Counts how often it is gone through.
    struct Counting(Memory, Cell<usize>);

    impl Engine for Counting {
        fn scan(
            &self,
            query: &Query,
            visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
        ) -> Result<(), EngineError> {
            self.1.set(self.1.get() + 1);
            self.0.scan(query, visit)
        }
    }

    #[test]
    fn many_questions_about_a_time_go_through_the_engine_once() {
        let counting = Counting(two_months(), Cell::default());
        let once = Once::new(&counting);
        let measures =
            || ["calls", "cost", "p95_latency", "outcomes"].map(|name| Measure::named(name).expect("a name"));
        let strategy = "strategy!=".parse().expect("a filter");
        let all = [
            Query::new(measures()),
            Query::new(measures()).by([Dimension::Feature]),
            Query::new(measures()).by([Dimension::Provider, Dimension::Model]),
            Query::new(measures()).by([Dimension::Outcome]),
            Query::new(measures()).filter(strategy),
        ];
        for query in &all {
            assert_eq!(query.run(&once), query.run(&counting.0));
        }
        assert_eq!(counting.1.get(), 1);
        for query in [&all[0], &all[4], &all[0], &all[4]] {
            let query = query.clone().bucket(Bucket::Day);
            assert_eq!(query.run(&once), query.run(&counting.0));
        }
        // By nothing, and by strategy; what is apart by more answers what asks for less.
        assert_eq!(counting.1.get(), 3);
        let counts = Query::new([Measure::named("calls").expect("a name")]).bucket(Bucket::Hour);
        let latencies = all[0].clone().bucket(Bucket::Hour);
        for query in [&counts, &latencies, &counts] {
            assert_eq!(query.run(&once), query.run(&counting.0));
        }
        assert_eq!(counting.1.get(), 5, "what was read without distributions has none");
    }
}

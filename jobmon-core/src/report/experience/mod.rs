//! What it is like for users: end-to-end latency, features, parameters, sessions.

mod parameters;
mod sessions;
mod steps;

use super::{Report, ReportKind};
use crate::event::Event;
use crate::query::{Engine, QueryError, Range};

impl Report {
    /// What it is like for users: how long they wait, which features and parameters they use, what their sessions lead to.
    /// `docs/analysis.md` defines each figure.
    ///
    /// It goes through all single events of the time.
    ///
    /// # Errors
    /// When the engine cannot answer, or keeps no single events.
    pub fn experience(engine: &dyn Engine, range: Range) -> Result<Self, QueryError> {
        let mut steps = steps::Steps::default();
        let mut parameters = parameters::Parameters::default();
        let mut sessions = sessions::Sessions::default();
        engine.events(range, &mut |_, event| match event {
            Event::Call(call) => {
                steps.add(call);
                parameters.add(call);
                sessions.call(call);
            }
            Event::Outcome(outcome) => sessions.outcome(outcome),
            Event::Search(search) => sessions.search(search),
            _ => {}
        })?;
        let sections = vec![
            steps.end_to_end(),
            steps.features(),
            parameters.section(),
            sessions.section(),
            sessions.conversions(),
        ];
        Ok(Self::new(ReportKind::Experience, range, sections))
    }
}

/// By nearest rank, in hundredths: exact. They are sorted.
pub(super) fn nearest_rank<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (percent * sorted.len()).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

//! What sessions are like, and what they lead to.

use super::nearest_rank;
use super::steps::share;
use crate::event::{CallRecord, End, Outcome, Search};
use crate::measure::Quantity;
use crate::money::Usd;
use crate::report::Section;
use crate::text::Text;
use crate::time::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// Sessions with a call, and what they led to.
#[derive(Default)]
pub(super) struct Sessions {
    sessions: HashMap<Text, Session>,
    kinds: BTreeMap<Text, Conversions>,
}

struct Session {
    start: Timestamp,
    end: Timestamp,
    steps: u64,
    /// How its last step ended.
    last: Option<(Timestamp, End)>,
    searches: u64,
    outcomes: u64,
}

#[derive(Default)]
struct Conversions {
    outcomes: u64,
    sessions: HashSet<Text>,
    value: Usd,
}

impl Sessions {
    pub(super) fn call(&mut self, call: &CallRecord) {
        let Some(name) = &call.scope.session else { return };
        let end = call.start.plus(call.duration.unwrap_or_default());
        let session = self.sessions.entry(name.clone()).or_insert(Session {
            start: call.start,
            end,
            steps: 0,
            last: None,
            searches: 0,
            outcomes: 0,
        });
        session.start = session.start.min(call.start);
        session.end = session.end.max(end);
        if call.is_step() {
            session.steps += 1;
            if session.last.is_none_or(|(at, _)| at <= call.start) {
                session.last = Some((call.start, call.end));
            }
        }
    }

    fn of(&mut self, session: Option<&Text>) -> Option<&mut Session> {
        self.sessions.get_mut(session?)
    }

    /// Facts come after all calls.
    pub(super) fn search(&mut self, search: &Search) {
        if let Some(session) = self.of(search.fact.scope.session.as_ref()) {
            session.searches += 1;
        }
    }

    pub(super) fn outcome(&mut self, outcome: &Outcome) {
        let name = outcome.fact.scope.session.as_ref();
        if let (Some(session), Some(name)) = (self.of(name), name) {
            session.outcomes += 1;
            let kind = self.kinds.entry(outcome.kind.clone()).or_default();
            kind.outcomes += 1;
            kind.sessions.insert(name.clone());
            kind.value += outcome.value.unwrap_or_default();
        }
    }

    fn count(&self, of: impl Fn(&Session) -> bool) -> u64 {
        self.sessions.values().filter(|session| of(session)).count() as u64
    }

    fn searches(&self) -> u64 {
        self.sessions.values().map(|session| session.searches).sum()
    }

    pub(super) fn section(&self) -> Section {
        let mut section = Section::upright(
            "sessions",
            "Sessions",
            &[
                "sessions",
                "steps_per_session",
                "p50_session_time",
                "p95_session_time",
                "one_step_sessions",
                "converted_sessions",
                "conversion_rate",
                "searches_per_session",
                "outcomes_per_search",
                "abandoned_sessions",
                "abandonment_rate",
            ],
        );
        let all = self.sessions.len() as u64;
        if all == 0 {
            return section;
        }
        let steps = self.sessions.values().map(|session| session.steps).sum();
        let outcomes = self.sessions.values().map(|session| session.outcomes).sum();
        let mut times: Vec<_> = self.sessions.values().map(Session::time).collect();
        times.sort_unstable();
        let time = |percent| nearest_rank(&times, percent).map(Quantity::Duration);
        let converted = self.count(|session| session.outcomes > 0);
        let abandoned = self.count(Session::is_abandoned);
        let figures = vec![
            Some(Quantity::Count(all)),
            mean(steps, all),
            time(50),
            time(95),
            Some(Quantity::Count(self.count(|session| session.steps == 1))),
            Some(Quantity::Count(converted)),
            share(converted, all),
            mean(self.searches(), all),
            mean(outcomes, self.searches()),
            Some(Quantity::Count(abandoned)),
            share(abandoned, all),
        ];
        section.push(Vec::new(), figures);
        section
    }

    pub(super) fn conversions(self) -> Section {
        let columns = ["outcomes", "sessions", "conversion_rate", "outcomes_per_search", "outcome_value"];
        let mut section = Section::new("conversions", "What sessions lead to", ["outcome"], columns);
        let (all, searches) = (self.sessions.len() as u64, self.searches());
        let mut kinds: Vec<_> = self.kinds.into_iter().collect();
        kinds.sort_by(|(one, a), (other, b)| {
            Reverse(a.outcomes).cmp(&Reverse(b.outcomes)).then(one.cmp(other))
        });
        for (kind, found) in kinds {
            let sessions = found.sessions.len() as u64;
            let figures = vec![
                Some(Quantity::Count(found.outcomes)),
                Some(Quantity::Count(sessions)),
                share(sessions, all),
                mean(found.outcomes, searches),
                Some(Quantity::Usd(found.value)),
            ];
            section.push(vec![Some(kind)], figures);
        }
        section
    }
}

impl Session {
    fn time(&self) -> Duration {
        Duration::from_nanos(self.end.nanos().saturating_sub(self.start.nanos()).unsigned_abs())
    }

    fn is_abandoned(&self) -> bool {
        self.outcomes == 0 && self.last.is_some_and(|(_, end)| end != End::Ok)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a mean is a rounded figure")]
fn mean(sum: u64, of: u64) -> Option<Quantity> {
    (of > 0).then(|| Quantity::Number(sum as f64 / of as f64))
}

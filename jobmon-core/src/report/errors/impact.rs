//! Whom failures hurt, and what they cost.

use crate::event::{CallRecord, End, Outcome};
use crate::measure::Quantity;
use crate::money::{Cost, Usd};
use crate::report::Section;
use crate::text::Text;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Sessions that either side of the estimate must have.
const FEWEST: usize = 20;

#[derive(Default)]
pub(super) struct Impact {
    /// All sessions with a call, and their outcomes.
    sessions: HashMap<Text, u64>,
    /// By category; all of them under none.
    hurt: BTreeMap<Option<&'static str>, Hurt>,
    outcomes: u64,
    value: Usd,
    valued: bool,
}

#[derive(Default)]
struct Hurt {
    errors: u64,
    sessions: HashSet<Text>,
    users: HashSet<Text>,
    wasted: Usd,
}

impl Impact {
    pub(super) fn call(&mut self, call: &CallRecord) {
        if let Some(session) = &call.scope.session {
            self.sessions.entry(session.clone()).or_default();
        }
        if !matches!(call.end, End::Error | End::Panicked) {
            return;
        }
        let category = call.failure.as_ref().map(|failure| failure.category.name());
        for of in [None, category].into_iter().take(1 + usize::from(category.is_some())) {
            let hurt = self.hurt.entry(of).or_default();
            hurt.errors += 1;
            hurt.sessions.extend(call.scope.session.clone());
            hurt.users.extend(call.scope.user.clone());
            hurt.wasted += call.wasted();
        }
    }

    /// Outcomes come after all calls.
    pub(super) fn outcome(&mut self, outcome: &Outcome) {
        self.outcomes += 1;
        self.value += outcome.value.unwrap_or_default();
        self.valued |= outcome.value.is_some();
        let session = outcome.fact.scope.session.as_ref();
        if let Some(outcomes) = session.and_then(|session| self.sessions.get_mut(session)) {
            *outcomes += 1;
        }
    }

    /// Outcomes that sessions would have had beyond those that they had.
    #[expect(clippy::cast_precision_loss, reason = "an estimate is a rounded figure")]
    fn lost(&self, hurt: &Hurt) -> Option<f64> {
        let failed = self.hurt.get(&None).map(|all| &all.sessions)?;
        let unharmed: Vec<_> =
            self.sessions.iter().filter(|(session, _)| !failed.contains(*session)).map(|(_, n)| *n).collect();
        if unharmed.len() < FEWEST || hurt.sessions.len() < FEWEST {
            return None;
        }
        let rate = unharmed.iter().sum::<u64>() as f64 / unharmed.len() as f64;
        let had: u64 = hurt.sessions.iter().filter_map(|session| self.sessions.get(session)).sum();
        Some((hurt.sessions.len() as f64 * rate - had as f64).max(0.0))
    }

    pub(super) fn section(self) -> Section {
        let columns = ["errors", "sessions", "users", "wasted_cost", "lost_outcomes", "lost_value"];
        let mut section = Section::new("impact", "Whom failures hurt", ["category"], columns);
        section.nothing = "(all)";
        let mut rows: Vec<_> = self.hurt.iter().collect();
        rows.sort_by_key(|(category, hurt)| (category.is_some(), Reverse(hurt.errors), **category));
        for (category, hurt) in rows {
            let lost = self.lost(hurt);
            let figures = vec![
                Some(Quantity::Count(hurt.errors)),
                Some(Quantity::Count(hurt.sessions.len() as u64)),
                Some(Quantity::Count(hurt.users.len() as u64)),
                Some(Quantity::Usd(hurt.wasted)),
                lost.map(Quantity::Number),
                lost.filter(|_| self.valued).map(|lost| self.worth(lost)),
            ];
            section.push(vec![category.map(Text::literal)], figures);
        }
        section
    }

    /// That many outcomes, at the mean value of those that there were.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "an estimate")]
    fn worth(&self, outcomes: f64) -> Quantity {
        let nanos = outcomes * self.value.nanos() as f64 / self.outcomes as f64;
        Quantity::Estimate(Cost::Known(Usd::from_nanos(nanos.round() as i64)))
    }
}

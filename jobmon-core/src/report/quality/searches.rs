//! What searches found, and what they led to.

use super::cut;
use crate::event::{Outcome, Search};
use crate::measure::Quantity;
use crate::money::Usd;
use crate::report::Section;
use crate::text::Text;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// Searches by their query; an outcome belongs to the last search of its session.
#[derive(Default)]
pub(super) struct Searches {
    queries: BTreeMap<Text, Found>,
    /// The last query of each session so far.
    last: HashMap<Text, Text>,
    /// Outcomes before which nothing was searched for.
    unattributed: u64,
}

#[derive(Default)]
struct Found {
    searches: u64,
    results: u64,
    judged: u64,
    relevant: u64,
    outcomes: u64,
    value: Usd,
}

#[expect(clippy::cast_precision_loss, reason = "shares are rounded figures")]
impl Found {
    fn relevance(&self) -> Option<f64> {
        (self.judged > 0).then(|| self.relevant as f64 / self.judged as f64)
    }

    fn effect(&self) -> f64 {
        self.outcomes as f64 / self.searches as f64
    }
}

impl Searches {
    pub(super) fn search(&mut self, search: &Search) {
        let found = self.queries.entry(search.query.clone()).or_default();
        found.searches += 1;
        found.results = found.results.saturating_add(search.results);
        if let Some(relevant) = search.relevant {
            found.judged = found.judged.saturating_add(search.results);
            found.relevant = found.relevant.saturating_add(relevant);
        }
        if let Some(session) = &search.fact.scope.session {
            self.last.insert(session.clone(), search.query.clone());
        }
    }

    pub(super) fn outcome(&mut self, outcome: &Outcome) {
        let query = outcome.fact.scope.session.as_ref().and_then(|session| self.last.get(session));
        match query.and_then(|query| self.queries.get_mut(query)) {
            Some(found) => {
                found.outcomes += 1;
                found.value += outcome.value.unwrap_or_default();
            }
            None => self.unattributed += 1,
        }
    }

    pub(super) fn section(self) -> Section {
        let columns =
            ["searches", "results", "relevance", "outcomes", "outcomes_per_search", "outcome_value"];
        let mut section = Section::new("searches", "Searches that led furthest", ["query"], columns);
        let mut found: Vec<_> = self.queries.into_iter().collect();
        found.sort_by(|(one, a), (other, b)| {
            let relevance = |found: &Found| found.relevance().unwrap_or(-1.0);
            (b.effect().total_cmp(&a.effect()))
                .then(relevance(b).total_cmp(&relevance(a)))
                .then(Reverse(a.searches).cmp(&Reverse(b.searches)))
                .then(one.cmp(other))
        });
        for (query, found) in found {
            let figures = vec![
                Some(Quantity::Count(found.searches)),
                Some(Quantity::Count(found.results)),
                found.relevance().map(Quantity::Ratio),
                Some(Quantity::Count(found.outcomes)),
                Some(Quantity::Number(found.effect())),
                (found.outcomes > 0).then_some(Quantity::Usd(found.value)),
            ];
            section.push(vec![Some(query)], figures);
        }
        cut(&mut section, "queries");
        if self.unattributed > 0 && !section.rows.is_empty() {
            let text = format!("{} outcomes had no search before them in their session", self.unattributed);
            section.note = Some(section.note.map_or(text.clone(), |note| format!("{note}; {text}")));
        }
        section
    }
}

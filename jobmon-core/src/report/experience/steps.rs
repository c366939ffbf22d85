//! Calls that no other contains: what users wait for.

use super::nearest_rank;
use crate::event::{CallRecord, End};
use crate::measure::Quantity;
use crate::report::Section;
use crate::text::Text;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[derive(Default)]
pub(super) struct Steps {
    by_name: BTreeMap<[Option<Text>; 2], Step>,
}

#[derive(Default)]
struct Step {
    calls: u64,
    ok: u64,
    sessions: BTreeSet<Text>,
    users: BTreeSet<Text>,
    latencies: Vec<Duration>,
}

/// How often a feature is used, and by whom.
#[derive(Default)]
struct Used<'s> {
    calls: u64,
    sessions: BTreeSet<&'s Text>,
    users: BTreeSet<&'s Text>,
}

impl CallRecord {
    /// Whether no other call contains it.
    pub(in crate::report) fn is_step(&self) -> bool {
        self.root == self.id.span
    }
}

impl Steps {
    pub(super) fn add(&mut self, call: &CallRecord) {
        if !call.is_step() {
            return;
        }
        let step = self.by_name.entry([call.scope.feature.clone(), Some(call.name.clone())]).or_default();
        step.calls += 1;
        step.ok += u64::from(call.end == End::Ok);
        step.sessions.extend(call.scope.session.clone());
        step.users.extend(call.scope.user.clone());
        step.latencies.extend(call.duration);
    }

    pub(super) fn end_to_end(&self) -> Section {
        let columns = ["calls", "sessions", "success_rate", "p50_latency", "p95_latency", "max_latency"];
        let mut section = Section::new("end_to_end", "What users wait for", ["feature", "name"], columns);
        let mut steps: Vec<_> = self.by_name.iter().collect();
        steps.sort_by_key(|(name, step)| (Reverse(step.calls), *name));
        for (name, step) in steps {
            let mut latencies = step.latencies.clone();
            latencies.sort_unstable();
            let quantile = |percent| nearest_rank(&latencies, percent).map(Quantity::Duration);
            let figures = vec![
                Some(Quantity::Count(step.calls)),
                Some(Quantity::Count(step.sessions.len() as u64)),
                share(step.ok, step.calls),
                quantile(50),
                quantile(95),
                quantile(100),
            ];
            section.push(name.to_vec(), figures);
        }
        section
    }

    pub(super) fn features(&self) -> Section {
        let columns = ["calls", "share", "sessions", "users"];
        let mut section = Section::new("features", "Features that are used", ["feature"], columns);
        section.nothing = "(unattributed)";
        let mut features: BTreeMap<_, Used<'_>> = BTreeMap::new();
        for ([feature, _], step) in &self.by_name {
            let used = features.entry(feature).or_default();
            used.calls += step.calls;
            used.sessions.extend(&step.sessions);
            used.users.extend(&step.users);
        }
        let all = features.values().map(|used| used.calls).sum();
        let mut features: Vec<_> = features.into_iter().collect();
        features.sort_by_key(|(feature, used)| (Reverse(used.calls), *feature));
        for (feature, used) in features {
            let figures = vec![
                Some(Quantity::Count(used.calls)),
                share(used.calls, all),
                Some(Quantity::Count(used.sessions.len() as u64)),
                Some(Quantity::Count(used.users.len() as u64)),
            ];
            section.push(vec![feature.clone()], figures);
        }
        section
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share is a rounded figure")]
pub(super) fn share(part: u64, whole: u64) -> Option<Quantity> {
    (whole > 0).then(|| Quantity::Ratio(part as f64 / whole as f64))
}

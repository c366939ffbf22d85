//! What the view shows: the calls of the window, and sums of them.

use clap::ValueEnum;
use jobmon_core::{BudgetStatus, CallRecord, CostSum, End, SpanId, Timestamp};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

/// Calls that are kept at most: the oldest are forgotten first.
const MOST: usize = 200_000;

/// What the table is by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// The feature that pays
    Feature,
    /// The model
    Model,
    /// The name of the call
    Name,
    /// The session
    Session,
}

impl By {
    pub(super) const fn next(self) -> Self {
        match self {
            Self::Feature => Self::Model,
            Self::Model => Self::Name,
            Self::Name => Self::Session,
            Self::Session => Self::Feature,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Feature => "feature",
            Self::Model => "model",
            Self::Name => "name",
            Self::Session => "session",
        }
    }
}

/// What is remembered of a call.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    span: SpanId,
    pub(super) end: Timestamp,
    pub(super) took: Duration,
    pub(super) cost: CostSum,
    pub(super) tokens: u64,
    pub(super) is_model_call: bool,
    pub(super) failed: Option<String>,
    pub(super) name: String,
    pub(super) model: String,
    feature: String,
    session: String,
}

impl Seen {
    pub(super) fn of(call: &CallRecord) -> Self {
        let took = call.duration.unwrap_or_default();
        let mut cost = CostSum::default();
        call.cost.into_iter().for_each(|one| cost.add(one));
        let text = |text: Option<&jobmon_core::Text>| {
            text.map_or_else(|| "(none)".to_owned(), |text| jobmon_core::report::one_line(text))
        };
        let failed = (call.end == End::Error || call.end == End::Panicked).then(|| {
            call.failure.as_ref().map_or(call.end.name(), |failure| failure.category.name()).to_owned()
        });
        Self {
            span: call.id.span,
            end: call.start.plus(took),
            took,
            cost,
            tokens: call.usage().and_then(|usage| usage.total()).unwrap_or(0),
            is_model_call: call.is_model_call(),
            failed,
            name: jobmon_core::report::one_line(&call.name),
            model: text(call.model_name()),
            feature: text(call.scope.feature.as_ref()),
            session: text(call.scope.session.as_ref()),
        }
    }

    fn group(&self, by: By) -> &str {
        match by {
            By::Feature => &self.feature,
            By::Model => &self.model,
            By::Name => &self.name,
            By::Session => &self.session,
        }
    }
}

/// Sums of some calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    pub(super) calls: u64,
    pub(super) failed: u64,
    pub(super) tokens: u64,
    pub(super) cost: CostSum,
    times: Vec<Duration>,
}

impl Sums {
    fn add(&mut self, seen: &Seen) {
        self.calls += 1;
        self.failed += u64::from(seen.failed.is_some());
        self.tokens = self.tokens.saturating_add(seen.tokens);
        self.cost.merge(&seen.cost);
        self.times.push(seen.took);
    }

    /// The 95th percentile: the smallest time that 95 of 100 do not exceed.
    pub(super) fn p95(&self) -> Option<Duration> {
        let mut times = self.times.clone();
        times.sort_unstable();
        let rank = (times.len() * 95).div_ceil(100);
        times.get(rank.checked_sub(1)?).copied()
    }
}

pub(super) struct State {
    calls: VecDeque<Seen>,
    known: HashSet<SpanId>,
    pub(super) window: Duration,
    pub(super) by: By,
    pub(super) budgets: Vec<BudgetStatus>,
    pub(super) paused: bool,
    pub(super) now: Timestamp,
    /// Why the history could not be read last.
    pub(super) problem: Option<String>,
}

impl State {
    pub(super) fn new(window: Duration, by: By) -> Self {
        Self {
            calls: VecDeque::new(),
            known: HashSet::new(),
            window,
            by,
            budgets: Vec::new(),
            paused: false,
            now: Timestamp::now(),
            problem: None,
        }
    }

    /// Adds a call, once.
    pub(super) fn add(&mut self, seen: Seen) {
        if self.known.insert(seen.span) {
            self.calls.push_back(seen);
        }
    }

    /// Forgets what is past the window.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.now = now;
        let since = now.minus(self.window);
        let known = &mut self.known;
        self.calls.retain(|seen| seen.end >= since || !known.remove(&seen.span));
        while self.calls.len() > MOST {
            if let Some(seen) = self.calls.pop_front() {
                self.known.remove(&seen.span);
            }
        }
    }

    pub(super) fn total(&self) -> Sums {
        let mut sums = Sums::default();
        self.calls.iter().for_each(|seen| sums.add(seen));
        sums
    }

    /// Sums by what the table is by, the most expensive first, then the most calls.
    pub(super) fn groups(&self) -> Vec<(String, Sums)> {
        let mut groups: BTreeMap<&str, Sums> = BTreeMap::new();
        self.calls.iter().for_each(|seen| groups.entry(seen.group(self.by)).or_default().add(seen));
        let mut groups: Vec<_> = groups.into_iter().map(|(name, sums)| (name.to_owned(), sums)).collect();
        groups.sort_by_key(|(_, sums)| std::cmp::Reverse((sums.cost.usd.nanos(), sums.calls)));
        groups
    }

    /// The slowest requests to models.
    pub(super) fn slowest(&self, most: usize) -> Vec<&Seen> {
        let mut slowest: Vec<_> = self.calls.iter().filter(|seen| seen.is_model_call).collect();
        slowest.sort_by_key(|seen| std::cmp::Reverse(seen.took));
        slowest.truncate(most);
        slowest
    }

    /// Why calls failed, the most frequent first.
    pub(super) fn errors(&self) -> Vec<(String, u64)> {
        let mut errors: BTreeMap<&str, u64> = BTreeMap::new();
        self.calls
            .iter()
            .filter_map(|seen| seen.failed.as_deref())
            .for_each(|name| *errors.entry(name).or_default() += 1);
        let mut errors: Vec<_> = errors.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        errors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        errors
    }

    /// Calls that ended in each of so many slices of the window, the last one now.
    pub(super) fn throughput(&self, slices: usize) -> Vec<u64> {
        let mut counts = vec![0; slices];
        let since = self.now.minus(self.window).nanos();
        let slice = i64::try_from(self.window.as_nanos() / slices.max(1) as u128).unwrap_or(i64::MAX).max(1);
        for seen in &self.calls {
            let at = usize::try_from((seen.end.nanos() - since) / slice).unwrap_or(0);
            if let Some(count) = counts.get_mut(at.min(slices.saturating_sub(1))) {
                *count += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobmon_core::{CallId, Cost, Operation, Text, TraceId, Usd};

    fn call(at: Timestamp, took: u64, feature: &'static str) -> CallRecord {
        let id = CallId { trace: TraceId::random(), span: SpanId::random() };
        let mut call = CallRecord::new(id, Text::literal("ask"), Operation::Chat, at);
        call.duration = Some(Duration::from_secs(took));
        call.scope.feature = Some(Text::literal(feature));
        call.cost = Some(Cost::Known(Usd::from_nanos(1_000_000)));
        call
    }

    #[test]
    fn calls_count_once_and_are_forgotten_with_the_window() {
        let now = Timestamp::now();
        let mut state = State::new(Duration::from_secs(60), By::Feature);
        let first = call(now.minus(Duration::from_secs(30)), 1, "a");
        for call in [
            first.clone(),
            first,
            call(now.minus(Duration::from_secs(20)), 2, "b"),
            call(now.minus(Duration::from_secs(10)), 3, "b"),
        ] {
            state.add(Seen::of(&call));
        }
        state.forget(now);
        let groups = state.groups();
        assert_eq!(
            groups.iter().map(|(name, sums)| (name.as_str(), sums.calls)).collect::<Vec<_>>(),
            [("b", 2), ("a", 1)]
        );
        assert_eq!(state.total().cost.usd, Usd::from_nanos(3_000_000));
        assert_eq!(state.total().p95(), Some(Duration::from_secs(3)));
        assert_eq!(state.throughput(6), [0, 0, 0, 1, 1, 1], "at 29, 18 and 7 seconds before now");
        assert_eq!(state.slowest(1)[0].took, Duration::from_secs(3));
        state.forget(now.plus(Duration::from_secs(50)));
        assert_eq!(state.total().calls, 1);
        state.forget(now.plus(Duration::from_secs(600)));
        assert_eq!((state.total().calls, state.total().p95()), (0, None));
    }
}

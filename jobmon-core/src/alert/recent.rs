//! [`Recent`]: what has happened lately, in memory.

use crate::aggregate::Aggregate;
use crate::dimension::{Dimension, Key};
use crate::event::Event;
use crate::exporter::Resource;
use crate::query::{Bucket, Engine, EngineError, Query, Range};
use crate::text::Text;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Slices of the last hours.
const SLICE: Duration = Duration::from_secs(10);
/// How long these are kept at most.
pub(super) const FINE: Duration = Duration::from_secs(3 * 3_600);
/// How long hours are kept, unless alerts say it.
const COARSE: Duration = Duration::from_secs(32 * 86_400);
/// Groups that are told apart in one slice; further ones are summed up under the name `other`.
const MOST_KEYS: usize = 500;
/// Sums that are kept, of slices as of hours: then the oldest are forgotten.
const MOST_SUMS: usize = 50_000;

/// Sums of the last 32 days in memory: of the last three hours by ten seconds, of what was before by hours; or of as much as
/// alerts look at ([`AlertWatch::recent`](crate::AlertWatch::recent)). A range that begins in the middle of a slice has all of
/// it.
///
/// Sessions and users are told apart where alerts ask for them, in sums of their own. Its memory is bounded: 500 groups are told
/// apart in each slice, and of 50,000 sums of slices, and as many of hours, the oldest are forgotten.
///
/// ```
/// use jobmon_core::{Dimension, Measure, Query, Recent};
///
/// let query = Query::new([Measure::named("cost")?]).by([Dimension::Feature]);
/// assert_eq!(query.run(&Recent::default()).unwrap(), []);
/// # Ok::<(), jobmon_core::UnknownWord>(())
/// ```
#[derive(Clone, Debug)]
pub struct Recent {
    sums: Sums,
    /// With sessions, users or both.
    single: Option<Sums>,
    latest: Option<Timestamp>,
    past: Duration,
}

impl Default for Recent {
    fn default() -> Self {
        Self::keeping(COARSE, [])
    }
}

impl Recent {
    /// What happened in a time just passed, by the dimensions that sums are kept by and, apart from these, others.
    pub(super) fn keeping(past: Duration, others: impl IntoIterator<Item = Dimension>) -> Self {
        let all: Vec<_> = Dimension::ROLLUP.iter().copied().chain(others).collect();
        let single = (all.len() > Dimension::ROLLUP.len()).then(|| Sums::by(all));
        Self { sums: Sums::by(Dimension::ROLLUP.to_vec()), single, latest: None, past }
    }

    /// Sums up an event.
    pub fn add(&mut self, resource: &Resource, event: &Event) {
        let latest = self.latest.map_or(event.at(), |latest| latest.max(event.at()));
        self.latest = Some(latest);
        let fine_since = self.fine_since(latest);
        for sums in [Some(&mut self.sums), self.single.as_mut()].into_iter().flatten() {
            sums.add(resource, event, fine_since);
        }
    }

    /// Sums up what an engine knows from before a moment of this service, in its project and environment: by ten seconds where
    /// the engine has every event, else by hours; what is told apart by sessions and users, from the events that it has.
    ///
    /// # Errors
    /// When the engine cannot answer, or has no single events.
    ///
    /// # Cost
    /// Reads sums, and the events of three hours at most; of all the time where sessions or users are told apart.
    pub fn remember(
        &mut self,
        engine: &dyn Engine,
        resource: &Resource,
        until: Timestamp,
    ) -> Result<(), EngineError> {
        let all = Range { since: until.minus(self.past).hour(), until };
        let fine_since = self.fine_since(until);
        let first = all.since.max(fine_since.hour());
        let events = if self.single.is_some() { all } else { Range { since: first, ..all } };
        self.latest = Some(self.latest.map_or(until, |latest| latest.max(until)));
        let mut counted: BTreeMap<Timestamp, u64> = BTreeMap::new();
        engine.events(events, &mut |of, event| {
            if of != resource {
                return;
            }
            if let Some(single) = &mut self.single {
                single.add(of, event, fine_since);
            }
            if event.at() >= first {
                *counted.entry(event.at().hour()).or_default() += u64::from(matches!(event, Event::Call(_)));
                self.sums.add(of, event, fine_since);
            }
        })?;
        let own = [
            (Dimension::Project, &resource.project_id),
            (Dimension::Service, &resource.service_name),
            (Dimension::Environment, &resource.environment),
        ];
        let mut hours: BTreeMap<Timestamp, BTreeMap<Key, Aggregate>> = BTreeMap::new();
        engine.scan(&Query::new([]).bucket(Bucket::Hour).range(all), &mut |at, key, sum| {
            if own.iter().all(|(dimension, value)| key.get(*dimension) == value.as_ref()) {
                hours
                    .entry(at.hour())
                    .or_default()
                    .entry(key.only(Dimension::ROLLUP))
                    .or_default()
                    .merge(sum);
            }
        })?;
        for (hour, sums) in hours {
            let calls: u64 = sums.values().map(|sum| sum.calls).sum();
            if hour < first || calls > counted.get(&hour).copied().unwrap_or(0) {
                self.sums.replace(hour, sums, hour >= first);
            }
        }
        Ok(())
    }

    /// Forgets what is too long ago, seen from a moment.
    pub fn forget(&mut self, now: Timestamp) {
        let (fine, hours) = (self.fine_since(now), now.minus(self.past).hour());
        for sums in [Some(&mut self.sums), self.single.as_mut()].into_iter().flatten() {
            forget_before(&mut sums.fine, fine);
            forget_before(&mut sums.hours, hours);
        }
    }

    /// From when on slices are kept, seen from a moment.
    fn fine_since(&self, now: Timestamp) -> Timestamp {
        now.minus(FINE.min(self.past.saturating_add(SLICE)))
    }
}

impl Engine for Recent {
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        let asked = query.by.iter().copied().chain(query.filters.iter().map(|filter| filter.dimension));
        let sums = if query.needs_events() { self.single.as_ref() } else { Some(&self.sums) };
        for dimension in asked {
            if !sums.is_some_and(|sums| sums.dimensions.contains(&dimension)) {
                return Err(EngineError(format!("`{dimension}` is told apart where an alert asks for it")));
            }
        }
        if let Some(sums) = sums {
            let fine_since = self.latest.map_or(Timestamp::MIN, |latest| self.fine_since(latest));
            sums.visit(query.range, fine_since, visit);
        }
        Ok(())
    }
}

type Slices = BTreeMap<(Timestamp, Key), Aggregate>;

/// Sums by ten seconds and by hours.
#[derive(Clone, Debug, Default)]
struct Sums {
    dimensions: Vec<Dimension>,
    fine: Slices,
    hours: Slices,
    /// The slice of each that was filled last, and its groups.
    filled: [Option<(Timestamp, usize)>; 2],
    /// Up to here slices were forgotten since there were too many.
    crowded_out: Option<Timestamp>,
}

impl Sums {
    fn by(dimensions: Vec<Dimension>) -> Self {
        Self { dimensions, ..Self::default() }
    }

    fn add(&mut self, resource: &Resource, event: &Event, fine_since: Timestamp) {
        let at = event.at();
        let Self { dimensions, fine, hours, filled: [of_fine, of_hours], .. } = self;
        Aggregate::sum_up(resource, event, &mut |key, add| {
            let key = key.only(dimensions);
            if at >= fine_since {
                add(place(fine, of_fine, slice(at), key.clone()));
            }
            add(place(hours, of_hours, at.hour(), key));
        });
        self.bound();
    }

    /// Puts the sums of an hour instead of what there is of it.
    fn replace(&mut self, hour: Timestamp, sums: BTreeMap<Key, Aggregate>, is_fine: bool) {
        let (first, next) = ((hour, Key::default()), (hour.next_hour(), Key::default()));
        for slices in [&mut self.fine, &mut self.hours] {
            let mut from_here = slices.split_off(&first);
            slices.append(&mut from_here.split_off(&next));
        }
        self.filled = [None; 2];
        for (key, sum) in sums {
            if is_fine {
                place(&mut self.fine, &mut self.filled[0], hour, key.clone()).merge(&sum);
            }
            place(&mut self.hours, &mut self.filled[1], hour, key).merge(&sum);
        }
        self.bound();
    }

    /// Forgets the oldest where there is too much.
    fn bound(&mut self) {
        while self.fine.len() > MOST_SUMS {
            let Some(((slice, _), _)) = self.fine.pop_first() else { break };
            self.crowded_out = Some(slice.plus(SLICE));
            forget_before(&mut self.fine, slice.plus(SLICE));
        }
        while self.hours.len() > MOST_SUMS {
            let Some(((hour, _), _)) = self.hours.pop_first() else { break };
            forget_before(&mut self.hours, hour.next_hour());
        }
    }

    fn visit(&self, range: Range, fine_since: Timestamp, visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate)) {
        let (since, until) = (slice(range.since), range.until);
        // From here on the slices of ten seconds are complete, and from its next hour on they go on after whole hours.
        let complete = slice(fine_since).plus(SLICE).max(self.crowded_out.unwrap_or(Timestamp::MIN));
        let whole = if since < complete { complete.next_hour() } else { Timestamp::MIN };
        let mut visit_all = |slices: &Slices, since: Timestamp, until: Timestamp| {
            if since < until {
                let range = (since, Key::default())..(until, Key::default());
                slices.range(range).for_each(|((at, key), sum)| visit(*at, key, sum));
            }
        };
        visit_all(&self.hours, since.hour(), until.min(whole));
        visit_all(&self.fine, since.max(whole), until);
    }
}

fn forget_before(slices: &mut Slices, moment: Timestamp) {
    while slices.first_key_value().is_some_and(|((at, _), _)| *at < moment) {
        slices.pop_first();
    }
}

/// The start of the slice that a moment lies in.
fn slice(at: Timestamp) -> Timestamp {
    let nanos = i64::try_from(SLICE.as_nanos()).unwrap_or(i64::MAX);
    Timestamp::from_nanos(at.nanos().div_euclid(nanos).saturating_mul(nanos))
}

fn place<'s>(
    slices: &'s mut Slices,
    filled: &mut Option<(Timestamp, usize)>,
    slice: Timestamp,
    mut key: Key,
) -> &'s mut Aggregate {
    let count = match filled {
        Some((known, count)) if *known == slice => *count,
        _ => {
            let next = Timestamp::from_nanos(slice.nanos().saturating_add(1));
            slices.range((slice, Key::default())..(next, Key::default())).count()
        }
    };
    let is_new = !slices.contains_key(&(slice, key.clone()));
    if is_new && count >= MOST_KEYS {
        key = Key::default();
        key.set(Dimension::Name, Some(Text::literal("other")));
    }
    *filled = Some((slice, count + usize::from(is_new && count < MOST_KEYS)));
    slices.entry((slice, key)).or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CallId, CallRecord, Measure, Operation, Quantity, Range, SpanId, TraceId};

    fn call(at: i64, name: String) -> Event {
        let id = CallId { trace: TraceId::random(), span: SpanId::random() };
        Event::Call(Box::new(CallRecord::new(
            id,
            Text::from(name),
            Operation::Chat,
            Timestamp::from_nanos(at),
        )))
    }

    fn calls(recent: &Recent, since: i64, until: i64) -> u64 {
        let range = Range { since: Timestamp::from_nanos(since), until: Timestamp::from_nanos(until) };
        let rows =
            Query::new([Measure::named("calls").expect("known")]).range(range).run(recent).expect("answers");
        match rows.first().and_then(|row| row.figures[0]) {
            Some(Quantity::Count(count)) => count,
            _ => 0,
        }
    }

    const SECOND: i64 = 1_000_000_000;
    const HOUR: i64 = 3_600 * SECOND;

    #[test]
    fn the_last_hours_are_known_by_ten_seconds_and_the_days_before_by_hours() {
        let mut recent = Recent::default();
        let start = 1_795_478_400 * SECOND;
        let end = start + 48 * HOUR;
        for at in (start..end).step_by(usize::try_from(30 * SECOND).expect("fits")) {
            recent.add(&Resource::default(), &call(at, "ask".to_owned()));
        }
        assert_eq!(calls(&recent, end - 300 * SECOND, end), 10);
        assert_eq!(calls(&recent, end - 60 * SECOND, end), 2);
        assert_eq!(calls(&recent, end - 2 * HOUR - HOUR / 2, end), 300);
        assert_eq!(calls(&recent, end - 24 * HOUR, end), 24 * 120);
        assert_eq!(calls(&recent, end - 24 * HOUR - HOUR / 2, end), 25 * 120, "all of the hour");
        assert_eq!(calls(&recent, start, end), 48 * 120, "no event counts twice");
        recent.forget(Timestamp::from_nanos(end));
        assert!(recent.sums.fine.len() <= 3 * 360 + 1, "{}", recent.sums.fine.len());
        assert_eq!(calls(&recent, start, end), 48 * 120);
        recent.forget(Timestamp::from_nanos(end + 40 * 24 * HOUR));
        assert_eq!(calls(&recent, start, end), 0);
    }

    #[test]
    fn many_groups_become_one() {
        let mut recent = Recent::default();
        let start = 1_795_478_400 * SECOND;
        for n in 0..2_000 {
            recent.add(&Resource::default(), &call(start + n % 7, format!("f{n}")));
        }
        assert!(recent.sums.fine.len() <= MOST_KEYS + 1, "{}", recent.sums.fine.len());
        assert_eq!(calls(&recent, start, start + SECOND), 2_000);
    }

    #[test]
    fn of_too_many_sums_the_oldest_are_forgotten_and_hours_stand_in() {
        let mut recent = Recent::default();
        let start = 1_795_478_400 * SECOND;
        for slice in 0..200 {
            for n in 0..400 {
                recent.add(&Resource::default(), &call(start + slice * 10 * SECOND, format!("f{n}")));
            }
        }
        assert!(recent.sums.fine.len() <= MOST_SUMS, "{}", recent.sums.fine.len());
        let end = start + 2_000 * SECOND;
        assert_eq!(calls(&recent, end - 1_200 * SECOND, end), 120 * 400);
        assert_eq!(calls(&recent, end - 1_600 * SECOND, end), 200 * 400, "all of the hour");
    }
}

//! [`Recent`]: what has happened lately, in memory.

use crate::aggregate::Aggregate;
use crate::dimension::{Dimension, Key};
use crate::event::Event;
use crate::exporter::Resource;
use crate::query::{Engine, EngineError, Query};
use crate::text::Text;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Slices of the last hours.
const SLICE: Duration = Duration::from_secs(10);
/// How long these are kept.
const FINE: Duration = Duration::from_secs(3 * 3_600);
/// How long hours are kept.
const COARSE: Duration = Duration::from_secs(32 * 86_400);
/// Groups that are told apart in one slice; further ones are summed up under the name `other`.
const MOST_KEYS: usize = 500;

type Slices = BTreeMap<(Timestamp, Key), Aggregate>;

/// Sums of the last 32 days in memory: of the last three hours by ten seconds, of what was before by hours. What alerts of an
/// agent look at. A range that begins in the middle of a slice has all of it.
///
/// Sessions and users are not told apart. Its memory is bounded by the number of groups, of which 500 are told apart in each
/// slice.
///
/// ```
/// use jobmon_core::{Dimension, Measure, Query, Recent};
///
/// let query = Query::new([Measure::named("cost")?]).by([Dimension::Feature]);
/// assert_eq!(query.run(&Recent::default()).unwrap(), []);
/// # Ok::<(), jobmon_core::UnknownWord>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recent {
    fine: Slices,
    hours: Slices,
    /// The slice of each that was filled last, and its groups.
    filled: [Option<(Timestamp, usize)>; 2],
    latest: Option<Timestamp>,
}

impl Recent {
    /// Sums up an event.
    pub fn add(&mut self, resource: &Resource, event: &Event) {
        let at = event.at();
        let latest = self.latest.map_or(at, |latest| latest.max(at));
        self.latest = Some(latest);
        let slice = slice(at);
        let Self { fine, hours, filled: [of_fine, of_hours], .. } = self;
        Aggregate::sum_up(resource, event, &mut |key, add| {
            let key = key.only(Dimension::ROLLUP);
            if at >= latest.minus(FINE) {
                add(place(fine, of_fine, slice, key.clone()));
            }
            add(place(hours, of_hours, at.hour(), key));
        });
    }

    /// Forgets what is too long ago, seen from a moment.
    pub fn forget(&mut self, now: Timestamp) {
        let first = |since: Timestamp| (since, Key::default());
        self.fine = self.fine.split_off(&first(now.minus(FINE)));
        self.hours = self.hours.split_off(&first(now.minus(COARSE)));
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

impl Engine for Recent {
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        if query.needs_events() {
            let text = "grouping or filtering by `session` or `user` needs a history with single events";
            return Err(EngineError(text.to_owned()));
        }
        let (since, until) = (slice(query.range.since), query.range.until);
        // From here on the slices of ten seconds are complete, and from its next hour on they go on after whole hours.
        let complete = self.latest.map_or(Timestamp::MIN, |latest| slice(latest.minus(FINE)).plus(SLICE));
        let whole = if since < complete { complete.next_hour() } else { Timestamp::MIN };
        let mut visit_all = |slices: &Slices, since: Timestamp, until: Timestamp| {
            if since < until {
                let range = (since, Key::default())..(until, Key::default());
                slices.range(range).for_each(|((at, key), sum)| visit(*at, key, sum));
            }
        };
        visit_all(&self.hours, since.hour(), until.min(whole));
        visit_all(&self.fine, since.max(whole), until);
        Ok(())
    }
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
        assert!(recent.fine.len() <= 3 * 360 + 1, "{}", recent.fine.len());
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
        assert!(recent.fine.len() <= MOST_KEYS + 1, "{}", recent.fine.len());
        assert_eq!(calls(&recent, start, start + SECOND), 2_000);
    }
}

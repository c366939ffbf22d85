//! [`slices`]: which sums answer for a time.

use jobmon_core::{Aggregate, Bucket, Event, Key, Range, Resource, Timestamp};

/// Where a part of a time is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Single events, of a part of an hour.
    Events,
    Hours,
    Days,
}

/// Visits what each single event adds to sums.
pub(crate) fn singly(visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate)) -> impl FnMut(&Resource, &Event) {
    |resource, event| {
        Aggregate::sum_up(resource, event, &mut |key, add| {
            let mut aggregate = Aggregate::default();
            add(&mut aggregate);
            visit(event.at(), &key, &aggregate);
        });
    }
}

/// Whole days from daily rows, whole hours from hourly rows, what is left over from single events: parts in order of time that
/// together are the range. None is empty.
pub(crate) fn slices(range: Range, bucket: Option<Bucket>) -> Vec<(Source, Range)> {
    let part = |since: Timestamp, until: Timestamp| Range { since, until };
    let first = if range.since == range.since.hour() { range.since } else { range.since.next_hour() };
    let last = if range.until == Timestamp::MAX { range.until } else { range.until.hour() };
    let mut parts = Vec::new();
    if first > last {
        parts.push((Source::Events, range));
    } else {
        let (day_first, day_last) = match bucket {
            Some(Bucket::Hour) => (last, last),
            _ => {
                let start = if first == first.day() { first } else { first.next_day() };
                (start.min(last), if last == Timestamp::MAX { last } else { last.day().max(start.min(last)) })
            }
        };
        parts.push((Source::Events, part(range.since, first)));
        parts.push((Source::Hours, part(first, day_first)));
        parts.push((Source::Days, part(day_first, day_last)));
        parts.push((Source::Hours, part(day_last, last)));
        parts.push((Source::Events, part(last, range.until)));
    }
    parts.retain(|(_, range)| range.since < range.until);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: i64 = 3_600_000_000_000;

    proptest! {
        #[test]
        fn parts_join_to_the_range_and_are_whole(
            since in 0..400_i64, extra in 0..3_i64, length in 1..400_i64, more in 0..3_i64, by_hour in any::<bool>(),
        ) {
            // Quarters of hours.
            let at = |quarters: i64, extra: i64| Timestamp::from_nanos(quarters * HOUR / 4 + extra);
            let range = Range { since: at(since, extra), until: at(since + length, extra + more) };
            let bucket = by_hour.then_some(Bucket::Hour);
            let parts = slices(range, bucket);
            let mut next = range.since;
            for (source, part) in &parts {
                prop_assert_eq!(part.since, next);
                next = part.until;
                match source {
                    Source::Events => prop_assert_eq!(part.since.hour(), Timestamp::from_nanos(part.until.nanos() - 1).hour()),
                    Source::Hours => prop_assert_eq!((part.since, part.until), (part.since.hour(), part.until.hour())),
                    Source::Days => {
                        prop_assert!(!by_hour);
                        prop_assert_eq!((part.since, part.until), (part.since.day(), part.until.day()));
                    }
                }
            }
            prop_assert_eq!(next, range.until);
        }
    }
}

//! Where a history does not agree with itself.

use crate::account::Difference;
use jobmon_core::{Aggregate, Dimension, Event, Key, Resource, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// By start of the slice, and what it is about.
pub(crate) type Slices<K, S> = BTreeMap<(Timestamp, K), S>;

/// The sums of hours and days that events make.
#[derive(Default)]
pub(crate) struct Expected {
    pub(crate) hours: Slices<Key, Aggregate>,
    pub(crate) days: Slices<Key, Aggregate>,
}

impl Expected {
    pub(crate) fn add(&mut self, resource: &Resource, event: &Event) {
        Aggregate::sum_up(resource, event, &mut |key, add| {
            let key = key.only(Dimension::ROLLUP);
            add(self.days.entry((event.at().day(), key.clone())).or_default());
            add(self.hours.entry((event.at().hour(), key)).or_default());
        });
    }
}

/// Slices of a table that are not what events make of them.
pub(crate) fn differing<K: Ord, S: PartialEq>(
    table: &'static str,
    stored: &Slices<K, S>,
    expected: &Slices<K, S>,
    calls: impl Fn(&S) -> u64,
) -> Vec<Difference> {
    let keys: BTreeSet<_> = stored.keys().chain(expected.keys()).collect();
    let differ = keys.into_iter().filter(|key| stored.get(key) != expected.get(key));
    let difference = |key: &(Timestamp, K)| Difference {
        table,
        start: key.0,
        stored_calls: stored.get(key).map_or(0, &calls),
        event_calls: expected.get(key).map_or(0, &calls),
    };
    differ.map(difference).collect()
}

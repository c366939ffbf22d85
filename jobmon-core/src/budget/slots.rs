//! [`Slot`]: the counter of one key of a budget; and [`Slots`]: those of all.

use super::counter::Counter;
use super::window::Window;
use crate::text::Text;
use crate::time::Timestamp;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

/// Keys that are told apart.
const MOST_KEYS: usize = 10_000;
/// Who has spent nothing is looked for at most this often, in nanoseconds.
const SWEEP: i64 = 1_000_000_000;

/// The counter of one key of a budget.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) key: Option<Text>,
    pub(super) counter: Counter,
    /// The windows in which something was said last.
    pub(super) warned: Said,
    pub(super) exceeded: Said,
}

impl Slot {
    fn new(key: Option<Text>, window: Window, now: Timestamp) -> Arc<Self> {
        let counter = Counter::new(window.slices(), window.slice(now));
        Arc::new(Self { key, counter, warned: Said::default(), exceeded: Said::default() })
    }
}

/// Something that is said once in each window.
#[derive(Debug)]
pub(super) struct Said(AtomicI64);

impl Default for Said {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Said {
    /// Whether it was not said yet in this window.
    pub(super) fn is_new(&self, window: i64) -> bool {
        self.0.load(Relaxed) != window && self.0.swap(window, Relaxed) != window
    }
}

/// The counters of a budget.
#[derive(Debug)]
pub(super) enum Slots {
    One(Arc<Slot>),
    Each(RwLock<Keys>),
}

#[derive(Debug, Default)]
pub(super) struct Keys {
    slots: HashMap<Option<Text>, Arc<Slot>>,
    /// When those that have spent nothing were looked for.
    swept: Option<Timestamp>,
}

impl Slots {
    pub(super) fn new(each: bool, window: Window, now: Timestamp) -> Self {
        if each { Self::Each(RwLock::default()) } else { Self::One(Slot::new(None, window, now)) }
    }

    /// The counter of a key, made where there is none yet, with what is over forgotten.
    pub(super) fn of(&self, key: impl FnOnce() -> Option<Text>, window: Window, now: Timestamp) -> Arc<Slot> {
        let slot = match self {
            Self::One(slot) => Arc::clone(slot),
            Self::Each(keys) => {
                let key = key();
                let known = keys.read().unwrap_or_else(PoisonError::into_inner).slots.get(&key).cloned();
                known.unwrap_or_else(|| {
                    keys.write().unwrap_or_else(PoisonError::into_inner).add(key, window, now)
                })
            }
        };
        slot.counter.turn(window.slice(now));
        slot
    }

    /// All of them, in the order of their keys.
    pub(super) fn all(&self, window: Window, now: Timestamp) -> Vec<Arc<Slot>> {
        let mut slots: Vec<_> = match self {
            Self::One(slot) => vec![Arc::clone(slot)],
            Self::Each(keys) => {
                keys.read().unwrap_or_else(PoisonError::into_inner).slots.values().cloned().collect()
            }
        };
        slots.sort_by(|a, b| a.key.cmp(&b.key));
        slots.iter().for_each(|slot| slot.counter.turn(window.slice(now)));
        slots
    }
}

impl Keys {
    fn add(&mut self, mut key: Option<Text>, window: Window, now: Timestamp) -> Arc<Slot> {
        if self.slots.len() >= MOST_KEYS && !self.slots.contains_key(&key) {
            self.sweep(window, now);
            if self.slots.len() >= MOST_KEYS {
                key = Some(Text::literal("other"));
            }
        }
        let slot = self.slots.entry(key).or_insert_with_key(|key| Slot::new(key.clone(), window, now));
        Arc::clone(slot)
    }

    /// Forgets keys that have nothing spent, nothing reserved, and nobody who looks at them.
    fn sweep(&mut self, window: Window, now: Timestamp) {
        let since = self.swept.map(|swept| now.nanos().saturating_sub(swept.nanos()));
        if since.is_some_and(|since| (0..SWEEP).contains(&since)) {
            return;
        }
        self.swept = Some(now);
        self.slots.retain(|_, slot| {
            slot.counter.turn(window.slice(now));
            slot.counter.committed() != 0 || Arc::strong_count(slot) > 1
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn keys_are_bounded_and_those_without_spending_make_room() {
        let now = Timestamp::from_nanos(1_795_485_600_123_000_000);
        let slots = Slots::new(true, Window::Day, now);
        let of = |n: usize, now| slots.of(|| Some(Text::from(n.to_string())), Window::Day, now);
        for n in 0..MOST_KEYS {
            of(n, now).counter.settle(0, 1, i64::MAX);
        }
        // All have spent something today: whoever comes now shares.
        let late = of(MOST_KEYS, now);
        assert_eq!(late.key.as_deref(), Some("other"));
        assert!(Arc::ptr_eq(&late, &of(MOST_KEYS + 1, now)));
        assert_eq!(of(7, now).key.as_deref(), Some("7"));
        // Tomorrow nobody has, but one is still at work.
        let tomorrow = now.plus(Duration::from_secs(86_400));
        let working = of(7, tomorrow);
        working.counter.reserve(1, 1).expect("there is room");
        drop((late, working));
        assert_eq!(of(MOST_KEYS, tomorrow).key.as_deref(), Some("10000"));
        let left: Vec<_> =
            slots.all(Window::Day, tomorrow).iter().filter_map(|slot| slot.key.clone()).collect();
        assert_eq!(left, ["10000", "7"]);
    }

    #[test]
    fn calls_without_a_key_are_counted_together() {
        let now = Timestamp::now();
        let slots = Slots::new(true, Window::Day, now);
        assert!(Arc::ptr_eq(&slots.of(|| None, Window::Day, now), &slots.of(|| None, Window::Day, now)));
    }
}

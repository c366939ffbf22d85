//! Answers that could have been given from a cache.

use super::saving::{Saving, of_calls};
use super::{Function, InsightKind, InsightOptions, Told};
use crate::event::{CallRecord, End};
use crate::measure::human;
use crate::money::Cost;
use crate::text::Text;
use crate::time::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Calls that repeat one that has succeeded.
pub(super) struct Caching {
    lifetime: Duration,
    functions: BTreeMap<Function, Cached>,
}

#[derive(Default)]
struct Cached {
    /// When the answer to a key was kept.
    kept: HashMap<Text, Timestamp>,
    saving: Saving,
}

impl Caching {
    pub(super) const fn new(options: &InsightOptions) -> Self {
        Self { lifetime: options.lifetime, functions: BTreeMap::new() }
    }

    /// Calls come in order of time.
    pub(super) fn add(&mut self, call: &CallRecord) {
        let Some(key) = &call.cache_key else { return };
        let function = self.functions.entry(Function::of(call)).or_default();
        function.saving.call(call.start);
        let kept = function.kept.get(key).copied();
        if kept.is_some_and(|kept| kept <= call.start && call.start <= kept.plus(self.lifetime)) {
            function.saving.save(call.start, call.cost.unwrap_or(Cost::Unpriced));
        } else if call.end == End::Ok {
            let end = call.start.plus(call.duration.unwrap_or_default());
            function.kept.insert(key.clone(), end);
        }
    }

    pub(super) fn tell(self, told: &mut Told) {
        for (function, Cached { saving, .. }) in self.functions {
            let arithmetic = format!(
                "{} with a cache key repeat one that had succeeded at most {} before; what they cost",
                of_calls(saving.affected(), saving.calls()),
                human(self.lifetime)
            );
            saving.tell(told, InsightKind::Cache, function.subject(), &arithmetic);
        }
    }
}

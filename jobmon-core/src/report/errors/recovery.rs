//! Which retries helped.

use crate::event::{CallRecord, End};
use crate::measure::Quantity;
use crate::report::Section;
use crate::text::Text;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Default)]
pub(super) struct Recovery(BTreeMap<&'static str, Retried>);

#[derive(Default)]
struct Retried {
    calls: u64,
    recovered: u64,
    retries: u64,
    backoff: Duration,
}

/// Categories that a call was tried again after, each with the attempts that followed.
pub(crate) fn retried_after(call: &CallRecord) -> BTreeMap<&'static str, Vec<usize>> {
    let mut after: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (at, pair) in call.attempts.windows(2).enumerate() {
        if let Some(failure) = &pair[0].failure {
            after.entry(failure.category.name()).or_default().push(at + 1);
        }
    }
    after
}

impl Recovery {
    pub(super) fn add(&mut self, call: &CallRecord) {
        for (category, attempts) in retried_after(call) {
            let retried = self.0.entry(category).or_default();
            retried.calls += 1;
            retried.recovered += u64::from(call.end == End::Ok);
            retried.retries += attempts.len() as u64;
            let waited = attempts.iter().map(|attempt| call.attempts[*attempt].backoff);
            retried.backoff = waited.fold(retried.backoff, Duration::saturating_add);
        }
    }

    pub(super) fn section(self) -> Section {
        let columns = ["retried_calls", "recovered_calls", "recovery_rate", "retries", "backoff_time"];
        let mut section = Section::new("recovery", "Which retries helped", ["category"], columns);
        let mut all: Vec<_> = self.0.into_iter().collect();
        all.sort_by_key(|(category, retried)| (Reverse(retried.calls), *category));
        for (category, retried) in all {
            #[expect(clippy::cast_precision_loss, reason = "a share is a rounded figure")]
            let rate = Quantity::Ratio(retried.recovered as f64 / retried.calls as f64);
            let figures = [
                Quantity::Count(retried.calls),
                Quantity::Count(retried.recovered),
                rate,
                Quantity::Count(retried.retries),
                Quantity::Duration(retried.backoff),
            ];
            section.push(vec![Some(Text::literal(category))], figures.map(Some).to_vec());
        }
        section
    }
}

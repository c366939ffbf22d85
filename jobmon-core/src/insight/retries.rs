//! Retries after failures that hardly ever go away.

use super::saving::{Saving, of_calls};
use super::{InsightKind, Told};
use crate::event::{CallRecord, End};
use crate::money::{Cost, CostSum};
use crate::report::errors::recovery::retried_after;
use crate::stats::wilson_upper;
use crate::text::Text;
use std::collections::BTreeMap;

/// The most that may recover, by the upper end of the interval.
const MOST_RECOVER: f64 = 0.1;

#[derive(Default)]
pub(super) struct Retries(BTreeMap<(Text, &'static str), Retried>);

#[derive(Default)]
struct Retried {
    recovered: u64,
    attempts: u64,
    saving: Saving,
}

impl Retries {
    pub(super) fn add(&mut self, call: &CallRecord) {
        for (category, attempts) in retried_after(call) {
            let retried = self.0.entry((call.name.clone(), category)).or_default();
            retried.saving.call(call.start);
            if call.end == End::Ok {
                retried.recovered += 1;
                continue;
            }
            retried.attempts += attempts.len() as u64;
            let followed = |number: u32| attempts.iter().any(|at| call.attempts[*at].number == number);
            let mut sum = CostSum::default();
            let answers = call.answers.iter().filter(|answer| followed(answer.attempt));
            answers.for_each(|answer| sum.add(answer.cost));
            retried.saving.save(call.start, sum.cost().unwrap_or(Cost::Known(crate::Usd::ZERO)));
        }
    }

    pub(super) fn tell(self, told: &mut Told) {
        for ((name, category), Retried { recovered, attempts, saving }) in self.0 {
            if wilson_upper(recovered, saving.calls()) > MOST_RECOVER {
                continue;
            }
            let subject = vec![("name", Some(name)), ("category", Some(Text::literal(category)))];
            let arithmetic = format!(
                "{} that were tried again after `{category}` failed all the same, {recovered} recovered; what \
                 {attempts} attempts after such a failure cost",
                of_calls(saving.affected(), saving.calls()),
            );
            saving.tell(told, InsightKind::WastedRetries, subject, &arithmetic);
        }
    }
}

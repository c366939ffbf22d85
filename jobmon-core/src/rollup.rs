//! [`Rollups`]: what calls inside of calls add up to.

use crate::event::{CallRecord, Rollup};
use crate::id::SpanId;
use crate::operation::Operation;
use crate::sampling::Keep;
use std::collections::{HashMap, VecDeque};

/// Calls around others that are waited for. One whose record never comes is given up when so many newer ones wait.
const MOST_OPEN: usize = 65_536;

/// Sums that wait for the call around them to end. Calls inside end before it, so each record that comes by finds
/// what was inside it.
#[derive(Debug, Default)]
pub(crate) struct Rollups {
    open: HashMap<SpanId, Inside>,
    order: VecDeque<SpanId>,
}

/// What was inside a call that has not ended.
#[derive(Debug, Default)]
struct Inside {
    /// What it adds up to; none where it used nothing.
    sum: Option<Box<Rollup>>,
    /// Whether one of them is kept whatever the sampling, so that what is around it has to be.
    keep: bool,
}

impl Rollups {
    /// Gives a finished and priced call what was inside it, and adds both to the call around it; decides whether it is
    /// kept although its trace is not.
    pub(crate) fn pass(&mut self, call: &mut CallRecord, keep: &Keep) {
        let inside = self.open.remove(&call.id.span).unwrap_or_default();
        let kept = inside.keep || keep.wants(call);
        if kept {
            // It would have been kept in any case, so it stands for itself only.
            call.sampled = true;
            call.sample_rate = 1.0;
        }
        if let Some(parent) = call.parent {
            let own =
                call.cost.is_some() || !call.answers.is_empty() || call.operation == Operation::ExecuteTool;
            if inside.sum.is_some() || own || kept {
                let around = self.around(parent);
                around.keep |= kept;
                if inside.sum.is_some() || own {
                    around.sum.get_or_insert_default().add(call, inside.sum.as_deref());
                }
            }
        }
        call.rollup = inside.sum;
    }

    fn around(&mut self, parent: SpanId) -> &mut Inside {
        if !self.open.contains_key(&parent) {
            self.order.push_back(parent);
            while self.order.len() > MOST_OPEN {
                if let Some(oldest) = self.order.pop_front() {
                    self.open.remove(&oldest);
                }
            }
        }
        self.open.entry(parent).or_default()
    }
}

impl Rollup {
    fn add(&mut self, call: &CallRecord, inside: Option<&Self>) {
        if let Some(inside) = inside {
            self.model_calls = self.model_calls.saturating_add(inside.model_calls);
            self.tool_calls = self.tool_calls.saturating_add(inside.tool_calls);
            self.usage += inside.usage;
            self.cost.merge(&inside.cost);
        }
        self.model_calls = self.model_calls.saturating_add(u64::from(call.is_model_call()));
        self.tool_calls = self.tool_calls.saturating_add(u64::from(call.operation == Operation::ExecuteTool));
        if let Some(usage) = call.usage() {
            self.usage += usage;
        }
        if let Some(cost) = call.cost {
            self.cost.add(cost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, CallId, Cost, PricedAnswer, Text, Timestamp, TraceId, Usage, Usd};

    fn call(parent: Option<SpanId>, cost: Option<i64>) -> CallRecord {
        let id = CallId { trace: TraceId::random(), span: SpanId::random() };
        let operation = if cost.is_some() { Operation::Chat } else { Operation::InvokeAgent };
        let mut call = CallRecord::new(id, Text::literal("f"), operation, Timestamp::MIN);
        call.parent = parent;
        call.cost = cost.map(|nanos| Cost::Known(Usd::from_nanos(nanos)));
        call.answers = cost
            .iter()
            .map(|_| PricedAnswer::new(Answer::from(Usage::new(10, 1)), 1, Cost::Unpriced))
            .collect();
        call
    }

    #[test]
    fn costs_add_up_from_leaf_to_root_and_count_once() {
        let mut rollups = Rollups::default();
        let mut root = call(None, None);
        let mut agent = call(Some(root.id.span), Some(5));
        let mut leaves = [call(Some(agent.id.span), Some(1)), call(Some(agent.id.span), Some(2))];
        leaves.iter_mut().for_each(|leaf| rollups.pass(leaf, &Keep::default()));
        rollups.pass(&mut agent, &Keep::default());
        rollups.pass(&mut root, &Keep::default());
        assert_eq!(leaves[0].rollup, None);
        let of = |call: &CallRecord| {
            let rollup = call.rollup.as_deref().expect("something was inside");
            (rollup.model_calls, rollup.usage.total(), rollup.cost.cost())
        };
        assert_eq!(of(&agent), (2, Some(22), Some(Cost::Known(Usd::from_nanos(3)))));
        assert_eq!(of(&root), (3, Some(33), Some(Cost::Known(Usd::from_nanos(8)))));
        assert!(rollups.open.is_empty());
    }

    #[test]
    fn what_is_kept_for_its_failure_keeps_what_is_around_it_and_stands_for_itself() {
        let mut rollups = Rollups::default();
        let unsampled = |parent| CallRecord { sampled: false, sample_rate: 0.1, ..call(parent, None) };
        let mut root = unsampled(None);
        let mut agent = unsampled(Some(root.id.span));
        let mut good = unsampled(Some(agent.id.span));
        let mut bad = unsampled(Some(agent.id.span));
        bad.end = crate::End::Error;
        for call in [&mut good, &mut bad, &mut agent, &mut root] {
            rollups.pass(call, &Keep::default());
        }
        let kept = [&good, &bad, &agent, &root].map(|call| (call.sampled, call.sample_rate));
        assert_eq!(kept, [(false, 0.1), (true, 1.0), (true, 1.0), (true, 1.0)]);
        assert!(rollups.open.is_empty());
    }

    #[test]
    fn calls_that_never_end_are_given_up() {
        let mut rollups = Rollups::default();
        for _ in 0..MOST_OPEN + 10 {
            rollups.pass(&mut call(Some(SpanId::random()), Some(1)), &Keep::default());
        }
        assert_eq!(rollups.open.len(), MOST_OPEN);
    }
}

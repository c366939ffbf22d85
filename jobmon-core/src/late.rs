//! What is remembered of a call that has ended, so that what is still reported of it finds its place.

use crate::category::ErrorCategory;
use crate::event::{CallRecord, End, Fact, Late, PricedAnswer, Pricing, Subject};
use crate::money::Cost;
use crate::response::Answer;
use crate::text::Text;
use crate::time::Timestamp;
use crate::value::Value;

/// A call that has ended, and whose handles may live on.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What all that comes late has in common.
    like: Fact,
    pricing: Pricing,
    budgets: Vec<Text>,
    category: Option<ErrorCategory>,
    failed: bool,
    failed_attempts: Vec<u32>,
    last_attempt: u32,
}

impl Ended {
    /// Takes along what sums and prices need of a finished record. Allocates only where attempts failed, or a budget
    /// is named.
    pub(crate) fn of(call: &CallRecord) -> Self {
        let subject = Subject::of(call);
        let failed = call.attempts.iter().filter(|attempt| attempt.failure.is_some());
        Self {
            like: Fact { subject: Some(subject), ..Fact::new(call.start, Some(call.id), call.scope.clone()) },
            pricing: call.pricing.clone(),
            budgets: call.budgets.clone(),
            category: call.failure.as_ref().map(|failure| failure.category),
            failed: call.end != End::Ok,
            failed_attempts: failed.map(|attempt| attempt.number).collect(),
            last_attempt: call.attempts.last().map_or(1, |attempt| attempt.number),
        }
    }

    pub(crate) fn subject(&self) -> Option<&Subject> {
        self.like.subject.as_ref()
    }

    /// Something that came now, and says nothing so far.
    fn late(&self) -> Late {
        let fact = Fact { at: Timestamp::now(), ..self.like.clone() };
        let (pricing, budgets) = (self.pricing.clone(), self.budgets.clone());
        Late { category: self.category, for_nothing: self.failed, pricing, budgets, ..Late::new(fact) }
    }

    /// An answer of an attempt; 0 is the last one.
    pub(crate) fn answer(&self, answer: Answer, attempt: u32) -> Late {
        let attempt = if attempt > 0 { attempt } else { self.last_attempt };
        let mut late = self.late();
        late.for_nothing |= self.failed_attempts.contains(&attempt);
        late.answer = Some(PricedAnswer::new(answer, attempt, Cost::Unpriced));
        late
    }

    /// An attribute.
    pub(crate) fn attribute(&self, attribute: (Text, Value)) -> Late {
        Late { attributes: vec![attribute], ..self.late() }
    }

    /// A change of what decides on prices, which counts for all that comes from now on.
    pub(crate) fn pricing(&mut self, change: impl FnOnce(&mut Pricing)) -> Late {
        change(&mut self.pricing);
        self.late()
    }

    /// A model that counts for all that comes from now on.
    pub(crate) fn model(&mut self, model: Text) -> Late {
        if let Some(subject) = &mut self.like.subject {
            subject.model = Some(model);
        }
        self.late()
    }

    /// A provider that counts for all that comes from now on.
    pub(crate) fn provider(&mut self, provider: Text) -> Late {
        if let Some(subject) = &mut self.like.subject {
            subject.provider = Some(provider);
        }
        self.late()
    }
}

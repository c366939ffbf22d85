//! What a call cost: each of its answers priced on its own, never a sum of them.

use crate::event::{CallRecord, End, Late, Original, PricedAnswer, Pricing};
use crate::failure::Failure;
use crate::money::{Cost, CostSum, Usd};
use crate::price::{PriceRequest, Prices};
use crate::text::Text;
use std::time::SystemTime;

/// Prices every answer of a call and sums them up with their weakest grade.
///
/// Where there is no answer, what is known is this: a request that ended with an HTTP error is not charged (Google
/// says so of 400 and 500, Anthropic of failed requests), nor is one that was refused before it was made. Whatever
/// ended otherwise, such as by a timeout, may have been billed: at least nothing. Success without usage is
/// unpriced.
pub(crate) fn price(call: &mut CallRecord, prices: &Prices) {
    if !call.tokens_tracked || !call.is_model_call() {
        return;
    }
    let request = Request {
        provider: call.provider.as_ref(),
        asked: call.model.as_ref(),
        at: SystemTime::from(call.start),
        pricing: &call.pricing,
    };
    for answer in &mut call.answers {
        answer.cost = request.price(answer, prices);
    }

    let mut sum = CostSum::default();
    sum.merge(&call.answer_costs());
    let answered = |number: u32| call.answers.iter().any(|answer| answer.attempt == number);
    if call.attempts.is_empty() {
        if call.answers.is_empty() {
            sum.add(without_answer(call.end, call.failure.as_ref()));
        }
    } else {
        for attempt in call.attempts.iter().filter(|attempt| !answered(attempt.number)) {
            let end = if attempt.failure.is_some() { End::Error } else { call.end };
            sum.add(without_answer(end, attempt.failure.as_ref()));
        }
    }
    call.cost = sum.cost();
    if call.cost.is_some() {
        call.prices = Some(prices.version());
    }
}

/// Prices a call again with other prices, as of the time it was made, and keeps what it cost at first. Tells whether
/// anything has changed; a call whose cost stays the same stays as it is.
///
/// For corrections of a history; see `jobmon prices reprice`.
///
/// ```
/// use jobmon_core::{CallId, CallRecord, Operation, Prices, SpanId, Text, Timestamp, TraceId, reprice};
///
/// let id = CallId { trace: TraceId::random(), span: SpanId::random() };
/// let mut agent = CallRecord::new(id, Text::literal("agent"), Operation::InvokeAgent, Timestamp::now());
/// assert!(!reprice(&mut agent, &Prices::bundled()), "no model, no cost");
/// ```
pub fn reprice(call: &mut CallRecord, prices: &Prices) -> bool {
    let before = (call.cost, call.answers.clone(), call.prices.clone(), call.wasted());
    price(call, prices);
    if (call.cost, &call.answers) == (before.0, &before.1) {
        call.prices = before.2;
        return false;
    }
    if let (Some(cost), None) = (before.0, &call.original) {
        call.original = Some(Original::new(cost, before.3, before.2));
    }
    true
}

/// The same for an answer that came after the end of its call.
pub fn reprice_late(late: &mut Late, prices: &Prices) -> bool {
    let before = (late.cost(), late.prices.clone(), late.wasted());
    price_late(late, prices);
    if late.cost() == before.0 {
        late.prices = before.1;
        return false;
    }
    if let (Some(cost), None) = (before.0, &late.original) {
        late.original = Some(Original::new(cost, before.2, before.1));
    }
    true
}

/// Prices an answer that came after the end of its call, at the moment it came.
///
/// The model of its subject counts as the one asked for: who reports usage alone after another model has answered
/// means that one.
pub(crate) fn price_late(late: &mut Late, prices: &Prices) {
    let Some(answer) = &mut late.answer else { return };
    let subject = late.fact.subject.as_ref();
    let request = Request {
        provider: subject.and_then(|subject| subject.provider.as_ref()),
        asked: subject.and_then(|subject| subject.model.as_ref()),
        at: SystemTime::from(late.fact.at),
        pricing: &late.pricing,
    };
    answer.cost = request.price(answer, prices);
    late.prices = Some(prices.version());
}

/// What the answers of a call have in common.
pub(crate) struct Request<'a> {
    pub(crate) provider: Option<&'a Text>,
    pub(crate) asked: Option<&'a Text>,
    pub(crate) at: SystemTime,
    pub(crate) pricing: &'a Pricing,
}

impl Request<'_> {
    pub(crate) fn price(&self, answer: &PricedAnswer, prices: &Prices) -> Cost {
        let Some(usage) = &answer.answer.usage else { return answer.cost };
        let mut context: Vec<_> =
            self.pricing.context.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        match answer.answer.service_tier.as_deref() {
            // Anthropic tells of a batch as of a tier; the list does not.
            Some("batch") => context.push(("processing", "batch")),
            Some(tier) => context.push(("service_tier", tier)),
            None => {}
        }
        let price = |model: &Text| {
            let request = PriceRequest::new(self.provider.map(Text::as_str), model, self.at, usage)
                .with_api_url(self.pricing.api_url.as_deref())
                .with_context(&context);
            prices.price(&request)
        };
        // The model that answered says more (a dated version, a fallback); a gateway's own name says less.
        // Without a provider the model asked for tells nothing of another one that answered.
        let asked = self.asked.filter(|_| self.provider.is_some() || answer.answer.model.is_none());
        let models = [answer.answer.model.as_ref(), asked];
        let costs = models.into_iter().flatten().map(price);
        costs.into_iter().find(|cost| *cost != Cost::Unpriced).unwrap_or(Cost::Unpriced)
    }
}

fn without_answer(end: End, failure: Option<&Failure>) -> Cost {
    let refused = |failure: &Failure| {
        failure.category.is_refusal() || failure.http_status.is_some_and(|status| status >= 400)
    };
    match (end, failure) {
        (End::Ok, _) => Cost::Unpriced,
        (_, Some(failure)) if refused(failure) => Cost::Known(Usd::ZERO),
        _ => Cost::AtLeast(Usd::ZERO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Answer, Attempt, CallId, ErrorCategory, Operation, PricedAnswer, SpanId, Timestamp, TraceId, Usage,
    };
    use std::time::Duration;

    fn call(attempts: &[Option<Failure>], answers: &[(u32, Usage)]) -> CallRecord {
        let id = CallId { trace: TraceId::random(), span: SpanId::random() };
        let at = Timestamp::from_nanos(1_795_478_400_000_000_000);
        let mut call = CallRecord::new(id, Text::literal("ask"), Operation::Chat, at);
        call.model = Some(Text::literal("gpt-4o-mini"));
        let ended = |(n, failure): (usize, &Option<Failure>)| {
            Attempt::new(u32::try_from(n).unwrap() + 1, Duration::ZERO, Duration::ZERO, failure.clone())
        };
        call.attempts = attempts.iter().enumerate().map(ended).collect();
        call.answers = answers
            .iter()
            .map(|(attempt, usage)| PricedAnswer::new(Answer::from(*usage), *attempt, Cost::Unpriced))
            .collect();
        call
    }

    #[cfg(feature = "prices")]
    #[test]
    fn each_answer_is_priced_and_failed_attempts_are_paid_for() {
        let usage = Usage::new(1_000, 100).with_cache_read(200);
        let broken = Failure::new(ErrorCategory::Parsing);
        let mut call = call(&[Some(broken), None], &[(1, usage), (2, usage)]);
        price(&mut call, &Prices::bundled());
        // genai-prices, Python 0.2.3: $0.000195 for each.
        assert_eq!(call.cost, Some(Cost::Known(Usd::from_nanos(390_000))));
        assert_eq!(call.wasted(), Usd::from_nanos(195_000));
    }

    #[test]
    fn what_a_failed_attempt_cost_depends_on_how_it_failed() {
        let mut unavailable = Failure::new(ErrorCategory::Server);
        unavailable.http_status = Some(503);
        for (failure, cost) in [
            (Failure::new(ErrorCategory::RateLimit), Cost::Known(Usd::ZERO)),
            (unavailable, Cost::Known(Usd::ZERO)),
            (Failure::new(ErrorCategory::Timeout), Cost::AtLeast(Usd::ZERO)),
        ] {
            let mut call = call(&[Some(failure)], &[]);
            call.end = End::Error;
            price(&mut call, &Prices::none());
            assert_eq!(call.cost, Some(cost));
        }
    }

    #[test]
    fn success_without_usage_is_unpriced_and_work_without_a_model_has_no_cost() {
        let mut silent = call(&[], &[]);
        price(&mut silent, &Prices::bundled());
        assert_eq!(silent.cost, Some(Cost::Unpriced));
        let mut agent = call(&[], &[]);
        agent.operation = Operation::InvokeAgent;
        price(&mut agent, &Prices::bundled());
        assert_eq!(agent.cost, None);
    }
}

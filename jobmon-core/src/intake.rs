//! [`Intake`]: what is done with each event before exporters see it.

use crate::costing;
use crate::event::Event;
use crate::pseudonym::UserKey;
use crate::redact::Cleaner;
use crate::settings::Settings;

/// Makes events of elsewhere ready for a history, as a monitor does with its own: cleaned, priced where they came without a
/// price, outcomes valued, ids of users hashed where there is a key.
///
/// ```
/// use jobmon_core::{Answer, CallId, CallRecord, Cost, Event, Intake, Operation, PricedAnswer, Settings};
/// use jobmon_core::{SpanId, Text, Timestamp, TraceId, Usage};
///
/// let id = CallId { trace: TraceId::random(), span: SpanId::random() };
/// let mut call = CallRecord::new(id, Text::literal("ask"), Operation::Chat, Timestamp::now());
/// call.model = Some(Text::literal("gpt-4o-mini"));
/// call.scope.user = Some(Text::literal("anna@example.com"));
/// call.answers.push(PricedAnswer::new(Answer::from(Usage::new(1_000, 100)), 1, Cost::Unpriced));
///
/// let mut event = Event::Call(Box::new(call));
/// Intake::new(Settings::default()).take(&mut event);
/// let Event::Call(call) = event else { unreachable!() };
/// # #[cfg(feature = "prices")]
/// assert!(matches!(call.cost, Some(Cost::Known(_))));
/// assert!(!call.scope.user.unwrap().contains("anna"));
/// ```
#[derive(Debug)]
pub struct Intake {
    settings: Settings,
}

impl Intake {
    /// With the prices, redaction, values of outcomes and the key for users of these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Decodes the price list, which takes tens of milliseconds, before the first event needs it.
    pub fn warm_up(&self) {
        self.settings.prices.warm_up();
    }

    /// Makes an event ready.
    pub fn take(&self, event: &mut Event) {
        let user = match &mut *event {
            Event::Call(call) => call.scope.user.as_mut(),
            other => other.fact_mut().and_then(|fact| fact.scope.user.as_mut()),
        };
        if let Some(user) = user.filter(|user| !UserKey::has_made(user)) {
            *user = self.settings.user(user);
        }
        prepare(&self.settings, event);
    }
}

/// Cleans, prices and values an event that goes on to exporters.
pub(crate) fn prepare(settings: &Settings, event: &mut Event) {
    Cleaner::event(&settings.redaction, event);
    match event {
        // Where a budget needed its price, or its sender knew it, it has one.
        Event::Call(call) if call.prices.is_none() => costing::price(call, &settings.prices),
        Event::Outcome(outcome) if outcome.value.is_none() => {
            outcome.value = settings.outcome_values.get(&outcome.kind).copied();
        }
        Event::Late(late) if late.prices.is_none() => costing::price_late(late, &settings.prices),
        _ => {}
    }
}

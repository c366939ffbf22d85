//! What is reported of a call while it runs, and after it.

use super::{Active, LONGEST_ATTRIBUTE, MOST_ANSWERS, MOST_ATTRIBUTES, State};
use crate::event::{CallRecord, Chunks, Event, Late, Message, Prefix, PricedAnswer, Pricing, Prompt};
use crate::failure::Failure;
use crate::lane::lock;
use crate::late::Ended;
use crate::money::Cost;
use crate::redact::{Cleaner, Redactions};
use crate::response::Answer;
use crate::text::Text;
use crate::value::Value;
use crate::wire;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

impl Active {
    /// Puts something into the record. When the call has ended it is counted as late, and becomes an event of its own.
    fn record<T>(
        &self,
        what: T,
        change: impl FnOnce(&mut CallRecord, T),
        late: impl FnOnce(&mut Ended, T) -> Option<Late>,
    ) {
        let mut state = lock(&self.state);
        if let Some(record) = &mut state.record {
            return change(record, what);
        }
        let late = state.ended.as_deref_mut().and_then(|ended| late(ended, what));
        drop(state);
        self.monitor.counts.late.fetch_add(1, Relaxed);
        self.warn(match &late {
            Some(_) => {
                "came after the end of its call and is recorded apart; the call itself stays as it was"
            }
            None => "came after the end of its call and is not recorded",
        });
        if let Some(late) = late {
            // As for what comes in time: what a function around it returns was counted here.
            if let (Some(parent), Some(_)) = (&self.parent, late.usage()) {
                lock(&parent.state).counted_inside = true;
            }
            self.monitor.submit(Event::Late(Box::new(late)));
        }
    }

    /// Counts what found no room.
    fn lost(&self, why: &str) {
        self.monitor.counts.unattached.fetch_add(1, Relaxed);
        self.warn(&format!("came {why} and is not recorded"));
    }

    /// Counts what was recorded before.
    fn again(&self, what: &str) {
        self.monitor.counts.repeated.fetch_add(1, Relaxed);
        self.warn(&format!("was reported before: {what}"));
    }

    fn warn(&self, what: &str) {
        let text = format!("something reported in `{}` {what}", self.site.facts.name);
        self.monitor.settings.warnings.once(&text, &text);
    }

    /// Takes an answer. One with the id of another that was taken may be the same, reported twice: both count, and
    /// that is told.
    pub(crate) fn answer(&self, answer: Answer, attempt: u32) {
        if !self.track.tokens {
            return;
        }
        // Outside of any attempt it belongs to the last one.
        let number = if attempt > 0 { attempt } else { lock(&self.state).attempts.last() };
        let (mut full, mut known) = (false, false);
        let keep = |record: &mut CallRecord, answer: Answer| {
            for answer in answer.into_requests() {
                let same = |taken: &PricedAnswer| {
                    answer.id.is_some() && taken.answer == answer && taken.attempt == number
                };
                full = record.answers.len() >= MOST_ANSWERS;
                if full {
                    break;
                }
                known |= record.answers.iter().any(same);
                record.answers.push(PricedAnswer::new(answer, number, Cost::Unpriced));
            }
        };
        self.record(answer, keep, |ended, answer| Some(ended.answer(answer, attempt)));
        if known {
            self.again("an answer with the same id and usage, which is counted again");
        }
        if full {
            self.lost("after 1,024 answers of one call");
        }
    }

    /// Whether what goes in is captured, and what comes out.
    pub(crate) fn captures(&self) -> [bool; 2] {
        let allowed = self.monitor.settings.capture_content;
        self.site.facts.captures.map(|captures| captures && allowed)
    }

    /// Takes what a model said. Of several attempts the last one counts.
    pub(crate) fn said(&self, messages: Vec<Message>) {
        if messages.is_empty() {
            return;
        }
        let set =
            |record: &mut CallRecord, messages| record.content.get_or_insert_default().output = messages;
        self.record(messages, set, |_, _| None);
    }

    /// Takes how a model is asked: what is known already stays.
    pub(crate) fn asked(&self, body: &serde_json::Value) {
        let facts = wire::request::facts(body);
        let model = wire::request::model(body);
        let content = if self.captures()[0] { wire::request::content(body) } else { None };
        let set = |record: &mut CallRecord, ()| {
            let prefix = record.request.take().and_then(|request| request.prefix);
            let request = record.request.insert(Box::new(facts));
            request.prefix = prefix.or(request.prefix.take());
            record.model = record.model.take().or(model);
            if let Some(content) = content {
                let kept = record.content.get_or_insert_default();
                (kept.system, kept.input, kept.tools) = (content.system, content.input, content.tools);
            }
        };
        self.record((), set, |_, ()| None);
    }

    pub(crate) fn set_model(&self, model: Text) {
        self.record(
            model,
            |record, model| record.model = Some(model),
            |ended, model| Some(ended.model(model)),
        );
    }

    pub(crate) fn set_provider(&self, provider: Text) {
        let set = |record: &mut CallRecord, provider| record.provider = Some(provider);
        self.record(provider, set, |ended, provider| Some(ended.provider(provider)));
    }

    /// Sets the prompt that it uses.
    pub(crate) fn set_prompt(&self, prompt: Prompt) {
        self.record(prompt, |record, prompt| record.prompt = Some(prompt), |_, _| None);
    }

    /// Sets what its answer depends on.
    pub(crate) fn set_cache_key(&self, key: Text) {
        self.record(key, |record, key| record.cache_key = Some(key), |_, _| None);
    }

    /// Sets the beginning of its request that stays the same.
    pub(crate) fn set_prefix(&self, prefix: Prefix) {
        let set = |record: &mut CallRecord, prefix| {
            record.request.get_or_insert_default().prefix = Some(prefix);
        };
        self.record(prefix, set, |_, _| None);
    }

    /// Sets something that decides on prices.
    pub(crate) fn set_pricing(&self, change: impl Fn(&mut Pricing)) {
        let set = |record: &mut CallRecord, ()| change(&mut record.pricing);
        self.record((), set, |ended, ()| Some(ended.pricing(&change)));
    }

    /// Sets its name, where it is known only now.
    pub(crate) fn set_name(&self, name: Text) {
        self.record(name, |record, name| record.name = name, |_, _| None);
    }

    /// The time since the call began, where latency is recorded.
    fn elapsed(&self) -> Option<Duration> {
        if !self.track.latency {
            return None;
        }
        lock(&self.state).began.map(|began| began.elapsed())
    }

    pub(crate) fn first_token(&self) {
        let now = self.elapsed();
        // Time after the end is no part of the call.
        self.record(now, |record, now| record.first_token = record.first_token.or(now), |_, _| None);
    }

    /// A chunk of a stream has come.
    pub(crate) fn chunk(&self) {
        let Some(now) = self.elapsed() else { return };
        let add = |record: &mut CallRecord, now| {
            record.first_token = record.first_token.or(Some(now));
            match &mut record.chunks {
                Some(chunks) => chunks.add(now),
                none => *none = Some(Chunks::first(now)),
            }
        };
        self.record(now, add, |_, _| None);
    }

    /// What it gives is a stream.
    pub(crate) fn gives_stream(&self) {
        let mut state = lock(&self.state);
        state.gives_stream = true;
        if let Some(record) = &mut state.record {
            record.streams = true;
        }
    }

    /// A chunk of a stream that is read inside has come.
    pub(crate) fn chunk_inside(&self) {
        let counts = matches!(&*lock(&self.state), State { record: Some(_), gives_stream: false, .. });
        if counts {
            self.chunk();
        }
    }

    /// Sets an attribute; the last value of a key wins.
    pub(crate) fn attribute(&self, key: Text, value: Value) {
        let value = value.limited(LONGEST_ATTRIBUTE);
        let (mut full, mut known) = (false, None);
        let set = |record: &mut CallRecord, (key, value): (Text, Value)| {
            if let Some(before) = record.attributes.iter_mut().find(|(known, _)| *known == key) {
                known = (before.1 != value).then_some(key);
                before.1 = value;
                return;
            }
            full = record.attributes.len() >= MOST_ATTRIBUTES;
            if !full {
                record.attributes.push((key, value));
            }
        };
        self.record((key, value), set, |ended, attribute| Some(ended.attribute(attribute)));
        if let Some(key) = known {
            self.again(&format!("field `{key}`, of which the last value is kept"));
        }
        if full {
            self.lost("after 128 attributes of one call");
        }
    }

    /// Counts what would be redacted of a text, and marks of injection in it.
    pub(crate) fn inspect(&self, text: &str) {
        let found = Cleaner::inspect(&self.monitor.settings.redaction, text);
        let add = |record: &mut CallRecord, (redactions, markers): (Redactions, u32)| {
            record.redactions = record.redactions.and(redactions);
            record.injection_markers = record.injection_markers.saturating_add(markers);
        };
        self.record(found, add, |_, _| None);
    }

    /// Begins an attempt, maybe inside another one, and gives its number.
    pub(crate) fn begin_attempt(&self, outer: u32) -> u32 {
        lock(&self.state).attempts.begin(outer)
    }

    pub(crate) fn end_attempt(&self, number: u32, failure: Option<Failure>) {
        if !self.track.retries {
            return;
        }
        let failure = failure.map(|failure| self.visible(failure));
        let mut state = lock(&self.state);
        // A call that has ended has ended its attempts.
        let State { record: Some(record), began: Some(began), attempts, .. } = &mut *state else { return };
        let recorded = attempts.end(record, (*began, Instant::now()), number, failure);
        drop(state);
        if !recorded {
            self.lost("after 1,024 attempts of one call");
        }
    }
}

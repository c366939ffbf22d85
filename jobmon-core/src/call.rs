//! The life of a call: start, polls, attempts, answers, and exactly one end.

use crate::attempts::Attempts;
use crate::budget::{Funds, Work};
use crate::capture::Captured;
use crate::category::ErrorCategory;
use crate::context::Context;
use crate::event::{
    CallRecord, Chunks, End, Event, Late, Location, Message, PricedAnswer, Pricing, Prompt, Subject,
};
use crate::failure::Failure;
use crate::id::{CallId, SpanId};
use crate::lane::lock;
use crate::late::Ended;
use crate::money::Cost;
use crate::monitor::Shared;
use crate::operation::Operation;
use crate::origin::Origin;
use crate::response::Answer;
use crate::sampling;
use crate::setting::Setting;
use crate::site::{Site, Track};
use crate::surroundings::{Around, SpanContext};
use crate::text::Text;
use crate::time::Timestamp;
use crate::value::Value;
use crate::wire;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Attributes kept for one call; further ones are counted as lost.
pub(crate) const MOST_ATTRIBUTES: usize = 128;
/// Bytes kept of an attribute's text.
pub(crate) const LONGEST_ATTRIBUTE: usize = 4_096;
/// Answers kept for one call: enough for any honest function, and a bound for a runaway loop.
const MOST_ANSWERS: usize = 1_024;

/// A call that has started and not ended.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) monitor: Arc<Shared>,
    site: &'static Site,
    pub(crate) id: CallId,
    pub(crate) parent: Option<Arc<Active>>,
    root: SpanId,
    track: Track,
    pub(crate) sampled: bool,
    pub(crate) sample_rate: f64,
    pub(crate) trace_state: Option<Text>,
    /// The nearest agent: this, or one around it.
    agent: Option<Text>,
    pub(crate) funds: Funds,
    around: Option<Arc<dyn Around>>,
    state: Mutex<State>,
}

/// What becomes known while the call runs.
#[derive(Debug)]
struct State {
    /// The record, filled in place and handed on whole; none once the call has ended.
    record: Option<Box<CallRecord>>,
    /// Where to put what is reported from then on.
    ended: Option<Ended>,
    began: Option<Instant>,
    attempts: Attempts,
    /// A call inside reported usage: what this function returns was counted there.
    counted_inside: bool,
    /// What a client crate told of the same request, for the case that nobody else does.
    hints: Vec<PricedAnswer>,
    /// What it gives is a stream, whose items are its chunks; those of streams that it reads are not.
    gives_stream: bool,
}

/// What a probe saw in a function's output.
#[derive(Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "generated code hands it on, and nothing else does")]
pub struct Seen {
    /// Whether it is an `Err`.
    pub failed: bool,
    /// The model's answer, where the output has one.
    pub answer: Option<Answer>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What came out, where that is captured.
    pub output: Option<Box<Captured>>,
}

impl Active {
    /// A new call of a function, child of the current one, and the context of code inside it.
    pub(crate) fn start(site: &'static Site, monitor: Arc<Shared>, setting: Setting) -> (Arc<Self>, Context) {
        let mut inside = Context::current();
        let parent = inside.call.take().filter(|parent| Arc::ptr_eq(&parent.monitor, &monitor));
        let mut record = setting.record;
        let facts = &site.facts;
        let name = setting.name.unwrap_or(Text::literal(facts.name));
        let agent = match facts.operation {
            Operation::InvokeAgent => Some(name.clone()),
            _ => parent.as_ref().and_then(|parent| parent.agent.clone()),
        };
        let track = facts.track.and(monitor.settings.track);
        record.name = name;
        record.location = Location { module: Text::literal(facts.module), line: facts.line };
        record.operation = facts.operation;
        record.provider = record.provider.take().or(facts.provider.map(Text::literal));
        record.model = record.model.take().or(facts.model.map(Text::literal));
        record.agent.clone_from(&agent);
        let surroundings = monitor.settings.surroundings.as_deref();
        let Origin {
            span: SpanContext { trace, span, sampled, state: trace_state, .. },
            sample_rate,
            around,
            remote,
        } = Origin::of(&record, parent.as_deref(), &inside, surroundings, monitor.settings.sampling_rate);
        let id = CallId { trace, span };
        let root = parent.as_ref().map_or(span, |parent| parent.root);
        record.id = id;
        record.parent = parent.as_ref().map(|parent| parent.id.span);
        record.root = root;
        record.remote = remote.map(Box::new);
        record.trace_state.clone_from(&trace_state);
        record.sampled = sampled;
        record.sample_rate = sample_rate;
        record.tokens_tracked = track.tokens;
        let feature = record.scope.feature.take().or(facts.feature.map(Text::literal));
        record.budgets.extend(facts.budget.map(Text::literal));
        if let Some(parent) = &parent {
            let known = |name: &Text| record.budgets.contains(name);
            let around: Vec<_> = parent.funds.names.iter().filter(|name| !known(name)).cloned().collect();
            record.budgets.extend(around);
        }
        inside.attempt = 0;
        inside.feature = feature.or_else(|| inside.feature.take());
        record.scope = inside.scope();
        if !setting.input.is_empty() {
            let content = record.content.get_or_insert_default();
            setting.input.into_iter().for_each(|input| content.add_input(facts.operation, input));
        }
        let funds = Funds::new(record.budgets.clone());
        let state = Mutex::new(State {
            record: Some(record),
            ended: None,
            began: None,
            attempts: Attempts::default(),
            counted_inside: false,
            hints: Vec::new(),
            gives_stream: false,
        });
        let call = Arc::new(Self {
            monitor,
            site,
            id,
            parent,
            root,
            track,
            sampled,
            sample_rate,
            trace_state,
            agent,
            funds,
            around: around.clone(),
            state,
        });
        inside.around = around;
        inside.call = Some(Arc::clone(&call));
        (call, inside)
    }

    /// Starts the clock, once.
    pub(crate) fn begin(&self) {
        let mut state = lock(&self.state);
        if let State { record: Some(record), began: began @ None, .. } = &mut *state {
            record.start = Timestamp::now();
            *began = Some(Instant::now());
        }
    }

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
        let late = state.ended.as_mut().and_then(|ended| late(ended, what));
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
            record.request = Some(Box::new(facts));
            record.model = record.model.take().or(model);
            if let Some(content) = content {
                let kept = record.content.get_or_insert_default();
                (kept.system, kept.input, kept.tools) = (content.system, content.input, content.tools);
            }
        };
        self.record((), set, |_, ()| None);
    }

    /// What is known of it so far, for facts about it.
    pub(crate) fn subject(&self) -> Subject {
        let facts = &self.site.facts;
        let mut subject = Subject::new(Text::literal(facts.name), facts.operation, None, None);
        let state = lock(&self.state);
        if let Some(record) = &state.record {
            subject.provider.clone_from(&record.provider);
            subject.model = record.model_name().cloned();
            subject.prompt.clone_from(&record.prompt);
        } else if let Some(ended) = state.ended.as_ref().and_then(Ended::subject) {
            subject.clone_from(ended);
        }
        subject
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

    /// Sets something that decides on prices.
    pub(crate) fn set_pricing(&self, change: impl Fn(&mut Pricing)) {
        let set = |record: &mut CallRecord, ()| change(&mut record.pricing);
        self.record((), set, |ended, ()| Some(ended.pricing(&change)));
    }

    /// Whether it has not ended.
    #[cfg(feature = "reqwest-middleware")]
    pub(crate) fn is_running(&self) -> bool {
        lock(&self.state).record.is_some()
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

    /// What may be told of a failure.
    fn visible(&self, failure: Failure) -> Failure {
        if self.track.errors { failure } else { Failure::new(ErrorCategory::Other) }
    }

    /// Ends the call: the one event of its life. Later ends do nothing.
    pub(crate) fn finish(self: &Arc<Self>, end: End, seen: Seen) {
        // Held to the end, so that what comes late finds either the record or what it became.
        let mut state = lock(&self.state);
        let Some(mut record) = state.record.take() else { return };
        if let Some(output) = seen.output
            && self.monitor.settings.capture_content
        {
            let content = record.content.get_or_insert_default();
            // What was observed inside is what the model said; this is what the function made of it.
            if content.output.is_empty() {
                content.add_output(self.site.facts.operation, *output);
            }
        }
        let (began, mut attempts) = (state.began, std::mem::take(&mut state.attempts));
        let (counted_inside, hints) = (state.counted_inside, std::mem::take(&mut state.hints));
        let facts = &self.site.facts;
        record.end = end;
        if began.is_none() {
            record.start = Timestamp::now();
        }
        // One moment for all that ends here.
        let now = Instant::now();
        let since = |began: Instant| now.saturating_duration_since(began);
        record.duration = self.track.latency.then(|| began.map_or(Duration::ZERO, since));
        // The body's own report goes before what the return type tells, and so does that of calls inside. What the
        // last attempt returned is told by no report of an earlier one.
        let told = record.answers.iter().any(|answer| answer.attempt == attempts.last());
        let automatic =
            seen.answer.filter(|_| self.track.tokens && !told && !counted_inside && !facts.manual_usage);
        // Data that is no answer of a model tells neither usage nor, in a call to one, anything else.
        let tells = |answer: &Answer| {
            answer.usage.is_some() || (facts.operation.is_model_call() && *answer != Answer::default())
        };
        if let Some(answer) = automatic.filter(tells) {
            let priced = |answer| PricedAnswer::new(answer, attempts.last(), Cost::Unpriced);
            // Most calls have one answer.
            record.answers.reserve_exact(answer.requests.len().max(1));
            record.answers.extend(answer.into_requests().take(MOST_ANSWERS).map(priced));
        }
        if record.answers.is_empty() && !counted_inside {
            record.answers = hints;
        }
        let has_usage = record.answers.iter().any(|answer| answer.answer.usage.is_some());
        record.usage_missing = end == End::Ok
            && !has_usage
            && !counted_inside
            && self.track.tokens
            && facts.operation.is_model_call();
        record.failure = match end {
            End::Error if self.track.errors => seen.failure.map(|failure| self.stopped_or(failure)),
            End::Cancelled => Some(Failure::new(ErrorCategory::Cancelled)),
            End::Panicked => Some(Failure::new(ErrorCategory::Panic)),
            _ => None,
        };
        if let Some(began) = began.filter(|_| self.track.retries) {
            let failure = record.failure.clone();
            attempts.finish(&mut record, (began, now), failure.as_ref());
        }
        state.ended = Some(Ended::of(&record));
        drop(state);
        if record.usage_missing {
            self.usage_is_missing();
        }
        if (has_usage || counted_inside)
            && let Some(parent) = &self.parent
        {
            lock(&parent.state).counted_inside = true;
        }
        let book = &self.monitor.book;
        book.end(self, &mut record, &self.monitor.settings.prices);
        let around = self.around.as_ref().filter(|around| around.waits_for_end()).cloned();
        self.monitor.submit_with(Event::Call(record), around);
    }

    /// Gives this up, since it is the same request as the call to a model around it, which takes the answer as a hint.
    /// False where there is none around it.
    pub(crate) fn merge(&self, answer: &Answer) -> bool {
        let is_model = |call: &Self| call.site.facts.operation.is_model_call();
        let Some(parent) = self.parent.as_ref().filter(|parent| is_model(self) && is_model(parent)) else {
            return false;
        };
        lock(&self.state).record = None;
        let mut around = lock(&parent.state);
        if around.record.is_some() && parent.track.tokens && around.hints.len() < MOST_ANSWERS {
            let attempt = around.attempts.last();
            around.hints.push(PricedAnswer::new(answer.clone(), attempt, Cost::Unpriced));
        }
        true
    }

    /// Sets its name, where it is known only now.
    pub(crate) fn set_name(&self, name: Text) {
        self.record(name, |record, name| record.name = name, |_, _| None);
    }

    /// Its span, for those that continue its trace.
    pub(crate) fn span(&self) -> SpanContext {
        let state = sampling::state(self.sample_rate, self.trace_state.as_ref());
        SpanContext { sampled: self.sampled, state, ..SpanContext::new(self.id.trace, self.id.span) }
    }

    /// The function's name.
    pub(crate) const fn name(&self) -> &'static str {
        self.site.facts.name
    }

    /// Where its function is described: one address for each.
    pub(crate) fn site_address(&self) -> usize {
        std::ptr::from_ref(self.site).addr()
    }

    /// What budgets look at, as far as it is known; `None` once it has ended.
    pub(crate) fn work(&self) -> Option<Work> {
        lock(&self.state).record.as_ref().map(|record| Work::of(record))
    }

    /// A failure, of the category `budget` where a budget stopped the call: whatever its error tells.
    pub(crate) fn stopped_or(&self, failure: Failure) -> Failure {
        let stopped = self.funds.stopped.load(Relaxed);
        if stopped { failure.with_category(ErrorCategory::Budget) } else { failure }
    }

    /// Counts it, and tells once for each function what can be done.
    fn usage_is_missing(&self) {
        self.monitor.counts.without_usage.fetch_add(1, Relaxed);
        let facts = &self.site.facts;
        let text = format!(
            "`{}` ({}:{}) is a model call that ended without usage, so its cost is unknown. Ways out: pass the \
             provider's answer through `jobmon::observe(..)` in its body, or return a type that is an \
             `LlmResponse`, or write `usage = |out| ..` or `track(latency, errors, retries)` in its attribute",
            facts.name, facts.file, facts.line
        );
        self.monitor.settings.warnings.once(&format!("{}:{}:{}", facts.file, facts.line, facts.name), &text);
    }
}

//! The life of a call: start, polls, attempts, answers, and exactly one end.

mod ending;
mod reported;

use crate::attempts::Attempts;
use crate::budget::{Funds, Work};
use crate::context::Context;
use crate::event::{CallRecord, Location, PricedAnswer, Subject};
use crate::id::{CallId, SpanId};
use crate::lane::lock;
use crate::late::Ended;
use crate::monitor::Shared;
use crate::operation::Operation;
use crate::origin::Origin;
use crate::sampling;
use crate::setting::Setting;
use crate::site::{Site, Track};
use crate::surroundings::{Around, SpanContext};
use crate::text::Text;
use crate::time::Timestamp;
use std::sync::{Arc, Mutex};
use std::time::Instant;

pub use ending::Seen;

/// Attributes kept for one call; further ones are counted as lost.
pub(crate) const MOST_ATTRIBUTES: usize = 128;
/// Bytes kept of an attribute's text.
pub(crate) const LONGEST_ATTRIBUTE: usize = 4_096;
/// Answers kept for one call: enough for any honest function, and a bound for a runaway loop.
const MOST_ANSWERS: usize = 1_024;

/// Those that know a call while it runs: who ends it, and the context of its body.
const OWN_HANDLES: usize = 2;

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
    /// Where to put what is reported from then on, where somebody still can.
    ended: Option<Box<Ended>>,
    began: Option<Instant>,
    attempts: Attempts,
    /// A call inside reported usage: what this function returns was counted there.
    counted_inside: bool,
    /// What a client crate told of the same request, for the case that nobody else does.
    hints: Vec<PricedAnswer>,
    /// What it gives is a stream, whose items are its chunks; those of streams that it reads are not.
    gives_stream: bool,
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

    /// What is known of it so far, for facts about it.
    pub(crate) fn subject(&self) -> Subject {
        let facts = &self.site.facts;
        let mut subject = Subject::new(Text::literal(facts.name), facts.operation, None, None);
        let state = lock(&self.state);
        if let Some(record) = &state.record {
            subject.provider.clone_from(&record.provider);
            subject.model = record.model_name().cloned();
            subject.prompt.clone_from(&record.prompt);
            subject.cache_key.clone_from(&record.cache_key);
        } else if let Some(ended) = state.ended.as_deref().and_then(Ended::subject) {
            subject.clone_from(ended);
        }
        subject
    }

    /// Whether it has not ended.
    #[cfg(feature = "reqwest-middleware")]
    pub(crate) fn is_running(&self) -> bool {
        lock(&self.state).record.is_some()
    }

    /// Its span, for those that continue its trace.
    pub(crate) fn span(&self) -> SpanContext {
        let state = sampling::state(self.sample_rate, self.trace_state.as_ref());
        SpanContext { sampled: self.sampled, state, ..SpanContext::new(self.id.trace, self.id.span) }
    }

    /// Whether it is a call to a model that has not ended, of which nobody has told how the model is asked.
    #[cfg(feature = "reqwest-middleware")]
    pub(crate) fn wants_request(&self) -> bool {
        let state = lock(&self.state);
        let unknown = state.record.as_ref().is_some_and(|record| record.request.is_none());
        unknown && self.site.facts.operation.is_model_call()
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
}

//! [`Origin`]: the trace that a call belongs to, and what it is a child of.

use crate::call::Active;
use crate::context::Context;
use crate::event::CallRecord;
use crate::id::{SpanId, TraceId};
use crate::sampling;
use crate::surroundings::{Around, SpanContext, Surroundings};
use std::sync::Arc;

/// Where a call comes from: its own span, and what it is a child of.
pub(crate) struct Origin {
    pub(crate) span: SpanContext,
    pub(crate) sample_rate: f64,
    /// Makes its span current for others.
    pub(crate) around: Option<Arc<dyn Around>>,
    /// What is nearer to it than the call around it.
    pub(crate) remote: Option<SpanContext>,
}

impl Origin {
    pub(crate) fn of(
        record: &CallRecord,
        parent: Option<&Active>,
        inside: &Context,
        surroundings: Option<&dyn Surroundings>,
        rate: f64,
    ) -> Self {
        let is_parent = |span: &SpanContext| parent.is_some_and(|parent| parent.id.span == span.span);
        let remote = match surroundings {
            Some(surroundings) => surroundings.current().filter(|span| !is_parent(span)),
            None => None,
        };
        let remote = remote.or_else(|| inside.remote().filter(|_| parent.is_none()).cloned());
        let made = surroundings.and_then(|surroundings| surroundings.begin(record));
        let own = SpanId::random();
        let (mut span, known) = match (&remote, parent) {
            (Some(remote), _) => {
                let span = SpanContext { span: own, elsewhere: false, ..remote.clone() };
                let same = parent.filter(|parent| parent.id.trace == remote.trace);
                (span, same.map(|parent| parent.sample_rate))
            }
            (None, Some(parent)) => {
                let span = SpanContext::new(parent.id.trace, own);
                let span = SpanContext { sampled: parent.sampled, state: parent.trace_state.clone(), ..span };
                (span, Some(parent.sample_rate))
            }
            (None, None) => {
                let trace = TraceId::random();
                let sampled = sampling::keeps(trace, rate);
                (SpanContext { sampled, ..SpanContext::new(trace, own) }, Some(rate))
            }
        };
        let around = match made {
            Some((made, around)) => {
                span = made;
                Some(around)
            }
            None => surroundings.and_then(|surroundings| surroundings.around(&span)),
        };
        let told = || span.state.as_deref().and_then(sampling::rate_of).unwrap_or(1.0);
        let sample_rate = known.unwrap_or_else(told);
        Self { span, sample_rate, around, remote }
    }
}

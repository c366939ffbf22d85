//! [`GenAiLayer`]: the spans that client crates make of their requests, as calls.

mod fields;

use fields::Fields;
use jobmon_core::{ForeignCall, ForeignSite, Operation};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber, callsite};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// A layer for `tracing-subscriber` that turns GenAI spans into calls: those that `rig`, `genai` (with its feature
/// `otel`) and others make by OpenTelemetry's conventions, without any annotation. They get costs, budgets count them,
/// reports and alerts show them.
///
/// A span counts if it has a field `gen_ai.operation.name`. Names of fields are taken as they were called in any version
/// of the conventions. Spans inside are children; a tool that is annotated is a child of the agent's span that runs it.
///
/// Nothing counts twice: a request inside an annotated call to a model is that call, and what an agent adds up is not
/// counted beside the requests inside it. Do not pass an answer through [`observe`](jobmon_core::observe) in an annotated
/// *agent* whose client makes such spans: the request is a call of its own there.
///
/// ```
/// use jobmon_export::GenAiLayer;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let subscriber = tracing_subscriber::registry().with(GenAiLayer::new());
/// # tracing::subscriber::with_default(subscriber, || {
/// let span = tracing::info_span!(
///     "chat",
///     gen_ai.operation.name = "chat",
///     gen_ai.provider.name = "openai",
///     gen_ai.request.model = "gpt-4o-mini",
///     gen_ai.usage.input_tokens = tracing::field::Empty,
/// );
/// span.record("gen_ai.usage.input_tokens", 120);
/// # });
/// ```
///
/// A call tells what its span tells: rig says nothing of why a request failed, nor what a stream used that is not read by
/// its `finish`; genai says what a stream used where `ChatOptions::with_capture_usage(true)` asks for it.
///
/// Keep filters away from it, or let them pass spans of the client crates at level `INFO`.
///
/// # Cost
/// For other spans, one lookup when one is made and none after it.
#[derive(Default)]
pub struct GenAiLayer {
    /// Places at which GenAI spans are made, by their callsite and operation.
    sites: Mutex<HashMap<(callsite::Identifier, Operation), ForeignSite>>,
}

impl GenAiLayer {
    /// A layer.
    pub fn new() -> Self {
        Self::default()
    }

    fn site(&self, metadata: &'static Metadata<'static>, operation: Operation) -> ForeignSite {
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        *sites.entry((metadata.callsite(), operation)).or_insert_with(|| {
            let place = (metadata.file().unwrap_or(""), metadata.line().unwrap_or(0));
            ForeignSite::new(
                metadata.name(),
                metadata.module_path().unwrap_or(metadata.target()),
                place,
                operation,
            )
        })
    }
}

impl fmt::Debug for GenAiLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenAiLayer").finish_non_exhaustive()
    }
}

/// What a span carries that is a call.
struct Call {
    call: ForeignCall,
    fields: Fields,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for GenAiLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        if metadata.fields().field(fields::OPERATION).is_none() {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let operation = fields.operation();
        let name = fields.0.name(operation).map(Into::into);
        let Some(call) = ForeignCall::begin(self.site(metadata, operation), name) else { return };
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Call { call, fields });
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        with(&context, id, |Call { call, fields }| {
            let before = fields.0.first_token;
            values.record(fields);
            if before.is_none() && fields.0.first_token.is_some() {
                call.first_token();
            }
        });
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        with(&context, id, |call| call.call.enter());
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        with(&context, id, |call| call.call.leave());
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let taken = context.span(&id).and_then(|span| span.extensions_mut().remove::<Call>());
        if let Some(Call { call, fields }) = taken {
            fields.tell(call);
        }
    }
}

fn with<S: Subscriber + for<'a> LookupSpan<'a>>(
    context: &Context<'_, S>,
    id: &Id,
    change: impl FnOnce(&mut Call),
) {
    if let Some(span) = context.span(id)
        && let Some(call) = span.extensions_mut().get_mut::<Call>()
    {
        change(call);
    }
}

//! What fields of GenAI spans say.

use crate::genai::{Said, operation};
use jobmon_core::{Answer, Failure, ForeignCall, Operation};
use std::error::Error;
use std::fmt;
use tracing::field::{Field, Visit};

/// The field that makes a span one of GenAI.
pub(super) const OPERATION: &str = crate::semconv::key::OPERATION;

#[derive(Debug, Default)]
pub(super) struct Fields(pub(super) Said);

impl Fields {
    /// The operation, a chat unless something else was said.
    pub(super) fn operation(&self) -> Operation {
        self.0.operation.as_deref().map_or(Operation::Chat, operation)
    }

    fn failure(&self) -> Option<Failure> {
        let said = &self.0;
        let told = said.failure();
        // `rig` tells of no failure: such spans end without anything of an answer. So do those of its streams that are read
        // item by item, which are no failures.
        let answered = said.answer != Answer::default() || !said.usage.is_empty();
        let nothing = !answered && !said.streams && self.operation().is_model_call();
        told.or_else(|| {
            nothing
                .then(|| Failure::from_message("the span of the client ended without anything of an answer"))
        })
    }

    /// Tells a call all this and ends it.
    pub(super) fn tell(self, call: ForeignCall) {
        let failure = self.failure();
        let operation = self.operation();
        let mut said = self.0;
        if let Some(name) = said.name(operation) {
            call.name(name);
        }
        let told = call.told();
        if let Some(url) = said.api_url() {
            told.api_url(url);
        }
        if let Some(provider) = said.provider {
            told.provider(provider);
        }
        if let Some(model) = said.model {
            told.model(model);
        }
        for (field, value) in said.others {
            told.field(field, value);
        }
        // What an agent adds up was counted where it was used; where there was no request inside, nobody else tells.
        said.answer.usage = (!said.usage.is_empty()).then_some(said.usage);
        call.end(failure, said.answer);
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.text(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.int(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.int(field.name(), i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.float(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.bool(field.name(), value);
    }

    fn record_error(&mut self, _: &Field, value: &(dyn Error + 'static)) {
        let failure = Failure::of(value);
        self.0.error.get_or_insert_with(|| failure.category.to_string());
        if let Some(message) = failure.message {
            self.0.message = Some(message.to_string());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.text(field.name(), &format!("{value:?}"));
    }
}

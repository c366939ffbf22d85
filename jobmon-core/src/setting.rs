//! [`Setting`]: what the attribute knows only when a call starts.

use crate::call::{LONGEST_ATTRIBUTE, MOST_ATTRIBUTES};
use crate::capture::{Capture, Captured};
use crate::digest::Digest;
use crate::event::{CallRecord, Prompt};
use crate::id::{CallId, SpanId, TraceId};
use crate::operation::Operation;
use crate::probe::unharmed;
use crate::text::Text;
use crate::time::Timestamp;
use crate::value::Value;
use std::fmt;

/// What the attribute sets when a call starts. Made only when somebody listens.
#[derive(Debug)]
pub struct Setting {
    pub(crate) record: Box<CallRecord>,
    /// Another name than that of the function.
    pub(crate) name: Option<Text>,
    /// Whether content is captured.
    pub(crate) captures: bool,
    /// What goes in.
    pub(crate) input: Vec<Captured>,
}

impl Setting {
    pub(crate) fn new() -> Self {
        let id = CallId { trace: TraceId::BLANK, span: SpanId::BLANK };
        let (name, start) = (Text::literal(""), Timestamp::MIN);
        Self {
            record: Box::new(CallRecord::new(id, name, Operation::InvokeAgent, start)),
            name: None,
            captures: false,
            input: Vec::new(),
        }
    }

    /// Sets the model.
    pub fn model(&mut self, model: &(impl AsRef<str> + ?Sized)) {
        self.record.model = Some(Text::copied(model.as_ref()));
    }

    /// Sets the provider.
    pub fn provider(&mut self, provider: &(impl AsRef<str> + ?Sized)) {
        self.record.provider = Some(Text::copied(provider.as_ref()));
    }

    /// Sets the feature.
    pub fn feature(&mut self, feature: &(impl AsRef<str> + ?Sized)) {
        self.record.scope.feature = Some(Text::copied(feature.as_ref()));
    }

    /// Sets the prompt; the empty version is none.
    pub fn prompt(&mut self, name: &(impl AsRef<str> + ?Sized), version: &(impl AsRef<str> + ?Sized)) {
        let version = Some(version.as_ref()).filter(|version| !version.is_empty());
        self.record.prompt = Some(Prompt::new(Text::copied(name.as_ref()), version.map(Text::copied)));
    }

    /// Sets what its answer depends on.
    pub fn cache_key(&mut self, key: &(impl fmt::Display + ?Sized)) {
        self.record.cache_key = unharmed(|| Digest::of(key));
    }

    /// Sets the address of the API.
    pub fn api_url(&mut self, url: &(impl AsRef<str> + ?Sized)) {
        self.record.pricing.api_url = Some(Text::copied(url.as_ref()).limited(LONGEST_ATTRIBUTE));
    }

    /// Sets something that decides on the price; the empty value says nothing.
    pub fn price_context(&mut self, key: &'static str, value: &(impl AsRef<str> + ?Sized)) {
        let value = value.as_ref();
        if !value.is_empty() {
            self.record.pricing.context.push((Text::literal(key), Text::copied(value)));
        }
    }

    /// Names a budget that counts it.
    pub fn budget(&mut self, name: &(impl AsRef<str> + ?Sized)) {
        self.record.budgets.push(Text::copied(name.as_ref()));
    }

    /// Captures something that goes in; how it is shown depends on the operation, which is known when the call begins.
    pub fn input(&mut self, value: &(impl Capture + ?Sized)) {
        if self.captures {
            self.input.extend(unharmed(|| value.captured()));
        }
    }

    /// Adds an attribute; `None` adds nothing.
    pub fn field(&mut self, key: &'static str, value: Option<Value>) {
        if let (Some(value), true) = (value, self.record.attributes.len() < MOST_ATTRIBUTES) {
            self.record.attributes.push((Text::literal(key), value.limited(LONGEST_ATTRIBUTE)));
        }
    }
}

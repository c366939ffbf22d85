//! What a success says, for a function that captures its output.

use super::{chain, unharmed};
use crate::capture::{Capture, Captured};
use crate::event::Content;
use crate::response::LlmResponse;

chain!(Capturing > CapturingAnswer > CapturingElse > CapturingNothing);

/// The messages of an answer; `None` where it has none.
fn said(answer: &impl LlmResponse) -> Option<Captured> {
    let messages = unharmed(|| answer.messages()).filter(|messages| !messages.is_empty())?;
    Some(Captured::Conversation(Box::new(Content { output: messages, ..Content::default() })))
}

impl<T: LlmResponse + Capture> Capturing<'_, T> {
    /// Data that may be an answer of a model says its messages, or else what it is.
    pub fn __jobmon_captured(&self) -> Option<Captured> {
        said(self.value()).or_else(|| unharmed(|| self.value().captured()))
    }
}

impl<T: LlmResponse> CapturingAnswer<'_, T> {
    /// An answer of a model says its messages.
    pub fn __jobmon_captured(&self) -> Option<Captured> {
        said(self.value())
    }
}

impl<T: Capture> CapturingElse<'_, T> {
    /// Text and data say what they are.
    pub fn __jobmon_captured(&self) -> Option<Captured> {
        unharmed(|| self.value().captured())
    }
}

impl<T> CapturingNothing<'_, T> {
    /// Any other type says nothing: what is observed inside does.
    pub fn __jobmon_captured(&self) -> Option<Captured> {
        let _: &T = self.value();
        None
    }
}

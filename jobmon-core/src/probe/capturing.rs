//! What a success says, for a function that captures its output.

use super::{ReportsUsage, chain, unharmed};
use crate::capture::{Capture, Captured};
use crate::event::Content;

chain!(Capturing > CapturingAnswer > CapturingElse > CapturingNothing);

/// The messages of an answer; `None` where it has none.
fn said(answer: &impl ReportsUsage) -> Option<Captured> {
    let messages = unharmed(|| answer.said()).filter(|messages| !messages.is_empty())?;
    Some(Captured::Conversation(Box::new(Content { output: messages, ..Content::default() })))
}

impl<T: ReportsUsage + Capture> Capturing<'_, T> {
    /// Data that may be an answer of a model says its messages, or else what it is.
    pub fn __jobmon_captured(&self) -> Option<Captured> {
        said(self.value()).or_else(|| unharmed(|| self.value().captured()))
    }
}

impl<T: ReportsUsage> CapturingAnswer<'_, T> {
    /// An answer of a model says its messages, also in an `Option`, a `Result` or as the first of a tuple.
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

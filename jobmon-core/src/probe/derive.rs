//! What the derives of [`LlmResponse`](crate::LlmResponse) and [`LlmError`](crate::LlmError) call.

use super::answer::ReportsUsage;
use crate::category::ErrorCategory;
use crate::event::{Message, Role};
use crate::response::Answer;
use crate::text::Text;
use crate::usage::Usage;
use std::borrow::Cow;
use std::time::Duration;

/// An answer, read field by field. What is read first stays.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Reading(Answer);

macro_rules! counts {
    ($($name:ident)*) => {
        $(#[doc = concat!("Reads the count `", stringify!($name), "`.")]
        pub fn $name(self, count: &impl TokenCount) -> Self {
            let mut usage = Usage::default();
            usage.$name = count.tokens();
            self.or_usage(Some(usage))
        })*
    };
}

impl Reading {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    counts!(input output cache_read cache_write reasoning input_audio output_audio);

    /// Reads a field that tells usage.
    pub fn usage(self, field: &impl ReportsUsage) -> Self {
        let usage = field.reported().and_then(|answer| answer.usage);
        self.or_usage(usage)
    }

    /// Reads the name of the model.
    pub fn model(mut self, field: &(impl Texts + ?Sized)) -> Self {
        self.0.model = self.0.model.or_else(|| first(field));
        self
    }

    /// Reads the provider's id.
    pub fn id(mut self, field: &(impl Texts + ?Sized)) -> Self {
        self.0.id = self.0.id.or_else(|| first(field));
        self
    }

    /// Reads why the model stopped.
    pub fn finish_reason(mut self, field: &(impl Texts + ?Sized)) -> Self {
        let reasons = &mut self.0.finish_reasons;
        field.each(&mut |text| reasons.push(text));
        self
    }

    /// Reads whatever another answer tells and this one does not yet.
    pub fn flatten(mut self, field: &impl ReportsUsage) -> Self {
        let Some(other) = field.reported() else { return self };
        if self.0.usage.is_none() {
            self.0.requests = other.requests;
        }
        self.0.model = self.0.model.or(other.model);
        self.0.id = self.0.id.or(other.id);
        if self.0.finish_reasons.is_empty() {
            self.0.finish_reasons = other.finish_reasons;
        }
        self.or_usage(other.usage)
    }

    /// What was read. Counts of which none was reported are no usage.
    pub fn answer(mut self) -> Answer {
        self.0.usage = self.0.usage.filter(|usage| !usage.is_empty());
        self.0
    }

    fn or_usage(mut self, usage: Option<Usage>) -> Self {
        self.0.usage = match (self.0.usage, usage) {
            (Some(known), Some(more)) => Some(known.or(more)),
            (known, more) => known.or(more),
        };
        self
    }
}

/// What a model said, read field by field. What is read first stays.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Said(Vec<Message>);

impl Said {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a text: a message for each choice.
    pub fn content(mut self, field: &(impl Texts + ?Sized)) -> Self {
        field.each(&mut |text| self.0.push(Message::text(Role::Assistant, text)));
        self
    }

    /// Reads what another answer says, where nothing was read yet.
    pub fn flatten(mut self, field: &impl ReportsUsage) -> Self {
        if self.0.is_empty() {
            self.0 = field.said();
        }
        self
    }

    /// What was read.
    pub fn messages(self) -> Vec<Message> {
        self.0
    }
}

/// A number of tokens.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number of tokens",
    label = "expected an integer or an `Option` of one"
)]
pub trait TokenCount {
    /// The number; negative ones are zero, what does not fit is the largest.
    fn tokens(&self) -> Option<u64>;
}

macro_rules! token_counts {
    ($($t:ty)*) => {
        $(impl TokenCount for $t {
            fn tokens(&self) -> Option<u64> {
                #[allow(unused_comparisons, reason = "one text for signed and unsigned numbers")]
                let lowest = if *self < 0 { 0 } else { u64::MAX };
                Some(u64::try_from(*self).unwrap_or(lowest))
            }
        })*
    };
}
token_counts!(i8 i16 i32 i64 i128 isize u16 u32 u128 usize);

impl TokenCount for u8 {
    fn tokens(&self) -> Option<u64> {
        Some((*self).into())
    }
}

impl TokenCount for u64 {
    fn tokens(&self) -> Option<u64> {
        Some(*self)
    }
}

impl<T: TokenCount> TokenCount for Option<T> {
    fn tokens(&self) -> Option<u64> {
        self.as_ref().and_then(T::tokens)
    }
}

/// One text, none, or several.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not text",
    label = "expected `String`, `&str`, or an `Option` or `Vec` of these"
)]
pub trait Texts {
    /// Gives them in order.
    fn each(&self, give: &mut dyn FnMut(Text));
}

fn first(texts: &(impl Texts + ?Sized)) -> Option<Text> {
    let mut found = None;
    texts.each(&mut |text| {
        found.get_or_insert(text);
    });
    found
}

impl Texts for str {
    fn each(&self, give: &mut dyn FnMut(Text)) {
        give(Text::copied(self));
    }
}

impl Texts for String {
    fn each(&self, give: &mut dyn FnMut(Text)) {
        give(Text::copied(self));
    }
}

impl Texts for Cow<'_, str> {
    fn each(&self, give: &mut dyn FnMut(Text)) {
        give(Text::copied(self));
    }
}

impl Texts for Text {
    fn each(&self, give: &mut dyn FnMut(Text)) {
        give(self.clone());
    }
}

impl<T: Texts> Texts for Option<T> {
    fn each(&self, give: &mut dyn FnMut(Text)) {
        if let Some(texts) = self {
            texts.each(give);
        }
    }
}

impl<T: Texts> Texts for [T] {
    fn each(&self, give: &mut dyn FnMut(Text)) {
        for texts in self {
            texts.each(give);
        }
    }
}

impl<T: Texts> Texts for Vec<T> {
    fn each(&self, give: &mut dyn FnMut(Text)) {
        self.as_slice().each(give);
    }
}

macro_rules! forward {
    ($($outer:ty),*) => {
        $(impl<T: Texts + ?Sized> Texts for $outer {
            fn each(&self, give: &mut dyn FnMut(Text)) {
                (**self).each(give);
            }
        })*
    };
}
forward!(&T, Box<T>, std::rc::Rc<T>, std::sync::Arc<T>);

/// An HTTP status: `u16`, or the status type of an HTTP crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an HTTP status",
    label = "expected `u16`, `http::StatusCode`, or an `Option` of these"
)]
pub trait HttpStatus {
    /// The number.
    fn number(&self) -> u16;
}

impl<T: Copy + Into<u16>> HttpStatus for T {
    fn number(&self) -> u16 {
        (*self).into()
    }
}

/// The status of a field that has one.
pub fn http_status(field: &impl HttpStatus) -> Option<u16> {
    Some(field.number())
}

/// The status of a field that may have one.
pub fn optional_http_status<T: HttpStatus>(field: &Option<T>) -> Option<u16> {
    field.as_ref().map(T::number)
}

/// The category that a status stands for.
pub fn status_category(status: Option<u16>) -> ErrorCategory {
    status.and_then(ErrorCategory::from_http_status).unwrap_or(ErrorCategory::Other)
}

/// How long to wait: a `Duration` or an `Option` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a time to wait",
    label = "expected `Duration` or `Option<Duration>`"
)]
pub trait RetryAfter {
    /// The time.
    fn wait(&self) -> Option<Duration>;
}

impl RetryAfter for Duration {
    fn wait(&self) -> Option<Duration> {
        Some(*self)
    }
}

impl RetryAfter for Option<Duration> {
    fn wait(&self) -> Option<Duration> {
        *self
    }
}

/// The time to wait that a field tells.
pub fn retry_after(field: &impl RetryAfter) -> Option<Duration> {
    field.wait()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_first_stays_and_the_rest_is_filled_in() {
        let mut inner = Answer::from(Usage::new(7, 8));
        inner.model = Some(Text::literal("inner"));
        inner.id = Some(Text::literal("id"));
        let reading = Reading::new().input(&3_i32).model("outer").flatten(&inner);
        let answer = reading.answer();
        assert_eq!(answer.usage, Some(Usage::new(3, 8)));
        assert_eq!(answer.model.as_deref(), Some("outer"));
        assert_eq!(answer.id.as_deref(), Some("id"));
    }

    #[test]
    fn counts_saturate_and_absence_is_not_zero() {
        assert_eq!((-1_i64).tokens(), Some(0));
        assert_eq!(u128::MAX.tokens(), Some(u64::MAX));
        assert_eq!(None::<u32>.tokens(), None);
        assert_eq!(Reading::new().input(&None::<u64>).answer().usage, None);
    }

    #[test]
    fn several_reasons_are_kept_in_order() {
        let reasons = vec![Some("stop"), None, Some("length")];
        let answer = Reading::new().finish_reason(&reasons).answer();
        assert_eq!(answer.finish_reasons, ["stop", "length"]);
    }

    #[test]
    fn a_status_decides_the_category() {
        assert_eq!(status_category(http_status(&429_u16)), ErrorCategory::RateLimit);
        assert_eq!(status_category(optional_http_status(&None::<u16>)), ErrorCategory::Other);
    }
}

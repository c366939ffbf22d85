//! [`LlmResponse`]: what jobmon reads out of a model's answer.

use crate::event::Message;
use crate::text::Text;
use crate::usage::Usage;
use std::sync::Arc;

/// A model's answer that tells what it used.
///
/// Every method has a default, so an implementation names only what it knows. `#[derive(LlmResponse)]` writes
/// it from fields; [`serde_json::Value`] has it for the wire formats of OpenAI (chat completions and
/// responses), Anthropic and Gemini.
///
/// ```
/// use jobmon_core::{LlmResponse, Usage};
///
/// struct Answer { text: String, prompt_tokens: u64, completion_tokens: u64 }
///
/// impl LlmResponse for Answer {
///     fn usage(&self) -> Option<Usage> {
///         Some(Usage::new(self.prompt_tokens, self.completion_tokens))
///     }
/// }
/// # assert_eq!(Answer { text: "hi".into(), prompt_tokens: 3, completion_tokens: 1 }.usage(), Some(Usage::new(3, 1)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell jobmon how many tokens it used",
    label = "no token usage can be read from this type",
    note = "implement or derive `LlmResponse` for it",
    note = "or say how to read it: `usage = |out| Usage::new(out.prompt_tokens, out.completion_tokens)`",
    note = "or report the provider's answer inside the function with `jobmon::observe(&response)` and write `usage = manual`"
)]
pub trait LlmResponse {
    /// The tokens used; `None` when the provider did not say.
    fn usage(&self) -> Option<Usage>;

    /// The model that answered, as the provider names it.
    fn model(&self) -> Option<Text> {
        None
    }

    /// The provider's id of the answer.
    fn response_id(&self) -> Option<Text> {
        None
    }

    /// Why the model stopped, one entry for each choice, in the provider's words.
    fn finish_reasons(&self) -> Vec<Text> {
        Vec::new()
    }

    /// The service tier that the provider says it used, in its words (`default`, `flex`, `priority`, ..): prices
    /// differ.
    fn service_tier(&self) -> Option<Text> {
        None
    }

    /// What the model said, one message for each choice: only asked for where a function captures its output.
    fn messages(&self) -> Vec<Message> {
        Vec::new()
    }

    /// Everything but the messages in one value.
    fn answer(&self) -> Answer {
        Answer {
            service_tier: self.service_tier(),
            usage: self.usage(),
            model: self.model(),
            id: self.response_id(),
            finish_reasons: self.finish_reasons(),
            ..Answer::default()
        }
    }
}

/// What was read from one answer of a model, or from the answers to several requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The tokens used.
    pub usage: Option<Usage>,
    /// The model that answered, as the provider names it.
    pub model: Option<Text>,
    /// The provider's id of the answer.
    pub id: Option<Text>,
    /// Why the model stopped, one entry for each choice.
    pub finish_reasons: Vec<Text>,
    /// The service tier that the provider says it used, in its words.
    pub service_tier: Option<Text>,
    /// The answers to each of several requests; empty for one.
    pub(crate) requests: Box<[Self]>,
    /// The client made it up, such as an event that says that a request begins: no chunk of a stream.
    pub(crate) made_up: bool,
}

impl Answer {
    /// The answers to several requests, such as those of an agent's run: their usage added up, and the rest of the
    /// last one that tells it. Each is recorded, and priced, on its own.
    ///
    /// ```
    /// use jobmon_core::{Answer, Usage};
    ///
    /// let run = Answer::of_requests([Usage::new(900, 20), Usage::new(950, 60)].map(Answer::from));
    /// assert_eq!(run.usage, Some(Usage::new(1_850, 80)));
    /// ```
    pub fn of_requests(answers: impl IntoIterator<Item = Self>) -> Self {
        let requests: Vec<_> = answers.into_iter().flat_map(Self::into_requests).collect();
        let mut whole = Self::default();
        for request in &requests {
            let sum = match (whole.usage, request.usage) {
                (Some(mut sum), Some(usage)) => {
                    sum += usage;
                    Some(sum)
                }
                (sum, usage) => sum.or(usage),
            };
            whole.update(request.clone());
            whole.usage = sum;
        }
        Self { requests: requests.into(), ..whole }
    }

    /// What is recorded of it: the answers to its requests, or else itself.
    pub(crate) fn into_requests(mut self) -> impl Iterator<Item = Self> {
        let requests = std::mem::take(&mut self.requests);
        let itself = requests.is_empty().then_some(self);
        requests.into_iter().chain(itself)
    }

    /// Takes over what a later part of the same answer tells: of each figure, the latest.
    ///
    /// A stream's chunks are parts of one answer. OpenAI sends usage with the last one, Gemini sends growing counts
    /// with each, Anthropic the input with the first and the output with the last.
    ///
    /// ```
    /// use jobmon_core::{Answer, Usage};
    ///
    /// let mut answer = Answer::default();
    /// answer.update(Answer::from(Usage::new(10, 1)));
    /// answer.update(Answer::from(Usage::new(10, 25)));
    /// answer.update(Answer::default());
    /// assert_eq!(answer.usage, Some(Usage::new(10, 25)));
    /// ```
    pub fn update(&mut self, later: Self) {
        if later.usage.is_some() {
            // They are those of the usage.
            self.requests = later.requests;
        }
        self.usage = match (self.usage, later.usage) {
            (Some(earlier), Some(later)) => Some(later.or(earlier)),
            (earlier, later) => later.or(earlier),
        };
        self.model = later.model.or(self.model.take());
        self.id = later.id.or(self.id.take());
        self.service_tier = later.service_tier.or(self.service_tier.take());
        if !later.finish_reasons.is_empty() {
            self.finish_reasons = later.finish_reasons;
        }
    }
}

impl From<Usage> for Answer {
    fn from(usage: Usage) -> Self {
        Self { usage: Some(usage), ..Self::default() }
    }
}

impl From<Option<Usage>> for Answer {
    fn from(usage: Option<Usage>) -> Self {
        Self { usage, ..Self::default() }
    }
}

impl LlmResponse for Usage {
    fn usage(&self) -> Option<Usage> {
        Some(*self)
    }
}

impl LlmResponse for Answer {
    fn usage(&self) -> Option<Usage> {
        self.usage
    }
    fn model(&self) -> Option<Text> {
        self.model.clone()
    }
    fn response_id(&self) -> Option<Text> {
        self.id.clone()
    }
    fn finish_reasons(&self) -> Vec<Text> {
        self.finish_reasons.clone()
    }
    fn service_tier(&self) -> Option<Text> {
        self.service_tier.clone()
    }
    fn answer(&self) -> Answer {
        self.clone()
    }
}

macro_rules! forward {
    ($($outer:ty),*) => {$(
        impl<T: LlmResponse + ?Sized> LlmResponse for $outer {
            fn usage(&self) -> Option<Usage> { (**self).usage() }
            fn model(&self) -> Option<Text> { (**self).model() }
            fn response_id(&self) -> Option<Text> { (**self).response_id() }
            fn finish_reasons(&self) -> Vec<Text> { (**self).finish_reasons() }
            fn service_tier(&self) -> Option<Text> { (**self).service_tier() }
            fn messages(&self) -> Vec<Message> { (**self).messages() }
            fn answer(&self) -> Answer { (**self).answer() }
        }
    )*};
}
forward!(&T, &mut T, Box<T>, Arc<T>, std::rc::Rc<T>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_its_own_is_forwarded() {
        struct Own;
        impl LlmResponse for Own {
            fn usage(&self) -> Option<Usage> {
                None
            }
            fn answer(&self) -> Answer {
                Usage::new(1, 2).into()
            }
        }
        let told = |response: &dyn LlmResponse| response.answer().usage;
        let expected = Some(Usage::new(1, 2));
        assert_eq!(told(&&Own), expected);
        assert_eq!(told(&&mut Own), expected);
        assert_eq!(told(&Box::new(Own)), expected);
        assert_eq!(told(&Arc::new(Own)), expected);
        assert_eq!(told(&std::rc::Rc::new(Own)), expected);
    }
    #[test]
    fn several_requests_are_one_answer_to_look_at_and_several_to_record() {
        let request = |id: &'static str, usage| Answer { id: Some(Text::literal(id)), ..Answer::from(usage) };
        let requests = [request("a", Some(Usage::new(9, 1))), request("b", None)];
        let run = Answer::of_requests(requests.clone());
        assert_eq!((run.usage, run.id.as_deref()), (Some(Usage::new(9, 1)), Some("b")));
        assert!(run.clone().into_requests().eq(requests.clone()));
        let nested = Answer::of_requests([run.clone(), Answer::from(Usage::new(1, 1))]);
        assert_eq!((nested.usage, nested.into_requests().count()), (Some(Usage::new(10, 2)), 3));
        assert_eq!(Answer::of_requests([]), Answer::default());

        let mut streamed = request("a", Some(Usage::new(9, 1)));
        streamed.update(run.clone());
        assert!(streamed.clone().into_requests().eq(requests), "the run at the end of its stream");
        streamed.update(Answer::from(Usage::new(8, 8)));
        assert_eq!(streamed.into_requests().count(), 1);
    }
}

//! [`Usage`]: the tokens of one answer, counted the way OpenTelemetry counts them.

use std::ops::AddAssign;

/// Tokens of one answer (or of several added up).
///
/// Counts follow the OpenTelemetry GenAI conventions: `input` **includes** cached tokens and `output`
/// **includes** reasoning tokens; the other fields say how much of these two was special. `None` means "not
/// reported", which is not zero.
///
/// ```
/// use jobmon_core::Usage;
///
/// let usage = Usage::new(1_200, 80).with_cache_read(1_000);
/// assert_eq!(usage.total(), Some(1_280));
/// assert_eq!(usage.reasoning, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// All input tokens, cached ones included.
    pub input: Option<u64>,
    /// All output tokens, reasoning included.
    pub output: Option<u64>,
    /// Input tokens read from the provider's prompt cache (part of `input`).
    pub cache_read: Option<u64>,
    /// Input tokens written to the provider's prompt cache (part of `input`).
    pub cache_write: Option<u64>,
    /// Output tokens spent on reasoning (part of `output`).
    pub reasoning: Option<u64>,
    /// Input tokens that carry audio (part of `input`).
    pub input_audio: Option<u64>,
    /// Output tokens that carry audio (part of `output`).
    pub output_audio: Option<u64>,
}

impl Usage {
    /// Usage with input and output tokens.
    pub const fn new(input: u64, output: u64) -> Self {
        Self {
            input: Some(input),
            output: Some(output),
            cache_read: None,
            cache_write: None,
            reasoning: None,
            input_audio: None,
            output_audio: None,
        }
    }

    /// Sets the input tokens read from the provider's cache.
    #[must_use]
    pub const fn with_cache_read(mut self, tokens: u64) -> Self {
        self.cache_read = Some(tokens);
        self
    }

    /// Sets the input tokens written to the provider's cache.
    #[must_use]
    pub const fn with_cache_write(mut self, tokens: u64) -> Self {
        self.cache_write = Some(tokens);
        self
    }

    /// Sets the output tokens spent on reasoning.
    #[must_use]
    pub const fn with_reasoning(mut self, tokens: u64) -> Self {
        self.reasoning = Some(tokens);
        self
    }

    /// Sets the tokens that carry audio, in and out.
    #[must_use]
    pub const fn with_audio(mut self, input: u64, output: u64) -> Self {
        self.input_audio = Some(input);
        self.output_audio = Some(output);
        self
    }

    /// Input plus output; `None` when neither was reported.
    pub const fn total(&self) -> Option<u64> {
        match (self.input, self.output) {
            (None, None) => None,
            (Some(n), None) | (None, Some(n)) => Some(n),
            (Some(input), Some(output)) => Some(input.saturating_add(output)),
        }
    }

    /// This, and where it has nothing reported, what another one has.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            input: self.input.or(other.input),
            output: self.output.or(other.output),
            cache_read: self.cache_read.or(other.cache_read),
            cache_write: self.cache_write.or(other.cache_write),
            reasoning: self.reasoning.or(other.reasoning),
            input_audio: self.input_audio.or(other.input_audio),
            output_audio: self.output_audio.or(other.output_audio),
        }
    }

    /// Whether nothing was reported.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Usage {
    /// Adds what is known on both sides; sums saturate.
    fn add_assign(&mut self, other: Self) {
        let add = |a: &mut Option<u64>, b: Option<u64>| {
            *a = match (*a, b) {
                (Some(a), Some(b)) => Some(a.saturating_add(b)),
                (a, b) => a.or(b),
            };
        };
        add(&mut self.input, other.input);
        add(&mut self.output, other.output);
        add(&mut self.cache_read, other.cache_read);
        add(&mut self.cache_write, other.cache_write);
        add(&mut self.reasoning, other.reasoning);
        add(&mut self.input_audio, other.input_audio);
        add(&mut self.output_audio, other.output_audio);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_stays_unknown_in_sums() {
        let mut sum = Usage::new(10, 5);
        sum += Usage { output: Some(7), ..Usage::default() };
        assert_eq!(sum, Usage::new(10, 12));
        assert_eq!(sum.cache_read, None);
    }

    #[test]
    fn sums_saturate() {
        let mut sum = Usage::new(u64::MAX, 0);
        sum += Usage::new(1, 0);
        assert_eq!(sum.input, Some(u64::MAX));
        assert_eq!(Usage::new(u64::MAX, 1).total(), Some(u64::MAX));
    }
}

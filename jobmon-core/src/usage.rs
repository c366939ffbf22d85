//! [`Usage`]: the tokens of one answer, counted the way OpenTelemetry counts them.

use crate::usage_unit::UsageUnit;
use std::fmt;
use std::ops::AddAssign;

/// What one answer used (or several added up): tokens, and whatever else the provider counts.
///
/// Counts follow the OpenTelemetry GenAI conventions: `input` **includes** cached tokens and `output`
/// **includes** reasoning tokens; the other fields say how much of these two was special. What is rarer, such as
/// tokens that carry images, or web searches, goes in with [`Usage::with`]. `None` means "not reported", which is not
/// zero.
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
    /// What has no field of its own; most answers have none.
    pub(crate) more: More,
}

/// Rarer units that are kept of one answer; no known one tells more than seven.
const MOST_UNITS: usize = 14;

/// Counts of rarer units, in the order of units.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct More {
    len: u8,
    units: [Option<UsageUnit>; MOST_UNITS],
    counts: [u64; MOST_UNITS],
    /// Whether there were more than fit.
    pub(crate) overflowed: bool,
}

impl More {
    pub(crate) const NONE: Self =
        Self { len: 0, units: [None; MOST_UNITS], counts: [0; MOST_UNITS], overflowed: false };

    fn iter(&self) -> impl Iterator<Item = (UsageUnit, u64)> + '_ {
        let units = self.units.iter().copied().flatten();
        units.zip(self.counts.iter().copied())
    }

    fn get(&self, unit: UsageUnit) -> Option<u64> {
        // Nearly always there is none.
        if self.len == 0 {
            None
        } else {
            self.iter().find(|(known, _)| *known == unit).map(|(_, count)| count)
        }
    }

    fn set(&mut self, unit: UsageUnit, count: Option<u64>) {
        let mut kept: Vec<_> = self.iter().filter(|(known, _)| *known != unit).collect();
        kept.extend(count.map(|count| (unit, count)));
        kept.sort_unstable();
        *self = Self { overflowed: self.overflowed || kept.len() > MOST_UNITS, ..kept.into_iter().collect() };
    }

    /// Those of a kind.
    #[cfg(feature = "prices")]
    pub(crate) fn retain(&mut self, keep: impl Fn(UsageUnit) -> bool) {
        *self = Self { overflowed: self.overflowed, ..self.iter().filter(|(unit, _)| keep(*unit)).collect() };
    }
}

impl fmt::Debug for More {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(UsageUnit, u64)> for More {
    /// Of units in their order.
    fn from_iter<I: IntoIterator<Item = (UsageUnit, u64)>>(units: I) -> Self {
        let mut more = Self::NONE;
        for (unit, count) in units.into_iter().take(MOST_UNITS) {
            let at = usize::from(more.len);
            (more.units[at], more.counts[at]) = (Some(unit), count);
            more.len += 1;
        }
        more
    }
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
            more: More::NONE,
        }
    }

    /// Sets how much of a unit was used; of times, microseconds. Of units that have no field at most 14 are kept.
    #[must_use]
    pub fn with(mut self, unit: UsageUnit, count: u64) -> Self {
        self.set(unit, Some(count));
        self
    }

    /// How much of a unit was used; of times, microseconds. `None` where it was not reported.
    pub fn get(&self, unit: UsageUnit) -> Option<u64> {
        match unit {
            UsageUnit::InputTokens => self.input,
            UsageUnit::OutputTokens => self.output,
            UsageUnit::CacheReadTokens => self.cache_read,
            UsageUnit::CacheWriteTokens => self.cache_write,
            UsageUnit::OutputReasoningTokens => self.reasoning,
            UsageUnit::InputAudioTokens => self.input_audio,
            UsageUnit::OutputAudioTokens => self.output_audio,
            rare => self.more.get(rare),
        }
    }

    /// Sets how much of a unit was used, or that it was not reported.
    pub fn set(&mut self, unit: UsageUnit, count: Option<u64>) {
        match unit {
            UsageUnit::InputTokens => self.input = count,
            UsageUnit::OutputTokens => self.output = count,
            UsageUnit::CacheReadTokens => self.cache_read = count,
            UsageUnit::CacheWriteTokens => self.cache_write = count,
            UsageUnit::OutputReasoningTokens => self.reasoning = count,
            UsageUnit::InputAudioTokens => self.input_audio = count,
            UsageUnit::OutputAudioTokens => self.output_audio = count,
            rare => self.more.set(rare, count),
        }
    }

    /// Everything that was reported, by unit.
    ///
    /// ```
    /// use jobmon_core::{Usage, UsageUnit};
    /// let usage = Usage::new(900, 40).with(UsageUnit::WebSearches, 2);
    /// let names: Vec<_> = usage.reported().map(|(unit, count)| (unit.name(), count)).collect();
    /// assert_eq!(names, [("input_tokens", 900), ("output_tokens", 40), ("web_searches", 2)]);
    /// ```
    pub fn reported(&self) -> impl Iterator<Item = (UsageUnit, u64)> + '_ {
        let fields = UsageUnit::ALL.iter().take(7).filter_map(|unit| Some((*unit, self.get(*unit)?)));
        fields.chain(self.more.iter())
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
        let mut more = self.more;
        for (unit, count) in other.more.iter().filter(|(unit, _)| self.more.get(*unit).is_none()) {
            more.set(unit, Some(count));
        }
        Self {
            more,
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
        for (unit, count) in other.more.iter() {
            let sum = self.get(unit).unwrap_or(0).saturating_add(count);
            self.set(unit, Some(sum));
        }
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

    #[test]
    fn every_unit_is_kept_added_and_taken_away() {
        for unit in UsageUnit::ALL {
            let mut usage = Usage::default().with(*unit, 3);
            assert_eq!(usage.reported().collect::<Vec<_>>(), [(*unit, 3)]);
            usage += Usage::default().with(*unit, 4);
            assert_eq!(usage.get(*unit), Some(7));
            assert_eq!(Usage::default().or(usage), usage);
            usage.set(*unit, None);
            assert!(usage.is_empty());
        }
    }
}

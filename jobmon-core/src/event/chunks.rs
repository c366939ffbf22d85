//! [`Chunks`]: how fast a stream came.

use std::time::Duration;

/// The chunks of a stream: how many, and how fast they came. Errors are no chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chunks {
    /// How many there were.
    pub count: u64,
    /// From the start of the call to the first one.
    pub first: Duration,
    /// From the start of the call to the last one.
    pub last: Duration,
    /// The longest time between two of them.
    pub longest_gap: Duration,
    /// The times between two of them; none with less than two, or where only the figures above were kept.
    pub gaps: Option<Box<Gaps>>,
}

impl Chunks {
    /// The first chunk.
    pub const fn first(at: Duration) -> Self {
        Self { count: 1, first: at, last: at, longest_gap: Duration::ZERO, gaps: None }
    }

    /// One more chunk. The second one of a stream allocates.
    pub fn add(&mut self, at: Duration) {
        let gap = at.saturating_sub(self.last);
        self.count = self.count.saturating_add(1);
        self.longest_gap = self.longest_gap.max(gap);
        self.last = at;
        self.gaps.get_or_insert_default().add(gap);
    }

    /// Mean time from one chunk to the next (`gen_ai.client.operation.time_per_output_chunk` of OpenTelemetry is
    /// that of single ones); `None` with less than two.
    pub fn time_per_chunk(&self) -> Option<Duration> {
        let gaps = self.count.checked_sub(1).filter(|gaps| *gaps > 0)?;
        let nanos = self.last.saturating_sub(self.first).as_nanos() / u128::from(gaps);
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

/// Times between chunks, by how long they were: how many there were up to each bound, and how long they took together.
///
/// ```
/// use jobmon_core::{Chunks, Gaps};
/// use std::time::Duration;
///
/// let mut chunks = Chunks::first(Duration::from_millis(100));
/// [105, 111, 140].map(|at| chunks.add(Duration::from_millis(at)));
/// let gaps: Vec<_> = chunks.gaps.iter().flat_map(|gaps| gaps.means()).collect();
/// assert_eq!(gaps, [(Duration::from_micros(5_500), 2), (Duration::from_millis(29), 1)]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gaps {
    /// How many, up to each of the bounds, and above the last one.
    pub counts: [u64; Self::BOUNDS.len() + 1],
    /// Nanoseconds that these took together.
    pub nanos: [u64; Self::BOUNDS.len() + 1],
}

impl Gaps {
    /// Upper bounds in milliseconds, as OpenTelemetry recommends for
    /// [`gen_ai.client.inference.time_per_output_chunk`](https://github.com/open-telemetry/semantic-conventions-genai).
    pub const BOUNDS: [u64; 14] =
        [10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_240, 20_480, 40_960, 81_920];

    /// Adds one.
    pub fn add(&mut self, gap: Duration) {
        let nanos = u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX);
        let at = Self::BOUNDS.partition_point(|bound| bound * 1_000_000 < nanos);
        self.counts[at] = self.counts[at].saturating_add(1);
        self.nanos[at] = self.nanos[at].saturating_add(nanos);
    }

    /// The mean of those up to each bound, where there are any, and how many they are: shortest first.
    pub fn means(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let all = self.counts.iter().zip(&self.nanos);
        all.filter_map(|(count, nanos)| Some((Duration::from_nanos(nanos.checked_div(*count)?), *count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_gap_is_counted_once_within_its_bounds(gaps in prop::collection::vec(0..200_000_000_000_u64, 0..60)) {
            let mut chunks = Chunks::first(Duration::from_nanos(7));
            for gap in &gaps {
                chunks.add(chunks.last + Duration::from_nanos(*gap));
            }
            let kept = chunks.gaps.as_deref().cloned().unwrap_or_default();
            prop_assert_eq!(kept.counts.iter().sum::<u64>(), gaps.len() as u64);
            prop_assert_eq!(kept.nanos.iter().sum::<u64>(), gaps.iter().sum::<u64>());
            for (at, count) in kept.counts.iter().enumerate() {
                let above = at.checked_sub(1).map_or(0, |at| Gaps::BOUNDS[at] * 1_000_000 + 1);
                let most = Gaps::BOUNDS.get(at).map_or(u64::MAX, |bound| bound * 1_000_000);
                let inside = gaps.iter().filter(|gap| (above..=most).contains(gap)).count();
                prop_assert_eq!(*count, inside as u64);
            }
        }
    }
}

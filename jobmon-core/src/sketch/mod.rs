//! [`Sketch`]: quantiles of many numbers in little memory, mergeable without loss.

use codec::{Reader, Writer};
use std::ops::RangeInclusive;

mod codec;

/// Each power of two is cut into this many buckets.
const STEPS: u32 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Version of the stored form.
const VERSION: u64 = 1;

/// Distribution of whole numbers, with a relative error of at most 1/128 (0.8 %) at any quantile.
///
/// Log-linear buckets, as in `HdrHistogram`: numbers up to 64 are exact, each further power of two has 64
/// buckets. Merging adds counts, so it is exact, commutative and associative. Count, sum, minimum and maximum
/// are exact. Memory: 16 bytes for each bucket in use.
///
/// ```
/// use jobmon_core::Sketch;
///
/// let mut latencies = Sketch::default();
/// (1..=1_000).for_each(|n| latencies.record(n));
/// let p95 = latencies.quantile(0.95).unwrap();
/// assert!((943..=957).contains(&p95), "{p95}");
/// assert_eq!((latencies.count(), latencies.min(), latencies.max()), (1_000, Some(1), Some(1_000)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Counts by bucket, sorted by bucket.
    buckets: Vec<(i32, u64)>,
    sum: i128,
    extremes: Option<(i64, i64)>,
}

/// Negative numbers mirror positive ones.
fn bucket_of(value: i64) -> i32 {
    let size = value.unsigned_abs();
    let bits = (size | 1).ilog2();
    let shift = bits.saturating_sub(STEP_BITS);
    // Below 2^(STEP_BITS + 1) the shift is 0 or the bucket is one number wide.
    let step = u32::try_from(size >> shift).unwrap_or(u32::MAX);
    let index = i32::try_from(shift * STEPS + step).unwrap_or(i32::MAX);
    if value < 0 { -index } else { index }
}

/// The numbers that fall into a bucket.
fn range_of(bucket: i32) -> RangeInclusive<i64> {
    let index = bucket.unsigned_abs();
    let shift = (index / STEPS).saturating_sub(1);
    let step = u128::from(index - shift * STEPS);
    let low = step << shift;
    let high = ((step + 1) << shift) - 1;
    let clamp = |size: u128| i64::try_from(size).unwrap_or(i64::MAX);
    if bucket < 0 { -clamp(high)..=-clamp(low) } else { clamp(low)..=clamp(high) }
}

impl Sketch {
    /// Adds a number.
    pub fn record(&mut self, value: i64) {
        self.add(bucket_of(value), 1);
        self.sum = self.sum.saturating_add(value.into());
        self.extremes = Some(match self.extremes {
            None => (value, value),
            Some((min, max)) => (min.min(value), max.max(value)),
        });
    }

    fn add(&mut self, bucket: i32, count: u64) {
        match self.buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => self.buckets[at].1 = self.buckets[at].1.saturating_add(count),
            Err(at) => self.buckets.insert(at, (bucket, count)),
        }
    }

    /// Adds all numbers of another sketch.
    pub fn merge(&mut self, other: &Self) {
        // Both are in order: each place is looked for from the last one on.
        let mut at = 0;
        for (bucket, count) in &other.buckets {
            while self.buckets.get(at).is_some_and(|(mine, _)| mine < bucket) {
                at += 1;
            }
            match self.buckets.get_mut(at) {
                Some((mine, sum)) if mine == bucket => *sum = sum.saturating_add(*count),
                _ => self.buckets.insert(at, (*bucket, *count)),
            }
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.extremes = match (self.extremes, other.extremes) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (mine, theirs) => mine.or(theirs),
        };
    }

    /// How many numbers each bucket has, in order of size: what stores that add up by themselves keep.
    pub fn buckets(&self) -> &[(i32, u64)] {
        &self.buckets
    }

    /// A sketch of its parts, with the least and the greatest number; `None` where they cannot be. Without any number in a bucket
    /// it is empty, whatever the rest says.
    ///
    /// ```
    /// use jobmon_core::Sketch;
    ///
    /// let mut one = Sketch::default();
    /// (1..=100).for_each(|n| one.record(n * n));
    /// let parts = one.buckets().to_vec();
    /// assert_eq!(Sketch::from_buckets(parts, (1, 10_000), one.sum()), Some(one));
    /// assert_eq!(Sketch::from_buckets([(5, 1)], (9, 3), 5), None);
    /// ```
    pub fn from_buckets(
        buckets: impl IntoIterator<Item = (i32, u64)>,
        extremes: (i64, i64),
        sum: i128,
    ) -> Option<Self> {
        let mut sketch = Self::default();
        let furthest = bucket_of(i64::MIN).unsigned_abs();
        for (bucket, count) in buckets.into_iter().filter(|(_, count)| *count > 0) {
            if bucket.unsigned_abs() > furthest {
                return None;
            }
            sketch.add(bucket, count);
        }
        if sketch.buckets.is_empty() {
            return Some(Self::default());
        }
        (sketch.sum, sketch.extremes) = (sum, Some(extremes));
        (extremes.0 <= extremes.1).then_some(sketch)
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Their sum.
    pub const fn sum(&self) -> i128 {
        self.sum
    }

    /// Their mean; `None` when there are none.
    #[expect(clippy::cast_precision_loss, reason = "a mean is a rounded figure")]
    pub fn mean(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.sum as f64 / count as f64)
    }

    /// The least of them.
    pub fn min(&self) -> Option<i64> {
        self.extremes.map(|(min, _)| min)
    }

    /// The greatest of them.
    pub fn max(&self) -> Option<i64> {
        self.extremes.map(|(_, max)| max)
    }

    /// The number below which a share `q` (0 to 1) of them lies, by nearest rank; `None` when there are none.
    pub fn quantile(&self, q: f64) -> Option<i64> {
        let (min, max) = self.extremes?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a rank is a rounded, non-negative figure"
        )]
        let rank = (q.clamp(0.0, 1.0) * self.count() as f64).ceil() as u64;
        // The first and the last of them are known exactly.
        if rank <= 1 {
            return Some(min);
        }
        if rank >= self.count() {
            return Some(max);
        }
        let mut seen = 0_u64;
        for (bucket, count) in &self.buckets {
            seen = seen.saturating_add(*count);
            if seen >= rank {
                let range = range_of(*bucket);
                let middle = range.start() + (range.end() - range.start()) / 2;
                return Some(middle.clamp(min, max));
            }
        }
        Some(max)
    }

    /// Counts of equal slices between the least and the greatest number, for drawing.
    pub fn histogram(&self, slices: usize) -> Vec<(RangeInclusive<i64>, u64)> {
        let Some((min, max)) = self.extremes.filter(|_| slices > 0) else { return Vec::new() };
        let width = (i128::from(max) - i128::from(min)) / slices as i128 + 1;
        let edge = |n: usize| i64::try_from(i128::from(min) + width * n as i128).unwrap_or(i64::MAX);
        let mut counts: Vec<_> = (0..slices).map(|n| (edge(n)..=edge(n + 1).saturating_sub(1), 0)).collect();
        for (bucket, count) in &self.buckets {
            let range = range_of(*bucket);
            let middle = (range.start() + (range.end() - range.start()) / 2).clamp(min, max);
            let slice = usize::try_from((i128::from(middle) - i128::from(min)) / width).unwrap_or(0);
            counts[slice.min(slices - 1)].1 += count;
        }
        counts
    }

    /// The stored form: nothing for no numbers, else a version, the buckets, minimum, maximum and sum, all as
    /// variable-length integers.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        let Some((min, max)) = self.extremes else { return out.finish() };
        out.unsigned(VERSION);
        out.unsigned(self.buckets.len() as u64);
        let mut last = 0;
        for (bucket, count) in &self.buckets {
            out.signed((bucket - last).into());
            out.unsigned(*count);
            last = *bucket;
        }
        out.signed(min);
        out.signed(max);
        out.wide(self.sum);
        out.finish()
    }

    /// Reads the stored form; `None` when it is damaged or of a later version.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut sketch = Self::default();
        if bytes.is_empty() {
            return Some(sketch);
        }
        let mut from = Reader::new(bytes);
        if from.unsigned()? != VERSION {
            return None;
        }
        let mut bucket = 0_i32;
        let buckets = from.unsigned()?;
        // A bucket takes two bytes at least.
        sketch.buckets.reserve(usize::try_from(buckets).unwrap_or(usize::MAX).min(bytes.len() / 2));
        let furthest = bucket_of(i64::MIN).unsigned_abs();
        for n in 0..buckets {
            let step = i32::try_from(from.signed()?).ok()?;
            let count = from.unsigned()?;
            if n > 0 && step <= 0 {
                return None;
            }
            bucket = bucket.checked_add(step)?;
            if bucket.unsigned_abs() > furthest {
                return None;
            }
            sketch.buckets.push((bucket, count));
        }
        sketch.extremes = Some((from.signed()?, from.signed()?));
        sketch.sum = from.wide()?;
        from.is_at_end().then_some(sketch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_join_without_gap_or_overlap() {
        let mut next = 0_i64;
        for bucket in 0..3_000 {
            let range = range_of(bucket);
            assert_eq!(*range.start(), next, "bucket {bucket}");
            assert_eq!((bucket_of(*range.start()), bucket_of(*range.end())), (bucket, bucket));
            next = range.end() + 1;
        }
        for edge in [i64::MIN, i64::MAX, -1, 0] {
            assert!(range_of(bucket_of(edge)).contains(&edge.max(-i64::MAX)), "{edge}");
        }
    }

    proptest! {
        #[test]
        fn quantiles_are_within_the_stated_error(
            mut numbers in prop::collection::vec(-10_000_000_000_i64..10_000_000_000, 1..300), q in 0.0..=1.0_f64
        ) {
            let mut sketch = Sketch::default();
            numbers.iter().for_each(|n| sketch.record(*n));
            numbers.sort_unstable();
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "small")]
            let rank = ((q * numbers.len() as f64).ceil() as usize).max(1);
            let exact = numbers[rank - 1];
            let error = (sketch.quantile(q).expect("not empty") - exact).unsigned_abs();
            prop_assert!(error <= exact.unsigned_abs() / 128 + 1, "{exact} off by {error}");
            prop_assert_eq!(sketch.quantile(1.0), numbers.last().copied());
            prop_assert_eq!(sketch.quantile(0.0), numbers.first().copied());
        }

        #[test]
        fn merging_is_recording_everything(a in prop::collection::vec(any::<i64>(), 0..50), b in prop::collection::vec(any::<i64>(), 0..50)) {
            let (mut left, mut right, mut both) = (Sketch::default(), Sketch::default(), Sketch::default());
            a.iter().for_each(|n| { left.record(*n); both.record(*n); });
            b.iter().for_each(|n| { right.record(*n); both.record(*n); });
            let mut other_way = right.clone();
            other_way.merge(&left);
            left.merge(&right);
            prop_assert_eq!(&left, &both);
            prop_assert_eq!(&other_way, &both);
        }

        #[test]
        fn the_stored_form_round_trips(numbers in prop::collection::vec(any::<i64>(), 0..50), cut in 1..50_usize) {
            let mut sketch = Sketch::default();
            numbers.iter().for_each(|n| sketch.record(*n));
            let whole = sketch.encode();
            prop_assert_eq!(Sketch::decode(&whole), Some(sketch));
            if cut < whole.len() {
                prop_assert_eq!(Sketch::decode(&whole[..whole.len() - cut]), None);
            }
        }

        #[test]
        fn impossible_buckets_are_refused(bucket in 3_713_i32..) {
            let mut damaged = Sketch { buckets: vec![(bucket, 1)], sum: 1, extremes: Some((1, 1)) };
            prop_assert_eq!(Sketch::decode(&damaged.encode()), None);
            damaged.buckets = vec![(-bucket, 1)];
            prop_assert_eq!(Sketch::decode(&damaged.encode()), None);
        }

        #[test]
        fn damaged_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), slices in 1..9_usize) {
            if let Some(sketch) = Sketch::decode(&bytes) {
                let _ = (sketch.quantile(0.5), sketch.mean(), sketch.histogram(slices), sketch.encode());
            }
        }

        #[test]
        fn a_histogram_counts_each_number_once(numbers in prop::collection::vec(-1_000_i64..1_000, 1..100), slices in 1..20_usize) {
            let mut sketch = Sketch::default();
            numbers.iter().for_each(|n| sketch.record(*n));
            let total: u64 = sketch.histogram(slices).iter().map(|(_, count)| count).sum();
            prop_assert_eq!(total, numbers.len() as u64);
        }
    }
}

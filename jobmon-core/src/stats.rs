//! The statistics that reports use.

use crate::sketch::Sketch;
use std::collections::BTreeMap;

/// The value that a standard normal variable exceeds in one of 40 cases: 95 % lie within it, either way.
pub(crate) const TWO_SIDED: f64 = 1.959_963_984_540_054;
/// The value that it exceeds in one of 20 cases.
pub(crate) const ONE_SIDED: f64 = 1.644_853_626_951_472_2;

/// How two groups of numbers compare by rank.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ranks {
    /// How probable it is that one of the second group is above one of the first, ties counted half.
    pub(crate) superiority: f64,
    /// How probable such a difference is, either way, where there is none: the Mann-Whitney test by its normal
    /// approximation, corrected for ties (<https://en.wikipedia.org/wiki/Mann%E2%80%93Whitney_U_test>).
    pub(crate) p_value: f64,
}

/// Compares two groups; what a sketch does not tell apart is a tie. `None` where one is empty.
#[expect(clippy::cast_precision_loss, reason = "shares and probabilities are rounded figures")]
pub(crate) fn ranks(first: &Sketch, second: &Sketch) -> Option<Ranks> {
    let (n, m) = (first.count() as f64, second.count() as f64);
    if n == 0.0 || m == 0.0 {
        return None;
    }
    // How often each value is in either group, in order of size.
    let mut values: BTreeMap<i32, [f64; 2]> = BTreeMap::new();
    for (group, sketch) in [first, second].into_iter().enumerate() {
        for (bucket, count) in sketch.buckets() {
            values.entry(*bucket).or_default()[group] = *count as f64;
        }
    }
    let (mut below, mut u, mut ties) = (0.0, 0.0, 0.0);
    for [mine, theirs] in values.into_values() {
        u += theirs * (below + mine / 2.0);
        below += mine;
        let tied = mine + theirs;
        ties += tied * tied * tied - tied;
    }
    let all = n + m;
    let variance = n * m / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    // Where all are the same there is no difference.
    let p_value = if variance > 0.0 { two_sided((u - n * m / 2.0) / variance.sqrt()) } else { 1.0 };
    Some(Ranks { superiority: u / (n * m), p_value })
}

/// How probable it is that a standard normal variable is as far from zero.
fn two_sided(z: f64) -> f64 {
    complementary_error(z.abs() / std::f64::consts::SQRT_2)
}

/// The complementary error function of what is not negative, with a relative error below 1.2e-7: a Chebyshev fit
/// (Press et al., Numerical Recipes, 2nd edition, section 6.2).
fn complementary_error(x: f64) -> f64 {
    const FIT: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let t = 1.0 / (1.0 + x / 2.0);
    let sum = FIT.iter().rev().fold(0.0, |sum, term| sum * t + term);
    (t * (sum - x * x).exp()).clamp(0.0, 1.0)
}

/// Mean and variance of numbers, one by one (Welford).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Moments {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
}

#[expect(clippy::cast_precision_loss, reason = "means are rounded figures")]
impl Moments {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1;
        let distance = value - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (value - self.mean);
    }

    /// Sum of squared distances from the mean.
    pub(crate) const fn squares(&self) -> f64 {
        self.squares
    }

    /// The square of the standard error of the mean; `None` with fewer than two.
    pub(crate) fn error_squared(&self) -> Option<f64> {
        (self.count > 1).then(|| self.squares / (self.count - 1) as f64 / self.count as f64)
    }
}

/// The upper end of the Wilson interval (95 %) of a share
/// (<https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval>).
#[expect(clippy::cast_precision_loss, reason = "a share is a rounded figure")]
pub(crate) fn wilson_upper(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 1.0;
    }
    let (n, p, z) = (whole as f64, part as f64 / whole as f64, TWO_SIDED);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    (p + z * z / (2.0 * n) + spread) / (1.0 + z * z / n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sketch(values: &[i64]) -> Sketch {
        let mut sketch = Sketch::default();
        values.iter().for_each(|value| sketch.record(*value));
        sketch
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-6 * b.abs().max(1e-9)
    }

    #[test]
    fn ranks_are_those_of_scipy() {
        // scipy.stats.mannwhitneyu(second, first, use_continuity=False, method="asymptotic")
        let (first, second) = (sketch(&[1, 2, 2, 3, 5, 8, 9]), sketch(&[2, 4, 5, 9, 9, 10, 12, 13]));
        let ranks = ranks(&first, &second).expect("both have some");
        assert!(close(ranks.superiority, 0.794_642_857_142_857_1), "{ranks:?}");
        assert!(close(ranks.p_value, 0.054_224_898_519_599_22), "{ranks:?}");
    }

    #[test]
    fn the_error_function_is_that_of_the_tables() {
        for (x, wanted) in [(0.0, 1.0), (0.5, 0.479_500_122_186_953_5), (2.0, 0.004_677_734_981_047_266)] {
            assert!(close(complementary_error(x), wanted), "{x}");
        }
        assert!(close(two_sided(TWO_SIDED), 0.05) && close(two_sided(ONE_SIDED), 0.10));
    }

    #[test]
    fn wilson_knows_more_than_nothing() {
        // statsmodels.stats.proportion.proportion_confint(0, 50, method="wilson")[1], and of 3 and 100
        assert!(close(wilson_upper(0, 50), 0.071_347_599_133_358_74), "{}", wilson_upper(0, 50));
        assert!(close(wilson_upper(3, 100), 0.084_519_364_290_527_63), "{}", wilson_upper(3, 100));
        assert!(close(wilson_upper(0, 0), 1.0));
    }

    proptest! {
        #[test]
        fn superiority_is_a_share_of_pairs(
            first in prop::collection::vec(-40_i64..40, 1..30), second in prop::collection::vec(-40_i64..40, 1..30)
        ) {
            let found = ranks(&sketch(&first), &sketch(&second)).expect("both have some");
            let pairs = first.iter().flat_map(|a| second.iter().map(move |b| (a, b)));
            let won = |(a, b): (&i64, &i64)| f64::from(u8::from(b > a)) + f64::from(u8::from(a == b)) / 2.0;
            let won: f64 = pairs.map(won).sum();
            #[expect(clippy::cast_precision_loss, reason = "few")]
            let wanted = won / (first.len() * second.len()) as f64;
            prop_assert!((found.superiority - wanted).abs() < 1e-12);
            prop_assert!((0.0..=1.0).contains(&found.p_value));
            let back = ranks(&sketch(&second), &sketch(&first)).expect("both have some");
            prop_assert!((found.superiority + back.superiority - 1.0).abs() < 1e-12);
            prop_assert!((found.p_value - back.p_value).abs() < 1e-9);
        }

        #[test]
        fn moments_are_those_of_the_definition(values in prop::collection::vec(-1e3..1e3_f64, 2..40)) {
            let mut moments = Moments::default();
            values.iter().for_each(|value| moments.add(*value));
            #[expect(clippy::cast_precision_loss, reason = "few")]
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
            prop_assert!((moments.mean - mean).abs() < 1e-9 && (moments.squares() - squares).abs() < 1e-3);
        }
    }
}

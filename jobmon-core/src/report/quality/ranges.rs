//! How scores are distributed over slices of equal width.

use crate::aggregate::SCORE_UNIT;
use crate::event::Score;
use crate::measure::Quantity;
use crate::report::Section;
use crate::text::Text;
use std::collections::BTreeMap;

/// How often each score was given, in millionths, by its name.
#[derive(Default)]
pub(super) struct Ranges(BTreeMap<Text, BTreeMap<i64, u64>>);

impl Ranges {
    pub(super) fn add(&mut self, score: &Score) {
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and scores are small")]
        let millionths = (score.value * SCORE_UNIT).round() as i64;
        *self.0.entry(score.name.clone()).or_default().entry(millionths).or_default() += 1;
    }

    pub(super) fn section(self) -> Section {
        let mut section =
            Section::new("score_ranges", "Scores by range", ["score", "range"], ["scores", "share"]);
        for (name, counts) in self.0 {
            let all: u64 = counts.values().sum();
            for (range, count) in slices(&counts) {
                #[expect(clippy::cast_precision_loss, reason = "a share is a rounded figure")]
                let share = Quantity::Ratio(count as f64 / all as f64);
                section.push(
                    vec![Some(name.clone()), Some(Text::from(range))],
                    vec![Some(Quantity::Count(count)), Some(share)],
                );
            }
        }
        section
    }
}

/// About ten slices of equal, round width, also those in between that have nothing.
fn slices(counts: &BTreeMap<i64, u64>) -> Vec<(String, u64)> {
    let (Some((min, _)), Some((max, _))) = (counts.first_key_value(), counts.last_key_value()) else {
        return Vec::new();
    };
    if min == max {
        return vec![(number(i128::from(*min)), counts.values().sum())];
    }
    let (min, max) = (i128::from(*min), i128::from(*max));
    let width = width(max - min);
    let first = min.div_euclid(width);
    // What is just at the beginning of the last slice belongs to the one before.
    let last = (max - 1).div_euclid(width);
    let mut slices: Vec<_> = (first..=last)
        .map(|n| (format!("{} to {}", number(n * width), number((n + 1) * width)), 0))
        .collect();
    for (value, count) in counts {
        let slice = i128::from(*value).div_euclid(width).min(last) - first;
        if let Some((_, sum)) = usize::try_from(slice).ok().and_then(|slice| slices.get_mut(slice)) {
            *sum += count;
        }
    }
    slices
}

/// The least of 1, 2 and 5 times a power of ten that is no less than a tenth of a range.
fn width(range: i128) -> i128 {
    let mut power = 1;
    loop {
        for step in [1, 2, 5] {
            if step * power * 10 >= range {
                return step * power;
            }
        }
        power *= 10;
    }
}

/// A score of so many millionths.
fn number(millionths: i128) -> String {
    let (sign, size) = (if millionths < 0 { "-" } else { "" }, millionths.unsigned_abs());
    let (whole, part) = (size / 1_000_000, size % 1_000_000);
    let text = format!("{sign}{whole}.{part:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[f64]) -> Vec<(String, u64)> {
        let mut ranges = Ranges::default();
        let fact = || crate::Fact::new(crate::Timestamp::from_nanos(0), None, crate::Scope::default());
        values.iter().for_each(|value| ranges.add(&Score::new(fact(), Text::literal("s"), *value)));
        slices(ranges.0.values().next().expect("a score"))
    }

    #[test]
    fn slices_have_round_ends_and_the_last_one_is_closed() {
        let names = |slices: Vec<(String, u64)>| slices.into_iter().map(|(name, n)| format!("{name}: {n}"));
        let slices: Vec<_> = names(of(&[0.0, 9.9, 10.0, 55.5, 100.0])).collect();
        assert_eq!((slices.len(), slices[0].as_str(), slices[1].as_str()), (10, "0 to 10: 2", "10 to 20: 1"));
        assert_eq!(slices[9], "90 to 100: 1");
        let slices: Vec<_> = names(of(&[-0.25, 0.3])).collect();
        assert_eq!(
            (slices[0].as_str(), slices.last().map(String::as_str)),
            ("-0.3 to -0.2: 1", Some("0.2 to 0.3: 1"))
        );
        assert_eq!(of(&[87.5, 87.5]), [("87.5".to_owned(), 2)]);
    }

    proptest! {
        #[test]
        fn no_score_is_lost_and_there_are_few_slices(values in prop::collection::vec(-1e12..1e12_f64, 1..40)) {
            let slices = of(&values);
            prop_assert!(slices.len() <= 11, "{slices:?}");
            prop_assert_eq!(slices.iter().map(|(_, count)| *count).sum::<u64>(), values.len() as u64);
        }
    }
}

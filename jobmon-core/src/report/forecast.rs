//! What a period will have cost at its end.

use super::Section;
use super::period::Period;
use crate::measure::{Measure, Quantity};
use crate::money::{Cost, CostSum, Usd};
use crate::query::{Bucket, Engine, Query, QueryError, Range};
use std::time::Duration;

/// Complete days that are looked at, at most: four weeks, so that each day of the week counts as often.
const MOST_DAYS: u32 = 28;
/// Complete days that are needed.
const LEAST_DAYS: usize = 3;
const DAY: Duration = Duration::from_secs(86_400);

/// t(0.9, df) for df from 1 to 27: what a Student-t variable stays below nine times of ten, so that it lies between
/// that and its negative eight times of ten.
const T90: [f64; 27] = [
    3.077_684, 1.885_618, 1.637_744, 1.533_206, 1.475_884, 1.439_756, 1.414_924, 1.396_815, 1.383_029,
    1.372_184, 1.363_430, 1.356_217, 1.350_171, 1.345_030, 1.340_606, 1.336_757, 1.333_379, 1.330_391,
    1.327_728, 1.325_341, 1.323_188, 1.321_237, 1.319_460, 1.317_836, 1.316_345, 1.314_972, 1.313_703,
];

/// What will still be spent, in nanodollars: the expected sum, and how far from it 80 % of sums lie at most.
///
/// With n observed days of mean m and standard deviation s, and r days to come, the sum is expected to be r·m, and
/// within t(0.9, n-1)·s·√(r + r²/n) of that in 80 % of cases: r times the prediction interval for the mean of r
/// further observations of a normal distribution (Hahn and Meeker, "Statistical Intervals", Wiley 1991). Days are taken
/// to be alike and independent, which they are not quite: a launch or a holiday is not foreseen.
fn rest(days: &[i64], remaining: f64) -> Option<(f64, f64)> {
    if days.len() < LEAST_DAYS {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "an estimate is a rounded figure")]
    let costs: Vec<f64> = days.iter().map(|nanos| *nanos as f64).collect();
    #[expect(clippy::cast_precision_loss, reason = "there are 28 at most")]
    let n = costs.len() as f64;
    let mean = costs.iter().sum::<f64>() / n;
    let variance = costs.iter().map(|cost| (cost - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let t = T90.get(costs.len() - 2).copied().unwrap_or(T90[T90.len() - 1]);
    Some((remaining * mean, t * (variance * (remaining + remaining * remaining / n)).sqrt()))
}

/// The forecast of a period that is not over; its row is left out where there are too few days to look at.
pub(super) fn section(engine: &dyn Engine, period: &Period, spent: CostSum) -> Result<Section, QueryError> {
    let now = period.as_of();
    let range = Range { since: now.day().minus(DAY * MOST_DAYS), until: now.day() };
    let by_day = Query::new([Measure::named("cost")?]).range(range).bucket(Bucket::Day).aggregate(engine)?;
    let mut section = Section::upright(
        "forecast",
        "Forecast to the end",
        &[
            "spent",
            "forecast",
            "forecast_low",
            "forecast_high",
            "mean_per_day",
            "days_observed",
            "days_remaining",
        ],
    );
    // What lies before the first day on which anything happened was not free: nobody was looking.
    let first = by_day.keys().filter_map(|(day, _)| *day).min();
    let days: Vec<CostSum> = (0..MOST_DAYS)
        .map(|n| range.since.plus(DAY * n))
        .filter(|day| first.is_some_and(|first| first <= *day))
        .map(|day| {
            let of_day = by_day.iter().filter(|((at, _), _)| *at == Some(day));
            of_day.fold(CostSum::default(), |mut sum, (_, aggregate)| {
                sum.merge(&aggregate.cost);
                sum
            })
        })
        .collect();
    let remaining = Duration::from_nanos(period.end().nanos().saturating_sub(now.nanos()).unsigned_abs());
    let remaining = remaining.as_secs_f64() / DAY.as_secs_f64();
    let nanos: Vec<i64> = days.iter().map(|day| day.usd.nanos()).collect();
    let Some((expected, margin)) = rest(&nanos, remaining) else {
        section.note =
            Some(format!("not enough data: {} complete days were seen, {LEAST_DAYS} are needed", days.len()));
        return Ok(section);
    };
    let sure = days.iter().chain([&spent]).all(|sum| matches!(sum.cost(), None | Some(Cost::Known(_))));
    let grade = |usd: Usd| Quantity::Estimate(if sure { Cost::Known(usd) } else { Cost::AtLeast(usd) });
    let more = |nanos: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "saturates: an estimate is a rounded figure")]
        grade(spent.usd + Usd::from_nanos(nanos.max(0.0).round() as i64))
    };
    #[expect(clippy::cast_precision_loss, reason = "there are 28 at most")]
    let mean = nanos.iter().map(|nanos| *nanos as f64).sum::<f64>() / nanos.len() as f64;
    #[expect(clippy::cast_possible_truncation, reason = "saturates: an estimate is a rounded figure")]
    let mean = grade(Usd::from_nanos(mean.round() as i64));
    let spent = spent.cost().unwrap_or(Cost::Known(Usd::ZERO));
    let figures = [
        Quantity::Cost(spent),
        more(expected),
        more(expected - margin),
        more(expected + margin),
        mean,
        Quantity::Count(days.len() as u64),
        Quantity::Number(remaining),
    ];
    section.push(Vec::new(), figures.map(Some).to_vec());
    section.note = Some(
        "If the days to come are like those observed, the sum lies between low and high with a probability of 80 %."
            .to_owned(),
    );
    Ok(section)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_worked_example() {
        // Days of $8, $10 and $12: mean 10, deviation 2, t(0.9, 2) = 1.885618; ten days to come.
        let days = [8, 10, 12].map(|dollars| Usd::from_dollars(dollars).nanos());
        let (expected, margin) = rest(&days, 10.0).expect("three days");
        assert!((expected - 100e9).abs() < 1.0, "{expected}");
        let by_hand = 1.885_618 * 2e9 * (10.0_f64 + 100.0 / 3.0).sqrt();
        assert!((margin - by_hand).abs() < 1.0, "{margin}, not {by_hand}");
        assert_eq!(rest(&days[..2], 10.0), None);
    }

    #[test]
    fn four_times_of_five_the_sum_lies_in_the_interval() {
        // Days from a fixed generator, about normal: sums of twelve uniform numbers.
        let mut state = 7_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from(state >> 44).expect("20 bits")
        };
        let mut day = || (0..12).map(|_| uniform()).sum::<i64>();
        let (mut inside, all) = (0, 4_000);
        for _ in 0..all {
            let seen: Vec<i64> = (0..10).map(|_| day()).collect();
            let (expected, margin) = rest(&seen, 5.0).expect("ten days");
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let sum = (0..5).map(|_| day()).sum::<i64>() as f64;
            inside += u32::from((sum - expected).abs() <= margin);
        }
        assert!((all * 78 / 100..all * 82 / 100).contains(&inside), "{inside} of {all}");
    }

    proptest! {
        #[test]
        fn no_days_panic(days in prop::collection::vec(any::<i64>(), 0..40), remaining in 0.0..40.0_f64) {
            if let Some((expected, margin)) = rest(&days, remaining) {
                prop_assert!(expected.is_finite() && margin >= 0.0);
            }
        }
    }
}

//! [`Series`]: sums and distributions, by instrument and labels, within a bound.

use super::catalogue::{ALL, Kind, Of};
use super::labels::{Label, Labels};
use foldhash::fast::RandomState;
use jobmon_core::{CallId, Text, Timestamp};
use std::collections::HashMap;

/// Series of one instrument, by default.
pub(crate) const MOST: usize = 2_000;

/// A value of a series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A count, or a value of the moment.
    Count(u64),
    /// Nanodollars.
    Money(i128),
    /// A distribution: a count for each bucket, and one beyond the last bound.
    Histogram { counts: Box<[u64]>, sum: f64, least: f64, most: f64 },
}

/// One measurement, and the call that it is of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) call: CallId,
    pub(crate) value: f64,
    pub(crate) at: Timestamp,
}

/// A series' state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) value: Value,
    /// The last one of each bucket; of a count, the last one.
    pub(crate) exemplars: Box<[Option<Exemplar>]>,
}

impl Point {
    fn new(kind: Kind) -> Self {
        let (value, exemplars) = match kind {
            Kind::Count | Kind::Gauge => (Value::Count(0), 1),
            Kind::Money => (Value::Money(0), 1),
            Kind::Histogram(bounds) => {
                let buckets = bounds.len() + 1;
                let counts = vec![0; buckets].into();
                (
                    Value::Histogram { counts, sum: 0.0, least: f64::INFINITY, most: f64::NEG_INFINITY },
                    buckets,
                )
            }
        };
        Self { value, exemplars: vec![None; exemplars].into() }
    }
}

/// One measurement, so many times.
#[derive(Debug)]
#[cfg_attr(not(feature = "prometheus"), expect(dead_code, reason = "one encoder wants it"))]
pub(crate) struct Measured {
    pub(crate) instrument: usize,
    pub(crate) labels: Box<[(Label, Text)]>,
    pub(crate) value: f64,
    pub(crate) times: u64,
    pub(crate) exemplar: Option<Exemplar>,
}

/// Labels that some series has. An event adds to several instruments with the same labels, which are looked up once.
#[derive(Debug, Default)]
struct Sets {
    numbers: HashMap<Box<[(Label, Text)]>, usize, RandomState>,
}

impl Sets {
    fn number(&mut self, labels: &[(Label, Text)]) -> usize {
        if let Some(number) = self.numbers.get(labels) {
            return *number;
        }
        let number = self.numbers.len();
        self.numbers.insert(labels.into(), number);
        number
    }
}

/// The series of one instrument, by the number of their labels.
type Points = HashMap<usize, Point, RandomState>;

/// All series of a process.
#[derive(Debug)]
pub(crate) struct Series {
    sets: Sets,
    points: Vec<Points>,
    most: usize,
    /// Whether names of earlier conventions are counted too.
    pub(crate) old: bool,
    /// Of what is counted now: the call, where it is kept, so that its trace can be found.
    pub(crate) of: Option<(CallId, Timestamp)>,
    /// Labels under construction.
    pub(crate) labels: Labels,
    /// Where measurements go too, one by one, for an encoder that keeps distributions itself.
    pub(crate) measured: Option<Vec<Measured>>,
    /// Since when it counts.
    pub(crate) start: Timestamp,
}

/// Labels of what has no room, as
/// [the SDK specification](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute) has them.
const fn overflow() -> [(Label, Text); 1] {
    [(Label::Overflow, Text::literal("true"))]
}

impl Series {
    pub(crate) fn new(most: usize, old: bool) -> Self {
        Self {
            sets: Sets::default(),
            points: ALL.iter().map(|_| Points::default()).collect(),
            most,
            old,
            of: None,
            labels: Labels::default(),
            measured: None,
            start: Timestamp::now(),
        }
    }

    /// The number of the labels under construction; `None` where the instrument has no such series and no room for one:
    /// all of these have one together.
    fn set(&mut self, of: Of) -> Option<usize> {
        let Self { sets, points, most, labels, .. } = self;
        let points = &points[of as usize];
        let full = points.len() >= *most;
        let known = labels.set.or_else(|| {
            if full { sets.numbers.get(labels.pairs()).copied() } else { Some(sets.number(labels.pairs())) }
        });
        labels.set = known;
        known.filter(|set| !full || points.contains_key(set))
    }

    /// The point of an instrument and the labels under construction.
    fn point(&mut self, of: Of) -> &mut Point {
        let at = of as usize;
        let set = self.set(of).unwrap_or_else(|| {
            let metric = Text::literal(ALL[at].name);
            let set = self.sets.number(&[(Label::Metric, metric)]);
            let overflows = self.points[Of::OVERFLOW as usize].entry(set);
            if let Value::Count(count) = &mut overflows.or_insert_with(|| Point::new(Kind::Count)).value {
                *count += 1;
            }
            self.sets.number(&overflow())
        });
        self.points[at].entry(set).or_insert_with(|| Point::new(ALL[at].kind))
    }

    fn exemplar(&self, value: f64) -> Option<Exemplar> {
        self.of.map(|(call, at)| Exemplar { call, value, at })
    }

    /// Adds to a count.
    #[expect(clippy::cast_precision_loss, reason = "an exemplar shows about how much it was")]
    pub(crate) fn add(&mut self, of: Of, count: u64) {
        let exemplar = self.exemplar(count as f64).filter(|_| count > 0);
        let point = self.point(of);
        if let Value::Count(sum) = &mut point.value {
            *sum = sum.saturating_add(count);
        }
        point.exemplars[0] = exemplar.or(point.exemplars[0]);
    }

    /// Sets a count that is kept elsewhere, or a value of the moment.
    pub(crate) fn keep(&mut self, of: Of, count: u64) {
        self.point(of).value = Value::Count(count);
    }

    /// Adds money.
    #[expect(clippy::cast_precision_loss, reason = "an exemplar shows about how much it was")]
    pub(crate) fn pay(&mut self, of: Of, nanos: i64) {
        let exemplar = self.exemplar(nanos as f64 / 1e9).filter(|_| nanos > 0);
        let point = self.point(of);
        if let Value::Money(sum) = &mut point.value {
            *sum += i128::from(nanos);
        }
        point.exemplars[0] = exemplar.or(point.exemplars[0]);
    }

    /// Adds a measurement, so many times.
    #[expect(clippy::cast_precision_loss, reason = "more than 2⁵³ chunks are none")]
    pub(crate) fn measure(&mut self, of: Of, value: f64, times: u64) {
        let Kind::Histogram(bounds) = ALL[of as usize].kind else { return };
        if value.is_nan() || times == 0 {
            return;
        }
        let exemplar = self.exemplar(value);
        if self.measured.is_some() {
            let labels: Box<[_]> =
                if self.set(of).is_none() { Box::from(overflow()) } else { self.labels.pairs().into() };
            let measured = Measured { instrument: of as usize, labels, value, times, exemplar };
            self.measured.get_or_insert_default().push(measured);
        }
        let point = self.point(of);
        // A bucket holds what is at most its bound.
        let bucket = bounds.partition_point(|bound| *bound < value);
        if let Value::Histogram { counts, sum, least, most } = &mut point.value {
            counts[bucket] += times;
            *sum += value * times as f64;
            *least = least.min(value);
            *most = most.max(value);
        }
        point.exemplars[bucket] = exemplar.or(point.exemplars[bucket]);
    }

    /// Every instrument that has series, with them; in the order of the catalogue, series in that of their labels.
    pub(crate) fn visit(&self, mut visit: impl FnMut(usize, &[(&[(Label, Text)], &Point)])) {
        let mut sets: Vec<_> =
            self.sets.numbers.iter().map(|(labels, number)| (&**labels, *number)).collect();
        sets.sort_unstable();
        for (at, points) in self.points.iter().enumerate().filter(|(_, points)| !points.is_empty()) {
            let sorted: Vec<_> =
                sets.iter().filter_map(|(labels, number)| Some((*labels, points.get(number)?))).collect();
            visit(at, &sorted);
        }
    }

    /// Begins anew, for those who want differences.
    pub(crate) fn reset(&mut self) {
        self.sets = Sets::default();
        self.points.iter_mut().for_each(HashMap::clear);
        self.labels.clear();
        self.start = Timestamp::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// What was added: instrument, labels, how much.
    type Added = (usize, Vec<u8>, u32);

    const INSTRUMENTS: [Of; 4] = [Of::CALLS, Of::INPUT, Of::COST, Of::INFERENCE_DURATION];

    fn add(series: &mut Series, (of, labels, amount): &Added) {
        let of = INSTRUMENTS[*of];
        series.labels.clear();
        for (label, value) in [Label::Operation, Label::RequestModel, Label::Feature].into_iter().zip(labels)
        {
            series.labels.with(label, Some(&Text::from(format!("v{value}"))));
        }
        // Twice: the second time the labels are known.
        for _ in 0..2 {
            match of {
                Of::COST => series.pay(of, i64::from(*amount)),
                Of::INFERENCE_DURATION => series.measure(of, f64::from(*amount), 1),
                _ => series.add(of, u64::from(*amount)),
            }
        }
    }

    fn sum(value: &Value) -> i128 {
        match value {
            Value::Count(count) => i128::from(*count),
            Value::Money(nanos) => *nanos,
            #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
            Value::Histogram { sum, .. } => *sum as i128,
        }
    }

    proptest! {
        #[test]
        fn sums_are_those_of_a_naive_count_and_nothing_is_lost_beyond_the_bound(
            added in prop::collection::vec((0..4_usize, prop::collection::vec(0..3_u8, 0..4), 0..1_000_u32), 0..120),
            most in 1..30_usize,
        ) {
            let mut series = Series::new(most, false);
            let mut naive = BTreeMap::<(usize, Vec<u8>), i128>::new();
            let mut known = vec![Vec::new(); INSTRUMENTS.len()];
            let mut overflows = 0;
            for one in &added {
                add(&mut series, one);
                let (of, labels, amount) = one;
                let known: &mut Vec<Vec<u8>> = &mut known[*of];
                let fits = known.contains(labels) || known.len() < most;
                if fits && !known.contains(labels) {
                    known.push(labels.clone());
                }
                overflows += if fits { 0 } else { 2 };
                // What has no room is counted under labels that no test gives.
                let place = if fits { labels.clone() } else { vec![u8::MAX] };
                *naive.entry((*of, place)).or_default() += 2 * i128::from(*amount);
            }
            let mut found = BTreeMap::new();
            let mut told = 0;
            series.visit(|at, points| {
                assert!(points.is_sorted_by_key(|(labels, _)| *labels));
                for (labels, point) in points {
                    let Some(of) = INSTRUMENTS.iter().position(|of| *of as usize == at) else {
                        assert_eq!(at, Of::OVERFLOW as usize);
                        told += sum(&point.value);
                        continue;
                    };
                    let place = match labels {
                        [(Label::Overflow, _)] => vec![u8::MAX],
                        labels => labels.iter().map(|(_, value)| value[1..].parse().expect("a number")).collect(),
                    };
                    found.insert((of, place), sum(&point.value));
                }
            });
            prop_assert_eq!(found, naive);
            prop_assert_eq!(told, overflows);
        }
    }
}

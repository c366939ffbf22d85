//! [`Series`]: sums and distributions, by instrument and labels, within a bound.

use super::catalogue::{ALL, Kind, Of};
use super::labels::{Label, Labels};
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
    pub(crate) labels: Labels,
    pub(crate) value: f64,
    pub(crate) times: u64,
    pub(crate) exemplar: Option<Exemplar>,
}

type Points = HashMap<Box<[(Label, Text)]>, Point>;

/// All series of a process.
#[derive(Debug)]
pub(crate) struct Series {
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
        let points = ALL.iter().map(|_| Points::new()).collect();
        Self {
            points,
            most,
            old,
            of: None,
            labels: Labels::default(),
            measured: None,
            start: Timestamp::now(),
        }
    }

    /// Whether the labels under construction are a series that is not there yet and has no room: all of these have one
    /// together.
    fn is_full(&self, of: Of) -> bool {
        let points = &self.points[of as usize];
        points.len() >= self.most && !points.contains_key(&self.labels.0[..])
    }

    /// The point of an instrument and the labels under construction.
    #[expect(clippy::expect_used, reason = "the line before makes it so")]
    fn point(&mut self, of: Of) -> &mut Point {
        let at = of as usize;
        let kind = ALL[at].kind;
        if self.is_full(of) {
            let metric = Text::literal(ALL[at].name);
            let overflows = self.points[Of::OVERFLOW as usize].entry(Box::new([(Label::Metric, metric)]));
            if let Value::Count(count) = &mut overflows.or_insert_with(|| Point::new(Kind::Count)).value {
                *count += 1;
            }
            return self.points[at].entry(Box::new(overflow())).or_insert_with(|| Point::new(kind));
        }
        let points = &mut self.points[at];
        if !points.contains_key(&self.labels.0[..]) {
            points.insert(self.labels.0.clone().into(), Point::new(kind));
        }
        points.get_mut(&self.labels.0[..]).expect("it was put there if it was not there")
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
    pub(crate) fn set(&mut self, of: Of, count: u64) {
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
            let labels = if self.is_full(of) { Labels(overflow().to_vec()) } else { self.labels.clone() };
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
        for (at, points) in self.points.iter().enumerate().filter(|(_, points)| !points.is_empty()) {
            let mut sorted: Vec<_> = points.iter().map(|(labels, point)| (&**labels, point)).collect();
            sorted.sort_unstable_by_key(|(a, _)| *a);
            visit(at, &sorted);
        }
    }

    /// Begins anew, for those who want differences.
    pub(crate) fn reset(&mut self) {
        self.points.iter_mut().for_each(HashMap::clear);
        self.start = Timestamp::now();
    }
}

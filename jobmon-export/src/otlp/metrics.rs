//! [`Reader`]: series as OTLP, each interval.

use super::deliver::{Delivery, Request};
use super::encode::{self, Encoder};
use super::proto::Message;
use crate::metrics::{self, Exemplar, Kind, Label, Point, Series, Value};
use crate::semconv;
use jobmon_core::{Event, Health, Resource, Text, Timestamp};
use std::time::{Duration, Instant};

const DELTA: u64 = 1;
const CUMULATIVE: u64 = 2;

/// Reads series each interval and sends them.
pub(super) struct Reader {
    series: Series,
    delivery: Delivery,
    health: Health,
    interval: Duration,
    next: Instant,
    delta: bool,
    most: usize,
}

impl Reader {
    pub(super) fn new(
        series: Series,
        delivery: Delivery,
        health: Health,
        (interval, delta): (Duration, bool),
        most: usize,
    ) -> Self {
        let next = Instant::now() + interval;
        Self { series, delivery, health, interval, next, delta, most }
    }

    pub(super) fn record(&mut self, event: &Event) {
        self.series.record(event);
    }

    /// Sends what is due, and says when to be called again.
    pub(super) fn tick(&mut self, encoder: &Encoder, resource: &Resource) -> Duration {
        if Instant::now() >= self.next {
            self.next = Instant::now() + self.interval;
            self.read(encoder, resource);
        }
        let left = self.next.saturating_duration_since(Instant::now());
        self.delivery.pump().map_or(left, |due| due.min(left))
    }

    /// Sends what there is now.
    pub(super) fn flush(&mut self, encoder: &Encoder, resource: &Resource) {
        self.read(encoder, resource);
        self.delivery.flush();
    }

    fn read(&mut self, encoder: &Encoder, resource: &Resource) {
        // Counts that are kept elsewhere are told as they are, and so only where sums are.
        if !self.delta {
            self.series.delivery(&self.health.delivery());
        }
        for body in requests(&self.series, self.delta, self.most, encoder, resource) {
            self.delivery.take(Request { body, events: 0 });
        }
        if self.delta {
            self.series.reset();
        }
    }
}

/// Requests with all series, each of at most about so many bytes.
fn requests(
    series: &Series,
    delta: bool,
    most: usize,
    encoder: &Encoder,
    resource: &Resource,
) -> Vec<Vec<u8>> {
    let times = (encode::nanos(series.start), encode::nanos(Timestamp::now()));
    let temporality = if delta { DELTA } else { CUMULATIVE };
    let (mut requests, mut items) = (Vec::new(), Vec::new());
    series.visit(|at, points| {
        let mut rest = points;
        while !rest.is_empty() {
            let room = (most.saturating_sub(items.len()) / LARGEST_POINT).max(1);
            let (these, others) = rest.split_at(room.min(rest.len()));
            rest = others;
            metric(&metrics::ALL[at], these, times, temporality, &mut items);
            if items.len() + LARGEST_POINT > most {
                requests.push(request(&items, encoder, resource));
                items.clear();
            }
        }
    });
    if !items.is_empty() {
        requests.push(request(&items, encoder, resource));
    }
    requests
}

/// Bytes that a point has at most, about: labels, buckets and their exemplars.
const LARGEST_POINT: usize = 4_096;

fn request(items: &[u8], encoder: &Encoder, resource: &Resource) -> Vec<u8> {
    let mut body = Vec::with_capacity(items.len() + 1_024);
    Message::new(&mut body).large(1, |of_resource| {
        of_resource.message(1, |message| encoder.resource(resource, message));
        of_resource.large(2, |of_scope| {
            of_scope.message(1, encode::scope);
            of_scope.raw(items);
            of_scope.bytes(3, semconv::SCHEMA_URL.as_bytes());
        });
    });
    body
}

type Labelled<'s> = (&'s [(Label, Text)], &'s Point);

fn metric(
    instrument: &metrics::Instrument,
    points: &[Labelled<'_>],
    times: (u64, u64),
    temporality: u64,
    into: &mut Vec<u8>,
) {
    Message::new(into).large(2, |metric| {
        metric.bytes(1, instrument.name.as_bytes());
        metric.bytes(2, instrument.about.as_bytes());
        metric.bytes(3, instrument.unit.as_bytes());
        match instrument.kind {
            Kind::Gauge => metric.large(5, |gauge| {
                points.iter().for_each(|point| gauge.message(1, |message| number(*point, times, message)));
            }),
            Kind::Count | Kind::Money => metric.large(7, |sum| {
                points.iter().for_each(|point| sum.message(1, |message| number(*point, times, message)));
                sum.uint(2, temporality);
                sum.uint(3, 1);
            }),
            Kind::Histogram(bounds) => metric.large(9, |histogram| {
                for point in points {
                    histogram.message(1, |message| distribution(*point, bounds, times, message));
                }
                histogram.uint(2, temporality);
            }),
        }
    });
}

fn labels(labels: &[(Label, Text)], field: u32, message: &mut Message<'_>) {
    for (label, value) in labels {
        message.message(field, |pair| {
            pair.bytes(1, label.key().as_bytes());
            pair.message(2, |any| match label {
                Label::ServerPort => any.chosen_int(3, value.parse().unwrap_or(0)),
                Label::Overflow => any.chosen_bool(2, true),
                _ => any.chosen_bytes(1, value.as_bytes()),
            });
        });
    }
}

fn number((of, point): Labelled<'_>, (start, now): (u64, u64), message: &mut Message<'_>) {
    message.fixed64(2, start);
    message.fixed64(3, now);
    match &point.value {
        Value::Count(count) => message.chosen_fixed64(6, *count),
        #[expect(clippy::cast_precision_loss, reason = "a double is what the protocol has")]
        Value::Money(nanos) => message.chosen_double(4, *nanos as f64 / 1e9),
        Value::Histogram { .. } => {}
    }
    exemplars(point, 5, message);
    labels(of, 7, message);
}

fn distribution(
    (of, point): Labelled<'_>,
    bounds: &[f64],
    (start, now): (u64, u64),
    message: &mut Message<'_>,
) {
    let Value::Histogram { counts, sum, least, most } = &point.value else { return };
    message.fixed64(2, start);
    message.fixed64(3, now);
    message.fixed64(4, counts.iter().sum());
    message.chosen_double(5, *sum);
    message.fixed64s(6, counts);
    message.doubles(7, bounds);
    exemplars(point, 8, message);
    labels(of, 9, message);
    message.chosen_double(11, *least);
    message.chosen_double(12, *most);
}

fn exemplars(point: &Point, field: u32, message: &mut Message<'_>) {
    for Exemplar { call, value, at } in point.exemplars.iter().flatten() {
        message.message(field, |exemplar| {
            exemplar.fixed64(2, encode::nanos(*at));
            exemplar.chosen_double(3, *value);
            exemplar.bytes(4, &call.span.to_bytes());
            exemplar.bytes(5, &call.trace.to_bytes());
        });
    }
}

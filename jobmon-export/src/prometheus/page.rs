//! [`Page`]: what is read. Encoding is the work of `prometheus-client`.
//!
//! Names follow
//! [OpenTelemetry's rules for Prometheus](https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/),
//! so that they are those which Prometheus gives the metrics of the exporter `otlp`.

use crate::metrics::{ALL, Exemplar, Instrument, Kind, Label, Measured, Point, Series, Value};
use jobmon_core::{Batch, Health, Resource, Text};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel, EncodeLabelSet, LabelSetEncoder, MetricEncoder, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::{CounterWithExemplar, HistogramWithExemplars};
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::registry::{Registry, Unit};
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Metrics of a process, to be read.
pub(super) struct Page {
    series: Series,
    /// Distributions, by the place of their instrument.
    histograms: HashMap<usize, Distributions>,
    resource: Arc<Resource>,
    health: Health,
}

/// The state of a series that is no distribution.
type Sample = (Vec<(Label, Text)>, Point);
type Distributions = Family<Named, HistogramWithExemplars<Trace>, Buckets>;

/// Makes distributions over given buckets.
#[derive(Clone, Debug)]
struct Buckets(&'static [f64]);

impl MetricConstructor<HistogramWithExemplars<Trace>> for Buckets {
    fn new_metric(&self) -> HistogramWithExemplars<Trace> {
        HistogramWithExemplars::new(self.0.iter().copied())
    }
}

/// Labels of a series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Named(Box<[(Label, Text)]>);

impl EncodeLabelSet for Named {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        labels(&self.0, encoder)
    }
}

struct Borrowed<'l>(&'l [(Label, Text)]);

impl EncodeLabelSet for Borrowed<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        labels(self.0, encoder)
    }
}

fn labels(labels: &[(Label, Text)], encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
    for (label, value) in labels {
        (label.key().replace('.', "_").as_str(), value.as_str()).encode(encoder.encode_label())?;
    }
    Ok(())
}

/// What an exemplar points to: within the 128 characters that OpenMetrics allows.
type Trace = [(&'static str, String); 2];

fn trace(exemplar: &Exemplar) -> (Trace, SystemTime) {
    let ids = [("trace_id", exemplar.call.trace.to_string()), ("span_id", exemplar.call.span.to_string())];
    let nanos = u64::try_from(exemplar.at.nanos()).unwrap_or(0);
    (ids, UNIX_EPOCH + Duration::from_nanos(nanos))
}

/// The name of an instrument without its unit, and the unit.
fn name(instrument: &Instrument) -> (String, Option<Unit>) {
    let unit = match instrument.unit {
        "s" => Some(Unit::Seconds),
        "usd" => Some(Unit::Other("usd".to_owned())),
        // Words in braces and the plain number are no units.
        _ => None,
    };
    (instrument.name.replace('.', "_"), unit)
}

impl Page {
    pub(super) fn new(max_series: usize, health: Health) -> Self {
        let mut series = Series::new(max_series, false);
        series.measured = Some(Vec::new());
        Self { series, histograms: HashMap::new(), resource: Arc::default(), health }
    }

    pub(super) fn add(&mut self, batch: &Batch) {
        self.resource = Arc::clone(&batch.resource);
        for event in batch.events.iter() {
            self.series.record(event);
            let measured = std::mem::take(&mut self.series.measured).unwrap_or_default();
            for Measured { instrument, labels, value, times, exemplar } in measured {
                let Kind::Histogram(bounds) = ALL[instrument].kind else { continue };
                let family = self
                    .histograms
                    .entry(instrument)
                    .or_insert_with(|| Family::new_with_constructor(Buckets(bounds)));
                let histogram = family.get_or_create(&Named(labels));
                let (trace, at) = exemplar.as_ref().map(trace).unzip();
                for _ in 1..times {
                    histogram.observe(value, None, None);
                }
                histogram.observe(value, trace, at);
            }
            self.series.measured = Some(Vec::new());
        }
    }

    /// In OpenMetrics 1.0.
    pub(super) fn open_metrics(&mut self) -> String {
        self.series.delivery(&self.health.delivery());
        let mut registry = Registry::default();
        let target = Target(Arc::clone(&self.resource));
        registry.register_collector(Box::new(target));
        registry.register_collector(Box::new(Counts(self.snapshot())));
        let mut places: Vec<_> = self.histograms.keys().copied().collect();
        places.sort_unstable();
        for at in places {
            let (name, unit) = name(&ALL[at]);
            // The library puts a full stop behind what is said.
            let about = ALL[at].about.trim_end_matches('.');
            let Some(family) = self.histograms.get(&at).cloned() else { continue };
            match unit {
                Some(unit) => registry.register_with_unit(name, about, unit, family),
                None => registry.register(name, about, family),
            }
        }
        let mut page = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut page, &registry);
        page
    }

    /// In the classic text format, 0.0.4.
    pub(super) fn classic(&mut self) -> String {
        classic(&self.open_metrics())
    }

    /// Everything but distributions, as the collector takes it.
    fn snapshot(&self) -> Vec<(usize, Vec<Sample>)> {
        let mut all = Vec::new();
        self.series.visit(|at, points| {
            if !matches!(ALL[at].kind, Kind::Histogram(_)) {
                let points = points.iter().map(|(labels, point)| (labels.to_vec(), (*point).clone()));
                all.push((at, points.collect()));
            }
        });
        all
    }
}

/// Counts, money and values of the moment.
#[derive(Debug)]
struct Counts(Vec<(usize, Vec<Sample>)>);

impl Collector for Counts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (at, points) in &self.0 {
            let instrument = &ALL[*at];
            let (name, unit) = name(instrument);
            let kind = if instrument.kind == Kind::Gauge { MetricType::Gauge } else { MetricType::Counter };
            let mut encoder = encoder.encode_descriptor(&name, instrument.about, unit.as_ref(), kind)?;
            for (labels, point) in points {
                if labels.is_empty() {
                    encode(point, instrument.kind, &mut encoder)?;
                } else {
                    let labels = Borrowed(labels);
                    encode(point, instrument.kind, &mut encoder.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}

fn encode(point: &Point, kind: Kind, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
    // The library makes exemplars only by counting.
    let counted = point.exemplars[0].as_ref().map(|exemplar| {
        let (trace, at) = trace(exemplar);
        let counted = CounterWithExemplar::<Trace, f64, AtomicU64>::default();
        counted.inc_by(exemplar.value, Some(trace), Some(at));
        counted
    });
    let kept = counted.as_ref().map(|counted| counted.get().1);
    let exemplar = kept.as_ref().and_then(|kept| kept.as_ref());
    match &point.value {
        Value::Count(count) if kind == Kind::Gauge => {
            encoder.encode_gauge(&i64::try_from(*count).unwrap_or(i64::MAX))
        }
        Value::Count(count) => encoder.encode_counter(count, exemplar),
        #[expect(clippy::cast_precision_loss, reason = "a double is what the format has")]
        Value::Money(nanos) => encoder.encode_counter(&(*nanos as f64 / 1e9), exemplar),
        Value::Histogram { .. } => Ok(()),
    }
}

/// Who produces all this: `target_info`.
#[derive(Debug)]
struct Target(Arc<Resource>);

impl Collector for Target {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Resource { project_id, service_name, environment, .. } = &*self.0;
        let known = [
            ("service_name", service_name),
            ("deployment_environment_name", environment),
            ("jobmon_project_id", project_id),
        ];
        let labels: Vec<_> =
            known.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?.to_string()))).collect();
        let mut encoder =
            encoder.encode_descriptor("target", "Who produces this.", None, MetricType::Info)?;
        encoder.encode_info(&labels)
    }
}

/// The classic format of a page in OpenMetrics: without units, exemplars and its end; kinds stand with the names of the
/// samples, and there is no kind for information.
fn classic(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    let mut counters = std::collections::HashSet::new();
    for line in page.lines().filter(|line| line.starts_with("# TYPE ")) {
        if let Some(name) = line.strip_prefix("# TYPE ").and_then(|rest| rest.strip_suffix(" counter")) {
            counters.insert(name);
        }
    }
    for line in page.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("UNIT" | "EOF"), ..) => {}
            (Some("#"), Some(what), Some(name), Some(rest)) => {
                let (end, rest) = match rest {
                    "info" => ("_info", "gauge"),
                    rest if counters.contains(name) => ("_total", rest),
                    rest => (if name == "target" { "_info" } else { "" }, rest),
                };
                let _ = writeln!(text, "# {what} {name}{end} {rest}");
            }
            _ => {
                let _ = writeln!(text, "{}", without_exemplar(line));
            }
        }
    }
    text
}

/// A sample without the exemplar behind it: what follows ` # ` outside of quotes.
fn without_exemplar(line: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'#' if !quoted => return line[..at].trim_end(),
            _ => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobmon_core::{CallId, CallRecord, Event, Operation, SpanId, Timestamp, TraceId, Usage, Usd};
    use jobmon_core::{Cost, PricedAnswer};

    fn batch(calls: impl IntoIterator<Item = CallRecord>) -> Batch {
        let events = calls.into_iter().map(|call| Event::Call(Box::new(call))).collect();
        Batch { resource: Arc::default(), events: Arc::new(events) }
    }

    fn call(name: &str, cost: i64) -> CallRecord {
        let id = CallId { trace: TraceId::random(), span: SpanId::random() };
        let name = Text::copied(name);
        let mut call =
            CallRecord::new(id, name, Operation::Chat, Timestamp::from_nanos(1_700_000_000_123_000_000));
        call.provider = Some(Text::literal("openai"));
        call.model = Some(Text::literal("gpt-4o-mini"));
        call.duration = Some(Duration::from_millis(300));
        let cost = Cost::Known(Usd::from_nanos(cost));
        call.answers = vec![PricedAnswer::new(Usage::new(1_000, 50).into(), 1, cost)];
        call.cost = Some(cost);
        call
    }

    #[test]
    fn pages_have_units_exemplars_and_exact_money() {
        let mut page = Page::new(100, Health::alone("prometheus"));
        // A tenth of a cent, ten times: in doubles it would not add up.
        let calls: Vec<_> = (0..10).map(|_| call("ask", 100_000_001)).collect();
        let last = calls[9].id;
        page.add(&batch(calls));
        let text = page.open_metrics();
        for line in [
            "# TYPE gen_ai_client_inference_duration_seconds histogram",
            "# UNIT gen_ai_client_inference_duration_seconds seconds",
            "# UNIT jobmon_cost_usd usd",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        let sample = |start: &str| {
            let found = text.lines().find(|line| line.starts_with(start));
            found.unwrap_or_else(|| panic!("no {start} in {text}"))
        };
        assert!(sample("jobmon_cost_usd_total{").contains("} 1.00000001 # {trace_id="));
        assert!(sample("gen_ai_client_inference_usage_input_tokens_total{").contains("} 10000 # "));
        let bucket = sample("gen_ai_client_inference_duration_seconds_bucket{le=\"0.32\"");
        assert!(bucket.contains(&last.trace.to_string()) && bucket.contains("} 10 # "), "{bucket}");

        let classic = page.classic();
        assert!(classic.contains("# TYPE jobmon_cost_usd_total counter\n"), "{classic}");
        assert!(classic.contains("# TYPE target_info gauge\n") && !classic.contains("# EOF"));
        let samples = classic.lines().filter(|line| !line.starts_with('#'));
        samples.for_each(|line| assert!(!line.contains(" # "), "{line}"));
    }

    #[test]
    fn hostile_labels_stay_labels_and_many_become_one() {
        let mut page = Page::new(3, Health::alone("prometheus"));
        let hostile = "a\"} 1\nother_metric 7 # {x=\"y\\";
        page.add(&batch((0..50).map(|n| call(&format!("{hostile}{n}"), 1))));
        for text in [page.open_metrics(), page.classic()] {
            assert!(!text.lines().any(|line| line.starts_with("other_metric")), "{text}");
            let calls = text.lines().filter(|line| line.starts_with("jobmon_calls_total{"));
            let counts: Vec<u64> = calls
                .map(|line| {
                    let bare = without_exemplar(line);
                    bare.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a count")
                })
                .collect();
            assert_eq!((counts.len(), counts.iter().sum::<u64>()), (4, 50), "{text}");
            assert!(text.contains("jobmon_calls_total{otel_metric_overflow=\"true\"} 47"));
        }
    }
}

//! [`Otlp`]: spans, metrics and log events to any OpenTelemetry backend.

mod builder;
mod deliver;
mod encode;
mod metrics;
mod proto;
mod target;

use deliver::{Delivery, Request};
use encode::Encoder;
use jobmon_core::{Batch, Event, ExportError, Exporter, Health, Resource};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use builder::{ContentPlacement, Otlp, OtlpError};

/// What is encoded and not yet a request.
#[derive(Debug, Default)]
struct Pending {
    items: Vec<u8>,
    events: u64,
    since: Option<Instant>,
}

impl Pending {
    fn added(&mut self, events: u64) {
        self.events += events;
        self.since.get_or_insert_with(Instant::now);
    }
}

/// A started exporter.
struct Running {
    encoder: Encoder,
    resource: Arc<Resource>,
    health: Health,
    traces: Option<Delivery>,
    logs: Option<Delivery>,
    metrics: Option<metrics::Reader>,
    spans: Pending,
    records: Pending,
    most: usize,
    delay: Duration,
}

impl Running {
    fn add(&mut self, batch: &Batch) {
        if self.resource != batch.resource {
            self.close();
            self.resource = Arc::clone(&batch.resource);
        }
        // Spans that another makes are none of ours.
        let makes_spans = self.traces.is_some() && !self.health.spans_are_made();
        for event in batch.events.iter() {
            if let Some(metrics) = &mut self.metrics {
                metrics.record(event);
            }
            let kept = event.is_sampled();
            let mut settled = true;
            if self.logs.is_some() && kept && self.encoder.logs(event, &mut self.records.items) {
                let is_fact = event.fact().is_some();
                self.records.added(u64::from(is_fact));
                settled = !is_fact;
            }
            if let Event::Call(call) = event
                && makes_spans
                && kept
            {
                self.encoder.span(call, &mut self.spans.items);
                self.spans.added(1);
                settled = false;
            }
            if settled {
                // There is nothing of it to send, apart from what it adds to metrics.
                self.health.exported(1);
            }
            if self.spans.items.len() >= self.most {
                self.close_spans();
            }
            if self.records.items.len() >= self.most {
                self.close_records();
            }
        }
    }

    fn close_spans(&mut self) {
        let Pending { items, events, .. } = std::mem::take(&mut self.spans);
        if let Some(delivery) = self.traces.as_mut().filter(|_| !items.is_empty()) {
            let mut body = Vec::with_capacity(items.len() + 1_024);
            self.encoder.traces_request(&self.resource, &items, &mut body);
            delivery.take(Request { body, events });
        }
        self.spans.items = emptied(items);
    }

    fn close_records(&mut self) {
        let Pending { items, events, .. } = std::mem::take(&mut self.records);
        if let Some(delivery) = self.logs.as_mut().filter(|_| !items.is_empty()) {
            let mut body = Vec::with_capacity(items.len() + 1_024);
            self.encoder.logs_request(&self.resource, &items, &mut body);
            delivery.take(Request { body, events });
        }
        self.records.items = emptied(items);
    }

    fn close(&mut self) {
        self.close_spans();
        self.close_records();
    }

    /// Does what is due, and says when to be called again.
    fn tick(&mut self) -> Option<Duration> {
        let left = |since: Option<Instant>| Some(self.delay.saturating_sub(since?.elapsed()));
        let waits = [left(self.spans.since), left(self.records.since)];
        if waits[0] == Some(Duration::ZERO) {
            self.close_spans();
        }
        if waits[1] == Some(Duration::ZERO) {
            self.close_records();
        }
        let mut next: Vec<_> = waits.into_iter().flatten().filter(|left| !left.is_zero()).collect();
        next.extend(self.traces.as_mut().and_then(Delivery::pump));
        next.extend(self.logs.as_mut().and_then(Delivery::pump));
        if let Some(metrics) = &mut self.metrics {
            next.push(metrics.tick(&self.encoder, &self.resource));
        }
        next.into_iter().min()
    }

    fn flush(&mut self) {
        self.close();
        if let Some(metrics) = &mut self.metrics {
            metrics.flush(&self.encoder, &self.resource);
        }
        [&mut self.traces, &mut self.logs].into_iter().flatten().for_each(Delivery::flush);
    }

    fn shutdown(&mut self) {
        [&mut self.traces, &mut self.logs].into_iter().flatten().for_each(Delivery::close);
    }
}

/// The buffer, to be filled again.
fn emptied(mut items: Vec<u8>) -> Vec<u8> {
    items.clear();
    items
}

impl Exporter for Otlp {
    fn name(&self) -> &str {
        self.exporter_name()
    }

    fn health(&mut self, health: Health) {
        self.health = Some(health);
    }

    fn defers(&self) -> bool {
        true
    }

    fn start(&mut self) -> Result<(), ExportError> {
        let running = self.open().map_err(|reason| ExportError::Refused { reason })?;
        self.running = Some(Box::new(running));
        Ok(())
    }

    fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
        if let Some(running) = &mut self.running {
            running.add(batch);
        }
        Ok(())
    }

    fn tick(&mut self) -> Option<Duration> {
        self.running.as_mut()?.tick()
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        if let Some(running) = &mut self.running {
            running.flush();
        }
        Ok(())
    }

    fn shutdown(&mut self) -> Result<(), ExportError> {
        if let Some(running) = &mut self.running {
            running.shutdown();
        }
        Ok(())
    }
}

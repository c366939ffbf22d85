//! [`Delivery`]: what became of the events, and [`Health`], by which exporters say so and see it.

use crate::lane::lock;
use crate::text::Text;
use crate::warning::Warnings;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Counts that calls, the worker, exporters and the guard share.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) accepted: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) without_usage: AtomicU64,
    pub(crate) unattached: AtomicU64,
    pub(crate) late: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) lanes: Vec<LaneCounts>,
    /// Whether spans of calls are made by what is around them, so that exporters must not.
    pub(crate) spans_are_made: bool,
    /// When whoever waits for a flush or the end stops waiting.
    pub(crate) deadline: Mutex<Option<Instant>>,
}

/// Those of one exporter.
#[derive(Debug)]
pub(crate) struct LaneCounts {
    pub(crate) name: Text,
    pub(crate) exported: AtomicU64,
    pub(crate) dropped: AtomicU64,
    retried: AtomicU64,
    spooled: AtomicU64,
    recovered: AtomicU64,
}

impl LaneCounts {
    pub(crate) fn new(name: &str) -> Self {
        let [exported, dropped, retried, spooled, recovered] = [const { AtomicU64::new(0) }; 5];
        Self { name: Text::copied(name), exported, dropped, retried, spooled, recovered }
    }
}

impl Counts {
    pub(crate) fn delivery(&self) -> Delivery {
        let accepted = self.accepted.load(Relaxed);
        let dropped = self.dropped.load(Relaxed);
        let exporter = |lane: &LaneCounts| {
            let [exported, dropped] = [&lane.exported, &lane.dropped].map(|count| count.load(Relaxed));
            ExporterDelivery {
                name: lane.name.clone(),
                exported,
                dropped,
                pending: accepted.saturating_sub(exported + dropped),
                retried: lane.retried.load(Relaxed),
                spooled: lane.spooled.load(Relaxed),
                recovered: lane.recovered.load(Relaxed),
            }
        };
        Delivery {
            events: accepted + dropped,
            dropped,
            calls_without_usage: self.without_usage.load(Relaxed),
            unattached: self.unattached.load(Relaxed),
            late: self.late.load(Relaxed),
            repeated: self.repeated.load(Relaxed),
            exporters: self.lanes.iter().map(exporter).collect(),
        }
    }
}

/// How delivery goes: an exporter says by it what became of events, and sees what became of all others.
///
/// Cheap to clone. Of a monitor that does not run (an exporter that is used by itself) it counts all the same.
#[derive(Clone, Debug)]
pub struct Health {
    counts: Arc<Counts>,
    own: usize,
    warnings: Warnings,
}

impl Health {
    pub(crate) const fn new(counts: Arc<Counts>, own: usize, warnings: Warnings) -> Self {
        Self { counts, own, warnings }
    }

    /// That of an exporter without a monitor.
    pub fn alone(name: &str) -> Self {
        let counts = Counts { lanes: vec![LaneCounts::new(name)], ..Counts::default() };
        Self::new(Arc::new(counts), 0, Warnings::default())
    }

    fn add(&self, count: impl Fn(&LaneCounts) -> &AtomicU64, events: u64) {
        if let Some(lane) = self.counts.lanes.get(self.own) {
            count(lane).fetch_add(events, Relaxed);
        }
    }

    /// Says what is wrong, once for each kind of problem: never more than a line, and never a secret.
    pub fn warn(&self, kind: &str, text: &str) {
        let name = self.counts.lanes.get(self.own).map_or("", |lane| lane.name.as_str());
        self.warnings.once(&format!("{name}: {kind}"), &format!("exporter `{name}`: {text}"));
    }

    /// Events have arrived. Only for exporters that [defer](crate::Exporter::defers).
    pub fn exported(&self, events: u64) {
        self.add(|lane| &lane.exported, events);
    }

    /// Events are lost. Only for exporters that [defer](crate::Exporter::defers).
    pub fn dropped(&self, events: u64) {
        self.add(|lane| &lane.dropped, events);
    }

    /// Events were offered again.
    pub fn retried(&self, events: u64) {
        self.add(|lane| &lane.retried, events);
    }

    /// So many events of this run are on disk now, to be delivered later, by a later run if need be.
    pub fn spooled(&self, events: u64) {
        if let Some(lane) = self.counts.lanes.get(self.own) {
            lane.spooled.store(events, Relaxed);
        }
    }

    /// Events that an earlier run had left on disk have arrived.
    pub fn recovered(&self, events: u64) {
        self.add(|lane| &lane.recovered, events);
    }

    /// What became of the events so far, for all exporters.
    pub fn delivery(&self) -> Delivery {
        self.counts.delivery()
    }

    /// Whether calls become spans without an exporter (see [`Surroundings::makes_spans`](crate::Surroundings::makes_spans)):
    /// then exporters send none, so that each call is one span.
    pub fn spans_are_made(&self) -> bool {
        self.counts.spans_are_made
    }

    /// When whoever waits for a flush or for the end stops waiting; `None` while nobody does.
    pub fn deadline(&self) -> Option<Instant> {
        *lock(&self.counts.deadline)
    }
}

/// What became of the events so far.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// Events that happened.
    pub events: u64,
    /// Events dropped because the pipeline's own queue was full.
    pub dropped: u64,
    /// Model calls that succeeded without anybody reporting their usage.
    pub calls_without_usage: u64,
    /// Usage and fields reported outside of any call, or beyond what one call can hold: they could not be attached.
    pub unattached: u64,
    /// Usage and fields reported after the end of their call: recorded apart, as [`Event::Late`](crate::Event::Late).
    pub late: u64,
    /// Answers and fields that were reported before in the same call. Answers are counted each time, of a field the
    /// last value is kept.
    pub repeated: u64,
    /// For each exporter.
    pub exporters: Vec<ExporterDelivery>,
}

impl Delivery {
    /// Whether every event reached every exporter.
    pub fn is_complete(&self) -> bool {
        self.dropped == 0 && self.exporters.iter().all(|lane| lane.dropped == 0 && lane.pending == 0)
    }

    /// What the code that reports should do otherwise, as counts; `None` when all is well.
    pub(crate) fn mistakes(&self) -> Option<String> {
        let counts = [
            (self.calls_without_usage, "model calls without usage"),
            (self.unattached, "reports outside of any call"),
            (self.late, "reports after the end of their call"),
            (self.repeated, "reports of what was reported before"),
        ];
        let some = counts.iter().filter(|(count, _)| *count > 0);
        let text = some.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ");
        (!text.is_empty()).then_some(text)
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events", self.events)?;
        if self.dropped > 0 {
            write!(f, ", {} dropped before any exporter", self.dropped)?;
        }
        if let Some(mistakes) = self.mistakes() {
            write!(f, ", {mistakes}")?;
        }
        for lane in &self.exporters {
            write!(f, "; {}: {} exported", lane.name, lane.exported)?;
            if lane.dropped > 0 {
                write!(f, ", {} lost", lane.dropped)?;
            }
            if lane.recovered > 0 {
                write!(f, ", {} of an earlier run", lane.recovered)?;
            }
            if lane.retried > 0 {
                write!(f, ", {} tried again", lane.retried)?;
            }
            if lane.spooled > 0 {
                write!(f, ", {} kept on disk for later", lane.spooled)?;
            }
            let pending = lane.pending.saturating_sub(lane.spooled);
            if pending > 0 {
                write!(f, ", {pending} not delivered in time")?;
            }
        }
        Ok(())
    }
}

/// What became of the events offered to one exporter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExporterDelivery {
    /// The exporter's name.
    pub name: Text,
    /// Events it took, or, where it delivers them later, that have arrived.
    pub exported: u64,
    /// Events it refused, or that did not fit its queue.
    pub dropped: u64,
    /// Events it has not dealt with yet, those on disk among them.
    pub pending: u64,
    /// Events it offered again, each time counted.
    pub retried: u64,
    /// Events of this run that are on disk, to be delivered later.
    pub spooled: u64,
    /// Events that an earlier run had left on disk, and that have arrived.
    pub recovered: u64,
}

//! [`Delivery`]: what became of the events.

use std::fmt;

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
            if lane.pending > 0 {
                write!(f, ", {} not delivered in time", lane.pending)?;
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
    pub name: &'static str,
    /// Events it took.
    pub exported: u64,
    /// Events it refused, or that did not fit its queue.
    pub dropped: u64,
    /// Events it has not dealt with yet.
    pub pending: u64,
}

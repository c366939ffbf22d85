//! [`Spans`]: who makes the spans of calls.

/// Who makes the spans of calls; exactly one span for each call leaves the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spans {
    /// The exporter `otlp`, when a call has ended: the cheap way, on a thread of its own. Calls are in the trees of the
    /// program's own spans all the same.
    #[default]
    Exporter,
    /// The OpenTelemetry SDK of the program, by its global tracer provider: spans of calls go where its other spans go, by
    /// its samplers and processors; the exporter `otlp` sends metrics and log events only. The provider must be there
    /// when the monitor is installed, and shut down after the guard is dropped.
    OpenTelemetry,
}

impl Spans {
    /// Those that configuration can name, for messages.
    #[cfg(feature = "config")]
    pub(crate) const EXPECTED: &str = "`exporter` or `opentelemetry`";

    /// The one that configuration names so.
    #[cfg(feature = "config")]
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "exporter" => Some(Self::Exporter),
            "opentelemetry" => Some(Self::OpenTelemetry),
            _ => None,
        }
    }
}

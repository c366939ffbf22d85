//! [`Surroundings`]: spans around calls that jobmon does not make itself, such as those of OpenTelemetry.

use crate::event::CallRecord;
use crate::id::{ParseIdError, SpanId, TraceId};
use crate::text::Text;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::str::FromStr;
use std::sync::Arc;

/// A span by what others need to know of it: what W3C Trace Context carries from process to process.
///
/// ```
/// use jobmon_core::SpanContext;
///
/// let parent: SpanContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
/// assert!(parent.sampled);
/// assert_eq!(parent.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
/// # Ok::<(), jobmon_core::ParseIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanContext {
    /// Its trace.
    pub trace: TraceId,
    /// The span itself.
    pub span: SpanId,
    /// Whether it is kept.
    pub sampled: bool,
    /// Whether it is in another process.
    pub elsewhere: bool,
    /// The `tracestate` that goes with it.
    pub state: Option<Text>,
}

/// Bytes of a `tracestate` that are kept: what every party must be able to carry
/// ([W3C Trace Context](https://www.w3.org/TR/trace-context/#tracestate-limits)).
const LONGEST_STATE: usize = 512;

impl SpanContext {
    /// A span of this process that is kept.
    pub const fn new(trace: TraceId, span: SpanId) -> Self {
        Self { trace, span, sampled: true, elsewhere: false, state: None }
    }

    /// With the `tracestate` that came with it; one that is longer than 512 bytes is left out, as it may be.
    #[must_use]
    pub fn with_state(mut self, state: &str) -> Self {
        let state = state.trim();
        let fits = !state.is_empty() && state.len() <= LONGEST_STATE && state.bytes().all(is_printable);
        self.state = fits.then(|| Text::copied(state));
        self
    }
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

impl FromStr for SpanContext {
    type Err = ParseIdError;

    /// Reads a `traceparent`: of version 0 exactly, of later ones what version 0 knows, as
    /// [the specification](https://www.w3.org/TR/trace-context/#versioning-of-traceparent) asks.
    fn from_str(header: &str) -> Result<Self, ParseIdError> {
        let malformed =
            || ParseIdError::new("a W3C `traceparent`: `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`");
        let header = header.trim();
        let mut parts = header.splitn(5, '-');
        let mut part = || parts.next().ok_or_else(malformed);
        let (version, trace, span, flags) = (part()?, part()?, part()?, part()?);
        let more = parts.next();
        let byte = |text: &str| {
            let hex =
                text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            if hex { u8::from_str_radix(text, 16).ok() } else { None }
        };
        match (byte(version), more) {
            (Some(0), None) | (Some(1..=254), _) => {}
            _ => return Err(malformed()),
        }
        let flags = byte(flags).ok_or_else(malformed)?;
        let (Ok(trace), Ok(span)) = (trace.parse(), span.parse()) else { return Err(malformed()) };
        Ok(Self { sampled: flags & 1 == 1, elsewhere: true, ..Self::new(trace, span) })
    }
}

impl fmt::Display for SpanContext {
    /// Writes a `traceparent` of version 0.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

/// What else keeps spans in this process. A monitor has at most one: see
/// [`Settings::surroundings`](crate::Settings::surroundings).
///
/// Its methods are called on the threads of the program, so they must be quick, and must not call jobmon.
pub trait Surroundings: fmt::Debug + Send + Sync + UnwindSafe + RefUnwindSafe + 'static {
    /// The span that the running code is in.
    fn current(&self) -> Option<SpanContext>;

    /// Makes a span that is kept elsewhere the current one, for code that looks there.
    fn around(&self, span: &SpanContext) -> Option<Arc<dyn Around>>;

    /// A call begins: for surroundings that make its span themselves, and so say what its ids are. Of the record its
    /// name, operation, provider and model are known. By default the call has ids of its own.
    fn begin(&self, call: &CallRecord) -> Option<(SpanContext, Arc<dyn Around>)> {
        let _ = call;
        None
    }

    /// Whether [`begin`](Self::begin) makes spans, so that exporters must not.
    fn makes_spans(&self) -> bool {
        false
    }
}

/// A span that code can be in.
pub trait Around: fmt::Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// Code of this thread is in it from now on.
    fn enter(&self);

    /// It is not any more; called on the same thread, in the opposite order.
    fn leave(&self);

    /// Whether [`end`](Self::end) is of interest.
    fn waits_for_end(&self) -> bool {
        false
    }

    /// The call that it was made for has ended and has its price. Called on a thread of jobmon's, a little later.
    fn end(&self, call: &CallRecord) {
        let _ = call;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_as_the_specification_says() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
        for (header, sampled) in [
            (format!("00-{id}-01"), true),
            (format!(" 00-{id}-00 "), false),
            (format!("00-{id}-03"), true),
            (format!("cc-{id}-01"), true),
            (format!("cc-{id}-01-what-the-future-adds"), true),
        ] {
            let parent: SpanContext = header.parse().unwrap_or_else(|error| panic!("{header}: {error}"));
            assert_eq!((parent.sampled, parent.elsewhere), (sampled, true), "{header}");
        }
        for header in [
            format!("ff-{id}-01"),
            format!("00-{id}-01-more"),
            format!("00-{id}-1"),
            format!("00-{id}-0G"),
            format!("00-{}-01", id.to_uppercase()),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01".to_owned(),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01".to_owned(),
            String::new(),
            "-".repeat(100),
        ] {
            assert!(header.parse::<SpanContext>().is_err(), "{header}");
        }
    }

    #[test]
    fn a_state_that_cannot_be_carried_is_left_out() {
        let context = || SpanContext::new(TraceId::random(), SpanId::random());
        assert_eq!(context().with_state("a=1,b=2").state.as_deref(), Some("a=1,b=2"));
        assert_eq!(context().with_state(&"x".repeat(513)).state, None);
        assert_eq!(context().with_state("a=1\r\nb: 2").state, None);
        assert_eq!(context().with_state(" ").state, None);
    }
}

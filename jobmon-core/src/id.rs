//! Identities of traces, spans and calls, as W3C Trace Context writes them.

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

/// A W3C trace id: 16 bytes, never all zero. Calls that belong together share it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(NonZeroU128);

/// A W3C parent (span) id: 8 bytes, never all zero. Each call has its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(NonZeroU64);

/// The durable name of one call: its trace id and its span id.
///
/// Store it next to what the call led to (an application, a ticket) and hand it to
/// [`outcome`](crate::outcome) when the result is known, days later or in another process.
/// Prints as `<32 hex digits>-<16 hex digits>` and parses back.
///
/// ```
/// use jobmon_core::CallId;
///
/// let id: CallId = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7".parse()?;
/// assert_eq!(id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7");
/// # Ok::<(), jobmon_core::ParseIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId {
    /// The trace the call belongs to.
    pub trace: TraceId,
    /// The call itself.
    pub span: SpanId,
}

impl TraceId {
    /// Stands in a record until the call has its own.
    pub(crate) const BLANK: Self = Self(NonZeroU128::MAX);

    /// A new random id. Cheap: thread-local generator, seeded by the operating system.
    pub fn random() -> Self {
        loop {
            let bits = u128::from(random_u64()) << 64 | u128::from(random_u64());
            if let Some(id) = NonZeroU128::new(bits) {
                return Self(id);
            }
        }
    }

    /// The id as big-endian bytes.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.get().to_be_bytes()
    }

    /// Its last eight bytes as a number: what sampling by trace id looks at.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
    pub(crate) const fn low_bits(self) -> u64 {
        self.0.get() as u64
    }

    /// The id from big-endian bytes; `None` when all are zero.
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        NonZeroU128::new(u128::from_be_bytes(bytes)).map(Self)
    }
}

impl SpanId {
    /// Stands in a record until the call has its own.
    pub(crate) const BLANK: Self = Self(NonZeroU64::MAX);

    /// A new random id. Cheap: thread-local generator, seeded by the operating system.
    pub fn random() -> Self {
        loop {
            if let Some(id) = NonZeroU64::new(random_u64()) {
                return Self(id);
            }
        }
    }

    /// The id as big-endian bytes.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.get().to_be_bytes()
    }

    /// The id from big-endian bytes; `None` when all are zero.
    pub fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        NonZeroU64::new(u64::from_be_bytes(bytes)).map(Self)
    }
}

/// Text that is not an id of the expected form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseIdError {
    expected: &'static str,
}

impl ParseIdError {
    pub(crate) const fn new(expected: &'static str) -> Self {
        Self { expected }
    }
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an id: expected {}", self.expected)
    }
}

impl std::error::Error for ParseIdError {}

fn parse_hex(text: &str, digits: usize) -> Option<u128> {
    let hex = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if hex { u128::from_str_radix(text, 16).ok() } else { None }
}

impl FromStr for TraceId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = ParseIdError { expected: "32 lower-case hex digits, not all zero" };
        parse_hex(text, 32).and_then(NonZeroU128::new).map(Self).ok_or(error)
    }
}

impl FromStr for SpanId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = ParseIdError { expected: "16 lower-case hex digits, not all zero" };
        let bits = parse_hex(text, 16).and_then(|bits| u64::try_from(bits).ok());
        bits.and_then(NonZeroU64::new).map(Self).ok_or(error)
    }
}

impl FromStr for CallId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = ParseIdError { expected: "a trace id and a span id: 32 hex digits, `-`, 16 hex digits" };
        let (trace, span) = text.split_once('-').ok_or_else(|| error.clone())?;
        match (trace.parse(), span.parse()) {
            (Ok(trace), Ok(span)) => Ok(Self { trace, span }),
            _ => Err(error),
        }
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.trace, self.span)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Wyrand (Wang Yi, public domain) on a thread-local state: ids need to be unique, not secret.
pub(crate) fn random_u64() -> u64 {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(seed());
    }
    STATE.with(|state| {
        let next = state.get().wrapping_add(0xa076_1d64_78bd_642f);
        state.set(next);
        let product = u128::from(next) * u128::from(next ^ 0xe703_7ed1_a0b4_28db);
        #[expect(clippy::cast_possible_truncation, reason = "the fold takes both halves of the product")]
        let folded = (product >> 64) as u64 ^ product as u64;
        folded
    })
}

/// `RandomState` is keyed by the operating system's generator and differs for each instance.
fn seed() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_unique_across_threads() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..10_000).map(|_| SpanId::random()).collect::<Vec<_>>()))
            .collect();
        let all: HashSet<_> = threads.into_iter().flat_map(|t| t.join().expect("no panic")).collect();
        assert_eq!(all.len(), 40_000);
    }

    #[test]
    fn zero_and_malformed_ids_are_refused() {
        assert!("00000000000000000000000000000000".parse::<TraceId>().is_err());
        assert!("0000000000000000".parse::<SpanId>().is_err());
        assert!("00F067AA0BA902B7".parse::<SpanId>().is_err());
        assert!("+0f067aa0ba902b7".parse::<SpanId>().is_err());
        assert!("4bf92f3577b34da6a3ce929d0e0e4736".parse::<CallId>().is_err());
    }

    #[test]
    fn bytes_round_trip() {
        let id = TraceId::random();
        assert_eq!(TraceId::from_bytes(id.to_bytes()), Some(id));
        let id = SpanId::random();
        assert_eq!(SpanId::from_bytes(id.to_bytes()), Some(id));
    }
}

//! Which calls are kept one by one, and for how many each of them stands.
//!
//! Decisions follow OpenTelemetry's
//! [consistent probability sampling](https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/):
//! the last 56 bits of a trace id, read as a number, are its randomness; a trace is kept if that is not below the
//! threshold; and the threshold stands in `tracestate` as `ot=th:..`, so that whoever counts can scale.

use crate::event::{CallRecord, End};
use crate::id::TraceId;
use crate::money::{Cost, Usd};
use crate::text::Text;
use std::time::Duration;

/// 2⁵⁶: one more than the largest randomness.
const ALL: u64 = 1 << 56;

/// Calls that are kept whatever the share of traces is: decided when they end, with all that is known then. The calls
/// around them are kept too.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keep {
    /// Those that failed.
    pub errors: bool,
    /// Those that took at least so long.
    pub slow: Option<Duration>,
    /// Those that cost at least so much.
    pub expensive: Option<Usd>,
}

impl Default for Keep {
    /// Those that failed.
    fn default() -> Self {
        Self { errors: true, slow: None, expensive: None }
    }
}

impl Keep {
    pub(crate) fn wants(&self, call: &CallRecord) -> bool {
        let failed = matches!(call.end, End::Error | End::Panicked);
        let slow = self.slow.is_some_and(|limit| call.duration.is_some_and(|duration| duration >= limit));
        let cost = call.cost.map_or(Usd::ZERO, Cost::floor);
        let expensive = self.expensive.is_some_and(|limit| cost >= limit);
        (self.errors && failed) || slow || expensive
    }
}

/// The randomness below which traces are not kept.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "0 to 2⁵⁶"
)]
fn threshold(rate: f64) -> u64 {
    ((1.0 - rate.clamp(0.0, 1.0)) * ALL as f64).round() as u64
}

/// Whether a trace that begins here is kept.
pub(crate) fn keeps(trace: TraceId, rate: f64) -> bool {
    trace.low_bits() & (ALL - 1) >= threshold(rate)
}

/// The share of traces that are kept as one with this `tracestate` was; `None` where it does not say.
pub(crate) fn rate_of(state: &str) -> Option<f64> {
    let (_, ot) = members(state).find(|(key, _)| *key == "ot")?;
    let digits = ot.split(';').find_map(|part| part.trim().strip_prefix("th:"))?;
    if digits.is_empty() || digits.len() > 14 {
        return None;
    }
    let threshold = u64::from_str_radix(digits, 16).ok()? << (4 * (14 - digits.len()));
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
    Some((ALL - threshold) as f64 / ALL as f64)
}

fn members(state: &str) -> impl Iterator<Item = (&str, &str)> {
    state.split(',').filter_map(|member| member.trim().split_once('='))
}

/// A `tracestate` that says which share of traces is kept: `ot=th:..` first, as what is newest stands first, and then
/// the other members as they came.
pub(crate) fn state(rate: f64, before: Option<&Text>) -> Option<Text> {
    let before = before.map_or("", Text::as_str);
    let known = rate_of(before);
    let says = rate < 1.0 || known.is_some();
    if !says || known == Some(rate) {
        return (!before.is_empty()).then(|| Text::copied(before));
    }
    let mut digits = format!("{:014x}", threshold(rate));
    digits.truncate(digits.trim_end_matches('0').len().max(1));
    let mut text = format!("ot=th:{digits}");
    for (key, value) in members(before) {
        if key == "ot" {
            let rest = value.split(';').filter(|part| !part.trim().starts_with("th:"));
            // They belong to the same member, which stands first.
            let rest: String = rest.map(|part| format!(";{part}")).collect();
            text.insert_str("ot=th:".len() + digits.len(), &rest);
        } else {
            text.push_str(&format!(",{key}={value}"));
        }
    }
    Some(Text::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn thresholds_are_written_as_the_specification_shows() {
        // Its examples: 1 in 4 is `c`, 1 in 2 is `8`, all is `0`.
        assert_eq!(state(0.25, None).as_deref(), Some("ot=th:c"));
        assert_eq!(state(0.5, None).as_deref(), Some("ot=th:8"));
        assert_eq!(state(1.0, None), None);
        assert_eq!(rate_of("ot=th:c"), Some(0.25));
        assert_eq!(rate_of("ot=th:0"), Some(1.0));
        assert_eq!(rate_of("vendor=1, ot=rv:abc;th:8"), Some(0.5));
        assert_eq!(rate_of("ot=th:zz"), None);
        assert_eq!(rate_of("vendor=1"), None);
    }

    #[test]
    fn other_members_stay() {
        let before = Text::from("congo=t61,ot=th:8;rv:6e6d1a75832a2f,rojo=0a");
        let after = state(0.25, Some(&before)).expect("it says something");
        assert_eq!(after.as_str(), "ot=th:c;rv:6e6d1a75832a2f,congo=t61,rojo=0a");
        // Kept whatever the share is: it stands for itself only.
        assert_eq!(state(1.0, Some(&before)).and_then(|state| rate_of(&state)), Some(1.0));
        assert_eq!(state(0.5, Some(&before)), Some(before));
    }

    proptest! {
        #[test]
        fn a_rate_survives_its_threshold(rate in 0.000_001f64..1.0) {
            let read = state(rate, None).and_then(|state| rate_of(&state)).unwrap_or(1.0);
            prop_assert!((read - rate).abs() < 1e-12);
        }

        #[test]
        fn whoever_keeps_a_share_keeps_what_those_keep_that_keep_less(
            bits in any::<[u8; 16]>(), low in 0.0f64..1.0, high in 0.0f64..1.0,
        ) {
            prop_assume!(bits != [0; 16]);
            let trace = TraceId::from_bytes(bits).expect("not zero");
            let (low, high) = (low.min(high), low.max(high));
            prop_assert!(!keeps(trace, low) || keeps(trace, high));
            prop_assert!(keeps(trace, 1.0) && !keeps(trace, 0.0));
        }
    }
}

//! Times on the command line.

use jobmon_core::Timestamp;
use std::str::FromStr;
use std::time::Duration;

/// A moment as people write it: how long ago, a date, or a point in time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Moment {
    Ago(Duration),
    At(Timestamp),
}

impl Moment {
    pub(crate) const fn hours_ago(hours: u64) -> Self {
        Self::Ago(Duration::from_secs(3_600 * hours))
    }

    pub(crate) fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(time) => now.minus(time),
            Self::At(moment) => moment,
        }
    }
}

impl FromStr for Moment {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let found = match text {
            "now" => Some(Self::Ago(Duration::ZERO)),
            _ => age(text).map(Self::Ago).or_else(|| point(text).map(Self::At)),
        };
        found.ok_or_else(|| {
            "expected an age such as `30m`, `24h`, `7d` or `4w`, a date such as `2026-11-01`, or a moment such as \
             `2026-11-01T12:00:00Z`"
                .to_owned()
        })
    }
}

/// How long: `30m`, `24h`, `7d`.
pub(crate) fn age(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let seconds = match &text[digits..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// A date is its first moment in UTC; a time without a zone is in UTC too.
pub(crate) fn point(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.parse().ok().or_else(|| {
        let time: jiff::civil::DateTime = text.parse().ok()?;
        time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|time| time.timestamp())
    })?;
    i64::try_from(moment.as_nanosecond()).ok().map(Timestamp::from_nanos)
}

/// Nanoseconds since 1970.
pub(crate) fn nanos(time: std::time::SystemTime) -> i64 {
    Timestamp::from(time).nanos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_times_in_many_ways() {
        assert_eq!("7d".parse(), Ok(Moment::Ago(Duration::from_secs(604_800))));
        let noon = Moment::At(Timestamp::from_nanos(1_793_534_400_000_000_000));
        assert_eq!("2026-11-01T12:00:00Z".parse(), Ok(noon));
        assert_eq!("2026-11-01T13:00:00+01:00".parse(), Ok(noon));
        assert_eq!("2026-11-01T12:00:00".parse(), Ok(noon));
        let midnight = Moment::At(Timestamp::from_nanos(1_793_491_200_000_000_000));
        assert_eq!("2026-11-01".parse(), Ok(midnight));
        for wrong in ["", "7", "d", "yesterday-ish", "2026-13-01", "99999999999999999999d"] {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
    }
}

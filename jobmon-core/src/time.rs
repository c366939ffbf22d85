//! [`Timestamp`]: a moment, in nanoseconds since 1970 (UTC).

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment in UTC, counted in nanoseconds since 1970-01-01T00:00:00Z. Covers the years 1678 to 2262.
///
/// ```
/// use jobmon_core::Timestamp;
/// let moment = Timestamp::from_nanos(1_795_485_600_123_000_000);
/// assert_eq!(moment.to_string(), "2026-11-24T02:00:00.123Z");
/// assert_eq!(moment.hour().to_string(), "2026-11-24T02:00:00.000Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

impl Timestamp {
    /// The earliest moment.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest moment.
    pub const MAX: Self = Self(i64::MAX);

    /// The system clock's present.
    pub fn now() -> Self {
        Self::from(SystemTime::now())
    }

    /// The first moment of a calendar date in UTC; `None` where there is no such date.
    ///
    /// ```
    /// use jobmon_core::Timestamp;
    /// let day = Timestamp::from_date(2026, 2, 28).expect("a date");
    /// assert_eq!(day.next_day(), Timestamp::from_date(2026, 3, 1).expect("a date"));
    /// assert_eq!(Timestamp::from_date(2026, 2, 29), None);
    /// ```
    pub fn from_date(year: i64, month: u32, day: u32) -> Option<Self> {
        // Years that a timestamp can hold.
        if !(1_678..=2_261).contains(&year) {
            return None;
        }
        let moment = Self(days_from_civil(year, month, day).checked_mul(DAY)?);
        (moment.date() == (year, month, day)).then_some(moment)
    }

    /// From nanoseconds since 1970.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Start of the hour (UTC) it lies in.
    #[must_use]
    pub const fn hour(self) -> Self {
        self.floor(HOUR)
    }

    /// Start of the day (UTC) it lies in.
    #[must_use]
    pub const fn day(self) -> Self {
        self.floor(DAY)
    }

    /// The start of the next hour.
    #[must_use]
    pub const fn next_hour(self) -> Self {
        Self(self.hour().0.saturating_add(HOUR))
    }

    /// The start of the next day.
    #[must_use]
    pub const fn next_day(self) -> Self {
        Self(self.day().0.saturating_add(DAY))
    }

    const fn floor(self, step: i64) -> Self {
        // At the lower end the step does not fit any more: stay there.
        Self(self.0.saturating_sub(self.0.rem_euclid(step)))
    }

    /// Later by a duration; saturates.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// Earlier by a duration; saturates.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// The calendar date in UTC: year, month (1 to 12), day (1 to 31).
    pub fn date(self) -> (i64, u32, u32) {
        civil_from_days(self.0.div_euclid(DAY))
    }

    /// The time of day in UTC: hour, minute, second, millisecond.
    pub fn time_of_day(self) -> (u32, u32, u32, u32) {
        let millis = u32::try_from(self.0.rem_euclid(DAY) / 1_000_000).unwrap_or(0);
        (millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60, millis % 1_000)
    }
}

/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
}

/// The same, `days_from_civil`.
fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let signed = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(signed(after)),
            Err(before) => Self(-signed(before.duration())),
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(moment: Timestamp) -> Self {
        let distance = Duration::from_nanos(moment.0.unsigned_abs());
        if moment.0 < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with milliseconds, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((year, month, day), (hour, minute, second, millis)) = (self.date(), self.time_of_day());
        f.pad(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_date_is_where_it_says(nanos in any::<i64>()) {
            let moment = Timestamp::from_nanos(nanos);
            let (year, month, day) = moment.date();
            if (1_678..=2_261).contains(&year) {
                prop_assert_eq!(Timestamp::from_date(year, month, day), Some(moment.day()));
            }
        }

        #[test]
        fn no_date_panics(year in any::<i64>(), month in any::<u32>(), day in any::<u32>()) {
            let _ = Timestamp::from_date(year, month, day);
        }
    }

    #[test]
    fn dates_around_the_edges() {
        assert_eq!(Timestamp::from_nanos(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_nanos(-1).to_string(), "1969-12-31T23:59:59.999Z");
        let leap = Timestamp::from_nanos(951_782_400 * SECOND);
        assert_eq!(leap.date(), (2000, 2, 29));
        assert_eq!(leap.next_day().date(), (2000, 3, 1));
        for edge in [Timestamp::MIN, Timestamp::MAX] {
            let _ = (edge.hour(), edge.next_day(), edge.to_string(), SystemTime::from(edge));
        }
    }

    #[test]
    fn system_time_round_trips() {
        for nanos in [0, -1, 1, 1_795_485_600_123_456_789, -1_795_485_600_123_456_789] {
            let moment = Timestamp::from_nanos(nanos);
            assert_eq!(Timestamp::from(SystemTime::from(moment)), moment);
        }
    }
}

//! The `Retry-After` header (RFC 9110, 10.2.3).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a `Retry-After` header asks to wait: a number of seconds, or a date such as
/// `Sun, 06 Nov 1994 08:49:37 GMT`, which is compared with now. A date in the past is no wait; the obsolete forms of
/// dates are not read.
///
/// ```
/// use jobmon_core::retry_after_from_header;
/// use std::time::Duration;
/// assert_eq!(retry_after_from_header("20"), Some(Duration::from_secs(20)));
/// assert_eq!(retry_after_from_header("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
/// assert_eq!(retry_after_from_header("soon"), None);
/// ```
pub fn retry_after_from_header(value: &str) -> Option<Duration> {
    at(value, SystemTime::now())
}

/// The same from the headers of an answer, given how to look one up. Some providers say it in milliseconds, too.
#[cfg_attr(
    not(any(feature = "reqwest", feature = "rig", test)),
    expect(dead_code, reason = "only clients of HTTP have headers")
)]
pub(crate) fn from_headers<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Option<Duration> {
    let millis = header("retry-after-ms").and_then(|value| value.trim().parse().ok());
    millis.map(Duration::from_millis).or_else(|| retry_after_from_header(header("retry-after")?))
}

fn at(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    // Some providers send fractions of a second.
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Duration::try_from_secs_f64(value.parse().ok()?).ok();
    }
    let since_epoch = Duration::from_secs(imf_fixdate(value)?);
    let when = UNIX_EPOCH.checked_add(since_epoch)?;
    Some(when.duration_since(now).unwrap_or(Duration::ZERO))
}

/// Seconds since the Unix epoch of `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate). The day of the week is not checked.
fn imf_fixdate(value: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    if value.len() != 29 || !value.is_ascii() || !value.ends_with(" GMT") {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<u64> {
        let digits = &value[from..to];
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let (day, year) = (number(5, 7)?, number(12, 16)?);
    let month = MONTHS.iter().position(|name| *name == &value[8..11])?;
    let (hour, minute, second) = (number(17, 19)?, number(20, 22)?, number(23, 25)?);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = |month: usize| match month {
        1 => 28 + u64::from(leap(year)),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    };
    if year < 1970 || !(1..=length(month)).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let years: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
    let days = years + (0..month).map(length).sum::<u64>() + day - 1;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seconds_and_dates() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777 - 30);
        for (value, seconds) in [
            ("0", Some(0.0)),
            (" 120 ", Some(120.0)),
            ("1.5", Some(1.5)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30.0)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0.0)),
            ("Thu, 29 Feb 1996 00:00:00 GMT", Some(41_440_253.0)),
            ("Wed, 29 Feb 1995 00:00:00 GMT", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("", None),
            (".", None),
            ("-1", None),
            ("1e3", None),
            ("99999999999999999999999999", None),
        ] {
            assert_eq!(at(value, now), seconds.map(Duration::from_secs_f64), "{value}");
        }
    }

    #[test]
    fn milliseconds_are_more_precise_than_seconds() {
        let both = |name: &str| Some(if name == "retry-after-ms" { "120" } else { "1" });
        assert_eq!(from_headers(both), Some(Duration::from_millis(120)));
        let seconds = |name: &str| (name == "retry-after").then_some("1");
        assert_eq!(from_headers(seconds), Some(Duration::from_secs(1)));
        assert_eq!(from_headers(|_| None), None);
    }

    proptest! {
        #[test]
        fn no_value_panics(value in "\\PC{0,40}|[0-9.]{0,40}|[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT") {
            let _ = retry_after_from_header(&value);
        }
    }
}

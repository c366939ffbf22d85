//! [`Window`]: over which time a budget counts.

use crate::time::Timestamp;
use std::time::Duration;

/// Over which time a budget counts: a calendar's hour, day, week or month, or the time just passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    Hour,
    Day,
    /// From Monday (ISO 8601).
    Week,
    Month,
    Rolling(Duration),
}

/// Slices of a rolling window; one more is there, so that nothing is forgotten before its time.
const SLICES: u8 = 60;
const DAY: Duration = Duration::from_secs(86_400);

impl Window {
    /// In how many slices it forgets.
    pub(super) const fn slices(self) -> usize {
        match self {
            Self::Rolling(_) => SLICES as usize + 1,
            _ => 1,
        }
    }

    /// Number of the slice that a moment lies in.
    pub(super) fn slice(self, at: Timestamp) -> i64 {
        let days = || at.day().nanos().div_euclid(nanos(DAY));
        match self {
            Self::Hour => at.hour().nanos().div_euclid(nanos(Duration::from_secs(3_600))),
            Self::Day => days(),
            // 1970-01-01 was a Thursday.
            Self::Week => (days() + 3).div_euclid(7),
            Self::Month => {
                let (year, month, _) = at.date();
                year * 12 + i64::from(month)
            }
            Self::Rolling(window) => {
                // Rounded up, so that all slices together are not shorter than the window.
                let slice = nanos(window).saturating_add(i64::from(SLICES) - 1) / i64::from(SLICES);
                at.nanos().div_euclid(slice.max(1))
            }
        }
    }

    /// When the window began that a moment lies in.
    pub(super) fn since(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Hour => at.hour(),
            Self::Day => at.day(),
            Self::Week => {
                let days = (at.day().nanos().div_euclid(nanos(DAY)) + 3).rem_euclid(7);
                at.day().minus(DAY * u32::try_from(days).unwrap_or(0))
            }
            Self::Month => at.day().minus(DAY * (at.date().2 - 1)),
            Self::Rolling(window) => at.minus(window),
        }
    }

    /// When it ends; `None` for a rolling one, which forgets bit by bit.
    pub(super) fn ends(self, at: Timestamp) -> Option<Timestamp> {
        let since = self.since(at);
        Some(match self {
            Self::Hour => at.next_hour(),
            Self::Day => at.next_day(),
            Self::Week => since.plus(DAY * 7),
            // The 32nd of a month is in the next.
            Self::Month => self.since(since.plus(DAY * 31)),
            Self::Rolling(_) => return None,
        })
    }

    /// What is dated then or later was dated by a wrong clock: it is none of the window that a moment lies in.
    pub(super) fn until(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Rolling(window) => at.plus(window),
            calendar => calendar.ends(at).unwrap_or(Timestamp::MAX),
        }
    }

    /// A number that changes once in each window: for what is said once.
    pub(super) fn number(self, at: Timestamp) -> i64 {
        match self {
            Self::Rolling(window) => at.nanos().div_euclid(nanos(window).max(1)),
            calendar => calendar.slice(at),
        }
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Window; 4] = [Window::Hour, Window::Day, Window::Week, Window::Month];

    #[test]
    fn windows_begin_and_end_where_the_calendar_says() {
        // 2026-11-24T02:00:00.123Z, a Tuesday.
        let at = Timestamp::from_nanos(1_795_485_600_123_000_000);
        let text = |window: Window| {
            let end = window.ends(at).map(|end| end.to_string()[..16].to_owned());
            format!("{} {}", &window.since(at).to_string()[..16], end.unwrap_or_default())
        };
        assert_eq!(text(Window::Hour), "2026-11-24T02:00 2026-11-24T03:00");
        assert_eq!(text(Window::Day), "2026-11-24T00:00 2026-11-25T00:00");
        assert_eq!(text(Window::Week), "2026-11-23T00:00 2026-11-30T00:00");
        assert_eq!(text(Window::Month), "2026-11-01T00:00 2026-12-01T00:00");
        assert_eq!(text(Window::Rolling(Duration::from_secs(5_400))), "2026-11-24T00:30 ");
    }

    proptest! {
        #[test]
        fn a_slice_is_a_calendar_window(at in 0..4_000_000_000_000_000_000_i64, before in any::<bool>()) {
            let at = Timestamp::from_nanos(if before { -at } else { at });
            for window in ALL {
                let (since, end) = (window.since(at), window.ends(at).expect("a calendar window ends"));
                prop_assert!(since <= at && at < end, "{window:?} {at}");
                prop_assert_eq!(window.slice(since), window.slice(at));
                prop_assert_eq!(window.slice(end), window.slice(at) + 1);
                prop_assert_eq!(window.since(end), end);
            }
        }

        #[test]
        fn a_rolling_window_keeps_at_least_all_of_it_and_little_more(
            at in 0..4_000_000_000_000_000_000_i64, window in 1_000_000_000..3_000_000_000_000_000_i64,
        ) {
            let rolling = Window::Rolling(Duration::from_nanos(window.unsigned_abs()));
            let kept = |ago: i64| {
                let now = rolling.slice(Timestamp::from_nanos(at));
                now - rolling.slice(Timestamp::from_nanos(at - ago)) < i64::try_from(rolling.slices()).unwrap()
            };
            prop_assert!(kept(window));
            prop_assert!(!kept(window + window / 60 + 62));
        }
    }

    #[test]
    fn the_ends_of_time_do_no_harm() {
        for at in [Timestamp::MIN, Timestamp::MAX] {
            for window in ALL.into_iter().chain([Window::Rolling(Duration::MAX)]) {
                let _ = (window.slice(at), window.since(at), window.ends(at), window.number(at));
            }
        }
    }
}

//! [`Period`]: a calendar day, week or month, as of a moment.

use crate::query::Range;
use crate::time::Timestamp;
use crate::words::words;
use std::fmt;
use std::time::Duration;

words! {
    /// How long the periods of a report are. All are in UTC.
    enum PeriodKind, "period" {
        Daily "daily" "Calendar days."
        Weekly "weekly" "ISO weeks: Monday to Sunday."
        Monthly "monthly" "Calendar months."
    }
}

const DAY: Duration = Duration::from_secs(86_400);
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A calendar day, week or month (UTC), as of a moment: of one that is not over, the part up to that moment.
///
/// ```
/// use jobmon_core::{Timestamp, report::Period};
///
/// let now = Timestamp::from_date(2026, 11, 24).unwrap();
/// let october = Period::named("2026-10", now)?;
/// assert_eq!((october.title(), october.is_over()), ("October 2026".to_owned(), true));
/// let week = Period::named("2026-W48", now)?;
/// assert_eq!(week.start().to_string(), "2026-11-23T00:00:00.000Z");
/// assert_eq!((week.previous().name(), week.is_over()), ("2026-W47".to_owned(), false));
/// # Ok::<(), jobmon_core::report::PeriodError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    kind: PeriodKind,
    start: Timestamp,
    end: Timestamp,
    as_of: Timestamp,
}

impl Period {
    /// The period that a moment lies in, as of that moment.
    pub fn of(kind: PeriodKind, now: Timestamp) -> Self {
        let day = now.day();
        let back = |days: u32| day.minus(DAY * days);
        let start = match kind {
            PeriodKind::Daily => day,
            PeriodKind::Weekly => back(weekday(day)),
            PeriodKind::Monthly => back(now.date().2 - 1),
        };
        Self { kind, start, end: end(kind, start), as_of: now }
    }

    /// The period of a name: `2026-11-23`, `2026-W47` or `2026-11`. It is looked at as of its end, or as of `now` where
    /// that is earlier.
    ///
    /// # Errors
    /// When the name is none, or the period begins after `now`.
    pub fn named(name: &str, now: Timestamp) -> Result<Self, PeriodError> {
        let (kind, start) = parse(name).ok_or_else(|| PeriodError::Name(name.to_owned()))?;
        let end = end(kind, start);
        if start > now {
            return Err(PeriodError::Future { name: name.to_owned(), now });
        }
        Ok(Self { kind, start, end, as_of: now.min(end) })
    }

    /// The one before it, which is over.
    #[must_use]
    pub fn previous(&self) -> Self {
        let before = Self::of(self.kind, self.start.minus(Duration::from_nanos(1)));
        Self { as_of: before.end, ..before }
    }

    /// Whether it is a day, a week or a month.
    pub const fn kind(&self) -> PeriodKind {
        self.kind
    }

    /// Its first moment.
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// The first moment that does not belong to it any more.
    pub const fn end(&self) -> Timestamp {
        self.end
    }

    /// The moment at which it is looked at: its end where it is over.
    pub const fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// Whether nothing can be added to it any more.
    pub fn is_over(&self) -> bool {
        self.as_of >= self.end
    }

    /// From its start to the moment at which it is looked at.
    pub const fn range(&self) -> Range {
        Range { since: self.start, until: self.as_of }
    }

    /// As much of the one before it as has passed of this one: all of it where this one is over.
    pub fn same_part_of_previous(&self) -> Range {
        let previous = self.previous();
        if self.is_over() {
            return previous.range();
        }
        let passed = self.as_of.nanos().saturating_sub(self.start.nanos()).unsigned_abs();
        let until = previous.start.plus(Duration::from_nanos(passed)).min(previous.end);
        Range { since: previous.start, until }
    }

    /// Its name: `2026-11-23`, `2026-W47` or `2026-11`.
    pub fn name(&self) -> String {
        let (year, month, day) = self.start.date();
        match self.kind {
            PeriodKind::Daily => format!("{year:04}-{month:02}-{day:02}"),
            PeriodKind::Weekly => {
                let (year, week) = iso_week(self.start);
                format!("{year:04}-W{week:02}")
            }
            PeriodKind::Monthly => format!("{year:04}-{month:02}"),
        }
    }

    /// Its name for people: `23 November 2026`, `week 47 of 2026` or `November 2026`.
    pub fn title(&self) -> String {
        let (year, month, day) = self.start.date();
        let month = MONTHS[month.saturating_sub(1) as usize % MONTHS.len()];
        match self.kind {
            PeriodKind::Daily => format!("{day} {month} {year}"),
            PeriodKind::Weekly => {
                let (year, week) = iso_week(self.start);
                format!("week {week} of {year}")
            }
            PeriodKind::Monthly => format!("{month} {year}"),
        }
    }
}

/// Days since Monday. (1970-01-01 was a Thursday.)
fn weekday(day: Timestamp) -> u32 {
    let days = day.nanos().div_euclid(DAY.as_nanos().try_into().unwrap_or(i64::MAX));
    u32::try_from((days + 3).rem_euclid(7)).unwrap_or(0)
}

/// The year and number of the ISO week that begins on a Monday: those of its Thursday.
fn iso_week(monday: Timestamp) -> (i64, u32) {
    let thursday = monday.plus(DAY * 3);
    let year = thursday.date().0;
    let first = Timestamp::from_date(year, 1, 1).unwrap_or(thursday);
    let days = thursday.nanos().saturating_sub(first.nanos()).unsigned_abs() / 86_400_000_000_000;
    (year, u32::try_from(days / 7 + 1).unwrap_or(1))
}

fn end(kind: PeriodKind, start: Timestamp) -> Timestamp {
    let (year, month, _) = start.date();
    match kind {
        PeriodKind::Daily => start.plus(DAY),
        PeriodKind::Weekly => start.plus(DAY * 7),
        PeriodKind::Monthly => {
            let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            Timestamp::from_date(next.0, next.1, 1).unwrap_or(Timestamp::MAX)
        }
    }
}

fn parse(name: &str) -> Option<(PeriodKind, Timestamp)> {
    fn number<T: std::str::FromStr>(text: &str, digits: usize) -> Option<T> {
        let whole = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        whole.then(|| text.parse().ok())?
    }
    let mut parts = name.split('-');
    let year = number(parts.next()?, 4)?;
    let (second, third) = (parts.next()?, parts.next());
    if parts.next().is_some() {
        return None;
    }
    if let Some(week) = second.strip_prefix('W') {
        // The 4th of January always lies in the first week.
        let fourth = Timestamp::from_date(year, 1, 4)?;
        let week: u32 = number(week, 2)?;
        let start = fourth.minus(DAY * weekday(fourth)).plus(DAY * 7 * week.checked_sub(1)?);
        // A year has 52 or 53 weeks.
        return (third.is_none() && iso_week(start) == (year, week)).then_some((PeriodKind::Weekly, start));
    }
    let month = number(second, 2)?;
    let (kind, day) = match third {
        Some(day) => (PeriodKind::Daily, number(day, 2)?),
        None => (PeriodKind::Monthly, 1),
    };
    Some((kind, Timestamp::from_date(year, month, day)?))
}

/// A text names no period that there is something to say about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeriodError {
    /// It is no name of a period.
    Name(String),
    /// It has not begun.
    Future {
        /// The period.
        name: String,
        /// The present.
        now: Timestamp,
    },
}

impl fmt::Display for PeriodError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(
                f,
                "`{name}` is no period; expected a month such as `2026-10`, a week such as `2026-W47` or a day such as \
                 `2026-11-23`"
            ),
            Self::Future { name, now } => write!(f, "`{name}` has not begun: it is {now}"),
        }
    }
}

impl std::error::Error for PeriodError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn date(year: i64, month: u32, day: u32) -> Timestamp {
        Timestamp::from_date(year, month, day).expect("a date")
    }

    #[test]
    fn periods_have_the_names_of_the_calendar() {
        // Python: datetime.date(..).isocalendar()
        for (day, week) in [
            (date(2026, 11, 24), "2026-W48"),
            (date(2027, 1, 3), "2026-W53"),
            (date(2027, 1, 4), "2027-W01"),
            (date(2024, 12, 30), "2025-W01"),
            (date(2020, 2, 29), "2020-W09"),
        ] {
            assert_eq!(Period::of(PeriodKind::Weekly, day).name(), week);
        }
        let now = date(2026, 3, 15).plus(Duration::from_secs(5));
        let month = Period::of(PeriodKind::Monthly, now);
        assert_eq!((month.name(), month.title()), ("2026-03".to_owned(), "March 2026".to_owned()));
        assert_eq!((month.start(), month.end()), (date(2026, 3, 1), date(2026, 4, 1)));
        assert_eq!(Period::of(PeriodKind::Daily, now).title(), "15 March 2026");
        assert_eq!(Period::of(PeriodKind::Monthly, date(2026, 12, 31)).end(), date(2027, 1, 1));
    }

    #[test]
    fn a_period_is_compared_with_as_much_of_the_one_before() {
        let half = Period::of(PeriodKind::Monthly, date(2026, 3, 15).plus(Duration::from_secs(5)));
        let range = half.same_part_of_previous();
        assert_eq!(
            range,
            Range { since: date(2026, 2, 1), until: date(2026, 2, 15).plus(Duration::from_secs(5)) }
        );
        // February has no 30th: all of it is what there is.
        let late = Period::of(PeriodKind::Monthly, date(2026, 3, 30));
        assert_eq!(late.same_part_of_previous(), Range { since: date(2026, 2, 1), until: date(2026, 3, 1) });
        let over = Period::named("2026-02", date(2026, 3, 30)).expect("a month");
        assert_eq!(over.same_part_of_previous(), Range { since: date(2026, 1, 1), until: date(2026, 2, 1) });
    }

    #[test]
    fn what_is_no_period_is_refused() {
        let now = date(2026, 11, 24);
        for wrong in [
            "",
            "2026",
            "2026-13",
            "2026-W54",
            "2025-W53",
            "2026-W00",
            "2026-02-30",
            "2026-1",
            "26-10",
            "2026-10-01-01",
            "next",
        ] {
            let error = Period::named(wrong, now).expect_err(wrong).to_string();
            assert!(error.contains("is no period; expected a month such as"), "{error}");
        }
        let error = Period::named("2026-12", now).expect_err("the future").to_string();
        assert_eq!(error, "`2026-12` has not begun: it is 2026-11-24T00:00:00.000Z");
    }

    proptest! {
        #[test]
        fn periods_follow_each_other_and_are_found_by_their_names(
            nanos in -9_000_000_000_000_000_000..9_000_000_000_000_000_000_i64, kind in prop::sample::select(PeriodKind::ALL)
        ) {
            let now = Timestamp::from_nanos(nanos);
            let period = Period::of(kind, now);
            prop_assert!(period.start() <= now && now < period.end());
            prop_assert_eq!(period.previous().end(), period.start());
            prop_assert_eq!(Period::named(&period.name(), now), Ok(period));
        }

        #[test]
        fn no_moment_panics(nanos in any::<i64>(), kind in prop::sample::select(PeriodKind::ALL)) {
            let period = Period::of(kind, Timestamp::from_nanos(nanos));
            let _ = (period.name(), period.title(), period.previous(), period.same_part_of_previous());
        }
    }
}

//! The table `sessions`: what each session did and cost on each day.
//!
//! Written together with the sums of hours and days, and read by reports: what it takes to ask grows with the sessions
//! of a time, not with its calls.

use super::{History, closed, rows};
use crate::json::read::cost_of;
use jobmon_core::report::Sessions;
use jobmon_core::{Cost, CostSum, Event, Operation, Range, Text, Timestamp, Usd};
use rusqlite::{Connection, Row, params_from_iter, types::Value};
use std::collections::BTreeMap;

/// Columns of a [`Sum`], in its order.
pub(super) const COLUMNS: [&str; 9] = [
    "calls",
    "model_calls",
    "cost_nanodollars",
    "cost_known",
    "cost_at_least",
    "cost_unpriced",
    "wasted_nanodollars",
    "outcomes",
    "outcome_value_nanodollars",
];

/// What a session did and cost, or by how much that changes: the numbers of [`COLUMNS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum(pub(super) [i64; COLUMNS.len()]);

/// By day and session; what has no session is under the empty text.
pub(super) type Sums = BTreeMap<(Timestamp, Text), Sum>;

impl Sum {
    /// `None` for what sessions do not count.
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Call(call) => Some(Self::of_call(call.is_model_call(), call.cost, call.wasted())),
            Event::Late(late) => late.cost().map(|cost| Self::spent(cost, late.wasted())),
            Event::Outcome(outcome) => {
                Some(Self([0, 0, 0, 0, 0, 0, 0, 1, outcome.value.unwrap_or_default().nanos()]))
            }
            _ => None,
        }
    }

    fn of_call(to_a_model: bool, cost: Option<Cost>, wasted: Usd) -> Self {
        let mut sum = cost.map_or_else(Self::default, |cost| Self::spent(cost, wasted));
        (sum.0[0], sum.0[1]) = (1, i64::from(to_a_model));
        sum
    }

    fn spent(cost: Cost, wasted: Usd) -> Self {
        let [known, at_least, unpriced] = match cost {
            Cost::Known(_) => [1, 0, 0],
            Cost::AtLeast(_) => [0, 1, 0],
            Cost::Unpriced => [0, 0, 1],
        };
        Self([0, 0, cost.floor().nanos(), known, at_least, unpriced, wasted.nanos(), 0, 0])
    }

    pub(super) fn from_row(row: &Row<'_>, at: usize) -> rusqlite::Result<Self> {
        let mut sum = Self::default();
        for (n, number) in sum.0.iter_mut().enumerate() {
            *number = row.get(at + n)?;
        }
        Ok(sum)
    }

    fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(number, more)| *number = number.saturating_add(more));
    }

    /// Calls, and the numbers of the cost.
    pub(super) const fn in_short(&self) -> closed::Spent {
        let [calls, _, nanos, known, at_least, unpriced, ..] = self.0;
        [calls, nanos, known, at_least, unpriced]
    }

    /// Calls of every kind.
    pub(super) fn calls(&self) -> u64 {
        unsigned(self.0[0])
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Adds an event to the session and day it counts for.
pub(super) fn count(sums: &mut Sums, event: &Event) {
    if let Some(sum) = Sum::of(event) {
        put(sums, event, &sum);
    }
}

/// Adds to the session and day that an event counts for.
pub(super) fn put(sums: &mut Sums, event: &Event, sum: &Sum) {
    let session = event.scope().session.clone().unwrap_or(Text::literal(""));
    sums.entry((event.at().day(), session)).or_default().merge(sum);
}

/// Adds sums to those that are stored: one statement for each day and session.
pub(super) fn add(connection: &Connection, sums: &Sums) -> rusqlite::Result<()> {
    // What does not fit becomes a floating-point number, which the cast takes back to the largest whole one.
    let added = COLUMNS.map(|name| format!("{name} = CAST({name} + excluded.{name} AS INTEGER)"));
    let mut upsert = connection.prepare_cached(&format!(
        "INSERT INTO sessions (start, session, {}) VALUES (?, ?{}) ON CONFLICT DO UPDATE SET {}",
        COLUMNS.join(", "),
        ", ?".repeat(COLUMNS.len()),
        added.join(", ")
    ))?;
    for ((day, session), sum) in sums {
        let key = [Value::Integer(day.nanos()), Value::Text(session.to_string())];
        upsert.execute(params_from_iter(key.into_iter().chain(sum.0.map(Value::Integer))))?;
    }
    Ok(())
}

/// Puts what a session cost to what has no session.
pub(super) fn forget(connection: &Connection, session: &str) -> rusqlite::Result<()> {
    let mut sums = Sums::new();
    {
        let mut statement = connection
            .prepare(&format!("SELECT start, {} FROM sessions WHERE session = ?1", COLUMNS.join(", ")))?;
        let mut rows = statement.query([session])?;
        while let Some(row) = rows.next()? {
            let day = Timestamp::from_nanos(row.get(0)?);
            sums.entry((day, Text::literal(""))).or_default().merge(&Sum::from_row(row, 1)?);
        }
    }
    connection.execute("DELETE FROM sessions WHERE session = ?1", [session])?;
    add(connection, &sums)
}

/// Fills the table from the events that are there, a day at a time.
pub(super) fn fill(connection: &Connection) -> rusqlite::Result<()> {
    let mut sums = Sums::new();
    of_events(connection, Range::ALL, &mut |at, session, sum| {
        let day = at.day();
        if sums.keys().next().is_some_and(|(other, _)| *other != day) {
            add(connection, &std::mem::take(&mut sums))?;
        }
        sums.entry((day, Text::copied(session))).or_default().merge(&sum);
        Ok(())
    })?;
    add(connection, &sums)
}

/// Visits what single events add to sessions: calls, then facts, each in order of time. Of a call only a few columns are
/// read.
fn of_events(
    connection: &Connection,
    range: Range,
    visit: &mut dyn FnMut(Timestamp, &str, Sum) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let ends = (range.since.nanos(), range.until.nanos());
    let to_models = Operation::ALL.iter().filter(|operation| operation.is_model_call());
    let to_models: Vec<_> = to_models.map(|operation| format!("'{operation}'")).collect();
    let mut statement = connection.prepare_cached(&format!(
        "SELECT start, session, cost_grade, cost_nanodollars, wasted_nanodollars, operation IN ({}) OR
            coalesce(json_valid(rest) AND json_array_length(rest, '$.answers') > 0, FALSE)
         FROM calls WHERE start >= ?1 AND start < ?2 ORDER BY start",
        to_models.join(", ")
    ))?;
    let mut calls = statement.query(ends)?;
    while let Some(row) = calls.next()? {
        let grade = row.get_ref(2)?.as_str()?;
        let usd = row.get::<_, Option<i64>>(3)?.map(Usd::from_nanos);
        let cost = (!grade.is_empty()).then(|| cost_of(Some(grade), usd));
        let sum = Sum::of_call(row.get(5)?, cost, Usd::from_nanos(row.get(4)?));
        visit(Timestamp::from_nanos(row.get(0)?), row.get_ref(1)?.as_str()?, sum)?;
    }
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {} FROM facts WHERE at >= ?1 AND at < ?2 AND kind IN ('late', 'outcome') ORDER BY at",
        rows::FACT
    ))?;
    let mut facts = statement.query(ends)?;
    while let Some(row) = facts.next()? {
        let Some((_, event)) = rows::fact(row)? else { continue };
        if let Some(sum) = Sum::of(&event) {
            visit(event.at(), event.scope().session.as_deref().unwrap_or_default(), sum)?;
        }
    }
    Ok(())
}

/// Sessions of a time, as they are found: each day's by itself, by what their names are told by.
#[derive(Default)]
struct Found {
    sessions: Vec<(u64, closed::Spent)>,
    whole_days: Vec<Timestamp>,
}

impl Found {
    fn add(&mut self, session: &str, sum: &Sum) {
        self.sessions.push((closed::told_by(session), sum.in_short()));
    }

    fn together(mut self) -> Sessions {
        // Values of days are in order: a sort that makes use of that merges them.
        self.sessions.sort_by_key(|(name, _)| *name);
        let mut sessions = Sessions::new();
        sessions.whole_days = self.whole_days;
        let nothing = closed::told_by("");
        for days in self.sessions.chunk_by(|(one, _), (next, _)| one == next) {
            let mut spent = [0_i64; 5];
            for (_, more) in days {
                spent.iter_mut().zip(more).for_each(|(number, more)| *number = number.saturating_add(*more));
            }
            let [calls, nanos, known, at_least, unpriced] = spent;
            sessions.calls = sessions.calls.saturating_add(unsigned(calls));
            let cost = CostSum {
                usd: Usd::from_nanos(nanos),
                known: unsigned(known),
                at_least: unsigned(at_least),
                unpriced: unsigned(unpriced),
            };
            let is_session = days.first().is_some_and(|(name, _)| *name != nothing);
            if is_session && (calls > 0 || cost.cost().is_some()) {
                sessions.costs.push(cost);
            }
        }
        sessions
    }
}

impl History {
    /// What each session cost: whole days from the table, what is left over at the ends from single events.
    pub(super) fn sum_sessions(&self, range: Range) -> rusqlite::Result<Sessions> {
        let mut found = Found::default();
        let first = if range.since == range.since.day() { range.since } else { range.since.next_day() };
        let last = if range.until == Timestamp::MAX { range.until } else { range.until.day() };
        if first > last {
            self.part_of_a_day(range, &mut found)?;
        } else {
            self.part_of_a_day(Range { since: range.since, until: first }, &mut found)?;
            self.whole_days(Range { since: first, until: last }, &mut found)?;
            self.part_of_a_day(Range { since: last, until: range.until }, &mut found)?;
        }
        Ok(found.together())
    }

    /// Days that are over are one value each; the rows of others are read.
    fn whole_days(&self, range: Range, found: &mut Found) -> rusqlite::Result<()> {
        let mut day = range.since;
        while let Some(next) = self.next_day_with_sessions(day, range.until)? {
            if !closed::read(&self.connection, next, &mut found.sessions)? {
                let rows = Range { since: next, until: next.next_day() };
                self.stored_sessions(rows, &mut |_, session, sum| found.add(session, &sum))?;
            }
            day = next.next_day();
        }
        Ok(())
    }

    fn next_day_with_sessions(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> rusqlite::Result<Option<Timestamp>> {
        let mut find = self
            .connection
            .prepare_cached("SELECT min(start) FROM sessions WHERE start >= ?1 AND start < ?2")?;
        let day: Option<i64> = find.query_row((since.nanos(), until.nanos()), |row| row.get(0))?;
        Ok(day.map(Timestamp::from_nanos))
    }

    /// Visits the rows of days that start within a range.
    pub(super) fn stored_sessions(
        &self,
        range: Range,
        visit: &mut dyn FnMut(Timestamp, &str, Sum),
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT start, session, {} FROM sessions WHERE start >= ?1 AND start < ?2",
            COLUMNS.join(", ")
        ))?;
        let mut rows = statement.query((range.since.nanos(), range.until.nanos()))?;
        while let Some(row) = rows.next()? {
            visit(Timestamp::from_nanos(row.get(0)?), row.get_ref(1)?.as_str()?, Sum::from_row(row, 2)?);
        }
        Ok(())
    }

    /// Part of a day: its rows where the rest of the day is empty, else single events where all of them are kept, else its
    /// rows all the same.
    fn part_of_a_day(&self, range: Range, found: &mut Found) -> rusqlite::Result<()> {
        if range.since >= range.until {
            return Ok(());
        }
        let day = Range { since: range.since.day(), until: range.since.next_day() };
        let count = |sql: &str, range: Range| -> rusqlite::Result<i64> {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_row((range.since.nanos(), range.until.nanos()), |row| row.get(0))
        };
        let calls = "SELECT count(*) FROM calls WHERE start >= ?1 AND start < ?2";
        let facts = "SELECT count(*) FROM facts WHERE at >= ?1 AND at < ?2";
        let summed = "SELECT coalesce(sum(calls), 0) FROM hourly WHERE start >= ?1 AND start < ?2";
        let (all_calls, all_facts) = (count(summed, day)?, count(facts, day)?);
        if count(calls, range)? < all_calls || count(facts, range)? < all_facts {
            if count(calls, day)? == all_calls {
                return of_events(&self.connection, range, &mut |_, session, sum| {
                    found.add(session, &sum);
                    Ok(())
                });
            }
            // What is asked of the sums of hours counts whole hours then, too: that makes no difference to be told.
            let until = range.until.hour();
            let until = if until == range.until { until } else { range.until.next_hour() };
            let hours = Range { since: range.since.hour(), until };
            if count(summed, hours)? < all_calls || count(facts, hours)? < all_facts {
                found.whole_days.push(day.since);
            }
        }
        self.stored_sessions(day, &mut |_, session, sum| found.add(session, &sum))
    }
}

//! The table `session_days`: what all sessions cost on a day that is over, in one value.
//!
//! A report then reads a value for each day instead of a row for each session. It is made from the rows of the day, by
//! whoever writes, some time after the day is over; whatever changes a row throws the value of its day away, until it is
//! made again. Without it the rows are read: it only makes reports faster.

use super::sessions::{COLUMNS, Sum};
use crate::account::Difference;
use jobmon_core::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use std::time::{Duration, Instant};

pub(super) const TABLE: &str = "
CREATE TABLE session_days (start INTEGER PRIMARY KEY, costs BLOB NOT NULL) STRICT;
CREATE TRIGGER session_added AFTER INSERT ON sessions BEGIN DELETE FROM session_days WHERE start = NEW.start; END;
CREATE TRIGGER session_changed AFTER UPDATE ON sessions BEGIN DELETE FROM session_days WHERE start = NEW.start; END;
CREATE TRIGGER session_deleted AFTER DELETE ON sessions BEGIN DELETE FROM session_days WHERE start = OLD.start; END;
";

/// Between two looks for days that are over, and after one that failed.
const INTERVAL: Duration = Duration::from_secs(600);
const RETRY: Duration = Duration::from_secs(10);
/// A session in a value: what its name is told by, and [`Spent`].
const WIDTH: usize = 6 * size_of::<u64>();

/// Calls of a session, and the numbers of its cost.
pub(super) type Spent = [i64; 5];

/// What a session's name is told by: FNV-1a in 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>), the same on every machine.
pub(super) fn told_by(session: &str) -> u64 {
    session
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Puts together what sessions did on one day, in order of what their names are told by.
fn pack(connection: &Connection, day: Timestamp) -> rusqlite::Result<Vec<u8>> {
    let mut select = connection
        .prepare_cached(&format!("SELECT session, {} FROM sessions WHERE start = ?1", COLUMNS.join(", ")))?;
    let mut rows = select.query([day.nanos()])?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        sessions.push((told_by(row.get_ref(0)?.as_str()?), Sum::from_row(row, 1)?.in_short()));
    }
    sessions.sort_unstable();
    let mut packed = Vec::with_capacity(sessions.len() * WIDTH);
    for (name, spent) in sessions {
        packed.extend(name.to_le_bytes());
        spent.into_iter().for_each(|number| packed.extend(number.to_le_bytes()));
    }
    Ok(packed)
}

/// The sessions of a value.
fn unpack(packed: &[u8]) -> impl Iterator<Item = (u64, Spent)> {
    packed.chunks_exact(WIDTH).map(|session| {
        let mut words =
            session.chunks_exact(size_of::<u64>()).map(|word| <[u8; 8]>::try_from(word).unwrap_or_default());
        let mut word = || words.next().unwrap_or_default();
        let name = u64::from_le_bytes(word());
        (name, std::array::from_fn(|_| i64::from_le_bytes(word())))
    })
}

/// Adds what the value of a day has; says whether there is one.
pub(super) fn read(
    connection: &Connection,
    day: Timestamp,
    sessions: &mut Vec<(u64, Spent)>,
) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached("SELECT costs FROM session_days WHERE start = ?1")?;
    let mut rows = select.query([day.nanos()])?;
    let Some(row) = rows.next()? else { return Ok(false) };
    sessions.extend(unpack(row.get_ref(0)?.as_blob()?));
    Ok(true)
}

/// Days whose value is not what their rows make of it.
pub(super) fn wrong(connection: &Connection) -> rusqlite::Result<Vec<Difference>> {
    let calls = |packed: &[u8]| {
        unpack(packed).filter_map(|(_, [calls, ..])| u64::try_from(calls).ok()).fold(0, u64::saturating_add)
    };
    let mut wrong = Vec::new();
    let mut select = connection.prepare("SELECT start, costs FROM session_days")?;
    let mut days = select.query([])?;
    while let Some(row) = days.next()? {
        let start = Timestamp::from_nanos(row.get(0)?);
        let (expected, stored) = (pack(connection, start)?, row.get_ref(1)?.as_blob()?);
        if expected != stored {
            let (stored_calls, event_calls) = (calls(stored), calls(&expected));
            wrong.push(Difference { table: "session_days", start, stored_calls, event_calls });
        }
    }
    Ok(wrong)
}

/// The first day before another that has sessions and no value.
fn open_day(connection: &Connection, before: Timestamp) -> rusqlite::Result<Option<Timestamp>> {
    let mut find = connection.prepare_cached(
        "WITH RECURSIVE days (start) AS (
            SELECT min(start) FROM sessions
            UNION ALL SELECT (SELECT min(start) FROM sessions WHERE start > days.start) FROM days WHERE start < ?1)
         SELECT start FROM days
         WHERE start < ?1 AND NOT EXISTS (SELECT 1 FROM session_days WHERE session_days.start = days.start) LIMIT 1",
    )?;
    find.query_row([before.nanos()], |row| row.get(0)).optional().map(|day| day.map(Timestamp::from_nanos))
}

/// Looks from time to time for days that are over.
#[derive(Debug, Default)]
pub(super) struct Closer {
    next: Option<Instant>,
}

impl Closer {
    /// One that waits first, since much is about to be written.
    pub(super) fn later() -> Self {
        Self { next: Some(Instant::now() + INTERVAL) }
    }

    /// Makes the values of all days, now.
    pub(super) fn finish(&mut self, connection: &mut Connection) -> rusqlite::Result<()> {
        self.next = None;
        while self.look(connection)?.is_zero() {}
        Ok(())
    }

    /// Makes the value of one day, where one is to be made, and gives the time until it should be called again.
    pub(super) fn look(&mut self, connection: &mut Connection) -> rusqlite::Result<Duration> {
        let now = Instant::now();
        if let Some(next) = self.next.filter(|next| now < *next) {
            return Ok(next - now);
        }
        self.next = Some(now + RETRY);
        if let Some(day) = open_day(connection, Timestamp::now().day())? {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let packed = pack(&transaction, day)?;
            transaction.execute(
                "INSERT OR REPLACE INTO session_days (start, costs) VALUES (?1, ?2)",
                (day.nanos(), packed),
            )?;
            transaction.commit()?;
            self.next = None;
            return Ok(Duration::ZERO);
        }
        self.next = Some(now + INTERVAL);
        Ok(INTERVAL)
    }
}

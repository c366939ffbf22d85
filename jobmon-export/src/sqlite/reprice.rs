//! Prices a history again, after a correction of the prices.

use super::{HistoryError, Sqlite, audit, rows, schema, sessions};
use crate::account::Action;
use crate::repriced::Repriced;
use jobmon_core::{
    Cost, Dimension, Event, Key, Prices, Range, Resource, Rollup, SpanId, Text, Timestamp, Usd, reprice,
    reprice_late,
};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params, params_from_iter};
use serde_json::json;
use std::collections::HashMap;
use std::path::Path;

/// How sums of a key change.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    nanos: i64,
    known: i64,
    at_least: i64,
    unpriced: i64,
    wasted: i64,
}

impl Change {
    fn of(before: Option<Cost>, after: Option<Cost>, wasted: Usd, wasted_before: Usd) -> Self {
        let mut change = Self { wasted: wasted.nanos() - wasted_before.nanos(), ..Self::default() };
        for (cost, sign) in [(before, -1), (after, 1)] {
            let Some(cost) = cost else { continue };
            change.nanos += sign * cost.floor().nanos();
            let count = match cost {
                Cost::Known(_) => &mut change.known,
                Cost::AtLeast(_) => &mut change.at_least,
                Cost::Unpriced => &mut change.unpriced,
            };
            *count += sign;
        }
        change
    }

    fn add(&mut self, other: Self) {
        self.nanos += other.nanos;
        self.known += other.known;
        self.at_least += other.at_least;
        self.unpriced += other.unpriced;
        self.wasted += other.wasted;
    }
}

impl Sqlite {
    /// Prices the calls and late answers of a time again, as of when they were made, and corrects the sums
    /// of hours, days and sessions and what calls around them say was inside them: all in one transaction. Each event keeps what it cost at
    /// first; the table `repricings` and the audit log keep what was done, and who did it. Agents may write meanwhile; they wait while this runs.
    ///
    /// With `dry_run` everything is computed and nothing written.
    ///
    /// ```no_run
    /// use jobmon_core::{Prices, Range};
    /// use jobmon_export::Sqlite;
    ///
    /// let done = Sqlite::reprice("jobmon.db", Range::ALL, &Prices::bundled(), false, "anna")?;
    /// println!("{} of {} calls cost something else now", done.changed, done.looked_at);
    /// # Ok::<(), jobmon_export::HistoryError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no history, or it cannot be written. Nothing is changed then.
    ///
    /// # Cost
    /// Reads every event of that time.
    pub fn reprice(
        path: impl AsRef<Path>,
        range: Range,
        prices: &Prices,
        dry_run: bool,
        actor: &str,
    ) -> Result<Repriced, HistoryError> {
        let path = path.as_ref();
        if !path.exists() {
            return Err(HistoryError::Missing(path.to_owned()));
        }
        let mut connection = Self::open(path)?.connect()?;
        prices.warm_up();
        let failed = HistoryError::sqlite(path);
        again(&mut connection, range, prices, dry_run, actor).map_err(failed)
    }
}

fn again(
    connection: &mut Connection,
    range: Range,
    prices: &Prices,
    dry_run: bool,
    actor: &str,
) -> rusqlite::Result<Repriced> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut work = Work {
        transaction: &transaction,
        done: Repriced::default(),
        sums: HashMap::new(),
        by_session: sessions::Sums::new(),
    };
    let mut inside: HashMap<SpanId, Change> = HashMap::new();
    work.calls(range, prices, &mut inside)?;
    work.late_answers(range, prices)?;
    work.correct_sums()?;
    work.correct_rollups(inside)?;
    work.done.without_events = without_events(&transaction, range)?;
    let done = work.done;
    if dry_run {
        transaction.rollback()?;
        return Ok(done);
    }
    transaction.execute(
        "INSERT INTO repricings VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            Timestamp::now().nanos(),
            range.since.nanos(),
            range.until.nanos(),
            prices.version().as_str(),
            i64::try_from(done.looked_at).unwrap_or(i64::MAX),
            i64::try_from(done.changed).unwrap_or(i64::MAX),
            done.before.usd.nanos(),
            done.after.usd.nanos(),
        ],
    )?;
    let moment = |at: Timestamp| (at != Timestamp::MIN && at != Timestamp::MAX).then(|| at.to_string());
    let detail = json!({
        "since": moment(range.since), "until": moment(range.until), "prices": prices.version().as_str(),
        "looked_at": done.looked_at, "changed": done.changed,
        "before": done.before.usd.to_string(), "after": done.after.usd.to_string(),
    });
    audit::append(&transaction, actor, Action::Reprice, &detail)?;
    transaction.commit()?;
    Ok(done)
}

struct Work<'a> {
    transaction: &'a Transaction<'a>,
    done: Repriced,
    /// By start of the hour.
    sums: HashMap<(Timestamp, Key), Change>,
    by_session: sessions::Sums,
}

impl Work<'_> {
    fn calls(
        &mut self,
        range: Range,
        prices: &Prices,
        inside: &mut HashMap<SpanId, Change>,
    ) -> rusqlite::Result<()> {
        let mut select = self.transaction.prepare(&format!(
            "SELECT {}, rowid AS row FROM calls WHERE start >= ?1 AND start < ?2 AND cost_grade != '' ORDER BY start",
            rows::CALL
        ))?;
        let mut update = self.transaction.prepare(
            "UPDATE calls SET cost_nanodollars = ?2, cost_grade = ?3, wasted_nanodollars = ?4, prices = ?5, rest = ?6
             WHERE rowid = ?1",
        )?;
        let mut found = select.query((range.since.nanos(), range.until.nanos()))?;
        while let Some(row) = found.next()? {
            let number: i64 = row.get("row")?;
            let (resource, before) = rows::call(row)?;
            let mut call = before.clone();
            let changed = reprice(&mut call, prices);
            let change = Change::of(before.cost, call.cost, call.wasted(), before.wasted());
            let name = (before.provider.as_deref(), before.model_name().map(Text::as_str));
            self.count(changed, before.cost, call.cost, name);
            if !changed {
                continue;
            }
            update.execute(params![
                number,
                call.cost.and_then(rows::priced).map(Usd::nanos),
                call.cost.map_or("", Cost::grade),
                call.wasted().nanos(),
                call.prices.as_deref().unwrap_or_default(),
                rows::rest(&call),
            ])?;
            if let Some(parent) = call.parent {
                inside.entry(parent).or_default().add(change);
            }
            self.sum(&resource, &Event::Call(Box::new(call)), change);
        }
        Ok(())
    }

    fn late_answers(&mut self, range: Range, prices: &Prices) -> rusqlite::Result<()> {
        let mut select = self.transaction.prepare(&format!(
            "SELECT {}, rowid AS row FROM facts WHERE at >= ?1 AND at < ?2 AND kind = 'late' ORDER BY at",
            rows::FACT
        ))?;
        let mut update =
            self.transaction.prepare("UPDATE facts SET nanodollars = ?2, rest = ?3 WHERE rowid = ?1")?;
        let mut found = select.query((range.since.nanos(), range.until.nanos()))?;
        while let Some(row) = found.next()? {
            let number: i64 = row.get("row")?;
            let Some((resource, Event::Late(before))) = rows::fact(row)? else { continue };
            if before.answer.is_none() {
                continue;
            }
            let mut late = before.clone();
            let changed = reprice_late(&mut late, prices);
            let change = Change::of(before.cost(), late.cost(), late.wasted(), before.wasted());
            let subject = before.fact.subject.as_ref();
            let provider = subject.and_then(|subject| subject.provider.as_deref());
            let model = subject.and_then(|subject| subject.model.as_deref());
            self.count(changed, before.cost(), late.cost(), (provider, model));
            if changed {
                let nanos = late.cost().and_then(rows::priced).map(Usd::nanos);
                update.execute(params![number, nanos, rows::late_rest(&late)])?;
                self.sum(&resource, &Event::Late(late), change);
            }
        }
        Ok(())
    }

    fn count(
        &mut self,
        changed: bool,
        before: Option<Cost>,
        after: Option<Cost>,
        (provider, model): (Option<&str>, Option<&str>),
    ) {
        self.done.looked_at += 1;
        before.inspect(|cost| self.done.before.add(*cost));
        after.inspect(|cost| self.done.after.add(*cost));
        if changed {
            self.done.changed += 1;
            let name = (provider.map(str::to_owned), model.map(str::to_owned));
            let of_model = self.done.models.entry(name).or_default();
            of_model.changed += 1;
            before.inspect(|cost| of_model.before.add(*cost));
            after.inspect(|cost| of_model.after.add(*cost));
        }
    }

    fn sum(&mut self, resource: &Resource, event: &Event, change: Change) {
        let Change { nanos, known, at_least, unpriced, wasted } = change;
        let spent = sessions::Sum([0, 0, nanos, known, at_least, unpriced, wasted, 0, 0]);
        sessions::put(&mut self.by_session, event, &spent);
        let key = Key::of(resource, event).only(Dimension::ROLLUP);
        self.sums.entry((event.at().hour(), key)).or_default().add(change);
    }

    fn correct_sums(&self) -> rusqlite::Result<()> {
        sessions::add(self.transaction, &self.by_session)?;
        let same: Vec<_> =
            schema::dimensions().enumerate().map(|(n, name)| format!("{name} = ?{}", n + 7)).collect();
        for table in ["hourly", "daily"] {
            let mut update = self.transaction.prepare(&format!(
                "UPDATE {table} SET cost_nanodollars = cost_nanodollars + ?2, cost_known = cost_known + ?3,
                 cost_at_least = cost_at_least + ?4, cost_unpriced = cost_unpriced + ?5,
                 wasted_nanodollars = wasted_nanodollars + ?6 WHERE start = ?1 AND {}",
                same.join(" AND ")
            ))?;
            for ((hour, key), change) in &self.sums {
                let start = if table == "daily" { hour.day() } else { *hour };
                let Change { nanos, known, at_least, unpriced, wasted } = *change;
                let numbers = [start.nanos(), nanos, known, at_least, unpriced, wasted].map(Value::Integer);
                let text = |dimension: &Dimension| {
                    Value::Text(key.get(*dimension).map_or_else(String::new, ToString::to_string))
                };
                update.execute(params_from_iter(
                    numbers.into_iter().chain(Dimension::ROLLUP.iter().map(text)),
                ))?;
            }
        }
        Ok(())
    }

    /// Calls around those that changed, from inside out.
    fn correct_rollups(&self, mut inside: HashMap<SpanId, Change>) -> rusqlite::Result<()> {
        let mut select = self
            .transaction
            .prepare(&format!("SELECT {}, rowid AS row FROM calls WHERE span_id = ?1", rows::CALL))?;
        let mut update = self.transaction.prepare("UPDATE calls SET rest = ?2 WHERE rowid = ?1")?;
        while let Some(span) = inside.keys().next().copied() {
            let Some(change) = inside.remove(&span) else { break };
            let found = select
                .query_row([span.to_bytes()], |row| Ok((row.get::<_, i64>("row")?, rows::call(row)?.1)))
                .optional()?;
            let Some((number, mut call)) = found else { continue };
            let Some(rollup) = call.rollup.as_deref_mut() else { continue };
            change_rollup(rollup, change);
            update.execute(params![number, rows::rest(&call)])?;
            if let Some(parent) = call.parent {
                inside.entry(parent).or_default().add(change);
            }
        }
        Ok(())
    }
}

fn change_rollup(rollup: &mut Rollup, change: Change) {
    rollup.cost.usd += Usd::from_nanos(change.nanos);
    for (count, by) in [
        (&mut rollup.cost.known, change.known),
        (&mut rollup.cost.at_least, change.at_least),
        (&mut rollup.cost.unpriced, change.unpriced),
    ] {
        *count = count.saturating_add_signed(by);
    }
}

/// Calls of whole hours of a time that only sums know.
fn without_events(transaction: &Transaction<'_>, range: Range) -> rusqlite::Result<u64> {
    let count = |sql: &str, since: Timestamp, until: Timestamp| -> rusqlite::Result<i64> {
        transaction.query_row(sql, (since.nanos(), until.nanos()), |row| row.get(0))
    };
    let since = if range.since == range.since.hour() { range.since } else { range.since.next_hour() };
    let until = if range.until == Timestamp::MAX { range.until } else { range.until.hour() };
    let summed =
        count("SELECT coalesce(sum(calls), 0) FROM hourly WHERE start >= ?1 AND start < ?2", since, until)?;
    let kept = count("SELECT count(*) FROM calls WHERE start >= ?1 AND start < ?2", since, until)?;
    Ok(u64::try_from(summed - kept).unwrap_or(0))
}

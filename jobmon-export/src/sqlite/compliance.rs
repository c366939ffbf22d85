//! What is stored where, for how long, of whom, by which models.

use super::{History, HistoryError};
use jobmon_core::report::{Report, ReportKind, Section};
use jobmon_core::{Aggregate, Quantity, Range, Retention, Stored, Text, Timestamp};
use rusqlite::Row;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

impl History {
    /// What a data protection officer asks: what is stored, from when and for how long; which models of which providers
    /// were asked, and at which address; whether users are hashed; what services send elsewhere and whether they capture
    /// content; what was erased, exported and silenced, and whether the account of it is whole.
    ///
    /// # Errors
    /// When the history cannot be read.
    ///
    /// # Cost
    /// Goes through all single calls once.
    pub fn compliance(&self, retention: Retention) -> Result<Report, HistoryError> {
        let failed = HistoryError::sqlite(&self.path);
        let snapshot = self.connection.unchecked_transaction().map_err(&failed)?;
        let sections = vec![
            self.stored(retention).map_err(&failed)?,
            self.models().map_err(&failed)?,
            self.users().map_err(&failed)?,
            self.services().map_err(&failed)?,
            self.redactions().map_err(&failed)?,
            self.account()?,
        ];
        drop(snapshot);
        Ok(Report::of_sections(ReportKind::Compliance, Range::ALL, sections))
    }

    fn stored(&self, retention: Retention) -> rusqlite::Result<Section> {
        let groups = ["kind", "kept_for", "oldest", "newest"];
        let mut section = Section::new("stored", "What is stored", groups, ["rows"]);
        section.always = true;
        for (kind, sql) in [
            (Stored::Content, "SELECT start AS at FROM calls WHERE json_type(rest, '$.content') IS NOT NULL"),
            (
                Stored::Users,
                "SELECT start AS at FROM calls WHERE user != '' UNION ALL SELECT at FROM facts WHERE user != ''",
            ),
            (Stored::Calls, "SELECT start AS at FROM calls"),
            (Stored::Facts, "SELECT at FROM facts"),
            (Stored::Sessions, "SELECT start AS at FROM sessions"),
            (Stored::Hours, "SELECT start AS at FROM hourly"),
            (Stored::Days, "SELECT start AS at FROM daily"),
        ] {
            let sql = format!("SELECT count(*), min(at), max(at) FROM ({sql})");
            let (rows, oldest, newest): (i64, Option<i64>, Option<i64>) =
                self.connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let kept = retention.of(kind).map_or("for ever".to_owned(), days);
            let moment = |at: Option<i64>| at.map(|at| Text::from(Timestamp::from_nanos(at).to_string()));
            let group = vec![
                Some(Text::literal(kind.name())),
                Some(Text::from(kept)),
                moment(oldest),
                moment(newest),
            ];
            section.push(group, vec![count(rows)]);
        }
        Ok(section)
    }

    fn models(&self) -> rusqlite::Result<Section> {
        let groups = ["provider", "model", "host"];
        let mut section = Section::new("models", "Models that were asked, and where", groups, ["calls"]);
        let mut statement = self.connection.prepare(
            "SELECT provider, model, coalesce(json_extract(rest, '$.pricing.api_url'), ''), count(*) FROM calls
             WHERE model != '' OR provider != '' GROUP BY 1, 2, 3",
        )?;
        let mut found: BTreeMap<[String; 3], i64> = BTreeMap::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let url: String = row.get(2)?;
            *found.entry([row.get(0)?, row.get(1)?, host(&url).to_owned()]).or_default() +=
                row.get::<_, i64>(3)?;
        }
        for (group, calls) in found {
            let group = group.map(|text| Some(Text::from(text)).filter(|text| !text.is_empty()));
            section.push(group.to_vec(), vec![count(calls)]);
        }
        Ok(section)
    }

    fn users(&self) -> rusqlite::Result<Section> {
        let mut section = Section::new("users", "Users", ["recorded"], ["users"]);
        let mut statement = self.connection.prepare(
            "SELECT user GLOB 'u-[0-9a-f]*' AND length(user) = 18, count(*)
             FROM (SELECT DISTINCT user FROM calls WHERE user != '' UNION SELECT DISTINCT user FROM facts WHERE user != '')
             GROUP BY 1",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let how = if row.get(0)? { "as pseudonyms" } else { "as they were given" };
            section.push(vec![Some(Text::literal(how))], vec![count(row.get(1)?)]);
        }
        Ok(section)
    }

    /// What each service was set up with last.
    fn services(&self) -> rusqlite::Result<Section> {
        let groups = ["service", "environment", "sends_to", "captures_content", "hashes_users", "since"];
        let mut section = Section::new(
            "services",
            "Services that write, and where else they send",
            groups,
            ["sampling_rate"],
        );
        let mut statement = self.connection.prepare(
            "SELECT actor, at, detail FROM audit WHERE seq IN
                (SELECT max(seq) FROM audit WHERE action = 'configuration' GROUP BY actor) ORDER BY actor",
        )?;
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let services: Vec<(String, i64, String)> =
            statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
        for (service, at, detail) in services {
            let detail: Value = serde_json::from_str(&detail).unwrap_or_default();
            let names = detail["exporters"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let yes = |key: &str| Text::literal(if detail[key] == true { "yes" } else { "no" });
            let group = vec![
                Some(Text::from(service)),
                detail["environment"].as_str().map(Text::copied),
                Some(Text::from(names.collect::<Vec<_>>().join(", "))),
                Some(yes("capture_content")),
                Some(yes("users_are_hashed")),
                Some(Text::from(Timestamp::from_nanos(at).to_string())),
            ];
            section.push(group, vec![detail["sampling_rate"].as_f64().map(Quantity::Ratio)]);
        }
        Ok(section)
    }

    /// What was removed before it was stored, and marks of injection.
    fn redactions(&self) -> rusqlite::Result<Section> {
        let mut section =
            Section::new("redactions", "What was removed before it was stored", ["what"], ["times"]);
        let columns = Aggregate::NUMBERS.iter().copied();
        let columns = columns.filter(|name| name.starts_with("redacted_") || *name == "injection_markers");
        for column in columns {
            let sql = format!("SELECT coalesce(sum({column}), 0) FROM daily");
            let times = self.connection.query_row(&sql, [], |row| row.get(0))?;
            section.push(vec![Some(Text::literal(column))], vec![count(times)]);
        }
        Ok(section)
    }

    fn account(&self) -> Result<Section, HistoryError> {
        let mut section = Section::new("account", "What was done", ["action", "last"], ["entries"]);
        section.always = true;
        let mut actions: BTreeMap<Text, (Timestamp, i64)> = BTreeMap::new();
        for entry in self.audit()? {
            let (last, entries) = actions.entry(entry.action).or_insert((entry.at, 0));
            (*last, *entries) = (entry.at, *entries + 1);
        }
        for (action, (last, entries)) in actions {
            section.push(vec![Some(action), Some(Text::from(last.to_string()))], vec![count(entries)]);
        }
        section.note = Some(match self.verify_audit(None)? {
            Ok(head) if head.entries == 0 => "the audit log is empty".to_owned(),
            Ok(head) => format!("the audit log is whole: {} entries, head {}", head.entries, head.hash),
            Err(broken) => broken.to_string(),
        });
        Ok(section)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "figures may be unknown")]
fn count(rows: i64) -> Option<Quantity> {
    Some(Quantity::Count(u64::try_from(rows).unwrap_or(0)))
}

/// `7 days`, `36 hours`.
fn days(time: Duration) -> String {
    let hours = time.as_secs() / 3_600;
    let (number, unit) = if hours.is_multiple_of(24) { (hours / 24, "day") } else { (hours, "hour") };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// The host of an address.
fn host(url: &str) -> &str {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

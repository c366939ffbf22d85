//! `jobmon history`, `jobmon audit` and `jobmon compliance`: looking after a history.

use crate::args::{Source, Span, filter};
use crate::commands::{Message, message, pretty};
use crate::export::{Format, Rows};
use crate::place::Place;
use crate::report::Format as ReportFormat;
use clap::{Args as Group, Subcommand, ValueEnum};
use jobmon_core::{Align, Dimension, Filter, Redaction, Table, Text};
use jobmon_export::{Action, AuditEntry, History, Sqlite};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Compare the hourly and daily sums with the events they were made of
    Check {
        #[command(flatten)]
        source: Source,
    },
    /// Delete what is older than `[retention]` says, at once; agents do it by and by
    Prune {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        config: Config,
    },
    /// Write the file anew without what is empty in it, after much was deleted
    Vacuum {
        #[command(flatten)]
        source: Source,
    },
    /// Delete all about one user
    Erase {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        config: Config,
        /// The user, as the program named them: with `user_key` in the configuration their pseudonym is looked for, too
        #[arg(long, value_name = "ID")]
        user: String,
    },
    /// Write single events as JSON lines, CSV or Parquet, such as all about one user
    Export {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        config: Config,
        #[command(flatten)]
        span: Span,
        /// Only this user, by id or pseudonym
        #[arg(long, value_name = "ID")]
        user: Option<String>,
        /// Which events: `dimension=value`, `dimension!=value`, `dimension=a,b`; `dimension=` for those without one
        #[arg(long, value_name = "FILTER", value_parser = filter)]
        filter: Vec<Filter>,
        /// Where to write it
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
        /// As what; without it the ending of the file says so: `.csv`, `.parquet`, else JSON lines
        #[arg(long, value_enum)]
        format: Option<Format>,
        /// Which events are rows of a table; default: calls
        #[arg(long, value_enum)]
        rows: Option<Rows>,
    },
}

/// Where the configuration is.
#[derive(Debug, Group)]
pub(crate) struct Config {
    /// The configuration; default: jobmon.toml, where there is one
    #[arg(long, value_name = "FILE", env = "JOBMON_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// What was done: configurations, exports, deletions, erasures, silences
    List {
        #[command(flatten)]
        source: Source,
        /// How to print it
        #[arg(long, value_enum, default_value = "terminal")]
        format: AuditFormat,
    },
    /// Check that no entry was changed or removed; status 1 if one was
    Verify {
        #[command(flatten)]
        source: Source,
        /// A head that was printed before and kept elsewhere: that nothing was cut off since
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AuditFormat {
    /// Text in columns
    Terminal,
    /// A JSON array
    Json,
}

#[derive(Debug, Group)]
pub(crate) struct ComplianceArgs {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    config: Config,
    /// How to print it
    #[arg(long, value_enum, default_value = "terminal")]
    format: ReportFormat,
    /// Where to write it, instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Who calls the command, for the audit log.
pub(crate) fn actor() -> String {
    let user = ["USER", "USERNAME", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    format!("jobmon command of {}", user.as_deref().unwrap_or("somebody"))
}

pub(crate) fn run(command: HistoryCommand) -> Result<String, Message> {
    match command {
        HistoryCommand::Check { source } => {
            let found = match source.here()? {
                Place::File(path) => History::open(path).map_err(message)?.check(),
                Place::ClickHouse { history, .. } => history.check(),
                Place::Spans { .. } => return Err(crate::place::READ_ONLY.to_owned()),
            };
            crate::commands::check(&found.map_err(message)?)
        }
        HistoryCommand::Vacuum { source } => {
            let file = source.file("`jobmon history vacuum`")?;
            let (before, after) = Sqlite::vacuum(file).map_err(message)?;
            Ok(format!("{before} bytes before, {after} bytes now\n"))
        }
        HistoryCommand::Prune { source, config } => prune(&source, config.config.as_deref()),
        HistoryCommand::Erase { source, config, user } => erase(&source, config.config.as_deref(), &user),
        HistoryCommand::Export { source, config, span, user, filter, output, format, rows } => {
            let mut filters = filter;
            filters.extend(of_user(config.config.as_deref(), user.as_deref())?);
            crate::export::run(&source, &span, filters, &output, (format, rows))
        }
    }
}

fn prune(source: &Source, config: Option<&Path>) -> Result<String, Message> {
    let retention = jobmon_export::retention(config).map_err(message)?;
    if retention.limits().next().is_none() {
        return Err("nothing says how long what is kept: write `[retention]` in jobmon.toml, such as \
                    `content = \"7d\"` and `calls = \"90d\"`, or JOBMON_RETENTION=content=7d,calls=90d"
            .to_owned());
    }
    let pruned = match source.here()? {
        Place::File(path) => Sqlite::prune(path, retention, &actor()).map_err(message)?,
        Place::ClickHouse { history, .. } => history.prune(retention).map_err(message)?,
        Place::Spans { .. } => return Err(crate::place::READ_ONLY.to_owned()),
    };
    let mut text = String::new();
    for (kind, rows) in &pruned.deleted {
        text.push_str(&format!("{kind}: {rows} rows deleted\n"));
    }
    if pruned.deleted.is_empty() {
        text.push_str("Nothing is older than it may be.\n");
    }
    if pruned.left.is_empty() {
        return Ok(text);
    }
    let left: Vec<_> = pruned.left.iter().map(|(kind, rows)| format!("{rows} of {kind}")).collect();
    Err(format!("{text}still there, and should not be: {}; run it again", left.join(", ")))
}

fn erase(source: &Source, config: Option<&Path>, user: &str) -> Result<String, Message> {
    if user.is_empty() {
        return Err("--user is empty; name the user".to_owned());
    }
    let key = jobmon_export::user_key(config).map_err(message)?;
    let (erased, place) = match source.here()? {
        Place::File(path) => {
            (Sqlite::erase_user(path, user, key.as_ref(), &actor()).map_err(message)?, "file")
        }
        Place::ClickHouse { history, .. } => {
            (history.erase_user(user, key.as_ref()).map_err(message)?, "table of events")
        }
        Place::Spans { .. } => return Err(crate::place::READ_ONLY.to_owned()),
    };
    let found = format!(
        "{} calls and {} facts deleted; the sums of {} sessions have no session any more\n",
        erased.calls, erased.facts, erased.sessions
    );
    let elsewhere = "What was sent or written elsewhere (JSON lines, OpenTelemetry, exports, backups) has to be deleted \
                     there.\n";
    match erased.gone {
        Some(true) => Ok(format!("{found}The id is nowhere in the {place} any more.\n{elsewhere}")),
        None => Ok(format!("{found}The id is too short to look for it in the {place}.\n{elsewhere}")),
        Some(false) => Err(format!(
            "{found}the id is still in the {place}: in an attribute, a name, or in what is being written; look for it with \
             `jobmon history export`"
        )),
    }
}

/// Tells the audit log that a report was written to a file.
pub(crate) fn exported(source: &Source, what: &str, output: Option<&Path>) -> Result<(), Message> {
    // A ClickHouse has no audit log of ours; its own `system.query_log` has who asked what.
    let (Some(output), None) = (output, &source.history) else { return Ok(()) };
    let db = &source.db;
    let name = output.file_name().map(|name| name.to_string_lossy().into_owned());
    let detail = json!({ "what": what, "file": name });
    Sqlite::record_audit(db, &actor(), Action::Export, &detail).map_err(message)
}

/// A user by id, and by pseudonym where ids are hashed.
fn of_user(config: Option<&Path>, user: Option<&str>) -> Result<Option<Filter>, Message> {
    let Some(user) = user else { return Ok(None) };
    let key = jobmon_export::user_key(config).map_err(message)?;
    let pseudonym = key.map(|key| Some(key.pseudonym(user)));
    let values =
        [Some(Text::copied(user)), Some(Redaction::stand_in(user))].into_iter().chain(pseudonym).collect();
    Ok(Some(Filter { dimension: Dimension::User, negated: false, values }))
}

/// Tells the audit log that events were written to a file.
pub(crate) fn exported_events(source: &Source, events: u64, output: &Path) -> Result<(), Message> {
    if source.history.is_some() {
        return Ok(());
    }
    let name = output.file_name().map(|name| name.to_string_lossy().into_owned());
    let detail = json!({ "what": "events", "events": events, "file": name });
    Sqlite::record_audit(&source.db, &actor(), Action::Export, &detail).map_err(message)
}

pub(crate) fn audit(command: &AuditCommand) -> Result<crate::commands::Answer, Message> {
    match command {
        AuditCommand::List { source, format } => {
            let entries =
                History::open(source.file("the audit log")?).map_err(message)?.audit().map_err(message)?;
            Ok(list(&entries, *format).into())
        }
        AuditCommand::Verify { source, head } => {
            let history = History::open(source.file("the audit log")?).map_err(message)?;
            Ok(match history.verify_audit(head.as_deref()).map_err(message)? {
                Ok(found) if found.entries == 0 => "The audit log is empty.\n".to_owned().into(),
                Ok(found) => format!(
                    "The audit log is whole: {} entries.\nhead {}\nKeep it elsewhere: with --head it shows later that \
                     nothing was cut off.\n",
                    found.entries, found.hash
                )
                .into(),
                Err(broken) => crate::commands::Answer { text: format!("{broken}\n"), status: 1 },
            })
        }
    }
}

fn list(entries: &[AuditEntry], format: AuditFormat) -> String {
    if let AuditFormat::Json = format {
        let entry = |entry: &AuditEntry| {
            json!({
                "number": entry.number, "at": entry.at.to_string(), "actor": entry.actor.as_str(),
                "action": entry.action.as_str(), "detail": entry.detail,
            })
        };
        return pretty(&Value::Array(entries.iter().map(entry).collect()));
    }
    if entries.is_empty() {
        return "The audit log is empty.\n".to_owned();
    }
    let heads =
        [("number", Align::Right), ("at", Align::Left), ("actor", Align::Left), ("action", Align::Left)];
    let mut table = Table::new(heads.into_iter().chain([("detail", Align::Left)]));
    for entry in entries {
        table.row([
            entry.number.to_string(),
            entry.at.to_string(),
            entry.actor.to_string(),
            entry.action.to_string(),
            entry.detail.to_string(),
        ]);
    }
    table.to_text()
}

pub(crate) fn compliance(args: &ComplianceArgs) -> Result<String, Message> {
    let retention = jobmon_export::retention(args.config.config.as_deref()).map_err(message)?;
    let history = History::open(args.source.file("`jobmon compliance`")?).map_err(message)?;
    let report = history.compliance(retention).map_err(message)?;
    args.format.print(&report, args.output.as_deref())
}

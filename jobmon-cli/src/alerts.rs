//! `jobmon alerts`: what they are, what fires now, and what would have fired.

use crate::args::{Source, Span};
use crate::commands::{Answer, Message, message, pretty, range};
use crate::time::{age, point};
use clap::{Args as Group, Subcommand, ValueEnum};
use jobmon_core::report::notice_to_json;
use jobmon_core::{
    Alert, AlertReplay, Align, Dimension, Engine, Event, Notice, NoticeKind, Quantity, Range, Resource,
    Table, Timestamp,
};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// Show the alerts of a configuration
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Say which alerts fire now, by the history; ends with status 1 if one does
    Check {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        which: Which,
        /// How to print it
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Silence an alert in all agents that write the history; without a name, show what is silenced
    Silence {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        silence: SilenceArgs,
    },
    /// Replay alerts over the history: when would they have fired?
    Test {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        span: Span,
        #[command(flatten)]
        tried: Tried,
        /// How to print it
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
}

/// Which alerts.
#[derive(Debug, Group)]
pub(crate) struct Which {
    /// Only these, by name
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The configuration with `[[alerts]]`; default: `JOBMON_CONFIG`, else `jobmon.toml`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Which alert nobody is to hear of, and for how long.
#[derive(Debug, Group)]
pub(crate) struct SilenceArgs {
    /// The alert, by name
    #[arg(requires = "how")]
    name: Option<String>,
    /// For a time from now on, such as `2h`
    #[arg(long = "for", group = "how", requires = "name", value_parser = duration)]
    time: Option<Duration>,
    /// Up to a moment (`2026-12-01T08:00:00Z`) or a date
    #[arg(long, value_name = "TIME", group = "how", requires = "name", value_parser = moment)]
    until: Option<Timestamp>,
    /// Not any more
    #[arg(long, group = "how", requires = "name")]
    end: bool,
    /// The configuration with `[[alerts]]`; default: `JOBMON_CONFIG`, else `jobmon.toml`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// An alert that no configuration has yet.
#[derive(Debug, Group)]
pub(crate) struct Tried {
    /// Try this condition, such as `error_rate > 5%`, instead of what is configured
    #[arg(long, conflicts_with_all = ["names", "config"])]
    condition: Option<String>,
    /// Its window, such as `5m`
    #[arg(long, requires = "condition", value_parser = duration)]
    window: Option<Duration>,
    /// How long it has to hold, such as `10m`
    #[arg(long = "for", requires = "condition", value_parser = duration)]
    hold: Option<Duration>,
    /// What it is looked at apart by, separated by commas
    #[arg(long, requires = "condition", value_delimiter = ',', value_parser = dimension)]
    by: Vec<Dimension>,
    /// Calls that a group must have in the window
    #[arg(long, requires = "condition")]
    min_calls: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// Text in columns
    Table,
    /// A JSON array of objects
    Json,
}

fn duration(text: &str) -> Result<Duration, String> {
    age(text).ok_or_else(|| "expected a duration such as `30s`, `5m`, `2h` or `1d`".to_owned())
}

fn moment(text: &str) -> Result<Timestamp, String> {
    point(text.trim()).ok_or_else(|| {
        "expected a moment such as `2026-12-01T08:00:00Z` or a date such as `2026-12-01`".to_owned()
    })
}

fn dimension(name: &str) -> Result<Dimension, String> {
    name.trim().parse().map_err(|error: jobmon_core::UnknownWord| error.to_string())
}

pub(crate) fn run(command: &AlertsCommand) -> Result<Answer, Message> {
    match command {
        AlertsCommand::List { which } => Ok(list(&which.alerts()?).into()),
        AlertsCommand::Check { source, which, format } => {
            let now = Timestamp::now();
            let alerts = which.alerts()?;
            // Long enough for what has to hold, and for what fires since before.
            let hold = alerts.iter().map(|alert| alert.held_for().max(alert.window_length())).max();
            let back = hold.unwrap_or_default().saturating_mul(2).clamp(DAY / 24, DAY * 31);
            let history = source.open()?;
            let silences = history.silences()?;
            let notices = replay(&*history, alerts, Range { since: now.minus(back), until: now })?;
            let mut firing: Vec<Notice> = still_firing(notices);
            for notice in &mut firing {
                notice.silent |= silences.contains_key(&notice.alert);
            }
            let fires = firing.iter().any(|notice| !notice.silent);
            let nothing = "No alert fires.\n";
            Ok(Answer { text: print(&firing, *format, nothing), status: u8::from(fires) })
        }
        AlertsCommand::Silence { source, silence } => Ok(silence.run(source)?.into()),
        AlertsCommand::Test { source, which, span, tried, format } => {
            let alerts = match tried.alert()? {
                Some(alert) => vec![alert],
                None => which.alerts()?,
            };
            let mut range = range(span)?;
            range.until = range.until.min(Timestamp::now());
            if span.since.is_none() {
                range.since = range.until.minus(DAY * 7);
            }
            let history = source.open()?;
            let notices = replay(&*history, alerts, range)?;
            let nothing = format!("No alert would have fired from {} to {}.\n", range.since, range.until);
            Ok(print(&notices, *format, &nothing).into())
        }
    }
}

impl Which {
    fn alerts(&self) -> Result<Vec<Alert>, Message> {
        let all = jobmon_export::alerts(self.config.as_deref()).map_err(message)?;
        if all.is_empty() {
            return Err("no alerts are configured; write `[[alerts]]` into jobmon.toml, or try one with \
                        `jobmon alerts test --condition \"error_rate > 5%\"`"
                .to_owned());
        }
        if self.names.is_empty() {
            return Ok(all);
        }
        let named = |name: &String| {
            all.iter().find(|alert| alert.name().as_str() == name).cloned().ok_or_else(|| {
                let known: Vec<_> = all.iter().map(|alert| alert.name().as_str()).collect();
                format!("no alert is named `{name}`; there are: {}", known.join(", "))
            })
        };
        self.names.iter().map(named).collect()
    }
}

impl Tried {
    fn alert(&self) -> Result<Option<Alert>, Message> {
        let Some(condition) = &self.condition else { return Ok(None) };
        let mut alert = Alert::new("condition", condition).by(self.by.iter().copied());
        // The caret is to stand below what was typed.
        alert.condition().map_err(message)?;
        alert = alert.window(self.window.unwrap_or(Duration::from_secs(300)));
        alert = alert.hold(self.hold.unwrap_or_default()).min_calls(self.min_calls.unwrap_or(0));
        alert.check().map_err(message)?;
        Ok(Some(alert))
    }
}

impl SilenceArgs {
    fn run(&self, source: &Source) -> Result<String, Message> {
        let history = source.open()?;
        let Some(name) = &self.name else {
            let silences = history.silences()?;
            let lines = silences.iter().map(|(alert, until)| format!("{alert}: silent until {until}\n"));
            let text: String = lines.collect();
            return Ok(if text.is_empty() { "No alert is silenced.\n".to_owned() } else { text });
        };
        let now = Timestamp::now();
        let until = self.until.or_else(|| self.time.map(|time| now.plus(time)));
        if until.is_some_and(|until| until <= now) {
            return Err("the silence would be over already; `--until` takes a moment to come".to_owned());
        }
        // Those of the configuration, and those that agents have in code; one that is gone may still be silenced.
        let mut known = history.alert_names()?;
        let configured = jobmon_export::alerts(self.config.as_deref()).map_err(message)?;
        known.extend(configured.iter().map(|alert| alert.name().clone()));
        let silenced = history.silences()?;
        drop(history);
        if !known.contains(name.as_str()) && !silenced.contains_key(name.as_str()) {
            let known: Vec<_> = known.iter().map(jobmon_core::Text::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!(
                "no alert is named `{name}`, in the configuration or where agents that write this history started \
                 last; there are: {known}"
            ));
        }
        let before = source.silence(name, until)?;
        Ok(match (until, before) {
            (Some(until), _) => format!("{name}: silent until {until}\n"),
            (None, Some(before)) => format!("{name}: not silent any more; it was until {before}\n"),
            (None, None) => format!("{name}: was not silent\n"),
        })
    }
}

fn replay(history: &dyn Engine, alerts: Vec<Alert>, range: Range) -> Result<Vec<Notice>, Message> {
    let mut replay = AlertReplay::new(alerts, range).map_err(message)?;
    // Day by day, since the history gives calls first and facts after.
    let mut day = replay.since().day().max(first(history)?);
    while day < range.until {
        let mut events: Vec<(Resource, Event)> = Vec::new();
        let of_day = Range { since: day, until: day.next_day().min(range.until) };
        history
            .events(of_day, &mut |resource, event| events.push((resource.clone(), event.clone())))
            .map_err(message)?;
        events.sort_by_key(|(_, event)| event.at());
        for (resource, event) in &events {
            replay.event(resource, event).map_err(message)?;
        }
        day = day.next_day();
    }
    replay.finish().map_err(message)
}

/// The day of the first event.
fn first(history: &dyn Engine) -> Result<Timestamp, Message> {
    let by_day =
        jobmon_core::Query::new([]).bucket(jobmon_core::Bucket::Day).aggregate(history).map_err(message)?;
    Ok(by_day.keys().filter_map(|(day, _)| *day).min().unwrap_or(Timestamp::now().day()))
}

/// What fires at the end of what was said.
fn still_firing(notices: Vec<Notice>) -> Vec<Notice> {
    let mut firing: Vec<Notice> = Vec::new();
    for notice in notices {
        firing.retain(|known| (&known.alert, &known.group) != (&notice.alert, &notice.group));
        if notice.kind != NoticeKind::Resolved {
            firing.push(notice);
        }
    }
    firing
}

fn list(alerts: &[Alert]) -> String {
    let mut table = Table::new(
        ["name", "condition", "window", "for", "by", "min calls", "channels"].map(|name| (name, Align::Left)),
    );
    for alert in alerts {
        let by: Vec<_> = alert.dimensions().iter().map(|dimension| dimension.name()).collect();
        let channels: Vec<_> = alert.channel_names().iter().map(jobmon_core::Text::as_str).collect();
        let time = |time: Duration| {
            if time.is_zero() { "-".to_owned() } else { Quantity::Duration(time).to_string() }
        };
        table.row([
            alert.name().to_string(),
            alert.condition().map(ToString::to_string).unwrap_or_default(),
            time(alert.window_length()),
            time(alert.held_for()),
            if by.is_empty() { "-".to_owned() } else { by.join(", ") },
            alert.least_calls().to_string(),
            if channels.is_empty() { "all".to_owned() } else { channels.join(", ") },
        ]);
    }
    table.to_text()
}

fn print(notices: &[Notice], format: Format, nothing: &str) -> String {
    if format == Format::Json {
        return pretty(&notices.iter().map(json).collect());
    }
    if notices.is_empty() {
        return nothing.to_owned();
    }
    let mut table = Table::new([
        ("time", Align::Left),
        ("alert", Align::Left),
        ("group", Align::Left),
        ("state", Align::Left),
        ("since", Align::Left),
        ("figures", Align::Left),
    ]);
    for notice in notices {
        let group: Vec<_> = notice
            .group
            .iter()
            .map(|(dimension, value)| format!("{dimension}={}", value.as_deref().unwrap_or("-")))
            .collect();
        let figures: Vec<_> = notice
            .figures
            .iter()
            .map(|(name, figure)| {
                format!("{name} {}", figure.map_or("-".to_owned(), |figure| figure.to_string()))
            })
            .collect();
        table.row([
            notice.at.to_string(),
            notice.alert.to_string(),
            group.join(", "),
            format!("{}{}", notice.kind, if notice.silent { " (silent)" } else { "" }),
            notice.since.to_string(),
            figures.join(", "),
        ]);
    }
    table.to_text()
}

fn json(notice: &Notice) -> Value {
    let mut object = notice_to_json(notice);
    object.insert("silent".to_owned(), json!(notice.silent));
    Value::Object(object)
}

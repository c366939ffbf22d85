//! `[[reports]]`: reports that are made when their time has come, for channels or a folder.

use crate::commands::{Message, message};
use crate::html;
use crate::place::{Archive, Place};
use croner::Cron;
use jobmon_core::report::{Period, PeriodKind, Report};
use jobmon_core::{ExportError, InsightOptions, Insights, Prices, Range, Text, Timestamp};
use jobmon_export::document::{Item, Mistake, expected, named, place, string, strings, unknown};
use jobmon_export::{Channel, Document};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use toml::de::DeTable;

const KEYS: &str = "name, schedule, report, period, since, channels, folder, format";
const REPORTS: &str = "\"report\", \"quality\", \"errors\", \"experience\" or \"insights\"";
const FORMATS: &str = "\"html\", \"markdown\", \"text\" or \"json\"";
/// Tries for each channel.
const TRIES: u32 = 3;
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Overview,
    Quality,
    Errors,
    Experience,
    Insights,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Html,
    Markdown,
    Text,
    Json,
}

impl Format {
    const fn ending(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Markdown => "md",
            Self::Text => "txt",
            Self::Json => "json",
        }
    }
}

/// Over which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// The last one that is over, compared with the one before it.
    Period(PeriodKind),
    Last(Duration),
}

/// One report as it is configured.
#[derive(Clone, Debug)]
pub(super) struct Scheduled {
    name: Text,
    cron: Cron,
    kind: Kind,
    over: Over,
    channels: Vec<String>,
    folder: Option<PathBuf>,
    format: Format,
}

/// The reports of a configuration.
pub(super) fn read(config: Option<&Path>) -> Result<Vec<Scheduled>, Message> {
    let named = std::env::var_os("JOBMON_CONFIG").map(PathBuf::from);
    let found = Path::new("jobmon.toml");
    let path = config.map(Path::to_owned).or(named).or_else(|| found.exists().then(|| found.to_owned()));
    let Some(path) = path else { return Ok(Vec::new()) };
    let place = path.display().to_string();
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{place}: cannot be read: {error}"))?;
    parse(&place, &text)
}

fn parse(place: &str, text: &str) -> Result<Vec<Scheduled>, Message> {
    let of_table = |table: &DeTable<'_>| match table.get("reports") {
        Some(reports) => named(reports, "report", scheduled, |report: &Scheduled| &report.name),
        None => Ok(Vec::new()),
    };
    jobmon_export::document::read(place, text, of_table).map_err(message)
}

fn scheduled(at: usize, table: &DeTable<'_>) -> Result<Scheduled, Mistake> {
    let needs = |key: &str, hint: &str| {
        table.get(key).ok_or_else(|| Mistake { at, problem: format!("this report has no `{key}`; {hint}") })
    };
    let name = string(needs("name", "name it")?)?;
    let schedule = needs("schedule", "give it one, such as `0 8 * * 1` for Mondays at 8:00 UTC")?;
    let mut report = Scheduled {
        name: Text::from(name),
        cron: cron(schedule)?,
        kind: Kind::Overview,
        over: Over::Period(PeriodKind::Weekly),
        channels: Vec::new(),
        folder: None,
        format: Format::Html,
    };
    if table.contains_key("period") && table.contains_key("since") {
        let at = place(table, "since").unwrap_or(at);
        return Err(Mistake {
            at,
            problem: "a report is over a `period` or since some time: leave one out".to_owned(),
        });
    }
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "name" | "schedule" => {}
            "report" => {
                report.kind = match string(value)?.as_str() {
                    "report" => Kind::Overview,
                    "quality" => Kind::Quality,
                    "errors" => Kind::Errors,
                    "experience" => Kind::Experience,
                    "insights" => Kind::Insights,
                    _ => return Err(expected(value, REPORTS)),
                }
            }
            "period" => {
                report.over = Over::Period(match string(value)?.as_str() {
                    "daily" => PeriodKind::Daily,
                    "weekly" => PeriodKind::Weekly,
                    "monthly" => PeriodKind::Monthly,
                    _ => return Err(expected(value, "\"daily\", \"weekly\" or \"monthly\"")),
                });
            }
            "since" => {
                let age = crate::time::age(&string(value)?);
                report.over =
                    Over::Last(age.ok_or_else(|| expected(value, "an age such as \"24h\" or \"7d\""))?);
            }
            "channels" => report.channels = strings(value, "names of channels such as `[\"email\"]`")?,
            "folder" => report.folder = Some(PathBuf::from(string(value)?)),
            "format" => {
                report.format = match string(value)?.as_str() {
                    "html" => Format::Html,
                    "markdown" => Format::Markdown,
                    "text" => Format::Text,
                    "json" => Format::Json,
                    _ => return Err(expected(value, FORMATS)),
                }
            }
            other => return Err(unknown(key.span().start, other, "key of a report", KEYS)),
        }
    }
    if report.channels.is_empty() && report.folder.is_none() {
        let problem = "this report goes nowhere; give it `channels` or a `folder`".to_owned();
        return Err(Mistake { at, problem });
    }
    Ok(report)
}

/// A cron expression, in UTC.
fn cron(value: &Item<'_>) -> Result<Cron, Mistake> {
    let text = string(value)?;
    Cron::from_str(&text).map_err(|error| Mistake {
        at: value.span().start,
        problem: format!(
            "no schedule: {error}; expected minute, hour, day, month and day of the week, such as `0 8 * * 1`"
        ),
    })
}

impl Scheduled {
    /// When it is to be made next, after a moment.
    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = jiff::Timestamp::from_nanosecond(i128::from(after.nanos()))
            .ok()?
            .to_zoned(jiff::tz::TimeZone::UTC);
        let next = self.cron.find_next_occurrence(&after, false).ok()?;
        i64::try_from(next.timestamp().as_nanosecond()).ok().map(Timestamp::from_nanos)
    }

    fn report(&self, history: &dyn Archive, now: Timestamp) -> Result<Report, Message> {
        let period = match self.over {
            Over::Period(kind) => Some(Period::of(kind, now).previous()),
            Over::Last(_) => None,
        };
        let range = match self.over {
            Over::Last(time) => Range { since: now.minus(time), until: now },
            Over::Period(kind) => Period::of(kind, now).previous().range(),
        };
        match (self.kind, period) {
            (Kind::Quality, _) => Report::quality(history, range),
            (Kind::Errors, _) => Report::errors(history, range),
            (Kind::Experience, _) => Report::experience(history, range),
            (_, Some(period)) => Report::of_period(history, period),
            (_, None) => Report::of(history, range),
        }
        .map_err(message)
    }

    /// The report, its name of a file, and its content in the format for files.
    fn make(
        &self,
        history: &dyn Archive,
        prices: &Prices,
        now: Timestamp,
    ) -> Result<(Document, String, String), Message> {
        // A day and a minute: `2026-11-30T0830`.
        let minute: String = now.to_string().chars().take(16).filter(|c| *c != ':').collect();
        let file = format!("{}-{minute}.{}", file_name(&self.name), self.format.ending());
        if self.kind == Kind::Insights {
            let over = match self.over {
                Over::Last(time) => Range { since: now.minus(time), until: now },
                Over::Period(kind) => Period::of(kind, now).previous().range(),
            };
            let found = Insights::of(history, over, &InsightOptions::new(prices.clone())).map_err(message)?;
            let content = match self.format {
                Format::Json => crate::commands::pretty(&found.to_json()),
                Format::Text => found.to_text(),
                Format::Html | Format::Markdown => found.to_markdown(),
            };
            // There is no page of insights in one file.
            let file = if self.format == Format::Html { file.replace(".html", ".md") } else { file };
            let document =
                Document { title: format!("{}: insights", self.name), text: found.to_text(), html: None };
            return Ok((document, file, content));
        }
        let report = self.report(history, now)?;
        let page = html::of(&report);
        let content = match self.format {
            Format::Html => page.clone(),
            Format::Markdown => report.to_markdown(),
            Format::Text => report.to_text(),
            Format::Json => crate::commands::pretty(&report.to_json()),
        };
        let title = format!("{}: {}, {}", self.name, report.kind.meaning(), report.title());
        Ok((Document { title, text: report.to_text(), html: Some(page) }, file, content))
    }
}

/// A name that is a name of a file everywhere.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    name.chars().map(safe).collect()
}

/// All reports, and when each comes next.
pub(super) struct Schedule {
    reports: Vec<(Scheduled, Option<Timestamp>)>,
    channels: Vec<Box<dyn Channel>>,
    place: Arc<Place>,
    prices: Prices,
}

impl Schedule {
    /// From a moment on.
    pub(super) fn new(
        reports: Vec<Scheduled>,
        channels: Vec<Box<dyn Channel>>,
        place: Arc<Place>,
        prices: Prices,
        now: Timestamp,
    ) -> Result<Self, Message> {
        let known: Vec<_> = channels.iter().map(|channel| channel.name().to_owned()).collect();
        for report in &reports {
            if let Some(unknown) = report.channels.iter().find(|name| !known.contains(name)) {
                return Err(format!(
                    "report `{}` goes to channel `{unknown}`, which is not there; there are: {}",
                    report.name,
                    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
                ));
            }
        }
        let reports =
            reports.into_iter().map(|report| (report.next(now), report)).map(|(next, report)| (report, next));
        Ok(Self { reports: reports.collect(), channels, place, prices })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reports.is_empty()
    }

    /// Makes those whose time has come. What fails is told on standard error, and does not come again.
    pub(super) fn look(&mut self, now: Timestamp) {
        let Self { reports, channels, place, prices } = self;
        for (report, next) in reports.iter_mut().filter(|(_, next)| next.is_some_and(|next| next <= now)) {
            *next = report.next(now);
            if let Err(problem) = hand_out(report, channels, place, prices, now) {
                // Standard error may be closed.
                let _ = writeln!(std::io::stderr(), "jobmon: report `{}`: {problem}", report.name);
            }
        }
    }
}

fn hand_out(
    report: &Scheduled,
    channels: &mut [Box<dyn Channel>],
    place: &Place,
    prices: &Prices,
    now: Timestamp,
) -> Result<(), Message> {
    let (document, file, content) = place.read(|history| report.make(history, prices, now))?;
    let mut problems = Vec::new();
    if let Some(folder) = &report.folder {
        let write =
            std::fs::create_dir_all(folder).and_then(|()| std::fs::write(folder.join(&file), content));
        problems
            .extend(write.err().map(|error| format!("cannot be written to {}: {error}", folder.display())));
    }
    for channel in
        channels.iter_mut().filter(|channel| report.channels.iter().any(|name| name == channel.name()))
    {
        problems.extend(tell(channel.as_mut(), &document).err());
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
}

fn tell(channel: &mut dyn Channel, document: &Document) -> Result<(), Message> {
    let mut last = String::new();
    for at in 0..TRIES {
        match channel.report(document) {
            Ok(()) => return Ok(()),
            Err(ExportError::Refused { reason }) => {
                return Err(format!("channel `{}`: {reason}", channel.name()));
            }
            Err(ExportError::Busy { after, reason }) => {
                last = reason;
                if at + 1 < TRIES {
                    std::thread::sleep(after.clamp(PAUSE, PAUSE * 6));
                }
            }
            Err(other) => last = other.to_string(),
        }
    }
    Err(format!("channel `{}` was not reached: {last}", channel.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_in_utc_and_mistakes_have_a_place() {
        let reports = parse("jobmon.toml", "[[reports]]\nname = 'w'\nschedule = '30 8 * * 1'\nfolder = 'x'")
            .expect("correct");
        let friday = crate::time::point("2026-11-27T12:00:00Z").expect("a moment");
        assert_eq!(reports[0].next(friday), crate::time::point("2026-11-30T08:30:00Z"));
        let monday = crate::time::point("2026-11-30T08:30:00Z").expect("a moment");
        assert_eq!(reports[0].next(monday), crate::time::point("2026-12-07T08:30:00Z"), "once");
        let head = "[[reports]]\nname = 'w'\n";
        for (rest, mistake) in [
            ("folder = 'x'", "jobmon.toml:1:1: this report has no `schedule`"),
            ("schedule = '61 8 * * 1'\nfolder = 'x'", "jobmon.toml:3:12: no schedule:"),
            ("schedule = '0 8 * * 1'", "jobmon.toml:1:1: this report goes nowhere"),
            (
                "schedule = '0 8 * * 1'\nfolder = 'x'\nreport = 'all'",
                "jobmon.toml:5:10: expected \"report\", \"quality\"",
            ),
            (
                "schedule = '0 8 * * 1'\nfolder = 'x'\nperiod = 'yearly'",
                "jobmon.toml:5:10: expected \"daily\"",
            ),
            (
                "schedule = '0 8 * * 1'\nfolder = 'x'\nformt = 'html'",
                "jobmon.toml:5:1: unknown key of a report `formt`",
            ),
            (
                "schedule = '0 8 * * 1'\nfolder = 'x'\nperiod = 'daily'\nsince = '7d'",
                "jobmon.toml:6:9: a report is over",
            ),
        ] {
            let error = parse("jobmon.toml", &format!("{head}{rest}")).expect_err(rest);
            assert!(error.contains(mistake), "{rest}: {error}");
        }
    }

    #[test]
    fn names_of_files_are_safe() {
        assert_eq!(file_name("../Weekly report ä"), "---Weekly-report--");
    }
}

//! Dashboards of one's own: each a TOML file of panels, each panel a query and how it is shown.

use crate::commands::Message;
use jobmon_core::{Bucket, Dimension, Filter, Measure, Text};
use jobmon_export::document::{Item, Mistake, expected, named, string, strings, unknown};
use std::fs;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

const KEYS: &str = "title, measures, by, filter, chart, bucket, since";
/// Bytes of a dashboard.
pub(super) const LONGEST: usize = 64 * 1024;

/// How a panel shows its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Number,
    Table,
    Lines,
    Bars,
}

#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) title: Text,
    pub(super) measures: Vec<&'static Measure>,
    pub(super) by: Vec<Dimension>,
    pub(super) filters: Vec<Filter>,
    pub(super) shown: Shown,
    pub(super) bucket: Option<Bucket>,
    /// The time it looks at, whatever the page does.
    pub(super) since: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Dashboard {
    pub(super) title: String,
    pub(super) panels: Vec<Panel>,
}

/// What a new dashboard begins with.
pub(super) const EXAMPLE: &str = r#"title = "My dashboard"

[[panels]]
title = "Cost by feature"
measures = ["cost"]
by = ["feature"]
chart = "bars"            # number, table, lines or bars

[[panels]]
title = "Models in production"
measures = ["model_calls", "cost", "p95_latency", "error_rate"]
by = ["provider", "model"]
filter = ["environment=production"]
chart = "table"
since = "30d"             # whatever the page looks at
"#;

pub(super) fn parse(place: &str, text: &str) -> Result<Dashboard, Message> {
    jobmon_export::document::read(place, text, dashboard).map_err(|error| error.to_string())
}

fn dashboard(table: &DeTable<'_>) -> Result<Dashboard, Mistake> {
    let mut dashboard = Dashboard { title: "Dashboard".to_owned(), panels: Vec::new() };
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "title" => dashboard.title = string(value)?,
            "panels" => dashboard.panels = panels(value)?,
            other => return Err(unknown(key.span().start, other, "key", "title, panels")),
        }
    }
    Ok(dashboard)
}

fn panels(value: &Item<'_>) -> Result<Vec<Panel>, Mistake> {
    named(value, "panel", panel, |panel: &Panel| &panel.title)
}

fn panel(at: usize, table: &DeTable<'_>) -> Result<Panel, Mistake> {
    let mut panel = Panel {
        title: Text::literal(""),
        measures: Vec::new(),
        by: Vec::new(),
        filters: Vec::new(),
        shown: Shown::Table,
        bucket: None,
        since: None,
    };
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "title" => panel.title = Text::from(string(value)?),
            "measures" => {
                panel.measures = words(value, "measures such as `[\"cost\"]`", |name| {
                    Measure::named(name).map_err(|error| error.to_string())
                })?;
            }
            "by" => {
                panel.by = words(value, "dimensions such as `[\"model\"]`", |name| {
                    name.parse().map_err(|error: jobmon_core::UnknownWord| error.to_string())
                })?;
            }
            "filter" => {
                panel.filters = words(value, "filters such as `[\"model=gpt-4o\"]`", |text| {
                    text.parse().map_err(|error: jobmon_core::QueryError| error.to_string())
                })?;
            }
            "chart" => {
                panel.shown = match string(value)?.as_str() {
                    "number" => Shown::Number,
                    "table" => Shown::Table,
                    "lines" => Shown::Lines,
                    "bars" => Shown::Bars,
                    _ => return Err(expected(value, "\"number\", \"table\", \"lines\" or \"bars\"")),
                }
            }
            "bucket" => {
                panel.bucket = match string(value)?.as_str() {
                    "hour" => Some(Bucket::Hour),
                    "day" => Some(Bucket::Day),
                    _ => return Err(expected(value, "\"hour\" or \"day\"")),
                }
            }
            "since" => {
                let text = string(value)?;
                if text != "all" {
                    text.parse::<crate::time::Moment>()
                        .map_err(|problem| Mistake { at: value.span().start, problem })?;
                }
                panel.since = Some(text);
            }
            other => return Err(unknown(key.span().start, other, "key of a panel", KEYS)),
        }
    }
    if panel.measures.is_empty() {
        return Err(Mistake {
            at,
            problem: "this panel has no `measures`; give it some, such as `[\"cost\"]`".to_owned(),
        });
    }
    if matches!(panel.shown, Shown::Lines | Shown::Bars) && panel.measures.len() > 1 && !panel.by.is_empty() {
        let problem = "a chart has one measure by a dimension, or several measures and no `by`".to_owned();
        return Err(Mistake { at: jobmon_export::document::place(table, "measures").unwrap_or(at), problem });
    }
    if panel.title.is_empty() {
        panel.title =
            Text::from(panel.measures.iter().map(|measure| measure.name).collect::<Vec<_>>().join(", "));
    }
    Ok(panel)
}

fn words<T>(
    value: &Item<'_>,
    what: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, Mistake> {
    let words = strings(value, what)?;
    let read = words.iter().map(|word| read(word));
    read.collect::<Result<_, _>>().map_err(|problem| Mistake { at: value.span().start, problem })
}

/// The folder that dashboards are in.
#[derive(Clone, Debug)]
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    /// The names of those that are there.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
            .filter(|name| is_name(name))
            .collect();
        names.sort();
        names
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        is_name(name).then(|| self.0.join(format!("{name}.toml")))
    }

    /// The text of one; `None` where there is none.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)?).ok()
    }

    /// Writes one, all of it or nothing.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), Message> {
        let failed = |error: std::io::Error| format!("cannot write {}: {error}", self.0.display());
        let path = self.path(name).ok_or(NAME)?;
        fs::create_dir_all(&self.0).map_err(failed)?;
        let new = self.0.join(format!(".{name}.toml.new"));
        fs::write(&new, text).and_then(|()| fs::rename(&new, &path)).map_err(failed)
    }

    /// Removes one.
    pub(super) fn remove(&self, name: &str) -> Result<(), Message> {
        let path = self.path(name).ok_or(NAME)?;
        fs::remove_file(&path).map_err(|error| format!("cannot remove {}: {error}", path.display()))
    }

    /// Changes when the file does.
    pub(super) fn stamp(&self, name: &str) -> String {
        let stamp = |path: &Path| Some(crate::time::nanos(fs::metadata(path).ok()?.modified().ok()?));
        self.path(name).and_then(|path| stamp(&path)).unwrap_or(0).to_string()
    }
}

const NAME: &str = "the name of a dashboard has up to 64 small letters, digits, `-` and `_`";

pub(super) fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.len() <= 64 && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_one_and_mistakes_have_their_place() {
        let example = parse("x.toml", EXAMPLE).expect("correct");
        assert_eq!((example.title.as_str(), example.panels.len()), ("My dashboard", 2));
        for (text, mistake) in [
            ("titel = 'x'", "x.toml:1:1: unknown key `titel`; expected any of: title, panels"),
            ("[[panels]]\nmeasures = ['costs']", "x.toml:2:12: unknown measure `costs`"),
            ("[[panels]]\nmeasures = ['cost']\nby = ['modle']", "x.toml:3:6: unknown dimension `modle`"),
            ("[[panels]]\nmeasures = ['cost']\nfilter = ['model']", "x.toml:3:10: `model` is no filter"),
            ("[[panels]]\nmeasures = ['cost']\nchart = 'pie'", "x.toml:3:9: expected \"number\""),
            ("[[panels]]\nmeasures = ['cost']\nsince = 'x'", "x.toml:3:9: expected an age"),
            ("[[panels]]\ntitle = 'x'", "x.toml:1:1: this panel has no `measures`"),
            (
                "[[panels]]\nmeasures = ['cost', 'calls']\nby = ['model']\nchart = 'bars'",
                "x.toml:2:12: a chart has one measure",
            ),
            ("[[panels]", "x.toml:1:10:"),
        ] {
            let error = parse("x.toml", text).expect_err(text);
            assert!(error.starts_with(mistake), "{text}: {error}");
            assert!(error.contains("\n  | "), "{error}");
        }
    }

    #[test]
    fn names_are_no_paths() {
        assert!(is_name("cost-by_model2"));
        for name in ["", "../x", "a/b", "A", "a.b", "ä", &"a".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }
}

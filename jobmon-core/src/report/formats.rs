//! The report as text, as Markdown and as JSON.

use super::{Report, Section, row_to_json};
use crate::measure::Quantity;
use crate::time::Timestamp;
use serde_json::{Map, Value, json};

/// Version of the form of [`Report::to_json`].
const SCHEMA: u32 = 1;

impl Report {
    /// For a terminal.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}, {}\n", self.kind.meaning(), self.title());
        text.push_str(if self.is_empty() { "\nNothing happened in this time.\n" } else { "" });
        for section in &self.sections {
            text.push_str(&format!("\n{}\n", section.title));
            // Dozens of rows of one figure are better seen at once.
            let line = if matches!(section.id, "days" | "hours") { sparkline(section) } else { None };
            text.push_str(&indented(
                &line.unwrap_or_else(|| table(section, |section| section.table().to_text())),
            ));
            text.push_str(&indented(section.note.as_deref().unwrap_or_default()));
        }
        text
    }

    /// For a document.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("# {}\n\n{}\n", self.kind.meaning(), self.title());
        text.push_str(if self.is_empty() { "\nNothing happened in this time.\n" } else { "" });
        for section in &self.sections {
            let table = table(section, |section| section.table().to_markdown());
            text.push_str(&format!("\n## {}\n\n{table}", section.title));
            if let Some(note) = &section.note {
                text.push_str(&format!("\n{note}\n"));
            }
        }
        text
    }

    /// For machines. `docs/report.md` describes it:
    /// `{"schema", "since", "until", "period", "sections": {id: [{group or figure: value, ..}, ..], ..}, "notes"}`.
    pub fn to_json(&self) -> Value {
        let sections: Map<_, _> = self
            .sections
            .iter()
            .map(|section| {
                let rows = section.rows.iter();
                let rows = rows.map(|row| row_to_json(row, &section.groups, &section.columns)).collect();
                (section.id.to_owned(), Value::Array(rows))
            })
            .collect();
        let notes = self
            .sections
            .iter()
            .filter_map(|section| Some((section.id.to_owned(), json!(section.note.as_ref()?))));
        let period = self.period.map(|period| {
            let same = period.same_part_of_previous();
            json!({
                "kind": period.kind().name(), "name": period.name(), "title": period.title(),
                "start": moment(period.start()), "end": moment(period.end()),
                "as_of": moment(period.as_of()), "over": period.is_over(),
                "previous": {
                    "name": period.previous().name(), "since": moment(same.since), "until": moment(same.until),
                },
            })
        });
        json!({
            "schema": SCHEMA,
            "since": moment(self.range.since),
            "until": moment(self.range.until),
            "period": period,
            "sections": sections,
            "notes": notes.collect::<Map<_, _>>(),
        })
    }

    /// What it is about, for people.
    pub fn title(&self) -> String {
        let end = |at: Timestamp| moment(at).unwrap_or_default();
        let range = match (moment(self.range.since), moment(self.range.until)) {
            (None, None) => "all of the history".to_owned(),
            (Some(since), None) => format!("since {since}"),
            (None, Some(until)) => format!("until {until}"),
            (Some(_), Some(_)) => format!("{} to {}", end(self.range.since), end(self.range.until)),
        };
        match &self.period {
            Some(period) if period.is_over() => format!("{} ({range})", period.title()),
            Some(period) => format!("{} so far ({range})", period.title()),
            None => range,
        }
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.sections.iter().all(|section| section.always || section.rows.is_empty())
    }
}

fn moment(at: Timestamp) -> Option<String> {
    (at != Timestamp::MIN && at != Timestamp::MAX).then(|| at.to_string())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// A table; where there is no row, and nothing said instead, that there is none.
fn table(section: &Section, print: impl Fn(&Section) -> String) -> String {
    match (section.rows.is_empty(), &section.note) {
        (false, _) => print(section),
        (true, Some(_)) => String::new(),
        (true, None) => "none\n".to_owned(),
    }
}

/// `▁▁▃·█▅  most: $12.30, 2026-10-14`; a dot is nothing.
fn sparkline(section: &Section) -> Option<String> {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let cost = |figure: &Option<Quantity>| match figure {
        Some(Quantity::Cost(cost)) => cost.floor().nanos().max(0),
        _ => 0,
    };
    let costs: Vec<i64> = section.rows.iter().filter_map(|row| row.figures.first()).map(cost).collect();
    let (at, most) = costs.iter().enumerate().max_by_key(|(at, cost)| (**cost, std::cmp::Reverse(*at)))?;
    if *most == 0 {
        return None;
    }
    let bars = costs.iter().map(|cost| {
        if *cost == 0 {
            return '·';
        }
        let level = i128::from(*cost) * 7 / i128::from(*most);
        BARS[usize::try_from(level).unwrap_or(0).min(7)]
    });
    let row = &section.rows[at];
    let figure = row.figures.first().copied().flatten()?;
    Some(format!(
        "{}  most: {figure}, {}",
        bars.collect::<String>(),
        row.group[0].as_deref().unwrap_or_default()
    ))
}

//! The report as one long table of comma-separated values (RFC 4180): a line for each figure.

use crate::csv::{cell_text, line};
use jobmon_core::Quantity;
use jobmon_core::report::{Report, ReportKind, Section, figure_parts};

/// What rows of the report are about, each in a column of its own, so that the columns are always the same. Other reports
/// have a column for each group of their sections.
const GROUPS: &[&str] = &[
    "feature",
    "provider",
    "model",
    "operation",
    "name",
    "category",
    "score",
    "strategy",
    "outcome",
    "source",
    "compared",
    "day",
    "hour",
];

/// `section`, a column for each group, `measure`, `value`, `unit`, `grade`. A figure that is not known has no
/// line; that nothing is unpriced has one.
pub(super) fn of(report: &Report) -> String {
    let groups = groups(report);
    let mut heads = vec!["section".to_owned()];
    heads.extend(groups.iter().map(|name| (*name).to_owned()));
    heads.extend(["measure", "value", "unit", "grade"].map(str::to_owned));
    let mut text = line(&heads);
    let mut add = |section: &str, group: &dyn Fn(&str) -> String, figure: [&str; 4]| {
        let mut cells = vec![section.to_owned()];
        cells.extend(groups.iter().map(|name| group(name)));
        cells.extend(figure.map(str::to_owned));
        text.push_str(&line(&cells));
    };
    let no_group = |_: &str| String::new();
    let json = report.to_json();
    let of_period = ["name", "kind", "start", "end", "as_of"].map(|key| (key, &json["period"][key]));
    let facts = [("since", &json["since"]), ("until", &json["until"])].into_iter().chain(of_period);
    for (name, value) in facts.filter_map(|(name, value)| Some((name, value.as_str()?))) {
        add("report", &no_group, [name, value, "text", ""]);
    }
    for section in &report.sections {
        for row in &section.rows {
            let group = |name: &str| {
                let place = section.groups.iter().position(|group| *group == name);
                place.map_or_else(String::new, |place| {
                    row.group[place].as_deref().map_or_else(|| section.nothing.to_owned(), cell_text)
                })
            };
            for (name, figure) in section.columns.iter().zip(&row.figures) {
                if let Some(figure) = figure {
                    let (value, unit, grade) = figure_parts(*figure);
                    add(section.id, &group, [name, &value, unit, grade]);
                }
            }
        }
        if let Some(nothing) = is_empty(section) {
            add(section.id, &no_group, [nothing, "0", "count", ""]);
        }
        if let Some(note) = &section.note {
            add(section.id, &no_group, ["note", &cell_text(note), "text", ""]);
        }
    }
    text
}

/// One section as a table: a column for each group and each figure; money in dollars, with its grade in a column of its own
/// where that is not always "known".
pub(crate) fn section(section: &Section) -> String {
    let mut heads: Vec<String> = section.groups.iter().map(|name| (*name).to_owned()).collect();
    let graded: Vec<bool> = (0..section.columns.len())
        .map(|column| {
            section.rows.iter().any(|row| matches!(row.figures.get(column), Some(Some(Quantity::Cost(_)))))
        })
        .collect();
    for (name, graded) in section.columns.iter().zip(&graded) {
        heads.push((*name).to_owned());
        if *graded {
            heads.push(format!("{name}_grade"));
        }
    }
    let mut text = line(&heads);
    for row in &section.rows {
        let mut cells: Vec<String> =
            row.group.iter().map(|value| value.as_deref().map_or_else(String::new, cell_text)).collect();
        for (figure, graded) in row.figures.iter().zip(&graded) {
            let (value, _, grade) = figure.map_or((String::new(), "", ""), figure_parts);
            cells.push(value);
            if *graded {
                cells.push(grade.to_owned());
            }
        }
        text.push_str(&line(&cells));
    }
    text
}

fn groups(report: &Report) -> Vec<&'static str> {
    if report.kind == ReportKind::Overview {
        return GROUPS.to_vec();
    }
    let mut groups = Vec::new();
    for group in report.sections.iter().flat_map(|section| &section.groups) {
        if !groups.contains(group) {
            groups.push(*group);
        }
    }
    groups
}

/// The count that is zero where a section that is always there has no row.
fn is_empty(section: &Section) -> Option<&'static str> {
    (section.always && section.rows.is_empty()).then(|| section.columns.first().copied())?
}

//! [`Section`]: one part of a report.

use crate::measure::Quantity;
use crate::query::Row;
use crate::table::{Align, Table};
use crate::text::Text;

/// One part of a report: a question and its rows, in the order in which they are shown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Section {
    /// Stable name for machines.
    pub id: &'static str,
    /// Heading.
    pub title: &'static str,
    /// Names of what its rows are about, such as dimensions; none where it has one row that stands upright.
    pub groups: Vec<&'static str>,
    /// Names of its figures.
    pub columns: Vec<&'static str>,
    /// Its rows.
    pub rows: Vec<Row>,
    /// A sentence to go with it.
    pub note: Option<String>,
    /// How a missing value of a group is called.
    pub nothing: &'static str,
    /// Whether it is shown although it has no row.
    pub always: bool,
}

impl Section {
    /// A part with no row so far.
    pub fn new(
        id: &'static str,
        title: &'static str,
        groups: impl IntoIterator<Item = &'static str>,
        columns: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        Self {
            id,
            title,
            groups: groups.into_iter().collect(),
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
            note: None,
            nothing: "-",
            always: false,
        }
    }

    pub(super) fn upright(id: &'static str, title: &'static str, columns: &[&'static str]) -> Self {
        Self::new(id, title, [], columns.iter().copied())
    }

    /// Adds a row: one value for each group, one figure for each column.
    pub fn push(&mut self, group: Vec<Option<Text>>, figures: Vec<Option<Quantity>>) {
        self.rows.push(Row { bucket: None, group, figures });
    }

    pub(super) fn has_something_to_say(&self) -> bool {
        self.always || !self.rows.is_empty() || self.note.is_some()
    }

    /// Its rows as a table; one row without groups stands upright.
    pub fn table(&self) -> Table {
        let (heads, rows) = self.cells();
        let mut table = Table::new(heads);
        rows.into_iter().for_each(|row| table.row(row));
        table
    }

    /// Its heads and cells as text: what [`Section::table`] shows.
    pub fn cells(&self) -> (Vec<(String, Align)>, Vec<Vec<String>>) {
        if self.groups.is_empty() {
            let heads = vec![("measure".to_owned(), Align::Left), ("value".to_owned(), Align::Right)];
            let figures = self.rows.iter().flat_map(|row| self.columns.iter().zip(&row.figures));
            let told = figures.filter(|(_, figure)| !matches!(figure, None | Some(Quantity::Count(0))));
            return (heads, told.map(|(name, figure)| vec![label(name), text(*figure)]).collect());
        }
        // A column without any figure takes room and says nothing; the first one says so.
        let told = |column: usize| {
            column == 0 || self.rows.iter().any(|row| row.figures.get(column).is_some_and(Option::is_some))
        };
        let told: Vec<usize> = (0..self.columns.len()).filter(|column| told(*column)).collect();
        let groups = self.groups.iter().map(|name| (label(name), Align::Left));
        let heads = groups.chain(told.iter().map(|column| (label(self.columns[*column]), Align::Right)));
        let rows = self.rows.iter().map(|row| {
            let group = self.groups.iter().zip(&row.group).map(|(name, value)| match value {
                // These are names of figures.
                Some(value) if *name == "compared" => label(value),
                Some(value) => value.to_string(),
                None => self.nothing.to_owned(),
            });
            let says_nothing = !row.figures.iter().any(|figure| is_something(*figure));
            let figures = told.iter().map(|column| match row.figures.get(*column).copied().flatten() {
                _ if says_nothing && *column == 0 => "none".to_owned(),
                figure => text(figure),
            });
            group.chain(figures).collect()
        });
        (heads.collect(), rows.collect())
    }
}

fn text(figure: Option<Quantity>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string())
}

/// Whether a figure is known, and not a count or an amount of nothing.
pub(super) fn is_something(figure: Option<Quantity>) -> bool {
    match figure {
        None | Some(Quantity::Count(0)) => false,
        Some(Quantity::Usd(usd)) => usd.nanos() != 0,
        Some(_) => true,
    }
}

/// `p95_latency` reads better as `p95 latency`.
fn label(name: &str) -> String {
    name.replace('_', " ")
}

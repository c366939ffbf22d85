//! [`Table`]: rows of text for terminals and Markdown.

use std::fmt::Write;

/// How the cells of a column stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Align {
    /// Words.
    #[default]
    Left,
    /// Figures.
    Right,
}

/// Rows of text under headings. Control characters in cells are replaced, so that hostile text (a model name, a
/// query) cannot move the cursor of a terminal.
///
/// ```
/// use jobmon_core::{Align, Table};
/// let mut table = Table::new([("feature", Align::Left), ("calls", Align::Right)]);
/// table.row(["analysis", "12"]);
/// assert_eq!(table.to_markdown(), "| feature | calls |\n|:--|--:|\n| analysis | 12 |\n");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

/// Characters kept of a cell; a longer name would push all else off the screen.
const WIDEST: usize = 120;

/// Text on one line without characters that steer a terminal, or that reorder or hide text.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_invisible(c) { '\u{fffd}' } else { c }).collect()
}

/// Characters that reorder or hide text, beside the control characters.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn cell(text: &str) -> String {
    let text = printable(text);
    match text.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl Table {
    /// A table without rows.
    pub fn new<T: Into<String>>(columns: impl IntoIterator<Item = (T, Align)>) -> Self {
        let columns = columns.into_iter().map(|(name, align)| (name.into(), align)).collect();
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row; missing cells stay empty, further ones are left out.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let mut row: Vec<_> = cells.into_iter().map(|text| cell(text.as_ref())).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// For terminals: columns padded to the same width, without a frame.
    pub fn to_text(&self) -> String {
        let width = |column: usize, name: &str| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([name.chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<_> = self.columns.iter().enumerate().map(|(n, (name, _))| width(n, name)).collect();
        let names = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let mut text = String::new();
        for row in [&names].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for ((cell, (_, align)), width) in row.iter().zip(&self.columns).zip(&widths) {
                let _ = match align {
                    Align::Left => write!(line, "{cell:<width$}  "),
                    Align::Right => write!(line, "{cell:>width$}  "),
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// For Markdown; characters that would be markup are escaped.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        let line = |cells: &mut dyn Iterator<Item = String>| {
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        text.push_str(&line(&mut self.columns.iter().map(|(name, _)| escaped(name))));
        for (_, align) in &self.columns {
            text.push_str(if *align == Align::Left { "|:--" } else { "|--:" });
        }
        text.push_str("|\n");
        for row in &self.rows {
            text.push_str(&line(&mut row.iter().map(|cell| escaped(cell))));
        }
        text
    }
}

fn escaped(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    for c in cell.chars() {
        if matches!(c, '|' | '<' | '>' | '*' | '`' | '[' | ']' | '\\' | '&') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_cells_are_harmless() {
        let mut table = Table::new([("model", Align::Left), ("calls", Align::Right)]);
        table.row(["\u{1b}[2Jevil|<script>", "1"]);
        table.row(["short"]);
        table.row(["\u{202e}gpj.exe".repeat(100)]);
        assert!(!table.to_text().contains(['\u{1b}', '\u{202e}']));
        assert!(table.to_text().lines().all(|line| line.chars().count() < 140));
        assert!(table.to_markdown().contains(r"evil\|\<script\>"));
        assert_eq!(table.to_text().lines().count(), 4);
    }
}

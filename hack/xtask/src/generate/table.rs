//! Tables in Markdown.

use std::fmt;

/// A table with a heading for each column.
pub(super) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(headings: [&str; COLUMNS]) -> Self {
        Self {
            rows: vec![
                headings.map(str::to_owned),
                headings.map(|_| "---".to_owned()),
            ],
        }
    }

    pub(super) fn row(&mut self, cells: [String; COLUMNS]) {
        // A bar would end its cell, and an angle bracket open a tag.
        self.rows
            .push(cells.map(|cell| cell.replace('|', "\\|").replace('<', "&lt;")));
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows
            .iter()
            .try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}

//! docs/operate.md, as tables.

use std::{collections::BTreeSet, fs};

/// The text of docs/operate.md.
pub(super) struct Page(String);

// === impl Page ===

impl Page {
    pub(super) fn read() -> Self {
        Self(fs::read_to_string(super::root().join("docs/operate.md")).unwrap())
    }

    /// The same without the row of the table under `heading` that begins with `cells`.
    pub(super) fn without(self, heading: &str, cells: &str) -> Self {
        let (before, section) = self.0.split_once(&start(heading)).unwrap();
        let row = section.lines().find(|line| line.starts_with(cells));
        let row = row.unwrap_or_else(|| panic!("{heading}: no row {cells}"));
        Self(format!(
            "{before}{}{}",
            start(heading),
            section.replacen(&format!("{row}\n"), "", 1)
        ))
    }

    /// The same with `row` as the first of the table under `heading`.
    pub(super) fn with(self, heading: &str, row: &str) -> Self {
        let (before, section) = self.0.split_once(&start(heading)).unwrap();
        let (head, rows) = section.split_once("\n| `").unwrap();
        Self(format!("{before}{}{head}\n{row}\n| `{rows}", start(heading)))
    }

    /// The table under `heading`, as rows of cells.
    fn table(&self, heading: &str) -> Vec<Vec<String>> {
        let section = self.0.split(&start(heading)).nth(1);
        let section = section.unwrap_or_else(|| panic!("no section {heading}"));
        let section = section.split("\n## ").next().unwrap_or_default();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let cells = |row: &str| {
            let cells = row.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
        };
        rows.map(cells).collect()
    }

    /// The first `cells` cells of each row, put together.
    pub(super) fn told(&self, heading: &str, cells: usize) -> BTreeSet<String> {
        let rows = self.table(heading);
        for row in &rows {
            assert!(
                row.iter().all(|cell| !cell.is_empty()),
                "{heading}: an empty cell in {row:?}"
            );
        }
        let told: BTreeSet<_> = rows.iter().map(|row| row[..cells].join(" ")).collect();
        assert_eq!(told.len(), rows.len(), "{heading}: a row is there twice");
        told
    }
}

fn start(heading: &str) -> String {
    format!("\n## {heading}\n")
}

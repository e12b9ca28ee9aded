//! How what a command found is printed, whatever it is.

use std::io::{self, Write};

use serde::Serialize;

/// What printing came to. Whoever closes the pipe has read enough: that is no failure.
pub(crate) fn read_enough(printed: io::Result<()>) -> io::Result<()> {
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Prints `report` as one JSON object, for people too.
pub(crate) fn json(report: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}

/// Prints `report` as one YAML document.
pub(crate) fn yaml(report: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{}", serde_saphyr::to_string(report).map_err(io::Error::other)?)
}

/// Prints `rows` below `heading`, each column as wide as it has to be. Rows are as long as the heading.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>], out: &mut impl Write) -> io::Result<()> {
    let heading: Vec<_> = heading.iter().map(|&word| word.to_owned()).collect();
    let lines = || std::iter::once(&heading).chain(rows);
    let width = |column: usize| {
        let cells = lines().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..heading.len()).map(width).collect();
    for line in lines() {
        let cells = line.iter().zip(&widths);
        let cells: Vec<_> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(out, "{}", cells.join("   ").trim_end())?;
    }
    Ok(())
}

/// `text` on one line, without what moves the cursor of a terminal: what comes from elsewhere must not steer it.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|sign| if sign.is_control() { ' ' } else { sign })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\td"), "a [2Jb c d");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["east".to_owned(), "1".to_owned()],
            vec!["ö".to_owned(), String::new()],
        ];
        let mut out = Vec::new();
        table(&["NAME", "COUNT"], &rows, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "NAME   COUNT\neast   1\nö\n");
    }

    #[test]
    fn a_reader_that_goes_is_no_failure() {
        assert!(read_enough(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(read_enough(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}

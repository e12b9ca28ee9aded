//! Words for a terminal.

use jiff::SignedDuration;

use crate::printing::plain;

/// The most characters of one cell.
const LONGEST: usize = 160;

/// `text` as a cell: plain, and not endless.
pub(super) fn cell(text: &str) -> String {
    let mut cell: String = plain(text).chars().take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        cell.push('…');
    }
    cell
}

/// An age as kubectl shows it.
pub(super) fn age(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A time in the unit that suits it.
pub(super) fn seconds(time: f64) -> String {
    if time < 1.0 {
        format!("{:.0}ms", time * 1_000.0)
    } else {
        format!("{time:.1}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_steers_no_terminal_and_is_not_endless() {
        assert_eq!(cell("a\u{1b}[2Jb\nc"), "a [2Jb c");
        assert_eq!(cell(&"x".repeat(500)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn times_are_short() {
        for (given, shown) in [(-5, "0s"), (119, "119s"), (120, "2m"), (7_300, "2h"), (200_000, "2d")] {
            assert_eq!(age(SignedDuration::from_secs(given)), shown);
        }
        assert_eq!((seconds(0.05).as_str(), seconds(2.0).as_str()), ("50ms", "2.0s"));
    }
}

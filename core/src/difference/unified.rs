//! The lines of two texts that differ, in the form that `diff -u` made known.

use std::fmt::Write as _;

/// How many equal lines stand around those that differ.
const CONTEXT: usize = 3;

/// The most lines of both texts together, after what they begin and end with alike, for which the shortest difference is looked for: what is
/// larger is shown as taken out and put in whole. It bounds time and memory.
const MOST_LINES: usize = 4_096;

/// How both sides are called in the head of a difference.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// What is there.
    pub before: &'a str,
    /// What would be there.
    pub after: &'a str,
}

/// A line, and on which side it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'a> {
    Both(&'a str),
    Before(&'a str),
    After(&'a str),
}

/// The unified difference from `before` to `after`; empty where they are equal.
pub fn unified(before: &str, after: &str, names: Names<'_>) -> String {
    let mut text = String::new();
    if before == after {
        return text;
    }
    let lines = lines(&before.lines().collect::<Vec<_>>(), &after.lines().collect::<Vec<_>>());
    // Writing to a String cannot fail.
    let _ = write!(text, "--- {}\n+++ {}\n", names.before, names.after);
    for hunk in hunks(&lines) {
        write_hunk(&mut text, &lines, hunk);
    }
    text
}

/// All lines of both, in order.
fn lines<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<Line<'a>> {
    let alike = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(one, other)| one == other).count();
    let head = alike(&mut before.iter().zip(after));
    let (before_rest, after_rest) = (
        before.get(head..).unwrap_or_default(),
        after.get(head..).unwrap_or_default(),
    );
    let tail = alike(&mut before_rest.iter().rev().zip(after_rest.iter().rev()));
    let middle = |side: &[&'a str]| side.get(head..side.len() - tail).unwrap_or_default().to_vec();
    let (removed, added) = (middle(before), middle(after));
    let mut lines: Vec<_> = before.iter().take(head).map(|line| Line::Both(line)).collect();
    if removed.len() + added.len() > MOST_LINES {
        lines.extend(removed.iter().map(|line| Line::Before(line)));
        lines.extend(added.iter().map(|line| Line::After(line)));
    } else {
        lines.extend(shortest(&removed, &added));
    }
    lines.extend(before.iter().skip(before.len() - tail).map(|line| Line::Both(line)));
    lines
}

/// The shortest difference, by the longest common subsequence.
fn shortest<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<Line<'a>> {
    let width = after.len() + 1;
    // The length of what the rests of both have in common, from each pair of lines on.
    let mut common = vec![0_u32; (before.len() + 1) * width];
    let at = |common: &[u32], row: usize, column: usize| common.get(row * width + column).copied().unwrap_or_default();
    for (row, one) in before.iter().enumerate().rev() {
        for (column, other) in after.iter().enumerate().rev() {
            let length = if one == other {
                at(&common, row + 1, column + 1) + 1
            } else {
                at(&common, row + 1, column).max(at(&common, row, column + 1))
            };
            if let Some(place) = common.get_mut(row * width + column) {
                *place = length;
            }
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut lines = Vec::with_capacity(before.len() + after.len());
    loop {
        match (before.get(row), after.get(column)) {
            (None, None) => return lines,
            (Some(one), Some(other)) if one == other => {
                lines.push(Line::Both(one));
                row += 1;
                column += 1;
            }
            (Some(one), other) if other.is_none() || at(&common, row + 1, column) >= at(&common, row, column + 1) => {
                lines.push(Line::Before(one));
                row += 1;
            }
            (_, Some(other)) => {
                lines.push(Line::After(other));
                column += 1;
            }
            (Some(_), None) => row += 1,
        }
    }
}

/// The ranges of lines that are shown: what differs, with its context; what touches is one.
fn hunks(lines: &[Line<'_>]) -> Vec<std::ops::Range<usize>> {
    let mut hunks: Vec<std::ops::Range<usize>> = Vec::new();
    let differ = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !matches!(line, Line::Both(_)));
    for (index, _) in differ {
        let (from, to) = (index.saturating_sub(CONTEXT), (index + CONTEXT + 1).min(lines.len()));
        match hunks.last_mut() {
            Some(last) if from <= last.end => last.end = to,
            _ => hunks.push(from..to),
        }
    }
    hunks
}

fn write_hunk(text: &mut String, lines: &[Line<'_>], hunk: std::ops::Range<usize>) {
    let (earlier, shown) = (
        lines.get(..hunk.start).unwrap_or_default(),
        lines.get(hunk).unwrap_or_default(),
    );
    let before = |lines: &[Line<'_>]| lines.iter().filter(|line| !matches!(line, Line::After(_))).count();
    let after = |lines: &[Line<'_>]| lines.iter().filter(|line| !matches!(line, Line::Before(_))).count();
    let range = |earlier: usize, count: usize| match count {
        // Of a side that has nothing here the line before is named.
        0 => format!("{earlier},0"),
        1 => (earlier + 1).to_string(),
        _ => format!("{},{count}", earlier + 1),
    };
    let _ = writeln!(
        text,
        "@@ -{} +{} @@",
        range(before(earlier), before(shown)),
        range(after(earlier), after(shown))
    );
    for line in shown {
        let _ = match line {
            Line::Both(line) => writeln!(text, " {line}"),
            Line::Before(line) => writeln!(text, "-{line}"),
            Line::After(line) => writeln!(text, "+{line}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: Names<'static> = Names {
        before: "before",
        after: "after",
    };

    #[test]
    fn texts_differ_as_diff_shows_it() {
        let cases = [
            ("a\nb\n", "a\nb\n", ""),
            ("a\n", "b\n", "--- before\n+++ after\n@@ -1 +1 @@\n-a\n+b\n"),
            ("", "a\nb\n", "--- before\n+++ after\n@@ -0,0 +1,2 @@\n+a\n+b\n"),
            ("a\nb\n", "", "--- before\n+++ after\n@@ -1,2 +0,0 @@\n-a\n-b\n"),
            (
                "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
                "1\n2\n3\n4\nx\n6\n7\n8\n9\n",
                "--- before\n+++ after\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n",
            ),
        ];
        for (before, after, expected) in cases {
            assert_eq!(unified(before, after, NAMES), expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn differences_far_apart_are_hunks_of_their_own() {
        let before = (0..30).map(|line| line.to_string()).collect::<Vec<_>>().join("\n") + "\n";
        let after = before.replacen("3\n", "x\n", 1).replace("27\n", "");
        let text = unified(&before, &after, NAMES);
        assert_eq!(text.matches("@@ -").count(), 2, "{text}");
        assert!(text.contains("@@ -25,6 +25,5 @@"), "{text}");
    }

    #[test]
    fn a_difference_that_is_too_large_to_look_into_is_shown_whole() {
        let side = |word: &str| {
            (0..MOST_LINES)
                .map(|line| format!("{word}{line}"))
                .collect::<Vec<_>>()
                .join("\n")
        };
        let text = unified(&side("a"), &side("b"), NAMES);
        assert_eq!(text.lines().count(), 3 + 2 * MOST_LINES);
    }

    proptest! {
        /// Whoever takes out and puts in what is shown has the other text.
        #[test]
        fn the_lines_lead_from_one_text_to_the_other(
            before in prop::collection::vec("[ab]?", 0..20), after in prop::collection::vec("[ab]?", 0..20),
        ) {
            let (one, other): (Vec<_>, Vec<_>) = (before.iter().map(String::as_str).collect(), after.iter().map(String::as_str).collect());
            let lines = lines(&one, &other);
            let of_before: Vec<_> = lines.iter().filter_map(|line| match line {
                Line::Both(line) | Line::Before(line) => Some(*line),
                Line::After(_) => None,
            }).collect();
            let of_after: Vec<_> = lines.iter().filter_map(|line| match line {
                Line::Both(line) | Line::After(line) => Some(*line),
                Line::Before(_) => None,
            }).collect();
            prop_assert_eq!(of_before, one);
            prop_assert_eq!(of_after, other);
        }
    }
}

//! One thing that is wrong, or odd.

use std::fmt;

use super::DocumentPath;

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where; empty for the document as a whole.
    pub path: DocumentPath,
    /// What, and what to do.
    pub message: String,
}

/// How much of a text is shown.
const SHOWN: usize = 80;

/// A text in quotes, cut where it is long: what is shown comes from files that anyone may have written.
pub(super) fn shown(text: &str) -> String {
    if text.chars().nth(SHOWN).is_none() {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start:?}…")
}

/// `spec.priority: expected a whole number, found a text`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.steps().is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

//! A problem with its place.

use std::fmt;

use serde::Serialize;

/// Something wrong or odd in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FileProblem {
    /// The file.
    pub(crate) file: String,
    /// The line, counted from 1; `None` for the file as a whole.
    pub(crate) line: Option<u64>,
    /// The path in the document; empty for the document as a whole.
    pub(crate) path: String,
    /// What, and what to do.
    pub(crate) message: String,
}

/// One line for each of `problems`.
pub(crate) fn report(problems: &[FileProblem]) -> String {
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// What stands for a file where something comes from options.
pub(super) const COMMAND_LINE: &str = "command line";

// === impl FileProblem ===

impl FileProblem {
    /// Whether a file is the cause. What is odd about options alone is asked for in so many words.
    pub(super) fn is_in_a_file(&self) -> bool {
        self.file != COMMAND_LINE
    }

    pub(super) fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            path: String::new(),
            message: message.into(),
        }
    }
}

/// `sync.yaml:12: spec.priority: expected a whole number, found a text`.
impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

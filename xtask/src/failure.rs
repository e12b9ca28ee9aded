//! Why a command failed.

use std::{fmt, io};

/// The cause and what to do, for a person.
#[derive(Debug)]
pub(crate) struct Failure(String);

// === impl Failure ===

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Names the step in which an I/O error came.
    pub(crate) fn io(step: impl fmt::Display) -> impl FnOnce(io::Error) -> Self {
        move |error| Self(format!("{step}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

//! Requests without an answer.

use std::{convert::Infallible, fmt, io};

/// Why there was no answer: the connection failed.
#[derive(Debug)]
pub struct NoAnswer(io::Error);

// === impl NoAnswer ===

impl NoAnswer {
    /// The connection broke.
    pub(super) fn reset() -> Self {
        Self(io::ErrorKind::ConnectionReset.into())
    }

    /// Nobody listens.
    pub(super) fn refused() -> Self {
        Self(io::ErrorKind::ConnectionRefused.into())
    }

    /// The kind of failure.
    pub fn kind(&self) -> io::ErrorKind {
        self.0.kind()
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sandbox server gave no answer: {}", self.0)
    }
}

impl std::error::Error for NoAnswer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl From<Infallible> for NoAnswer {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

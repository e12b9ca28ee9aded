//! Why a text is no path.

/// The longest text of a path, in bytes.
pub(super) const LONGEST: usize = 1024;
/// The most steps of a path: it bounds how deep a transform can nest an object.
pub(super) const MOST_STEPS: usize = 32;

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing is written.
    #[error("the path is empty: name a member, such as spec.replicas")]
    Empty,
    /// It is longer than 1024 bytes.
    #[error("the path is longer than {LONGEST} bytes")]
    TooLong,
    /// It has more than 32 steps.
    #[error("the path has more than {MOST_STEPS} steps")]
    TooManySteps,
    /// A name is missing.
    #[error("a name is missing at column {column}")]
    NameMissing {
        /// Where, in characters from 1.
        column: usize,
    },
    /// A character has no meaning where it stands.
    #[error("{character:?} is not expected at column {column}: keys with other characters are written [\"a.b/c\"]")]
    Unexpected {
        /// The character.
        character: char,
        /// Where, in characters from 1.
        column: usize,
    },
    /// A bracket or a quotation mark is not closed.
    #[error("what opens at column {column} is not closed")]
    Unclosed {
        /// Where it opens, in characters from 1.
        column: usize,
    },
    /// What stands in brackets is none of the known forms.
    #[error("[{text}] at column {column} is none of [0], [*], [name=web] and [\"a.b/c\"]")]
    Selector {
        /// What stands there.
        text: String,
        /// Where, in characters from 1.
        column: usize,
    },
}

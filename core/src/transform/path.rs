//! Paths into an object, as people write them: `spec.replicas`, `metadata.annotations["a.b/c"]`,
//! `spec.template.spec.containers[name=web].image`, `spec.ports[0]`, `spec.ports[*].name`.

mod edit;
mod error;
mod meets;
mod parse;

use std::fmt;

pub use self::{edit::EditError, error::PathError};

/// A path into an object. Its display is canonical and parses back to the same path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Step>);

/// One step of a [`Path`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The member of this name.
    Key(Box<str>),
    /// The item at this place of a list, counted from 0.
    Index(usize),
    /// Every item of a list.
    Every,
    /// The items of a list whose members have all these values, compared as text.
    Where(Vec<(Box<str>, Box<str>)>),
}

// === impl Path ===

impl Path {
    /// The path of these steps.
    pub fn new(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// Its steps, outermost first.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether it may name more than one place.
    pub fn may_name_several(&self) -> bool {
        self.0.iter().any(|step| matches!(step, Step::Every | Step::Where(_)))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            if index > 0 && matches!(step, Step::Key(key) if parse::is_plain(key)) {
                f.write_str(".")?;
            }
            write!(f, "{step}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl Step ===

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) if parse::is_plain(key) => f.write_str(key),
            Self::Key(key) => {
                f.write_str("[")?;
                write_quoted(f, key)?;
                f.write_str("]")
            }
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Every => f.write_str("[*]"),
            Self::Where(conditions) => {
                f.write_str("[")?;
                for (index, (key, value)) in conditions.iter().enumerate() {
                    if index > 0 {
                        f.write_str(",")?;
                    }
                    write_word(f, key)?;
                    f.write_str("=")?;
                    write_word(f, value)?;
                }
                f.write_str("]")
            }
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn write_word(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    if parse::is_word(text) {
        return f.write_str(text);
    }
    write_quoted(f, text)
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            f.write_str("\\")?;
        }
        write!(f, "{character}")?;
    }
    f.write_str("\"")
}

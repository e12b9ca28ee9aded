//! Where in a document something is.

use std::fmt;

use super::Problem;

/// A path from the root of a document; empty for the document itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentPath(Vec<Step>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into a field of an object.
    Field(String),
    /// Into an item of a list, counted from 0.
    Item(usize),
}

// === impl DocumentPath ===

impl DocumentPath {
    /// The path of field `name` below this one.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.then(Step::Field(name.to_owned()))
    }

    /// The path of item `index` below this one.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        self.then(Step::Item(index))
    }

    /// The path that `text`, such as `set.path` or `jsonPatch[2]`, names below this one; empty names this one.
    #[must_use]
    pub fn below(&self, text: &str) -> Self {
        let steps = text.split(['.', '[']).filter(|step| !step.is_empty()).map(|step| {
            match step.strip_suffix(']').and_then(|index| index.parse().ok()) {
                Some(index) => Step::Item(index),
                None => Step::Field(step.to_owned()),
            }
        });
        Self(self.0.iter().cloned().chain(steps).collect())
    }

    /// Whether this is `other`, or below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The steps from the root.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// What is wrong here.
    pub fn problem(&self, message: impl Into<String>) -> Problem {
        Problem {
            path: self.clone(),
            message: message.into(),
        }
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = Vec::with_capacity(self.0.len() + 1);
        steps.extend_from_slice(&self.0);
        steps.push(step);
        Self(steps)
    }
}

/// `spec.transforms[0].set`, `metadata.labels["example.org/app"]`.
impl fmt::Display for DocumentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Item(index) => write!(f, "[{index}]")?,
                Step::Field(name) if !is_plain(name) => write!(f, "[{}]", super::problem::shown(name))?,
                Step::Field(name) if at == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
            }
        }
        Ok(())
    }
}

fn is_plain(name: &str) -> bool {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&name.len()) && name.bytes().all(of_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_on_below() {
        let root = DocumentPath::default().field("transforms").item(0);
        let cases = [
            ("", "transforms[0]"),
            ("set.path", "transforms[0].set.path"),
            ("jsonPatch[2]", "transforms[0].jsonPatch[2]"),
        ];
        for (text, expected) in cases {
            let path = root.below(text);
            assert_eq!(path.to_string(), expected);
            assert!(path.is_within(&root));
        }
        assert!(!root.is_within(&root.item(1)));
    }

    #[test]
    fn a_path_reads_as_one_writes_it() {
        let root = DocumentPath::default();
        assert_eq!(root.to_string(), "");
        assert_eq!(
            root.field("spec").field("transforms").item(0).field("set").to_string(),
            "spec.transforms[0].set"
        );
        assert_eq!(
            root.field("metadata")
                .field("labels")
                .field("example.org/app")
                .to_string(),
            r#"metadata.labels["example.org/app"]"#
        );
    }
}

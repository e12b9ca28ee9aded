//! Where a walk is: the path, and its canonical text, from which leaves get their ids.

use serde_json::Value;

use crate::{
    field_path::{FieldPath, Step},
    payload::write_canonical,
};

/// Where a walk is.
#[derive(Default)]
pub(super) struct Trail {
    pub(super) path: FieldPath,
    pub(super) text: String,
    lengths: Vec<usize>,
}

// === impl Trail ===

impl Trail {
    pub(super) fn of(path: &FieldPath) -> Self {
        let mut trail = Self::default();
        for step in path.steps() {
            trail.push(step.clone());
        }
        trail
    }

    pub(super) fn push(&mut self, step: Step) {
        self.lengths.push(self.text.len());
        write_step(&mut self.text, &step);
        self.path.push(step);
    }

    pub(super) fn pop(&mut self) {
        self.path.pop();
        if let Some(length) = self.lengths.pop() {
            self.text.truncate(length);
        }
    }
}

/// With what the text of a step to an item of a keyed list begins.
pub(super) const ITEM: &str = "\u{1}k";

/// One part of the key of such an item; they come sorted.
pub(super) fn write_key(out: &mut String, name: &str, value: &Value) {
    out.push_str(name);
    out.push('=');
    write_canonical(out, value);
    out.push(',');
}

/// No two steps have one text.
pub(super) fn write_step(out: &mut String, step: &Step) {
    match step {
        Step::Field(name) => {
            out.push_str("\u{1}f");
            out.push_str(name);
        }
        Step::Item(key) => {
            out.push_str(ITEM);
            let mut names: Vec<_> = key.iter().collect();
            names.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in names {
                write_key(out, name, value);
            }
        }
        Step::Element(value) => {
            out.push_str("\u{1}v");
            write_canonical(out, value);
        }
        Step::Index(index) => {
            out.push_str("\u{1}i");
            write_canonical(out, &Value::from(*index));
        }
    }
}

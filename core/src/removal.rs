//! Taking out of a downstream object what an apply by omission leaves there.
//!
//! One JSON Patch, which holds only for the very version that was looked at. A parent that becomes empty stays: where
//! the API server would refuse it so (a probe without its handler), the leaf is the parent itself, see [`crate::drift`].

mod exchange;
mod left_over;
mod union;

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::{
    drift::Leaf,
    field_path::{FieldPath, Step, Token},
};

pub use exchange::exchange_patch;
pub use left_over::left_over;
pub use union::{union_leftover, union_patch};

/// An operation of a JSON Patch (RFC 6902).
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum PatchOp {
    /// The patch is refused unless this value is there. Only ever used for UID, resourceVersion and field managers.
    Test {
        /// A JSON pointer.
        path: String,
        /// What has to be there.
        value: String,
    },
    /// What is there is removed.
    Remove {
        /// A JSON pointer.
        path: String,
    },
    /// A field is set.
    Add {
        /// A JSON pointer.
        path: String,
        /// Its new value.
        value: Value,
    },
    /// What is there is replaced.
    Replace {
        /// A JSON pointer.
        path: String,
        /// Its new value.
        value: Value,
    },
}

/// The patch that removes foreign leaves from `live`; empty if there is nothing to remove.
pub fn foreign_patch(live: &Value, leaves: &[Leaf]) -> Vec<PatchOp> {
    patch(live, leaves.iter().map(|leaf| &leaf.path))
}

/// The patch that removes what is at `paths` in `live`, under its UID and resourceVersion (S1). Empty if nothing is
/// there, or if `live` does not say which object and version it is.
pub fn patch<'a>(live: &Value, paths: impl IntoIterator<Item = &'a FieldPath>) -> Vec<PatchOp> {
    for_this_version(live, removals(live, paths))
}

fn removals<'a>(live: &Value, paths: impl IntoIterator<Item = &'a FieldPath>) -> Vec<PatchOp> {
    let mut removals: Vec<Vec<Token<'_>>> = paths.into_iter().filter_map(|path| path.tokens(live)).collect();
    removals.retain(|tokens| !tokens.is_empty());
    removals.sort();
    // What is inside of something that goes, goes with it. (Sorted: it follows right behind.)
    removals.dedup_by(|inner, outer| inner.starts_with(outer));
    // From the back: an index stays valid while only later items went.
    let removals = removals.iter().rev().map(|tokens| PatchOp::Remove {
        path: Token::pointer(tokens),
    });
    removals.collect()
}

/// The operation that replaces the member `key`, which is there, of the map at `map`.
pub fn replacement(map: &FieldPath, key: &str, value: Value) -> PatchOp {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    for step in map.steps() {
        if let Step::Field(name) = step {
            tokens.push(Token::Key(name));
        }
    }
    tokens.push(Token::Key(key));
    PatchOp::Replace {
        path: Token::pointer(&tokens),
        value,
    }
}

/// Of the foreign `leaves` that a patch removed, those that are in its `answer` again: the API server sets them itself.
/// To be remembered, and not tried again.
pub fn reappeared<'a>(answer: &Value, leaves: &'a [Leaf]) -> Vec<&'a FieldPath> {
    let paths = leaves.iter().map(|leaf| &leaf.path);
    paths.filter(|path| path.find(answer).is_some()).collect()
}

/// The patch of these operations under the UID and resourceVersion of `live`.
pub(crate) fn for_this_version(live: &Value, ops: Vec<PatchOp>) -> Vec<PatchOp> {
    let tests = ["/metadata/uid", "/metadata/resourceVersion"].map(|path| test(live, path));
    let [Some(uid), Some(version)] = tests else {
        return Vec::new();
    };
    if ops.is_empty() {
        return ops;
    }
    [uid, version].into_iter().chain(ops).collect()
}

fn test(live: &Value, path: &str) -> Option<PatchOp> {
    let value = live.pointer(path)?.as_str().filter(|value| !value.is_empty())?;
    Some(PatchOp::Test {
        path: path.to_owned(),
        value: value.to_owned(),
    })
}

// === impl PatchOp ===

/// Without values: they are what an upstream decides, and may be confidential.
impl fmt::Debug for PatchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (op, path) = match self {
            Self::Test { path, .. } => ("test", path),
            Self::Remove { path } => ("remove", path),
            Self::Add { path, .. } => ("add", path),
            Self::Replace { path, .. } => ("replace", path),
        };
        write!(f, "{op} {path}")
    }
}

#[cfg(test)]
mod tests;

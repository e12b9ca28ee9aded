//! Taking out of a downstream object what an apply by omission leaves there.
//!
//! One JSON Patch, which holds only for the very version that was looked at. A parent that becomes empty stays: where
//! the API server would refuse it so (a probe without its handler), the leaf is the parent itself, see [`crate::drift`].

mod left_over;
mod union;

use serde::Serialize;
use serde_json::Value;

use crate::{
    drift::Leaf,
    field_path::{FieldPath, Token},
};

pub use left_over::left_over;
pub use union::union_leftover;

/// An operation of a JSON Patch (RFC 6902).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum PatchOp {
    /// The patch is refused unless this value is there. Only ever used for UID and resourceVersion.
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
}

/// The patch that removes foreign leaves from `live`; empty if there is nothing to remove.
pub fn foreign_patch(live: &Value, leaves: &[Leaf]) -> Vec<PatchOp> {
    patch(live, leaves.iter().map(|leaf| &leaf.path))
}

/// The patch that removes what is at `paths` in `live`, under its UID and resourceVersion (S1). Empty if nothing is
/// there, or if `live` does not say which object and version it is.
pub fn patch<'a>(live: &Value, paths: impl IntoIterator<Item = &'a FieldPath>) -> Vec<PatchOp> {
    let mut removals: Vec<Vec<Token<'_>>> = paths.into_iter().filter_map(|path| path.tokens(live)).collect();
    removals.retain(|tokens| !tokens.is_empty());
    removals.sort();
    // What is inside of something that goes, goes with it. (Sorted: it follows right behind.)
    removals.dedup_by(|inner, outer| inner.starts_with(outer));
    if removals.is_empty() {
        return Vec::new();
    }
    let tests = ["/metadata/uid", "/metadata/resourceVersion"].map(|path| test(live, path));
    let [Some(uid), Some(version)] = tests else {
        return Vec::new();
    };
    // From the back: an index stays valid while only later items went.
    let removals = removals.iter().rev().map(|tokens| PatchOp::Remove {
        path: Token::pointer(tokens),
    });
    [uid, version].into_iter().chain(removals).collect()
}

fn test(live: &Value, path: &str) -> Option<PatchOp> {
    let value = live.pointer(path)?.as_str().filter(|value| !value.is_empty())?;
    Some(PatchOp::Test {
        path: path.to_owned(),
        value: value.to_owned(),
    })
}

#[cfg(test)]
mod tests;

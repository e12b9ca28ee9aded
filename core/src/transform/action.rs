//! What single transforms do.

use serde_json::{Map, Value};

use super::{Path, cel::Expression, image::Rewrite, json_patch, json_patch::PatchOperation, merge_patch};
use crate::identity::Gvr;

/// What a transform does.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// Sets a given value.
    Set(Path, Value),
    /// Sets a computed value, or removes what is there if that is null.
    Compute(Path, Box<Expression>),
    /// Removes what is at these paths.
    Remove(Vec<Path>),
    /// Rewrites image registries.
    ImageRegistry(Rewrite),
    /// Applies a JSON Patch.
    JsonPatch(Vec<PatchOperation>),
    /// Applies a JSON Merge Patch.
    MergePatch(Map<String, Value>),
}

// === impl Action ===

impl Action {
    /// What it is called in a policy.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Set(..) | Self::Compute(..) => "set",
            Self::Remove(_) => "remove",
            Self::ImageRegistry(_) => "imageRegistry",
            Self::JsonPatch(_) => "jsonPatch",
            Self::MergePatch(_) => "mergePatch",
        }
    }

    /// The paths that it sets or removes in objects of `gvr`.
    pub(super) fn touched(&self, gvr: &Gvr) -> Vec<Path> {
        match self {
            Self::Set(path, _) | Self::Compute(path, _) => vec![path.clone()],
            Self::Remove(paths) => paths.clone(),
            Self::ImageRegistry(_) => Rewrite::touched(gvr),
            Self::JsonPatch(operations) => operations
                .iter()
                .flat_map(PatchOperation::changes)
                .flat_map(json_patch::Pointer::paths)
                .collect(),
            Self::MergePatch(patch) => merge_patch::touched(patch),
        }
    }
}

//! What a policy changes in an object on its way down.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ResourceRef, Selection};

/// One transform: exactly one operation, perhaps limited to some targets or resources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Transform {
    /// Sets the value at a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<SetValue>,
    /// Removes what is at these paths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove: Option<Vec<String>>,
    /// Rewrites the registry of every image in a pod template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_registry: Option<ImageRegistry>,
    /// A JSON Patch (RFC 6902): its operations, as they stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_patch: Option<Vec<Value>>,
    /// A JSON Merge Patch (RFC 7386).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_patch: Option<Value>,
    /// The targets that it is for.
    pub targets: Selection,
    /// The resources that it is for; empty for all.
    pub resources: Vec<ResourceRef>,
}

/// A value at a path: given, or computed by CEL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetValue {
    /// Where, such as `spec.replicas` or `spec.template.spec.containers[name=web].image`.
    pub path: String,
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The expression that gives the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cel: Option<String>,
}

/// The registry that images are taken from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRegistry {
    /// The registry, or registry and path, that images name now; `docker.io` stands for images that name none.
    pub from: String,
    /// What stands in its place.
    pub to: String,
}

/// The operation of a [`Transform`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation<'a> {
    /// Set a value.
    Set(&'a SetValue),
    /// Remove paths.
    Remove(&'a [String]),
    /// Rewrite image registries.
    ImageRegistry(&'a ImageRegistry),
    /// Apply a JSON Patch.
    JsonPatch(&'a [Value]),
    /// Apply a JSON Merge Patch.
    MergePatch(&'a Value),
}

// === impl Transform ===

impl Transform {
    /// Its operation; `None` if it has none or more than one, which validation refuses.
    pub fn operation(&self) -> Option<Operation<'_>> {
        let mut operations = [
            self.set.as_ref().map(Operation::Set),
            self.remove.as_deref().map(Operation::Remove),
            self.image_registry.as_ref().map(Operation::ImageRegistry),
            self.json_patch.as_deref().map(Operation::JsonPatch),
            self.merge_patch.as_ref().map(Operation::MergePatch),
        ]
        .into_iter()
        .flatten();
        let first = operations.next();
        first.filter(|_| operations.next().is_none())
    }
}

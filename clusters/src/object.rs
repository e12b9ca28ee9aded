//! The lean object: identity and metadata parsed, all else raw JSON.
//!
//! An object decoded into a tree costs twelve times its JSON. This one keeps every top-level member as the text it came
//! as, skips `managedFields` unless asked for, and costs about as much as the JSON. It is never changed, so clones share.

mod decode;
mod encode;
mod kube_object;
mod list;
mod managed_fields;
mod pairs;

use std::{borrow::Cow, fmt, sync::Arc};

pub(crate) use decode::Decoder;
use jiff::Timestamp;
pub use kube_object::KubeObject;
pub(crate) use list::Page;
pub use managed_fields::{FieldsV1Kept, ManagedFields};
pub use pairs::Pairs;
use serde_json::value::RawValue;
use syncer_core::{
    identity::{LogicalCluster, ObjectKey},
    release::Marked,
};

/// An object as an API server returned it. Cheap to clone; its `Debug` shows no content (S8).
#[derive(Clone)]
pub struct Object(Arc<Parts>);

/// A reference in `metadata.ownerReferences`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerReference {
    /// `group/version`, or the version for the core group.
    pub api_version: Box<str>,
    /// The owner's kind.
    pub kind: Box<str>,
    /// The owner's name.
    pub name: Box<str>,
    /// The owner's UID.
    pub uid: Box<str>,
    /// Whether it is the one that manages the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<bool>,
    /// Whether its deletion waits for the object's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_owner_deletion: Option<bool>,
}

/// A member kept as the JSON it came as.
pub(crate) type Member = (Cow<'static, str>, Box<RawValue>);

pub(crate) struct Parts {
    key: ObjectKey,
    kind: Arc<str>,
    metadata: Metadata,
    members: Box<[Member]>,
    warnings: Box<[Box<str>]>,
}

#[derive(Default)]
pub(crate) struct Metadata {
    namespace: Box<str>,
    name: Box<str>,
    uid: Box<str>,
    resource_version: Box<str>,
    generation: i64,
    labels: Pairs,
    annotations: Pairs,
    finalizers: Box<[Box<str>]>,
    owner_references: Box<[OwnerReference]>,
    created: Option<Timestamp>,
    deleted: Option<Timestamp>,
    managed_fields: Box<[ManagedFields]>,
    /// What is not parsed, such as `generateName`.
    other: Box<[Member]>,
}

// === impl Object ===

impl Object {
    pub(crate) fn with_warnings(mut self, warnings: Vec<Box<str>>) -> Self {
        if !warnings.is_empty()
            && let Some(parts) = Arc::get_mut(&mut self.0)
        {
            parts.warnings = warnings.into();
        }
        self
    }

    /// Who it is; with the logical cluster that the server named on streams over many of them.
    pub fn key(&self) -> &ObjectKey {
        &self.0.key
    }

    /// The logical cluster; empty for a plain API server.
    pub fn cluster(&self) -> &LogicalCluster {
        &self.0.key.cluster
    }

    /// The kind, such as `ConfigMap`.
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The UID.
    pub fn uid(&self) -> &str {
        &self.0.metadata.uid
    }

    /// The resourceVersion: opaque, to be compared for equality only, and only with others of the same server.
    pub fn resource_version(&self) -> &str {
        &self.0.metadata.resource_version
    }

    /// The generation; 0 where the kind has none.
    pub fn generation(&self) -> i64 {
        self.0.metadata.generation
    }

    /// The labels.
    pub fn labels(&self) -> &Pairs {
        &self.0.metadata.labels
    }

    /// The annotations.
    pub fn annotations(&self) -> &Pairs {
        &self.0.metadata.annotations
    }

    /// The finalizers.
    pub fn finalizers(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.metadata.finalizers.iter().map(|finalizer| &**finalizer)
    }

    /// The owners.
    pub fn owner_references(&self) -> &[OwnerReference] {
        &self.0.metadata.owner_references
    }

    /// The owner that manages it, if any.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references()
            .iter()
            .find(|owner| owner.controller == Some(true))
    }

    /// When it was created, by the server's clock.
    pub fn creation_timestamp(&self) -> Option<Timestamp> {
        self.0.metadata.created
    }

    /// When it was asked to go, by the server's clock; none if it was not.
    pub fn deletion_timestamp(&self) -> Option<Timestamp> {
        self.0.metadata.deleted
    }

    /// The entries of `managedFields` that were asked for.
    pub fn managed_fields(&self) -> &[ManagedFields] {
        &self.0.metadata.managed_fields
    }

    /// The raw JSON of a top-level member such as `spec`, `status`, `data`; none for `metadata`, `kind` and `apiVersion`.
    pub fn member(&self, name: &str) -> Option<&RawValue> {
        self.members()
            .find_map(|(found, value)| (found == name).then_some(value))
    }

    /// The top-level members but `metadata`, `kind` and `apiVersion`, in the server's order.
    pub fn members(&self) -> impl ExactSizeIterator<Item = (&str, &RawValue)> {
        self.0.members.iter().map(|(name, value)| (&**name, &**value))
    }

    /// What the API server warned of in the answer that carried this object; empty on lists and watches, and for Secrets.
    pub fn warnings(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.warnings.iter().map(|warning| &**warning)
    }

    /// What letting go of it has to know; whole only where all of `managedFields` was asked for.
    pub fn marked(&self) -> Marked<'_> {
        Marked {
            uid: self.uid(),
            resource_version: self.resource_version(),
            labels: self.labels().iter().map(|(key, _)| key).collect(),
            annotations: self.annotations().iter().map(|(key, _)| key).collect(),
            managers: self.managed_fields().iter().map(|entry| &*entry.manager).collect(),
        }
    }

    /// The whole object as a tree: costly, for transforms. `managedFields` are in it as far as they were asked for.
    pub fn to_value(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::to_value(self)
    }
}

/// Key, UID and version; of the content only the names and sizes of the members (S8).
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Sizes<'a>(&'a Object);
        impl fmt::Debug for Sizes<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_map()
                    .entries(self.0.members().map(|(name, value)| (name, value.get().len())))
                    .finish()
            }
        }
        f.debug_struct("Object")
            .field("key", self.key())
            .field("uid", &self.uid())
            .field("resource_version", &self.resource_version())
            .field("generation", &self.generation())
            .field("deleted", &self.deletion_timestamp().is_some())
            .field("bytes", &Sizes(self))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

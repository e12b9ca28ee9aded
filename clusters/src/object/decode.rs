//! From JSON to the lean object, in one pass and without a tree.

use std::{borrow::Cow, fmt, sync::Arc};

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use syncer_core::{
    identity::{LogicalCluster, ObjectKey, ResourceType},
    kcp::types::CLUSTER_ANNOTATION,
};

use super::{FieldsV1Kept, Member, Metadata, Object, Parts, managed_fields::Entries};

/// How objects of one resource are read. It remembers the last cluster and namespace, which neighbours in a list share.
pub(crate) struct Decoder {
    resource: ResourceType,
    clusters: Clusters,
    kept: FieldsV1Kept,
    last_cluster: LogicalCluster,
    last_namespace: Arc<str>,
}

/// Whose objects a stream carries.
enum Clusters {
    /// Those of one logical cluster.
    One,
    /// Those of all; each names its own.
    Many,
}

/// A member of an object.
pub(super) enum Field {
    ApiVersion,
    Kind,
    Metadata,
    Other(Cow<'static, str>),
}

/// A member of `metadata`.
enum MetadataField {
    Namespace,
    Name,
    Uid,
    ResourceVersion,
    Generation,
    Labels,
    Annotations,
    Finalizers,
    OwnerReferences,
    CreationTimestamp,
    DeletionTimestamp,
    ManagedFields,
    Other(Cow<'static, str>),
}

/// Reads metadata, with this much of `managedFields`.
pub(super) struct MetadataSeed<'k>(pub(super) &'k FieldsV1Kept);

// === impl Decoder ===

impl Decoder {
    /// Reads objects of the one logical cluster `cluster`.
    pub(crate) fn of_one(resource: ResourceType, cluster: LogicalCluster, kept: FieldsV1Kept) -> Self {
        Self {
            resource,
            clusters: Clusters::One,
            kept,
            last_cluster: cluster,
            last_namespace: Arc::default(),
        }
    }

    /// Reads objects of many logical clusters, which each object has to name.
    pub(crate) fn of_many(resource: ResourceType, kept: FieldsV1Kept) -> Self {
        Self {
            resource,
            clusters: Clusters::Many,
            kept,
            last_cluster: LogicalCluster::plain(),
            last_namespace: Arc::default(),
        }
    }

    /// The object in `json`.
    pub(crate) fn object(&mut self, json: &str) -> Result<Object, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let object = DeserializeSeed::deserialize(self, &mut deserializer)?;
        deserializer.end()?;
        Ok(object)
    }

    fn assemble(&mut self, metadata: Metadata, members: Vec<Member>) -> Result<Object, &'static str> {
        if metadata.name.is_empty() {
            return Err("an object without a name");
        }
        if matches!(self.clusters, Clusters::Many) {
            // Without its cluster the object could be taken for one of another workspace, so it is refused.
            let cluster = metadata
                .annotations
                .get(CLUSTER_ANNOTATION)
                .filter(|cluster| !cluster.is_empty());
            let cluster = cluster.ok_or("an object that does not name its logical cluster")?;
            if self.last_cluster.as_str() != cluster {
                self.last_cluster = LogicalCluster::new(cluster);
            }
        }
        if *self.last_namespace != *metadata.namespace {
            self.last_namespace = Arc::from(&*metadata.namespace);
        }
        let key = ObjectKey {
            cluster: self.last_cluster.clone(),
            gvr: self.resource.gvr.clone(),
            namespace: Arc::clone(&self.last_namespace),
            name: Arc::from(&*metadata.name),
        };
        let metadata = Metadata {
            name: Box::default(),
            namespace: Box::default(),
            ..metadata
        };
        let kind = Arc::clone(&self.resource.kind);
        Ok(Object(Arc::new(Parts {
            key,
            kind,
            metadata,
            members: members.into(),
            warnings: Box::default(),
        })))
    }
}

impl<'de> DeserializeSeed<'de> for &mut Decoder {
    type Value = Object;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Object, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Decoder {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut metadata = None;
        let mut members = Vec::with_capacity(4);
        while let Some(field) = map.next_key::<Field>()? {
            match field {
                Field::ApiVersion | Field::Kind => drop(map.next_value::<IgnoredAny>()?),
                Field::Metadata => metadata = Some(map.next_value_seed(MetadataSeed(&self.kept))?),
                Field::Other(name) => members.push((name, map.next_value::<Box<RawValue>>()?)),
            }
        }
        let metadata = metadata.ok_or_else(|| A::Error::custom("an object without metadata"))?;
        self.assemble(metadata, members).map_err(A::Error::custom)
    }
}

// === impl MetadataSeed ===

impl<'de> DeserializeSeed<'de> for MetadataSeed<'_> {
    type Value = Metadata;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Metadata, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MetadataSeed<'_> {
    type Value = Metadata;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("metadata")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
        let mut metadata = Metadata::default();
        let mut other = Vec::new();
        while let Some(field) = map.next_key::<MetadataField>()? {
            match field {
                MetadataField::Namespace => metadata.namespace = map.next_value::<Option<_>>()?.unwrap_or_default(),
                MetadataField::Name => metadata.name = map.next_value()?,
                MetadataField::Uid => metadata.uid = map.next_value::<Option<_>>()?.unwrap_or_default(),
                MetadataField::ResourceVersion => {
                    metadata.resource_version = map.next_value::<Option<_>>()?.unwrap_or_default();
                }
                MetadataField::Generation => metadata.generation = map.next_value::<Option<_>>()?.unwrap_or_default(),
                MetadataField::Labels => metadata.labels = map.next_value()?,
                MetadataField::Annotations => metadata.annotations = map.next_value()?,
                MetadataField::Finalizers => metadata.finalizers = map.next_value::<Option<_>>()?.unwrap_or_default(),
                MetadataField::OwnerReferences => {
                    metadata.owner_references = map.next_value::<Option<_>>()?.unwrap_or_default();
                }
                MetadataField::CreationTimestamp => metadata.created = map.next_value::<Option<Timestamp>>()?,
                MetadataField::DeletionTimestamp => metadata.deleted = map.next_value::<Option<Timestamp>>()?,
                MetadataField::ManagedFields => metadata.managed_fields = map.next_value_seed(Entries(self.0))?,
                MetadataField::Other(name) => other.push((name, map.next_value::<Box<RawValue>>()?)),
            }
        }
        metadata.other = other.into();
        Ok(metadata)
    }
}

// === impl Field ===

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor(|name: &str| match name {
            "apiVersion" => Self::ApiVersion,
            "kind" => Self::Kind,
            "metadata" => Self::Metadata,
            "spec" => Self::Other(Cow::Borrowed("spec")),
            "status" => Self::Other(Cow::Borrowed("status")),
            "data" => Self::Other(Cow::Borrowed("data")),
            "type" => Self::Other(Cow::Borrowed("type")),
            other => Self::Other(Cow::Owned(other.to_owned())),
        }))
    }
}

// === impl MetadataField ===

impl<'de> Deserialize<'de> for MetadataField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor(|name: &str| match name {
            "namespace" => Self::Namespace,
            "name" => Self::Name,
            "uid" => Self::Uid,
            "resourceVersion" => Self::ResourceVersion,
            "generation" => Self::Generation,
            "labels" => Self::Labels,
            "annotations" => Self::Annotations,
            "finalizers" => Self::Finalizers,
            "ownerReferences" => Self::OwnerReferences,
            "creationTimestamp" => Self::CreationTimestamp,
            "deletionTimestamp" => Self::DeletionTimestamp,
            "managedFields" => Self::ManagedFields,
            other => Self::Other(Cow::Owned(other.to_owned())),
        }))
    }
}

struct KeyVisitor<F>(F);

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for KeyVisitor<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<T, E> {
        Ok((self.0)(name))
    }
}

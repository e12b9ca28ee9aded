//! The lean object for kube's own `Api`, for callers who want a verb that [`Cluster`](crate::Cluster) does not have.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference as KubeOwner, Time};
use kube::{
    Resource,
    core::{ApiResource, DynamicResourceScope, TypeMeta},
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
    ser::SerializeMap as _,
};
use serde_json::value::RawValue;

use super::{
    FieldsV1Kept, Member, Metadata, OwnerReference, Pairs,
    decode::{Field, MetadataSeed},
};

/// An object of any kind: metadata as kube wants it but without `managedFields`, all else raw JSON.
#[derive(Clone)]
pub struct KubeObject {
    types: Option<TypeMeta>,
    metadata: Box<ObjectMeta>,
    members: Box<[Member]>,
}

// === impl KubeObject ===

impl KubeObject {
    /// The raw JSON of a top-level member such as `spec`; none for `metadata`, `kind` and `apiVersion`.
    pub fn member(&self, name: &str) -> Option<&RawValue> {
        self.members
            .iter()
            .find_map(|(found, value)| (found == name).then_some(&**value))
    }
}

impl Resource for KubeObject {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl<'de> Deserialize<'de> for KubeObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = KubeObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KubeObject, A::Error> {
                let (mut api_version, mut kind, mut metadata) = (None, None, None);
                let mut members = Vec::with_capacity(4);
                while let Some(field) = map.next_key::<Field>()? {
                    match field {
                        Field::ApiVersion => api_version = Some(map.next_value()?),
                        Field::Kind => kind = Some(map.next_value()?),
                        Field::Metadata => metadata = Some(map.next_value_seed(MetadataSeed(&FieldsV1Kept::None))?),
                        Field::Other(name) => members.push((name, map.next_value::<Box<RawValue>>()?)),
                    }
                }
                let metadata = metadata.ok_or_else(|| A::Error::custom("an object without metadata"))?;
                // Items of a list of a built-in kind name neither.
                let types = api_version
                    .zip(kind)
                    .map(|(api_version, kind)| TypeMeta { api_version, kind });
                Ok(KubeObject {
                    types,
                    metadata: Box::new(metadata.into()),
                    members: members.into(),
                })
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

impl Serialize for KubeObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(types) = &self.types {
            map.serialize_entry("apiVersion", &types.api_version)?;
            map.serialize_entry("kind", &types.kind)?;
        }
        map.serialize_entry("metadata", &self.metadata)?;
        for (name, value) in &self.members {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Name, namespace and version alone (S8).
impl fmt::Debug for KubeObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeObject")
            .field("namespace", &self.metadata.namespace)
            .field("name", &self.metadata.name)
            .field("resource_version", &self.metadata.resource_version)
            .finish_non_exhaustive()
    }
}

impl From<Metadata> for ObjectMeta {
    fn from(metadata: Metadata) -> Self {
        let some = |text: Box<str>| Some(String::from(text)).filter(|text| !text.is_empty());
        let map = |pairs: &Pairs| {
            let map: BTreeMap<String, String> = pairs.iter().map(|(key, value)| (key.into(), value.into())).collect();
            Some(map).filter(|map| !map.is_empty())
        };
        let other = |name: &str| {
            metadata
                .other
                .iter()
                .find_map(|(found, value)| (found == name).then(|| value.get()))
        };
        let finalizers: Vec<String> = metadata.finalizers.iter().map(ToString::to_string).collect();
        let owners: Vec<KubeOwner> = metadata.owner_references.iter().cloned().map(Into::into).collect();
        Self {
            generate_name: other("generateName").and_then(|json| serde_json::from_str(json).ok()),
            deletion_grace_period_seconds: other("deletionGracePeriodSeconds")
                .and_then(|json| serde_json::from_str(json).ok()),
            self_link: other("selfLink").and_then(|json| serde_json::from_str(json).ok()),
            labels: map(&metadata.labels),
            annotations: map(&metadata.annotations),
            finalizers: Some(finalizers).filter(|finalizers| !finalizers.is_empty()),
            owner_references: Some(owners).filter(|owners| !owners.is_empty()),
            creation_timestamp: metadata.created.map(Time),
            deletion_timestamp: metadata.deleted.map(Time),
            generation: Some(metadata.generation).filter(|generation| *generation != 0),
            namespace: some(metadata.namespace),
            name: some(metadata.name),
            uid: some(metadata.uid),
            resource_version: some(metadata.resource_version),
            managed_fields: None,
        }
    }
}

impl From<OwnerReference> for KubeOwner {
    fn from(owner: OwnerReference) -> Self {
        Self {
            api_version: owner.api_version.into(),
            kind: owner.kind.into(),
            name: owner.name.into(),
            uid: owner.uid.into(),
            controller: owner.controller,
            block_owner_deletion: owner.block_owner_deletion,
        }
    }
}

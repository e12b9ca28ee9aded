//! From the lean object back to JSON.

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap},
};

use super::{Object, Parts};

struct MetadataOf<'a>(&'a Parts);

/// The object as JSON, with `managedFields` as far as they were kept.
impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("apiVersion", &self.0.key.gvr.api_version())?;
        map.serialize_entry("kind", self.kind())?;
        map.serialize_entry("metadata", &MetadataOf(&self.0))?;
        for (name, value) in self.members() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for MetadataOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Parts { key, metadata, .. } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &*key.name)?;
        entry_unless(&mut map, "namespace", &*key.namespace, key.namespace.is_empty())?;
        entry_unless(&mut map, "uid", &*metadata.uid, metadata.uid.is_empty())?;
        entry_unless(
            &mut map,
            "resourceVersion",
            &*metadata.resource_version,
            metadata.resource_version.is_empty(),
        )?;
        entry_unless(&mut map, "generation", &metadata.generation, metadata.generation == 0)?;
        entry_unless(&mut map, "labels", &metadata.labels, metadata.labels.is_empty())?;
        entry_unless(
            &mut map,
            "annotations",
            &metadata.annotations,
            metadata.annotations.is_empty(),
        )?;
        entry_unless(
            &mut map,
            "finalizers",
            &metadata.finalizers,
            metadata.finalizers.is_empty(),
        )?;
        entry_unless(
            &mut map,
            "ownerReferences",
            &metadata.owner_references,
            metadata.owner_references.is_empty(),
        )?;
        entry_unless(
            &mut map,
            "creationTimestamp",
            &metadata.created,
            metadata.created.is_none(),
        )?;
        entry_unless(
            &mut map,
            "deletionTimestamp",
            &metadata.deleted,
            metadata.deleted.is_none(),
        )?;
        entry_unless(
            &mut map,
            "managedFields",
            &metadata.managed_fields,
            metadata.managed_fields.is_empty(),
        )?;
        for (name, value) in &metadata.other {
            map.serialize_entry(&**name, &**value).map_err(S::Error::custom)?;
        }
        map.end()
    }
}

fn entry_unless<M: SerializeMap, T: Serialize + ?Sized>(
    map: &mut M,
    name: &str,
    value: &T,
    absent: bool,
) -> Result<(), M::Error> {
    if absent {
        return Ok(());
    }
    map.serialize_entry(name, value)
}

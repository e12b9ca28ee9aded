//! One version of one object, compact: its bytes, and of its metadata what selectors and deletes ask for.

use std::{fmt, sync::Arc};

use serde_json::{Map, Value};

use crate::kcp::without_cluster;

/// One version of one object.
pub(crate) struct Stored {
    /// The logical cluster; empty on a plain server.
    pub(crate) cluster: Arc<str>,
    /// The namespace; empty for a cluster-scoped object.
    pub(crate) namespace: Arc<str>,
    /// The name.
    pub(crate) name: Box<str>,
    /// The UID.
    pub(crate) uid: Box<str>,
    /// The resourceVersion.
    pub(crate) version: u64,
    /// The labels, sorted.
    pub(crate) labels: Box<[(Box<str>, Box<str>)]>,
    /// The object without kind and apiVersion, which depend on how it is asked for: `"metadata":{...},...}`.
    tail: Box<[u8]>,
    /// Where in `tail` the metadata ends.
    metadata_end: usize,
    /// Whether the last write named the logical cluster. kcp keeps what it was sent, so that a write of what was read is a change where the
    /// last one did not name it.
    pub(crate) names_cluster: bool,
}

// === impl Stored ===

impl Stored {
    /// Stores `object` as `version`. Its identity is taken from its metadata.
    pub(crate) fn new(cluster: &Arc<str>, mut object: Value, version: u64) -> Self {
        let mut fields = object.as_object_mut().map(std::mem::take).unwrap_or_default();
        fields.remove("kind");
        fields.remove("apiVersion");
        let mut metadata = match fields.remove("metadata") {
            Some(Value::Object(metadata)) => metadata,
            _ => Map::new(),
        };
        // Version 0 is an object that was never written: a dry run.
        if version == 0 {
            metadata.remove("resourceVersion");
        } else {
            metadata.insert("resourceVersion".to_owned(), version.to_string().into());
        }
        if !cluster.is_empty() {
            let annotations = metadata
                .entry("annotations")
                .or_insert_with(|| Value::Object(Map::new()));
            crate::object::put(annotations, crate::kcp::CLUSTER, &**cluster);
        }
        let text = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or_default();
        let mut labels: Vec<(Box<str>, Box<str>)> = metadata
            .get("labels")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str().into(), value.as_str().unwrap_or_default().into()))
            .collect();
        labels.sort();
        let (namespace, name, uid) = (text("namespace").into(), text("name").into(), text("uid").into());
        let mut tail = br#""metadata":"#.to_vec();
        write_json(&mut tail, &Value::Object(metadata));
        let metadata_end = tail.len();
        for (name, value) in &fields {
            tail.push(b',');
            write_json(&mut tail, &Value::from(name.as_str()));
            tail.push(b':');
            write_json(&mut tail, value);
        }
        tail.push(b'}');
        Self {
            cluster: Arc::clone(cluster),
            namespace,
            name,
            uid,
            version,
            labels: labels.into(),
            tail: tail.into(),
            metadata_end,
            names_cluster: false,
        }
    }

    /// The object without kind and apiVersion, and without the annotation that names its logical cluster.
    pub(crate) fn value(&self) -> Value {
        let mut text = Vec::with_capacity(self.tail.len() + 1);
        text.push(b'{');
        text.extend_from_slice(&self.tail);
        let mut value = serde_json::from_slice(&text).unwrap_or_default();
        if !self.cluster.is_empty() {
            without_cluster(&mut value);
        }
        value
    }

    /// Writes the object with its kind.
    pub(crate) fn write(&self, out: &mut Vec<u8>, kind: &str, api_version: &str) {
        out.extend_from_slice(br#"{"kind":""#);
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(br#"","apiVersion":""#);
        out.extend_from_slice(api_version.as_bytes());
        out.extend_from_slice(br#"","#);
        out.extend_from_slice(&self.tail);
    }

    /// Writes the metadata alone, as a `PartialObjectMetadata`.
    pub(crate) fn write_metadata(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","#);
        out.extend_from_slice(self.tail.get(..self.metadata_end).unwrap_or_default());
        out.push(b'}');
    }

    /// Writes the object without its kind: as an item of a list of a built-in kind.
    pub(crate) fn write_item(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        out.extend_from_slice(&self.tail);
    }
}

fn write_json(out: &mut Vec<u8>, value: &Value) {
    // Writing a value to memory cannot fail.
    let _ = serde_json::to_writer(out, value);
}

/// The identity alone: the object may be a Secret (S8).
impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}/{}@{}", self.cluster, self.namespace, self.name, self.version)
    }
}

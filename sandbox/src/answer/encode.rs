//! Objects and lists in the form that was asked for.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::table;
use crate::object::put;
use crate::{registry::Resource, request::representation::Representation, state::Now, store::stored::Stored};

/// Writes objects of one resource in one form.
#[derive(Clone, Debug)]
pub(crate) struct Encoder {
    resource: Arc<Resource>,
    api_version: Arc<str>,
    form: Representation,
    now: Now,
}

/// The size from which on a list is sent in pieces, in objects.
const PIECE: usize = 500;

/// The head of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListHead {
    /// The version of the list.
    pub(crate) version: u64,
    /// The token for the next page.
    pub(crate) next: Option<String>,
    /// How many objects come after this page.
    pub(crate) remaining: Option<usize>,
}

// === impl Encoder ===

impl Encoder {
    /// An encoder for `resource`.
    pub(crate) fn new(resource: &Arc<Resource>, form: Representation, now: Now) -> Self {
        Self {
            resource: Arc::clone(resource),
            api_version: resource.gvr.api_version().into(),
            form,
            now,
        }
    }

    /// Writes one object.
    pub(crate) fn object(&self, object: &Stored, out: &mut Vec<u8>) {
        match self.form {
            Representation::Metadata => object.write_metadata(out),
            Representation::Table => {
                let table = table::table(
                    &self.resource,
                    &ListHead {
                        version: object.version,
                        ..ListHead::default()
                    },
                    &[object],
                    self.now,
                    table::Heads::Shown,
                );
                out.extend_from_slice(table.to_string().as_bytes());
            }
            Representation::Whole | Representation::Discovery => {
                object.write(out, self.resource.kind(), &self.api_version);
            }
        }
    }

    /// Writes one object of a watch; only the first table of it has heads.
    pub(crate) fn event(&self, object: &Stored, first: bool, out: &mut Vec<u8>) {
        if self.form == Representation::Table && !first {
            let head = ListHead {
                version: object.version,
                ..ListHead::default()
            };
            let table = table::table(&self.resource, &head, &[object], self.now, table::Heads::Hidden);
            out.extend_from_slice(table.to_string().as_bytes());
            return;
        }
        self.object(object, out);
    }

    /// An object without content: the bookmark of a watch.
    pub(crate) fn bookmark(&self, version: u64, annotations: Option<Value>) -> Value {
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if let Some(annotations) = annotations {
            put(&mut metadata, "annotations", annotations);
        }
        match self.form {
            Representation::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
            Representation::Table => {
                json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": null, "rows": []})
            }
            Representation::Whole | Representation::Discovery => {
                json!({"kind": self.resource.kind(), "apiVersion": &*self.api_version, "metadata": metadata})
            }
        }
    }

    /// A list, in pieces.
    pub(crate) fn list(
        self,
        head: &ListHead,
        objects: Vec<Arc<Stored>>,
    ) -> impl Iterator<Item = Bytes> + Send + 'static {
        let (start, end) = self.frame(head, &objects);
        let objects = if self.form == Representation::Table {
            Vec::new()
        } else {
            objects
        };
        let count = objects.len().div_ceil(PIECE);
        let middle = (0..count).map(move |piece| {
            let mut text = Vec::new();
            let items = objects.iter().enumerate().skip(piece * PIECE).take(PIECE);
            for (at, object) in items {
                if at > 0 {
                    text.push(b',');
                }
                match self.form {
                    Representation::Metadata => object.write_metadata(&mut text),
                    _ if self.resource.is_custom() => object.write(&mut text, self.resource.kind(), &self.api_version),
                    _ => object.write_item(&mut text),
                }
            }
            Bytes::from(text)
        });
        std::iter::once(Bytes::from(start))
            .chain(middle)
            .chain(std::iter::once(Bytes::from(end)))
    }

    fn frame(&self, head: &ListHead, objects: &[Arc<Stored>]) -> (String, String) {
        let (kind, api_version) = match self.form {
            Representation::Table => {
                let objects: Vec<&Stored> = objects.iter().map(|object| &**object).collect();
                return (
                    table::table(&self.resource, head, &objects, self.now, table::Heads::Shown).to_string(),
                    String::new(),
                );
            }
            Representation::Metadata => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1"),
            Representation::Whole | Representation::Discovery => {
                (format!("{}List", self.resource.kind()), &*self.api_version)
            }
        };
        let start = format!(
            r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{},"items":["#,
            head.to_json_of(&self.resource)
        );
        (start, "]}".to_owned())
    }
}

// === impl ListHead ===

impl ListHead {
    /// The metadata of a list of `resource`: one of a custom kind always has its token.
    fn to_json_of(&self, resource: &Resource) -> Value {
        let mut metadata = self.to_json();
        if resource.is_custom() && self.next.is_none() {
            put(&mut metadata, "continue", "");
        }
        metadata
    }

    /// The metadata of the list.
    pub(crate) fn to_json(&self) -> Value {
        let mut metadata = json!({"resourceVersion": self.version.to_string()});
        if let Some(next) = &self.next {
            put(&mut metadata, "continue", next.as_str());
        }
        if let Some(remaining) = self.remaining {
            put(&mut metadata, "remainingItemCount", remaining);
        }
        metadata
    }
}

//! What a target does not take of what is applied: fields that its schema does not have, and what webhooks strip. The base says so, or their absence
//! would look like a removal by the target, which `LastWriteWins` writes back upstream.

use bytes::Bytes;
use serde_json::Value;
use syncer_clusters::Object;
use syncer_core::{
    config::{OnUnknownField, Strategy},
    conflict::{Base, base_of_taken},
    marker::{APPLIED_ANNOTATION, Applied},
    ownership::{ManagedEntry, first_leaf_not_owned},
};

use super::work::{Work, tree_of};

impl Work<'_> {
    /// Whether the policy leaves out what a target does not know.
    pub(super) fn drops_unknown(&self) -> bool {
        let prescription = self.task.prescription.as_deref();
        prescription.is_some_and(|prescription| prescription.spec().conflict.on_unknown_field == OnUnknownField::Drop)
    }

    /// `left`, what is left of the body `whole` for a target that does not know the rest, with a base that says so.
    pub(super) fn marked(&self, whole: &Value, mut left: Value) -> Value {
        if let Some(marker) = self.marker_of_taken(whole, &left) {
            put_marker(&mut left, marker);
        }
        left
    }

    /// The `object` that came of the apply of `body`, once the base in its marker says what of that is not there: webhooks strip labels. A second
    /// apply, and only where something is missing; if that fails, it is looked at again like any other drift.
    pub(super) async fn without_what_it_took_not(&self, object: Object, body: &Bytes) -> Object {
        if self.strategy() != Strategy::LastWriteWins {
            return object;
        }
        let (Ok(mut applied), Ok(tree)) = (serde_json::from_slice::<Value>(body), tree_of(&object)) else {
            return object;
        };
        let entries = ManagedEntry::all_of(&tree);
        let ours = entries.iter().find(|entry| entry.is_our_apply());
        if ours.is_none_or(|ours| first_leaf_not_owned(ours.fields, &applied).is_none()) {
            return object;
        }
        let Some(marker) = self.marker_of_taken(&applied, &tree) else {
            return object;
        };
        put_marker(&mut applied, marker);
        if let Some(metadata) = applied.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("uid".to_owned(), object.uid().into());
            metadata.insert("resourceVersion".to_owned(), object.resource_version().into());
        }
        self.log(&format_args!("the target does not take all of it"));
        self.apply(Bytes::from(applied.to_string())).await.unwrap_or(object)
    }

    /// The marker in `applied`, where the target has only what is `taken` of it; `None` where it says so already, or keeps no base.
    fn marker_of_taken(&self, applied: &Value, taken: &Value) -> Option<String> {
        let annotations = applied.get("metadata")?.get("annotations")?;
        let marker = Applied::parse(annotations.get(APPLIED_ANNOTATION)?.as_str()?)?;
        let gvr = &self.resource.gvr;
        let schema = self.downstream.schemas.known(gvr);
        let base = Base::decode(&marker.base)?;
        let base = base_of_taken(&base, (gvr, &schema, self.hasher()), applied, taken)?;
        let base = base.encode(Base::limit(gvr)).ok()?.into();
        Applied { base, ..marker }.to_annotation().ok()
    }
}

fn put_marker(body: &mut Value, marker: String) {
    let annotations = body
        .get_mut("metadata")
        .and_then(|metadata| metadata.get_mut("annotations"));
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.insert(APPLIED_ANNOTATION.to_owned(), marker.into());
    }
}

//! Fields that pass to the target.

use bytes::Bytes;
use serde_json::{Value, json};
use syncer_clusters::{Apply, FieldsV1Kept, Next, Object};
use syncer_core::{
    conflict::excerpt,
    field_path::FieldPath,
    marker::HANDOVER_MANAGER,
    ownership::{ManagedEntry, first_leaf_not_owned, kept_of_handover},
    transform::Path,
};

use super::{
    AttemptFailure, Retry,
    work::{Work, tree_of},
};
use crate::target::{Handover, Seen};

/// How often it is tried to take fields back, each time over another version.
const MOST_TRIES: u32 = 4;

impl Work<'_> {
    /// Gives the leaves that are the target's to the handover manager, where our entry still owns them: an apply that omits them
    /// would reset them.
    pub(super) async fn hand_over(&self, uid: &str) -> Result<(), AttemptFailure> {
        let given_up = &self.prescription()?.given_up;
        if given_up.is_empty() {
            return Ok(());
        }
        let Some(live) = self.read().await? else { return Ok(()) };
        let tree = tree_of(&live)?;
        let entries = ManagedEntry::all_of(&tree);
        let Some(ours) = entries.iter().find(|entry| entry.is_our_apply()) else {
            return Ok(());
        };
        if live.uid() != uid {
            return Ok(());
        }
        let mut leaves = json!({});
        for path in given_up {
            let mut leaf = json!({});
            let value = path
                .locate(&tree)
                .first()
                .and_then(|pointer| tree.pointer(pointer))
                .cloned();
            let Some(value) = value else { continue };
            if path.set(&mut leaf, &value).is_err() || first_leaf_not_owned(ours.fields, &leaf).is_some() {
                continue;
            }
            self.add_leaf(&mut leaves, path, &value)?;
        }
        if leaves.as_object().is_none_or(serde_json::Map::is_empty) {
            return Ok(());
        }
        self.apply_leaves(leaves, &live).await
    }

    /// Takes back from the handover manager what the target has no claim to any more, once `object` is as `desired` says: what the upstream removes
    /// later would stay for that manager's sake. `None` where there is nothing to take back.
    pub(super) async fn handed_back(
        &self,
        object: &Object,
        seen: &Seen,
        desired: &Value,
    ) -> Result<Option<Object>, AttemptFailure> {
        if seen.handover == Handover::None {
            return Ok(None);
        }
        let tree = tree_of(object)?;
        // Where nothing is left to the target but by rule, all that is desired is claimed.
        let kept = kept_of_handover(&ManagedEntry::all_of(&tree), |path| {
            self.is_given_up(path) && path.find(desired).is_none()
        });
        match kept {
            Some(kept) => self.hand_back(object.clone(), &kept).await.map(Some),
            None => Ok(None),
        }
    }

    /// Has the handover manager own nothing of `object` but `kept`.
    pub(super) async fn hand_back(&self, mut object: Object, kept: &[FieldPath]) -> Result<Object, AttemptFailure> {
        let apply = Apply::forced(HANDOVER_MANAGER).keeping(FieldsV1Kept::All);
        for _ in 0..MOST_TRIES {
            let leaves = excerpt(&tree_of(&object)?, kept);
            match self.apply_as(&apply, self.handover_body(leaves, &object)).await {
                Ok(object) => {
                    self.log(&format_args!("took back what the target has no claim to any more"));
                    return Ok(object);
                }
                // A status moved it, as likely as not right after what was applied.
                Err(error) if error.next() == Next::LookAgain => {
                    let uid = object.uid().to_owned();
                    let read = self.read().await?.filter(|read| read.uid() == uid);
                    object = read.ok_or(error)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(object)
    }

    fn add_leaf(&self, leaves: &mut Value, path: &Path, value: &Value) -> Result<(), AttemptFailure> {
        path.set(leaves, value).map_err(|cause| {
            let message = format!(
                "target {}: {} cannot be handed over: {cause}",
                self.downstream.name, self.key
            );
            AttemptFailure::new(message, Retry::Rarely)
        })
    }

    async fn apply_leaves(&self, leaves: Value, live: &Object) -> Result<(), AttemptFailure> {
        let apply = Apply::forced(HANDOVER_MANAGER).keeping(FieldsV1Kept::None);
        self.apply_as(&apply, self.handover_body(leaves, live)).await?;
        self.log(&format_args!("handed fields over to the target, as the policy says"));
        Ok(())
    }

    /// The body of an apply of `leaves` over `live` as it is.
    pub(super) fn handover_body(&self, mut leaves: Value, live: &Object) -> Bytes {
        let metadata = json!({
            "name": self.name(), "namespace": self.namespace(), "uid": live.uid(), "resourceVersion": live.resource_version(),
        });
        if let Some(body) = leaves.as_object_mut() {
            body.insert("apiVersion".to_owned(), self.resource.gvr.api_version().into());
            body.insert("kind".to_owned(), (*self.resource.kind).into());
            match body.get_mut("metadata").and_then(Value::as_object_mut) {
                // Labels may be among what is handed over.
                Some(kept) => kept.extend(metadata.as_object().cloned().unwrap_or_default()),
                None => drop(body.insert("metadata".to_owned(), metadata)),
            }
        }
        Bytes::from(leaves.to_string())
    }
}

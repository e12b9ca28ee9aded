//! Fields that pass to the target.

use bytes::Bytes;
use serde_json::{Value, json};
use syncer_clusters::{Apply, FieldsV1Kept, Object};
use syncer_core::{
    marker::HANDOVER_MANAGER,
    ownership::{ManagedEntry, first_leaf_not_owned},
    transform::Path,
};

use super::{
    AttemptFailure, Retry,
    work::{Work, tree_of},
};

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

    fn add_leaf(&self, leaves: &mut Value, path: &Path, value: &Value) -> Result<(), AttemptFailure> {
        path.set(leaves, value).map_err(|cause| {
            let message = format!(
                "target {}: {} cannot be handed over: {cause}",
                self.downstream.name, self.key
            );
            AttemptFailure::new(message, Retry::Rarely)
        })
    }

    async fn apply_leaves(&self, mut leaves: Value, live: &Object) -> Result<(), AttemptFailure> {
        let metadata = json!({
            "name": self.name(), "namespace": self.namespace(), "uid": live.uid(), "resourceVersion": live.resource_version(),
        });
        if let Some(body) = leaves.as_object_mut() {
            body.insert("apiVersion".to_owned(), self.resource.gvr.api_version().into());
            body.insert("kind".to_owned(), (*self.resource.kind).into());
            body.insert("metadata".to_owned(), metadata);
        }
        let apply = Apply::forced(HANDOVER_MANAGER).keeping(FieldsV1Kept::None);
        self.apply_as(&apply, Bytes::from(leaves.to_string())).await?;
        self.log(&format_args!("handed fields over to the target, as the policy says"));
        Ok(())
    }
}

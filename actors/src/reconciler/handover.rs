//! Fields that pass to the target.

use bytes::Bytes;
use serde_json::{Value, json};
use syncer_clusters::{Apply, FieldsV1Kept, Next, Object};
use syncer_core::{
    config::Strategy,
    conflict::{excerpt, items_left_in_part, to_hand_over},
    field_path::FieldPath,
    marker::HANDOVER_MANAGER,
    ownership::{ManagedEntry, kept_of_handover},
    removal,
};

use super::{
    AttemptFailure, Retry,
    work::{Work, tree_of},
};
use crate::{
    prescription::Body,
    target::{Handover, Seen},
};

/// How often it is tried to take fields back, each time over another version.
const MOST_TRIES: u32 = 4;

impl Work<'_> {
    /// Gives the leaves that are the target's to the handover manager, where our entry alone owns them: the apply of `body` omits them, which would
    /// reset them.
    pub(super) async fn hand_over(&self, uid: &str, body: &Body) -> Result<(), AttemptFailure> {
        if self.prescription()?.given_up.is_empty() {
            return Ok(());
        }
        let Some(mut live) = self.read().await?.filter(|live| live.uid() == uid) else {
            return Ok(());
        };
        let mut tree = tree_of(&live)?;
        let desired = body
            .payload
            .to_value()
            .map_err(|error| AttemptFailure::new(error.to_string(), Retry::Rarely))?;
        if self.strategy() == Strategy::UpstreamWins {
            let items = items_left_in_part(&tree, &desired, self.prescription()?.given_up.iter());
            let ops = removal::patch(&tree, &items);
            if !ops.is_empty() {
                live = self.patch(&ops).await?;
                tree = tree_of(&live)?;
                for item in &items {
                    self.log(&format_args!("removed {item}, which the upstream has no longer"));
                }
            }
        }
        let Some(leaves) = self.to_hand_over(&tree, &desired)? else {
            return Ok(());
        };
        let apply = Apply::forced(HANDOVER_MANAGER).keeping(FieldsV1Kept::None);
        let leaves = excerpt(&tree, &leaves);
        self.apply_as(&apply, self.handover_body(leaves, &live)).await?;
        self.log(&format_args!("handed fields over to the target, as the policy says"));
        Ok(())
    }

    /// All that the handover manager has to own in `tree` before an apply of `desired`; `None` if it does.
    pub(super) fn to_hand_over(&self, tree: &Value, desired: &Value) -> Result<Option<Vec<FieldPath>>, AttemptFailure> {
        let given_up = &self.prescription()?.given_up;
        if given_up.is_empty() {
            return Ok(None);
        }
        Ok(to_hand_over(tree, desired, given_up))
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

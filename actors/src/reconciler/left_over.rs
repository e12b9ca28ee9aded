//! What others keep in an object against what the upstream says now: it is taken out by a patch, since an apply cannot.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::Value;
use syncer_clusters::{Cause, Error, Object};
use syncer_core::{
    config::{ForeignLeaves, Strategy},
    event_reason::EventReason,
    ownership::ManagedEntry,
    removal::{self, union_leftover},
};

use super::{
    AttemptFailure,
    verify::described,
    work::{Work, parse, tree_of},
};
use crate::{metrics::Verdict, target::Others};

impl Work<'_> {
    /// What our entry owns, where others wrote to the object beside us: an apply that leaves out what they own too would leave it
    /// there. `None` where nobody else wrote, which costs no request.
    pub(super) async fn owned_beside_others(&self, uid: &str) -> Result<Option<Value>, AttemptFailure> {
        if self.task.others == Others::None {
            return Ok(None);
        }
        let Some(live) = self.read().await?.filter(|live| live.uid() == uid) else {
            return Ok(None);
        };
        let tree = tree_of(&live)?;
        let entries = ManagedEntry::all_of(&tree);
        let ours = entries.iter().find(|entry| entry.is_our_apply());
        Ok(ours.map(|entry| entry.fields.clone()))
    }

    /// Removes from the answer to an apply what we owned `before`, do not want any more, and others keep there.
    pub(super) async fn without_left_over(
        &self,
        before: Option<&Value>,
        object: Object,
        bytes: &Bytes,
    ) -> Result<Object, AttemptFailure> {
        let Some(before) = before else { return Ok(object) };
        let answer = tree_of(&object)?;
        let entries = ManagedEntry::all_of(&answer);
        let mut paths = removal::left_over(&self.resource.gvr, before, &parse(bytes)?, &answer, &entries);
        paths.retain(|path| !self.is_given_up(path));
        let ops = removal::patch(&answer, &paths);
        if ops.is_empty() {
            return Ok(object);
        }
        let patched = self.patch(&ops).await?;
        for path in &paths {
            self.log(&format_args!("removed {path}, which the upstream has no longer"));
        }
        Ok(patched)
    }

    /// Takes the other arms of unions out of the object with `uid` and applies again; `None` if it has none, or is another object.
    pub(super) async fn after_other_arms(
        &self,
        uid: &str,
        bytes: &Bytes,
        error: &Error,
    ) -> Result<Option<Object>, AttemptFailure> {
        let Cause::Api(status) = error.cause() else {
            return Ok(None);
        };
        let Some(live) = self.read().await?.filter(|live| live.uid() == uid) else {
            return Ok(None);
        };
        let tree = tree_of(&live)?;
        let desired = parse(bytes)?;
        let fields: BTreeSet<_> = status.causes().iter().map(|cause| &*cause.field).collect();
        let fields: Vec<_> = fields.into_iter().collect();
        let left = union_leftover(&self.resource.gvr, &tree, &desired, &fields);
        let ops = removal::union_patch(&tree, &desired, &left);
        if ops.is_empty() {
            return Ok(None);
        }
        self.patch(&ops).await?;
        Ok(Some(self.apply_known(bytes.clone()).await?))
    }

    /// Puts what is desired in the place of what others put there, and applies again; `None` if there is nothing of others in the object
    /// with `uid`, if the policy keeps it, or if that is refused too. `origin` is the UID of the upstream object.
    pub(super) async fn after_exchange(
        &self,
        origin: &str,
        uid: &str,
        bytes: &Bytes,
    ) -> Result<Option<Object>, AttemptFailure> {
        let rules = &self.prescription()?.spec().conflict;
        if rules.strategy != Strategy::UpstreamWins || rules.foreign != ForeignLeaves::Remove {
            return Ok(None);
        }
        let Some(live) = self.read().await?.filter(|live| live.uid() == uid) else {
            return Ok(None);
        };
        let (tree, desired) = (tree_of(&live)?, parse(bytes)?);
        let drift = self.drift(&tree, &desired);
        let ops = removal::exchange_patch(&tree, &desired, &drift);
        if ops.is_empty() || self.patch(&ops).await.is_err() {
            return Ok(None);
        }
        let applied = self.apply_known(bytes.clone()).await?;
        for leaf in &drift.foreign {
            self.log(&format_args!(
                "removed what does not go with what the upstream has: {}",
                described(leaf)
            ));
            let note = format!("target {}: removed {}", self.downstream.name, described(leaf));
            self.tell(origin, EventReason::DriftReverted, note);
            let metrics = &self.downstream.metrics;
            metrics.conflict(rules.strategy, Verdict::ForeignRemoved);
        }
        Ok(Some(applied))
    }
}

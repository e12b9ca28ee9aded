//! Drift: what others took from us or added, and how it is put right.

use bytes::Bytes;
use serde_json::Value;
use syncer_clusters::Object;
use syncer_core::{
    body::Expects,
    config::{ForeignLeaves, Strategy},
    drift::{self, Drift, Leaf},
    event_reason::EventReason,
    field_path::FieldPath,
    ownership::{ManagedEntry, first_leaf_not_owned, order_of, owns_a_map_as_one},
    plan::{Ownership, Reason},
    removal,
};

use super::{
    Attempt, AttemptFailure,
    work::{Work, parse, tree_of},
};
use crate::{
    metrics::{DriftAction, Verdict},
    prescription::Body,
    settings::Writes,
    target::{After, Others, Seen},
};

impl Work<'_> {
    /// Compares our entry in managedFields with what has to be owned. No request where nobody else wrote anything, unless the body
    /// has to be read again.
    pub(super) async fn verify(&self) -> Result<Attempt, AttemptFailure> {
        let body = self.body().await?;
        let desired = self.apply_body(&body, &body.payload, Expects::Absent)?;
        let fields: Value = serde_json::from_str(self.task.fields.as_deref().unwrap_or_default()).unwrap_or_default();
        let desired = parse(&desired)?;
        let lost = first_leaf_not_owned(&fields, &desired);
        let is_ordered = order_of(&fields, &desired) == self.task.order;
        // Of kinds with a schema of their own nobody can tell by the entry alone whether a map is atomic, or lost its parts.
        let is_unclear = || !self.resource.gvr.is_built_in() && owns_a_map_as_one(&fields, &desired);
        if lost.is_none() && is_ordered && self.task.others == Others::None && !is_unclear() {
            return Ok(Attempt::done(After::Verified(Ownership::Held)));
        }
        let Some(live) = self.read().await? else {
            return Ok(Attempt::done(After::Absent));
        };
        let Some(seen) = self.seen(&live) else {
            return Ok(Attempt::done(After::Foreign));
        };
        if self.is_arbitrated() {
            return self.arbitrate(&body, &seen.ours.uid).await;
        }
        let tree = tree_of(&live)?;
        let drift = self.drift(&tree, &desired);
        if drift.is_none() {
            return Ok(Attempt::done(After::Applied(seen)));
        }
        let reverts = self.reverts(&body, &live, &desired)?;
        let attempt = self.revert(&body, &live, seen, &drift).await?;
        Ok(self.reverted(&body.uid, reverts, attempt).await)
    }

    async fn revert(&self, body: &Body, live: &Object, seen: Seen, drift: &Drift) -> Result<Attempt, AttemptFailure> {
        if drift.taken.is_empty() {
            return self.without(live, seen, drift, &body.uid).await;
        }
        if self.downstream.writes == Writes::Reported {
            for leaf in &drift.taken {
                self.log(&format_args!("dry run: would revert drift: {}", described(leaf)));
            }
            return Ok(Attempt::done(After::Applied(seen)));
        }
        for leaf in &drift.taken {
            let note = format!("target {}: {}", self.downstream.name, described(leaf));
            self.log(&format_args!("found drift: {}", described(leaf)));
            self.tell(&body.uid, EventReason::DriftReverted, note);
        }
        self.change(&seen.ours.uid, Reason::Drifted).await
    }

    pub(super) fn drift(&self, live: &Value, desired: &Value) -> Drift {
        let entries = ManagedEntry::all_of(live);
        let mut drift = drift::find(&self.resource.gvr, live, &entries, desired, &self.ignored_managers());
        drift.foreign.retain(|leaf| !self.is_given_up(&leaf.path));
        drift
    }

    /// Whether a rule gives what is at `path` to the target: then nothing of it is foreign there.
    pub(super) fn is_given_up(&self, path: &FieldPath) -> bool {
        let prescription = self.task.prescription.as_deref();
        let mut given_up = prescription.into_iter().flat_map(|prescription| &prescription.given_up);
        given_up.any(|given_up| given_up.covers(path))
    }

    /// The answer to an apply: by definition our entry owns what it says. What others added is looked at too.
    pub(super) async fn settled(
        &self,
        object: &Object,
        desired: &Bytes,
        action: &str,
    ) -> Result<Attempt, AttemptFailure> {
        self.log(&format_args!("{action}"));
        let Some(seen) = self.seen(object) else {
            return Ok(Attempt::done(After::Foreign));
        };
        let desired = parse(desired)?;
        let (object, seen) = match self.handed_back(object, &seen, &desired).await? {
            Some(object) => match self.seen(&object) {
                Some(seen) => (object, seen),
                None => return Ok(Attempt::done(After::Foreign)),
            },
            None => (object.clone(), seen),
        };
        if seen.others == 0 {
            return Ok(Attempt::done(After::Applied(seen)));
        }
        let drift = self.drift(&tree_of(&object)?, &desired);
        if !drift.foreign.is_empty() && !self.removes_foreign()? {
            // What is kept is told by who looks at it next.
            return Ok(Attempt::done(After::Seen(seen)));
        }
        let uid = seen.ours.origin_uid.clone();
        self.without(&object, seen, &drift, &uid).await
    }

    /// Whether what others added has to go.
    fn removes_foreign(&self) -> Result<bool, AttemptFailure> {
        let rules = &self.prescription()?.spec().conflict;
        Ok(rules.strategy == Strategy::UpstreamWins && rules.foreign == ForeignLeaves::Remove)
    }

    /// Removes what others added to the live object `seen`, where the policy says so.
    async fn without(&self, live: &Object, seen: Seen, drift: &Drift, uid: &str) -> Result<Attempt, AttemptFailure> {
        let rules = &self.prescription()?.spec().conflict;
        if drift.foreign.is_empty() {
            return Ok(Attempt::done(After::Applied(seen)));
        }
        let removes = self.removes_foreign()?;
        let metrics = &self.downstream.metrics;
        if removes && self.downstream.writes == Writes::Reported {
            for leaf in &drift.foreign {
                self.log(&format_args!(
                    "dry run: would remove what the upstream does not have: {}",
                    described(leaf)
                ));
            }
            return Ok(Attempt::done(After::Applied(seen)));
        }
        if !removes {
            return Ok(Attempt::done(After::Applied(seen)));
        }
        let ops = removal::foreign_patch(&tree_of(live)?, &drift.foreign);
        if ops.is_empty() {
            return Ok(Attempt::done(After::Applied(seen)));
        }
        let patched = self.patch(&ops).await?;
        for leaf in &drift.foreign {
            self.log(&format_args!(
                "removed what the upstream does not have: {}",
                described(leaf)
            ));
            let note = format!("target {}: removed {}", self.downstream.name, described(leaf));
            self.tell(uid, EventReason::DriftReverted, note);
            metrics.conflict(rules.strategy, Verdict::ForeignRemoved);
        }
        metrics.drifted(&self.downstream.name, DriftAction::Reverted);
        Ok(Attempt::done(
            self.seen(&patched).map_or(After::Foreign, After::Applied),
        ))
    }

    /// The hash in the marker says nothing: what is there is compared with what is wanted, by value (S5).
    pub(super) async fn compare(&self, uid: &str) -> Result<Attempt, AttemptFailure> {
        let body = self.body().await?;
        let Some(live) = self.read().await? else {
            return Ok(Attempt::done(After::Absent));
        };
        let Some(seen) = self.seen(&live) else {
            return Ok(Attempt::done(After::Foreign));
        };
        if self.would_change_nothing(&body, &live).await? {
            let hash = body.payload.hash();
            return Ok(Attempt::done(After::Equal { seen, hash }));
        }
        self.change(uid, Reason::Edited).await
    }
}

/// A leaf, what happened to it, and by whom.
pub(super) fn described(leaf: &Leaf) -> String {
    let what = match leaf.change {
        drift::Change::Changed => "changed",
        drift::Change::Removed => "removed",
        drift::Change::Added => "added",
        drift::Change::Reordered => "put into another order",
    };
    match &leaf.manager {
        Some(manager) => format!("{} was {what} by {manager}", leaf.path),
        None => format!("{} was {what}", leaf.path),
    }
}

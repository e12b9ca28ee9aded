//! Taking away what the upstream does not have, or what no policy wants on the target any more: only with a proof (S3).

use std::time::Duration;

use futures::{StreamExt, pin_mut};
use syncer_clusters::{Content, FieldsV1Kept, Next, Object, WatchEvent, WatchOptions};
use syncer_core::{
    ResourceType, Scope,
    config::DeletionMode,
    kcp::Standing,
    marker::{CLUSTER_LABEL, PAUSED_ANNOTATION},
    naming::finalizer,
    placement::{Needs, Verdict, Withholding},
    plan::Pause,
    proof::{Absence, Look, NoProof, prove},
};

use tokio::time::Instant;
use tracing::debug;

use super::{Attempt, AttemptFailure, Retry, attempt::End, work::Work};
use crate::{
    prescription::names_namespace,
    target::{After, Seen},
};

/// How long one list of a namespace's content may take.
const PATIENCE: Duration = Duration::from_secs(30);

impl Work<'_> {
    /// Deletes the downstream object, if the upstream confirms that it is gone, or that no policy wants it there (S3).
    pub(super) async fn remove(&self, absence: Absence, uid: &str) -> Result<Attempt, AttemptFailure> {
        let proof = match prove(absence, &self.look_upstream(absence).await?) {
            Ok(proof) => proof,
            Err(error @ NoProof::Exists) => {
                debug!(target = %self.downstream.name, object = %self.key, "nothing is deleted: {error}");
                return Ok(Attempt::ended(End::AbsenceRefuted));
            }
            Err(NoProof::Withheld) => return Ok(Attempt::ended(End::Withheld)),
            Err(NoProof::TooEarly(longer)) => return Ok(Attempt::ended(End::TooEarly(longer))),
            Err(NoProof::Paused) => {
                return Ok(Attempt::ended(End::Paused));
            }
            Err(error @ NoProof::NotConfirmed) => {
                let message = format!("{}: nothing is deleted: {error}", self.downstream.upstream.name());
                return Err(AttemptFailure::new(message, Retry::Soon));
            }
        };
        // Another upstream under the same address would not have it either.
        if let Err(cause) = self.downstream.continuity.check().await {
            let message = format!("{}: nothing is deleted: {cause}", self.downstream.upstream.name());
            return Err(AttemptFailure::new(message, Retry::Soon));
        }
        if self.farewell() == DeletionMode::Orphan {
            return self.orphan(uid, &proof).await;
        }
        if names_namespace(self.key)
            && let Some(found) = self.somebody_elses().await?
        {
            let message = format!(
                "target {}: namespace {} is gone upstream and stays here: it holds {found}, which is not ours; remove that, or the \
                 namespace",
                self.downstream.name,
                self.name()
            );
            return Err(AttemptFailure::new(message, Retry::Rarely));
        }
        self.delete(uid, &proof).await
    }

    /// Asks the target whether anything of ours is left there. What the filtered watch does not show may be there without our label.
    pub(super) async fn confirm_gone(&self) -> Result<Attempt, AttemptFailure> {
        Ok(match self.look().await? {
            After::Absent => Attempt::parted(After::Absent),
            After::Foreign => Attempt::parted(After::Foreign),
            after => Attempt::done(after),
        })
    }

    /// What a read of the upstream object says, now.
    async fn look_upstream(&self, absence: Absence) -> Result<Look, AttemptFailure> {
        let standing = || self.downstream.workspaces.standing(self.key, Instant::now());
        if let Some(look) = standing().foregone() {
            return Ok(look);
        }
        let upstream = self.downstream.upstream.logical(&self.key.cluster);
        let read = upstream
            .get(self.resource, &self.key.namespace, &self.key.name, FieldsV1Kept::None)
            .await;
        let look = match read {
            Ok(None) => self.look_at_nothing(absence).await?,
            Ok(Some(object)) => self.wanted_here(&object, absence),
            // kcp's word for a workspace, a binding or a claim that is not there.
            Err(error) if error.next() == Next::Forbidden && standing() != Standing::Plain => Look::Withheld,
            Err(error) if error.next() == Next::Unserved => return Err(self.kind_goes()),
            Err(error) => return Err(error.into()),
        };
        // As the binding stands after the read: it may have turned meanwhile.
        Ok(standing().weigh(look))
    }

    /// Whether `object` is being deleted, and waits until it has left this target; one whose deletion was seen did so.
    fn leaves(&self, object: &Object, absence: Absence) -> bool {
        let finalizer = finalizer(&self.downstream.key);
        let waits = absence == Absence::DeletionSeen || object.finalizers().any(|present| present == finalizer);
        object.deletion_timestamp().is_some() && waits
    }

    /// Whether the rules, as they are now, want `object` on this target.
    fn wanted_here(&self, object: &Object, absence: Absence) -> Look {
        let rulebook = self.downstream.rulebooks.borrow().clone();
        let target = &self.downstream.name;
        // What a target holds that is on no list any more stays: nothing says that it has to go.
        let Some(here) = rulebook.rules.target(target) else {
            return Look::Inconclusive;
        };
        if object.annotations().get(PAUSED_ANNOTATION) == Some("true") {
            return Look::Paused;
        }
        let withheld = here.withholds(&self.key.gvr);
        // A namespace goes when its upstream namespace goes, whatever is in it, or from a drained target.
        if names_namespace(self.key) {
            return match withheld {
                Some(Withholding::Drained) => Look::Drained,
                Some(Withholding::Refused) | None => Look::Wanted,
            };
        }
        match withheld {
            Some(Withholding::Drained) => return Look::Drained,
            Some(Withholding::Refused) => return Look::Refused,
            None => {}
        }
        if self.leaves(object, absence) {
            return Look::Deleting;
        }
        let verdict = rulebook.place(object, self.resource, &self.downstream.namespaces);
        let Verdict::Decided(placement) = verdict else {
            return Look::Inconclusive;
        };
        let Some(place) = placement.places.iter().find(|place| place.target.name == *target) else {
            return Look::Unwanted;
        };
        if place.needs == Needs::Selected || self.downstream.references.names(target, self.key) {
            return Look::Wanted;
        }
        // Nothing names it: only the Upstream knows whether everything that might is listed, and then it says so.
        match absence {
            Absence::Unselected => Look::Unwanted,
            Absence::DeletionSeen
            | Absence::NotInCompleteList
            | Absence::NamespaceTerminating
            | Absence::WorkspaceDeleted
            | Absence::Drained
            | Absence::Refused => Look::Inconclusive,
        }
    }

    /// Something in the downstream namespace that is not ours, if there is any: then the namespace stays.
    async fn somebody_elses(&self) -> Result<Option<String>, AttemptFailure> {
        let served = self.downstream.served.iter();
        let mut kinds: Vec<_> = served
            .filter(|served| {
                served.resource.scope == Scope::Namespaced && served.has_verb("list") && served.has_verb("delete")
            })
            .map(|served| served.resource.clone())
            .collect();
        // One version of each is enough.
        kinds.sort_by(|one, other| {
            (one.gvr.group(), one.gvr.resource()).cmp(&(other.gvr.group(), other.gvr.resource()))
        });
        kinds.dedup_by(|one, other| one.gvr.group() == other.gvr.group() && one.gvr.resource() == other.gvr.resource());
        for kind in kinds {
            let found = tokio::time::timeout(PATIENCE, self.foreign_of(&kind)).await;
            match found {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(name))) => return Ok(Some(format!("{} {name}", kind.gvr))),
                Ok(Err(failure)) => return Err(failure),
                Err(_) => {
                    let message = format!(
                        "target {}: cannot list {} of namespace {}, so the namespace stays for now",
                        self.downstream.name,
                        kind.gvr,
                        self.name()
                    );
                    return Err(AttemptFailure::new(message, Retry::Soon));
                }
            }
        }
        Ok(None)
    }

    async fn foreign_of(&self, kind: &ResourceType) -> Result<Option<String>, AttemptFailure> {
        let options = WatchOptions {
            namespace: self.name().to_owned(),
            content: Content::Metadata,
            ..WatchOptions::default()
        };
        let events = self.downstream.cluster.watch(kind.clone(), options);
        pin_mut!(events);
        while let Some(event) = events.next().await {
            match event {
                WatchEvent::Applied(object) if self.is_somebody_elses(kind, &object) => {
                    return Ok(Some(object.key().name.to_string()));
                }
                WatchEvent::Listed(_) => return Ok(None),
                // Nobody waits for a permission: whoever gives it sees the namespace go.
                WatchEvent::Interrupted(error) if error.next() == Next::Forbidden => {
                    let message = format!(
                        "target {}: namespace {} is gone upstream and stays here, since it cannot be seen whether it is empty: {error}",
                        self.downstream.name,
                        self.name()
                    );
                    return Err(AttemptFailure::new(message, Retry::Rarely));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// Whether `object` keeps its namespace: it is neither ours and to go, nor made by the cluster in every namespace, nor owned by another
    /// object of the namespace, which is then looked at itself.
    fn is_somebody_elses(&self, kind: &ResourceType, object: &Object) -> bool {
        if let Some((_, seen)) = Seen::of(object, &self.downstream.names, "")
            && object
                .labels()
                .get(CLUSTER_LABEL)
                .is_some_and(|label| self.downstream.is_own_label(label))
        {
            // It goes with its namespace, unless it is to stay.
            let mode = self.downstream.deletion_mode(&seen.policy, None, seen.deletion);
            return mode == DeletionMode::Orphan || seen.ours.pause == Pause::On;
        }
        if !object.owner_references().is_empty() {
            return false;
        }
        let name = &*object.key().name;
        match (kind.gvr.group(), kind.gvr.resource()) {
            ("", "configmaps") => name != "kube-root-ca.crt",
            ("", "serviceaccounts") => name != "default",
            // Written about objects, and by controllers for Services that are looked at themselves.
            ("" | "events.k8s.io", "events") | ("", "endpoints") | ("discovery.k8s.io", "endpointslices") => false,
            _ => true,
        }
    }
}

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
    plan::{Lifecycle, Pause},
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
        if names_namespace(self.key) {
            self.nothing_is_left().await?;
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

    /// Fails if anything is left in the downstream namespace that is not to go with it: then the namespace stays (S3).
    async fn nothing_is_left(&self) -> Result<(), AttemptFailure> {
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
            match tokio::time::timeout(PATIENCE, self.nothing_of(&kind)).await {
                Ok(looked) => looked?,
                Err(_) => return Err(self.not_listed(&kind)),
            }
        }
        Ok(())
    }

    /// The same for one kind.
    async fn nothing_of(&self, kind: &ResourceType) -> Result<(), AttemptFailure> {
        let options = WatchOptions {
            namespace: self.name().to_owned(),
            content: Content::Metadata,
            ..WatchOptions::default()
        };
        let events = self.downstream.cluster.watch(kind.clone(), options);
        pin_mut!(events);
        while let Some(event) = events.next().await {
            match event {
                WatchEvent::Applied(object) => match self.tenant(kind, &object) {
                    Tenant::Goes => {}
                    tenant => return Err(self.holds(tenant, kind, &object.key().name)),
                },
                WatchEvent::Listed(_) => return Ok(()),
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
        Err(self.not_listed(kind))
    }

    fn not_listed(&self, kind: &ResourceType) -> AttemptFailure {
        let message = format!(
            "target {}: cannot list {} of namespace {}, so the namespace stays for now",
            self.downstream.name,
            kind.gvr,
            self.name()
        );
        AttemptFailure::new(message, Retry::Soon)
    }

    /// Why the namespace stays that `tenant`, the `kind` of this `name`, is in.
    fn holds(&self, tenant: Tenant, kind: &ResourceType, name: &str) -> AttemptFailure {
        let (target, namespace, gvr) = (&self.downstream.name, self.name(), &kind.gvr);
        match tenant {
            Tenant::Ours => {
                let message = format!(
                    "target {target}: namespace {namespace} is to go and stays for now: it holds {gvr} {name}, which is ours and goes only by \
                     a proof of its own"
                );
                AttemptFailure::new(message, Retry::Soon)
            }
            Tenant::SomebodyElses | Tenant::Goes => {
                let message = format!(
                    "target {target}: namespace {namespace} is gone upstream and stays here: it holds {gvr} {name}, which is not ours; \
                     remove that, or the namespace"
                );
                AttemptFailure::new(message, Retry::Rarely)
            }
        }
    }

    /// What `object` means for its namespace. What is ours is about to go, or the ledger would have kept the namespace; what the ledger
    /// did not see yet goes as little with its namespace as alone.
    fn tenant(&self, kind: &ResourceType, object: &Object) -> Tenant {
        let Some((_, seen)) = Seen::of(object, &self.downstream.names, "") else {
            return foreign_tenant(kind, object);
        };
        let label = object.labels().get(CLUSTER_LABEL);
        if !label.is_some_and(|label| self.downstream.is_own_label(label)) {
            return foreign_tenant(kind, object);
        }
        if seen.ours.lifecycle == Lifecycle::Terminating {
            return Tenant::Goes;
        }
        let mode = self.downstream.deletion_mode(&seen.policy, None, seen.deletion);
        if mode == DeletionMode::Orphan || seen.ours.pause == Pause::On {
            return Tenant::SomebodyElses;
        }
        match self.downstream.preview {
            None => Tenant::Ours,
            // What is only tried leaves everything where it is.
            Some(_) => Tenant::Goes,
        }
    }
}

/// What an object of a namespace means for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tenant {
    /// It is on its way out, made by the cluster in every namespace, or owned by another object, which is looked at itself.
    Goes,
    /// It is ours, and nothing proved that it has to go.
    Ours,
    /// It is not ours, or is to stay.
    SomebodyElses,
}

/// What an `object` that is not ours means for its namespace.
fn foreign_tenant(kind: &ResourceType, object: &Object) -> Tenant {
    if !object.owner_references().is_empty() {
        return Tenant::Goes;
    }
    let name = &*object.key().name;
    let is_made_everywhere = match (kind.gvr.group(), kind.gvr.resource()) {
        ("", "configmaps") => name == "kube-root-ca.crt",
        ("", "serviceaccounts") => name == "default",
        // Written about objects, and by controllers for Services that are looked at themselves.
        ("" | "events.k8s.io", "events") | ("", "endpoints") | ("discovery.k8s.io", "endpointslices") => true,
        _ => false,
    };
    if is_made_everywhere {
        Tenant::Goes
    } else {
        Tenant::SomebodyElses
    }
}

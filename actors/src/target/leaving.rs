//! What leaves a target: for which reason, and in which order.

use std::sync::Arc;

use syncer_core::{
    Gvr, ObjectKey,
    placement::{TargetRules, Withholding},
    proof::Absence,
};
use tracing::debug;

use super::{
    Stage, Target,
    ledger::{Complaint, Inhabitants},
    turns::SOON,
};
use crate::{
    prescription::{is_of_namespaces, names_namespace},
    reconciler::{AttemptFailure, Retry},
    runtime::Context,
};

// === impl Target ===

impl Target {
    /// What the rules say of this target; `None` if it is on no list any more.
    fn rules(&self) -> Option<Arc<TargetRules>> {
        let rulebook = self.upstream.rulebooks.borrow().clone();
        rulebook.rules.target(&self.settings.name).cloned()
    }

    /// Why objects of `gvr` are gone here that a complete list did not have, or that no policy wants: on a target that is drained,
    /// or that refuses them, whoever wrote its SyncTarget said so, and nobody has to be asked again (S3).
    pub(super) fn absence_here(&self, absence: Absence, gvr: &Gvr) -> Absence {
        if !matches!(absence, Absence::NotInCompleteList | Absence::Unselected) {
            return absence;
        }
        let withheld = self.rules().and_then(|rules| rules.withholds(gvr));
        match withheld {
            Some(Withholding::Drained) => Absence::Drained,
            Some(Withholding::Refused) if !is_of_namespaces(gvr) => Absence::Refused,
            Some(Withholding::Refused) | None => absence,
        }
    }

    /// Whether `key` is a namespace that would be taken away with something of ours in it: then it waits. To delete it would delete
    /// what was not proved to be gone (S3).
    pub(super) fn is_left_last(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) -> bool {
        if !names_namespace(key) || !self.ledger.is_to_be_removed(key) {
            return false;
        }
        if !self.knows_what_it_holds() {
            self.queue.withdrawn();
            let delay = self.look_again(key, Complaint::None, SOON, ctx);
            debug!(target = %self.settings.name, object = %key, retry_in = ?delay, "it is not listed yet what is in the namespace");
            return true;
        }
        let Some(inhabitants) = self.ledger.inhabitants(key) else {
            return false;
        };
        self.queue.withdrawn();
        match inhabitants {
            Inhabitants::Leaving => {
                let delay = self.look_again(key, Complaint::None, SOON, ctx);
                debug!(target = %self.settings.name, object = %key, retry_in = ?delay, "what is in the namespace goes first");
            }
            Inhabitants::Remaining(inhabitant) => {
                let message = format!(
                    "target {}: {key} is to go and stays here: it holds {inhabitant}, which is paused, or held, or nothing says that it has to go",
                    self.settings.name
                );
                self.failed(key.clone(), &AttemptFailure::new(message, Retry::Rarely), ctx);
            }
        }
        true
    }

    /// Whether all that is watched here was listed, but for what may not be. What is in a namespace that goes is looked at once more before
    /// it does; this only keeps every namespace from being looked at in vain while the lists are on their way.
    fn knows_what_it_holds(&self) -> bool {
        let Stage::Syncing(downstream) = &self.stage else {
            return false;
        };
        let known = |gvr: &Gvr| self.intake.is_listed(gvr) || self.intake.is_withheld(gvr);
        downstream.resources.keys().all(known)
    }

    /// What kept a namespace may be about to go: what waits is tried again.
    pub(super) fn try_namespaces_again(&mut self) {
        for key in self.ledger.waiting() {
            if names_namespace(&key) {
                self.changed_upstream(&key);
            }
        }
    }

    /// The upstream object `key` is paused: what is here stays, and is looked at again now and then. Of what was not wanted here when the
    /// syncer started no watch tells that its pause ends.
    pub(super) fn paused_upstream(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) {
        let delay = self.look_again(key, Complaint::Paused, self.rarely(), ctx);
        debug!(target = %self.settings.name, object = %key, retry_in = ?delay, "paused upstream: it stays");
    }
}

//! What the mass-deletion guard lets go and what it holds on this target, and what is said about that (S3).

use std::{collections::BTreeMap, sync::Arc};

use syncer_core::{Gvr, ObjectKey, config::ResourceRef, marker::CONFIRM_DELETION_ANNOTATION, placement};
use tracing::{error, info};

use super::{Stage, Target, ledger::Judgement, sweep};
use crate::prescription::is_of_namespaces;

/// Whether objects of `gvr` may be there because of `policy`.
fn may_place(policy: &placement::PolicyRules, gvr: &Gvr) -> bool {
    let spec = policy.spec();
    let names = |named: &ResourceRef| named.group == gvr.group() && named.resource == gvr.resource();
    spec.dependencies || is_of_namespaces(gvr) || spec.resources.iter().any(names)
}

/// When the guard judges next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judging {
    /// When something changed that it counts.
    WhenNeeded,
    /// Now: what is listed, or the rules, changed.
    Due,
}

// === impl Target ===

impl Target {
    /// Lets go, or holds, what complete lists did not have or no policy wants, as one set.
    pub(super) fn judge(&mut self) {
        // What waits still may be the rest of what one list lacks.
        if !self.intake.orders().is_empty() {
            return;
        }
        let Stage::Syncing(downstream) = &self.stage else {
            return;
        };
        let due = std::mem::replace(&mut self.intake.judging, Judging::WhenNeeded);
        if due == Judging::WhenNeeded && !self.ledger.awaits_guard() {
            return;
        }
        let rulebook = self.upstream.rulebooks.borrow().clone();
        let policies = rulebook.rules.policies();
        let (departures, intake) = (&self.upstream.departures, &self.intake);
        let known = |gvr: &Gvr| intake.is_listed(gvr) || intake.is_withheld(gvr);
        // How much there is of a policy is known once all that it may have put here is listed.
        let suspended = |name: &str| {
            if rulebook.is_unreadable(name) {
                return true;
            }
            let Some(policy) = policies.iter().find(|policy| *policy.name == *name) else {
                return intake.sweep != sweep::Progress::Over || !downstream.resources.keys().all(known);
            };
            let mut places = downstream.resources.keys().filter(|gvr| may_place(policy, gvr));
            policy.writes() == placement::Writes::Suspended || !places.all(known)
        };
        let complete = |gvr: &Gvr| intake.is_complete(gvr);
        let Judgement { held, released } = self.ledger.guard(suspended, complete, |key| departures.include(key));
        self.let_go(&released);
        self.tell_held(held);
    }

    /// Says what is held, where that is new.
    fn tell_held(&mut self, held: BTreeMap<Arc<str>, usize>) {
        if self.intake.held == held {
            return;
        }
        let all: usize = held.values().sum();
        for (policy, count) in &held {
            if self.intake.held.get(policy) == Some(count) {
                continue;
            }
            error!(
                target = %self.settings.name, %policy, held = count, held_on_target = all,
                "most of what this policy put on this target is not in the upstream's complete list, or not wanted any more: nothing of it is \
                 deleted until the objects are seen again, or a person confirms: set the annotation {CONFIRM_DELETION_ANNOTATION} of the \
                 SyncTarget to \"{all}\""
            );
        }
        if held.is_empty() {
            info!(target = %self.settings.name, "what was held as a mass deletion is not any more");
        }
        self.upstream.reports.held(&self.settings.name, held.clone());
        self.intake.held = held;
        self.try_namespaces_again();
    }

    /// The namespace `namespace` was read with a deletionTimestamp.
    pub(super) fn depart(&mut self, namespace: &ObjectKey) {
        let released = self.ledger.depart(namespace);
        self.let_go(&released);
        self.intake.judging = Judging::Due;
    }

    /// The guard's counts were changed by a person.
    pub(super) fn judge_again(&mut self) {
        self.intake.judging = Judging::Due;
        self.judge();
    }

    pub(super) fn let_go(&mut self, released: &[ObjectKey]) {
        for key in released {
            self.changed_upstream(key);
        }
    }
}

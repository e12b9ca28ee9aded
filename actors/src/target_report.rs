//! What the syncer knows of each target, for the status of its SyncTarget: whoever learns something puts it here, whoever shows
//! it reads it here. Nobody waits, and nothing is sent.

mod facts;
mod foreign_namespaces;
mod policies;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use dashmap::DashMap;
use jiff::Timestamp;
use parking_lot::Mutex;
use syncer_core::{Gvr, ObjectKey, object_state::ObjectCounts};
use tokio::sync::Notify;

pub use self::facts::{Abandoned, Listed, MOST_NAMED, Reach, Remembered, ServedState, SyncedResource, TargetReport};
pub(crate) use self::{
    foreign_namespaces::{Novelty, sentence},
    policies::PolicyReport,
};

/// The reports of all targets by name. Cheap to clone; a lock is held for one assignment at a time.
#[derive(Clone, Debug, Default)]
pub struct TargetReports(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    targets: DashMap<Arc<str>, TargetReport>,
    /// Rung where something changed that people are to hear of at once.
    urgent: Notify,
    policies: policies::Policies,
    /// The upstream that was, and the one that answers in its place.
    replaced: Mutex<Option<(Arc<str>, Arc<str>)>>,
}

// === impl TargetReports ===

impl TargetReports {
    // --- what is learned ---

    /// The target answered at `at`, as an API server of this version.
    pub fn heartbeat(&self, target: &Arc<str>, at: Timestamp, kubernetes_version: &str) {
        self.change(target, |report| {
            report.heartbeat = Some(at);
            if *report.kubernetes_version != *kubernetes_version {
                report.kubernetes_version = kubernetes_version.into();
            }
            report.reach = Reach::Reached;
        });
    }

    /// Whether the target can be reached, and if not, why.
    pub fn reach(&self, target: &Arc<str>, reach: Reach) {
        self.change(target, |report| report.reach = reach);
    }

    /// The target does not let us do something, as `cause` says; `about` is what, such as a resource.
    pub fn refused(&self, target: &Arc<str>, about: &str, cause: &str) {
        self.change(target, |report| {
            report.refusals.insert(about.into(), cause.into());
        });
    }

    /// The target lets us do `about`, which it may have refused before.
    pub fn allowed(&self, target: &Arc<str>, about: &str) {
        if self
            .0
            .targets
            .get(target)
            .is_some_and(|report| report.refusals.contains_key(about))
        {
            self.change(target, |report| {
                report.refusals.remove(about);
            });
        }
    }

    /// What goes to the target, as far as it serves it; each is pending until it is listed.
    pub fn resources(&self, target: &Arc<str>, resources: Vec<SyncedResource>) {
        self.change(target, |report| {
            report.resources = resources;
            report.listed = Listed::Not;
            // What an earlier connection was refused is tried anew.
            report.refusals.clear();
        });
    }

    /// The target was asked for everything of `gvr` that is ours.
    pub fn resource_listed(&self, target: &Arc<str>, gvr: &Gvr) {
        self.change(target, |report| {
            let listed = report.resources.iter_mut().filter(|resource| resource.is(gvr));
            for resource in listed {
                resource.state = ServedState::Accepted;
            }
            if report
                .resources
                .iter()
                .all(|resource| resource.state != ServedState::Pending)
            {
                report.listed = Listed::Whole;
            }
        });
    }

    /// How its objects stand.
    pub fn objects(&self, target: &Arc<str>, objects: ObjectCounts) {
        self.change(target, |report| report.objects = Some(objects));
    }

    /// How many deletions the mass-deletion guard holds, by policy.
    pub fn held(&self, target: &Arc<str>, held: BTreeMap<Arc<str>, usize>) {
        self.change(target, |report| report.held = held);
    }

    /// A person's confirmation, by its value, was carried out: it is good for no other set. Empty once it may count again.
    pub fn confirmed(&self, target: &Arc<str>, value: &str) {
        self.change(target, |report| report.confirmed_deletion = value.into());
    }

    /// The confirmation that was carried out last; empty if none was, or it counts again.
    pub fn confirmed_value(&self, target: &str) -> Box<str> {
        let report = self.0.targets.get(target);
        report
            .map(|report| report.confirmed_deletion.clone())
            .unwrap_or_default()
    }

    /// `object` was left behind there, because its deletion had waited long enough.
    pub fn abandon(&self, target: &Arc<str>, object: &ObjectKey) {
        self.change(target, |report| report.abandoned.add(object));
    }

    /// `object`, which was left behind, is gone from there, or wanted again.
    pub fn reclaimed(&self, target: &Arc<str>, object: &ObjectKey) {
        self.change(target, |report| report.abandoned.remove(object));
    }

    /// Whether `object` was left behind there.
    pub fn has_abandoned(&self, target: &str, object: &ObjectKey) -> bool {
        let report = self.0.targets.get(target);
        report.is_some_and(|report| report.abandoned.named().any(|named| named == *object))
    }

    /// What was left behind there.
    pub fn abandoned(&self, target: &str) -> Abandoned {
        let report = self.0.targets.get(target);
        report.map(|report| report.abandoned.clone()).unwrap_or_default()
    }

    /// Another upstream, `is`, answers under the address of `was`.
    pub fn upstream_replaced(&self, was: &Arc<str>, is: &Arc<str>) {
        let new = Some((was.clone(), is.clone()));
        if std::mem::replace(&mut *self.0.replaced.lock(), new.clone()) != new {
            self.0.urgent.notify_one();
        }
    }

    /// The upstream is itself, or itself again.
    pub(crate) fn upstream_is_itself(&self) {
        *self.0.replaced.lock() = None;
    }

    /// The upstream that was, and the one that answers in its place; none while it is the same.
    pub(crate) fn replaced(&self) -> Option<(Arc<str>, Arc<str>)> {
        self.0.replaced.lock().clone()
    }

    // --- what is kept over a restart ---

    /// What the status of the SyncTarget says from before this process began. Told before the Target starts, and once: what
    /// this process has learned since stays.
    pub fn remember(&self, target: &Arc<str>, remembered: Remembered) {
        let mut report = self.0.targets.entry(target.clone()).or_default();
        if report.remembered.is_none() {
            report.confirmed_deletion.clone_from(&remembered.confirmed_deletion);
            report.abandoned = remembered.abandoned.clone();
            report.remembered = Some(remembered);
        }
    }

    /// What was remembered of it; none for a target of a file, and for one whose SyncTarget is new.
    pub fn remembered(&self, target: &str) -> Option<Remembered> {
        self.0.targets.get(target).and_then(|report| report.remembered.clone())
    }

    // --- what is shown ---

    /// All that is known of a target.
    pub fn get(&self, target: &str) -> Option<TargetReport> {
        self.0.targets.get(target).map(|report| report.clone())
    }

    /// The target is not one any more.
    pub fn forget(&self, target: &str) {
        self.0.targets.remove(target);
    }

    /// Returns when something has changed that people are to hear of at once. One listener.
    pub async fn urgent(&self) {
        self.0.urgent.notified().await;
    }

    fn change(&self, target: &Arc<str>, change: impl FnOnce(&mut TargetReport)) {
        let urgent = {
            let mut report = self.0.targets.entry(target.clone()).or_default();
            let before = report.urgency();
            change(&mut report);
            report.urgency() != before
        };
        if urgent {
            self.0.urgent.notify_one();
        }
    }
}

//! What the targets' watches and connections tell the board.

use std::sync::Arc;

use jiff::Timestamp;
use syncer_clusters::Object;
use syncer_core::{
    Gvr, ObjectKey,
    marker::PayloadHash,
    status::{Endpoints, Problem, StatusKind},
};
use tokio::time::Instant;

use super::StatusBoard;
use crate::status_propagator::target_side::Seen;

impl StatusBoard {
    /// A new list of `gvr` on `target` begins: what is seen from here on is in it.
    pub(crate) fn target_list_started(&self, target: &Arc<str>, gvr: &Gvr) {
        self.0.voices.lock().list_started(target, gvr);
    }

    /// `target` shows `object`, the copy of the upstream object `key`, to which `applied` was applied last.
    pub(crate) fn target_seen(
        &self,
        target: &Arc<str>,
        key: &ObjectKey,
        object: &Object,
        applied: Option<PayloadHash>,
        origin_uid: &str,
    ) {
        if !StatusKind::is_propagated(&key.gvr) {
            return;
        }
        let list = self.0.voices.lock().list(target, &key.gvr);
        match Seen::of(object, applied, origin_uid, list) {
            Ok(seen) => {
                self.change(key, Some(Instant::now()), |entry| entry.target_seen(target, seen));
            }
            Err(cause) => tracing::error!(%target, object = %key, "the status is no JSON that can be read: {cause}"),
        }
    }

    /// `target` has no copy of `key` any more.
    pub(crate) fn target_gone(&self, target: &Arc<str>, key: &ObjectKey) {
        if self.0.objects.contains_key(key) {
            self.change(key, Some(Instant::now()), |entry| entry.target_gone(target));
            self.0.objects.remove_if(key, |_, entry| entry.is_empty());
        }
    }

    /// The list of `gvr` on `target` is complete: what was seen before it and not in it is gone.
    pub(crate) fn target_listed(&self, target: &Arc<str>, gvr: &Gvr) {
        let list = self.0.voices.lock().listed(target, gvr);
        let mut changed = Vec::new();
        for mut entry in self.0.objects.iter_mut().filter(|entry| entry.key().gvr == *gvr) {
            if entry.value_mut().target_listed(target, list) {
                changed.push(entry.key().clone());
            }
        }
        self.ring_all(changed);
    }

    /// The copy of the Service `key` on `target` has these endpoints; none where it has no slice.
    pub(crate) fn endpoints(&self, target: &Arc<str>, key: &ObjectKey, endpoints: Option<Endpoints>) {
        if endpoints.is_none() && !self.0.objects.contains_key(key) {
            return;
        }
        self.change(key, Some(Instant::now()), |entry| {
            entry.set_endpoints(target, endpoints)
        });
        self.0.objects.remove_if(key, |_, entry| entry.is_empty());
    }

    /// The slices of `target` are about to be listed.
    pub(crate) fn slices_awaited(&self, target: &Arc<str>) {
        self.0.voices.lock().slices_awaited(target);
    }

    /// All slices of `target` were seen.
    pub(crate) fn slices_listed(&self, target: &Arc<str>) {
        if self.0.voices.lock().slices_listed(target) {
            self.ring_waiting_services();
        }
    }

    /// The slices of `target` cannot be listed for now: its Services are shown without.
    pub(crate) fn slices_withheld(&self, target: &Arc<str>) {
        if self.0.voices.lock().slices_withheld(target) {
            self.ring_waiting_services();
        }
    }

    fn ring_waiting_services(&self) {
        let mut waiting = Vec::new();
        for mut entry in self.0.objects.iter_mut() {
            let is_service = StatusKind::of(&entry.key().gvr) == StatusKind::Service;
            if is_service && entry.value_mut().look_again() {
                waiting.push(entry.key().clone());
            }
        }
        self.ring_all(waiting);
    }

    /// `target` can be reached.
    pub(crate) fn target_reached(&self, target: &Arc<str>) {
        self.0.voices.lock().reached(target);
    }

    /// `target` cannot be reached; nothing of it was heard since now, if it was heard before.
    pub(crate) fn target_lost(&self, target: &Arc<str>) {
        let now = self.time();
        self.0.voices.lock().lost(target, now);
    }

    /// `target` was heard last at `heartbeat`, before this process was.
    pub(crate) fn target_remembered(&self, target: &Arc<str>, heartbeat: Timestamp) {
        let now = self.time();
        self.0.voices.lock().remembered(target, heartbeat, now);
    }

    /// `target` is not a target any more.
    pub(crate) fn target_removed(&self, target: &Arc<str>) {
        let now = self.time();
        self.0.voices.lock().removed(target, now);
        let mut changed = Vec::new();
        for mut entry in self.0.objects.iter_mut() {
            if entry.value_mut().target_gone(target) {
                changed.push(entry.key().clone());
            }
        }
        self.ring_all(changed);
    }

    /// What keeps `key` from being synced to `target`; none if nothing does.
    pub(crate) fn problem(&self, target: &Arc<str>, key: &ObjectKey, problem: Option<Problem>) {
        if problem.is_none() && !self.0.objects.contains_key(key) {
            return;
        }
        if StatusKind::is_propagated(&key.gvr) {
            self.change(key, None, |entry| entry.set_problem(target, problem));
        }
    }
}

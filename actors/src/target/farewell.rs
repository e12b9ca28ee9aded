//! Farewells: upstream objects that wait until nothing of ours is left of them here.

use syncer_core::{Gvr, ObjectKey, plan::Desired, proof::Absence};

use super::{Stage, Target};

// === impl Target ===

impl Target {
    /// The upstream object `key` waits for this target: it is told once nothing of ours is left here.
    pub(super) fn say_farewell(&mut self, key: &ObjectKey) {
        // What the target does not serve it does not hold.
        if let Stage::Syncing(downstream) = &self.stage
            && !downstream.resources.contains_key(&key.gvr)
        {
            self.upstream.finalizers.parted(&self.settings.name, key);
            return;
        }
        self.ledger.say_farewell(key);
        self.changed_upstream(key);
    }

    /// A read, or the answer to a delete, said that nothing of ours is left of `key` here.
    pub(super) fn parted(&mut self, key: &ObjectKey) {
        self.reclaimed(key);
        if self.ledger.part(key) {
            self.upstream.finalizers.parted(&self.settings.name, key);
        }
    }

    /// Upstream and target were both listed: what of `gvr` was left behind here while the target was dead, and is not wanted again, has to
    /// go. Its deletion was seen, also before a restart (S3).
    pub(super) fn recall_abandoned(&mut self, gvr: &Gvr, incarnation: u64) {
        let named = self.upstream.reports.abandoned(&self.settings.name);
        let mut abandoned = self.upstream.finalizers.left_behind(&self.settings.name, gvr);
        abandoned.extend(named.named().filter(|key| key.gvr == *gvr));
        for key in abandoned {
            if self.ledger.upstream_uid(&key).is_some() {
                self.reclaimed(&key);
                continue;
            }
            self.ledger
                .unwant(&key, Desired::Gone(Absence::DeletionSeen), incarnation);
            self.say_farewell(&key);
        }
    }

    /// Nothing is left behind of `key` any more, if something was.
    fn reclaimed(&self, key: &ObjectKey) {
        let name = &self.settings.name;
        let was_known = self.upstream.finalizers.reclaim(name, key);
        if was_known || self.upstream.reports.has_abandoned(name, key) {
            self.upstream.reports.reclaimed(name, key);
        }
    }
}

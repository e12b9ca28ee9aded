//! What the upstream says of an object.

use std::sync::Arc;

use syncer_core::{
    Gvr, ObjectKey,
    plan::{Desired, Live},
    proof::Absence,
};
use tokio::time::Instant;

use super::{Admission, Ledger, Turn, farewell::Farewell, records::Tracked};
use crate::{prescription::Prescription, target::weighing::weighed};

// === impl Ledger ===

impl Ledger {
    /// The upstream wants `key` to be there as `prescription` says, says its incarnation `incarnation`.
    pub(crate) fn want(
        &mut self,
        key: &ObjectKey,
        desired: Desired,
        prescription: Arc<Prescription>,
        incarnation: u64,
    ) {
        let mut record = self.desire(key, desired, incarnation);
        if record
            .prescription
            .as_ref()
            .is_some_and(|before| before.settles_otherwise_than(&prescription))
        {
            record.doubt();
        }
        record.policy = prescription.policy.name.clone();
        record.prescription = Some(prescription);
    }

    /// What is wanted of `key` was read upstream at `seen`: the oldest news that is not on the target counts.
    pub(crate) fn date(&mut self, key: &ObjectKey, seen: Option<Instant>) {
        if let Some(mut record) = self.records.get_mut(key)
            && record.news.is_none()
            && record.has_work()
        {
            record.news = seen;
        }
    }

    /// The news of `key` is on the target: says since when it was on its way.
    pub(crate) fn arrived(&mut self, key: &ObjectKey) -> Option<Instant> {
        let mut record = self.records.get_mut(key)?;
        if record.has_work() {
            return None;
        }
        record.news.take()
    }

    /// The upstream does not want `key` there, or says nothing about it, says its incarnation `incarnation`.
    pub(crate) fn unwant(&mut self, key: &ObjectKey, desired: Desired, incarnation: u64) {
        let given_up = matches!(desired, Desired::Gone(_)) && self.is_refused(key);
        self.desire(key, desired, incarnation);
        // There is nothing of ours to remove, so nothing else would ever end the record.
        if given_up {
            self.forget_if_void(key);
        }
    }

    /// Whether an attempt found that `key` is somebody else's object there.
    pub(super) fn is_refused(&self, key: &ObjectKey) -> bool {
        let record = self.records.get(key);
        record.is_some_and(|record| record.turn == Turn::Waiting && record.live == Live::Foreign)
    }

    fn desire<'k>(&mut self, key: &'k ObjectKey, desired: Desired, incarnation: u64) -> Tracked<'_, 'k> {
        let mut record = self.records.entry(key);
        record.incarnation = incarnation;
        let was_missing = record.is_missing();
        if record.turn == Turn::Reported {
            record.turn = Turn::Quiet;
        }
        // What is new ends a wait. What was in the way may be gone, and only another attempt tells.
        if record.turn == Turn::Waiting && record.live == Live::Foreign {
            record.live = Live::Unseen;
        }
        // What is wanted here does not leave.
        if matches!(desired, Desired::Wanted { .. }) {
            record.farewell = Farewell::None;
        }
        record.desired = desired;
        // The same word once more changes no judgement, and takes back no person's.
        if !(was_missing && record.is_missing()) {
            record.admission = Admission::Unjudged;
        }
        record
    }

    /// The upstream told everything of `gvr` in its incarnation `incarnation`: what it did not name is gone, for what
    /// `absence` says.
    pub(crate) fn complete(&mut self, gvr: &Gvr, incarnation: u64, absence: Absence) {
        let of_gvr = |key: &ObjectKey| key.gvr == *gvr;
        self.records.for_each_mut(of_gvr, |key, record| {
            if record.incarnation != incarnation {
                let was_missing = record.is_missing();
                record.incarnation = incarnation;
                record.desired = weighed(&self.workspaces, key, absence);
                if !was_missing {
                    record.admission = Admission::Unjudged;
                }
            }
        });
    }

    /// That the object of `key` was deleted is in doubt: it counts as absent only, and the mass-deletion guard judges.
    pub(crate) fn doubt(&mut self, key: &ObjectKey) {
        if let Some(mut record) = self.records.get_mut(key)
            && record.desired == Desired::Gone(Absence::DeletionSeen)
        {
            record.desired = Desired::Gone(Absence::NotInCompleteList);
            record.admission = Admission::Unjudged;
        }
    }

    /// The upstream has the object after all: the deletion was none. Its watch tells the rest.
    pub(crate) fn absence_refuted(&mut self, key: &ObjectKey) {
        let Some(mut record) = self.records.get_mut(key) else {
            return;
        };
        if matches!(record.desired, Desired::Gone(_)) {
            record.desired = Desired::Unknown;
        }
    }

    /// The UID of the upstream object of `key`, where it is wanted.
    pub(crate) fn upstream_uid(&self, key: &ObjectKey) -> Option<&str> {
        match &self.records.get(key)?.desired {
            Desired::Wanted { uid, .. } => Some(uid),
            Desired::Unknown | Desired::Gone(_) | Desired::Withheld(_) => None,
        }
    }

    /// Whether the upstream never said a word about `key`.
    pub(crate) fn is_unnamed(&self, key: &ObjectKey) -> bool {
        self.records
            .get(key)
            .is_some_and(|record| record.desired == Desired::Unknown && record.incarnation == 0)
    }
}

//! What the ledger does when the binding of a workspace says something else than before (kcp).

use std::collections::HashSet;

use syncer_core::{LogicalCluster, ObjectKey, plan::Desired, proof::Absence};

use super::{Admission, Ledger};

// === impl Ledger ===

impl Ledger {
    /// Weighs every record of the workspaces `clusters` again: `weighed` says what is desired of an object that is believed to be absent,
    /// or of any other.
    /// Returns what changed, sorted, so that the same seed gives the same run.
    pub(crate) fn weigh(
        &mut self,
        clusters: &HashSet<LogicalCluster>,
        weighed: impl Fn(&ObjectKey, Option<Absence>) -> Option<Desired>,
    ) -> Vec<ObjectKey> {
        let mut turned = Vec::new();
        let concerned = |key: &ObjectKey| clusters.contains(&key.cluster);
        self.records.for_each_mut(concerned, |key, record| {
            let absence = match record.desired {
                Desired::Gone(absence) | Desired::Withheld(absence) => Some(absence),
                Desired::Unknown | Desired::Wanted { .. } => None,
            };
            if let Some(desired) = weighed(key, absence)
                && desired != record.desired
            {
                record.desired = desired;
                record.admission = Admission::Unjudged;
                turned.push(key.clone());
            }
        });
        turned.sort_unstable();
        turned
    }

    /// Its workspace does not let it be told whether the object is gone: it stays until that changes.
    pub(crate) fn withheld(&mut self, key: &ObjectKey) {
        if let Some(mut record) = self.records.get_mut(key)
            && let Desired::Gone(absence) = record.desired
        {
            record.desired = Desired::Withheld(absence);
        }
    }
}

//! What the rules make of an object's finalizers.

use syncer_core::{
    ObjectKey,
    finalizer::{Claim, Waiting},
};

use super::{Activity, Index, Names, Want};
use crate::finalizers::TargetClaim;

// === impl Index ===

impl Index {
    /// What the rules make of the finalizers of `key`, target by target, as it was last seen.
    pub(crate) fn claims(&self, key: &ObjectKey) -> Box<[TargetClaim]> {
        let resource = self.resources.get(&key.gvr);
        let entry = resource.and_then(|resource| resource.objects.get(key));
        let wants = entry.into_iter().flat_map(|entry| &entry.wants);
        wants
            .map(|want| TargetClaim {
                target: want.target().clone(),
                claim: self.claim(want, key),
                abandon_after: want.prescription.spec().deletion.abandon_after.0,
            })
            .collect()
    }

    fn claim(&self, want: &Want, key: &ObjectKey) -> Claim {
        match want.activity {
            Activity::Rests => Claim::Undecided,
            _ if want.waits == Waiting::Free => Claim::None,
            Activity::Leaves => Claim::Leaving,
            Activity::Synced | Activity::AwaitsFinalizer if self.needs(want, key) => Claim::Needs,
            Activity::Synced | Activity::AwaitsFinalizer => match self.names {
                Names::Unsettled => Claim::Undecided,
                Names::Settled => Claim::Leaving,
            },
        }
    }
}

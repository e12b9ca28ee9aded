//! How the objects of a target stand, for metrics and status.

use std::{collections::BTreeMap, sync::Arc};

use syncer_core::{
    object_state::{ObjectCounts, ObjectState},
    plan::{Desired, Lifecycle, Live, Newcomer, Ownership, Pause, Step},
};

use super::{Admission, Complaint, Ledger, Record, Turn};
use crate::{
    prescription::names_namespace,
    preview::{LeftAlone, Why},
};

// === impl Ledger ===

impl Ledger {
    /// How many objects stand how, over all and by policy.
    pub(crate) fn states(&self) -> (ObjectCounts, BTreeMap<Arc<str>, ObjectCounts>) {
        let mut counts = ObjectCounts::default();
        let mut by_policy: BTreeMap<Arc<str>, ObjectCounts> = BTreeMap::new();
        for (key, record) in &self.records {
            // A namespace of others is used as it is, which is no conflict.
            let used = names_namespace(key) && record.live == Live::Foreign && record.turn != Turn::Waiting;
            if !used {
                let state = record.state();
                counts.moved(None, state);
                match by_policy.get_mut(&record.policy) {
                    Some(counts) => counts.moved(None, state),
                    None => {
                        by_policy.insert(record.policy.clone(), ObjectCounts::from_iter(state));
                    }
                }
            }
        }
        (counts, by_policy)
    }
}

// === impl Ledger, for previews ===

impl Ledger {
    /// The objects that are not as they have to be, and that no attempt is made at; sorted.
    pub(crate) fn left_alone(&self) -> Vec<LeftAlone> {
        let mut left: Vec<_> = self
            .records
            .iter()
            .filter_map(|(key, record)| {
                Some(LeftAlone {
                    key: key.clone(),
                    policy: record.policy.clone(),
                    why: record.left_alone()?,
                })
            })
            .collect();
        left.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        left
    }
}

// === impl Record ===

impl Record {
    /// Why nothing is done about the object, though it is not as it has to be.
    fn left_alone(&self) -> Option<Why> {
        if self.is_kept_by_guard() {
            return (self.admission == Admission::Held).then_some(Why::Held);
        }
        match (&self.desired, &self.live) {
            (
                Desired::Wanted {
                    newcomer: Newcomer::KeptOut,
                    ..
                },
                Live::Unseen,
            ) => Some(Why::KeptOut),
            (desired, Live::Ours(ours)) if ours.pause == Pause::On => match desired {
                Desired::Unknown | Desired::Withheld(_) => None,
                Desired::Gone(_) => Some(Why::Paused),
                Desired::Wanted { uid, hash, .. } => {
                    let same = ours.applied == Some(*hash) && ours.origin_uid == *uid;
                    (!same || ours.ownership == Ownership::Taken).then_some(Why::Paused)
                }
            },
            (Desired::Wanted { .. }, Live::Ours(ours)) if ours.lifecycle == Lifecycle::Terminating => {
                Some(Why::Terminating)
            }
            _ => None,
        }
    }

    /// How the object stands; `None` if it is neither there nor to be made there.
    fn state(&self) -> Option<ObjectState> {
        let there = matches!(self.live, Live::Ours(_));
        if let Live::Ours(ours) = &self.live
            && ours.pause == Pause::On
        {
            return Some(ObjectState::Paused);
        }
        match &self.desired {
            Desired::Unknown | Desired::Withheld(_) => there.then_some(ObjectState::Unknown),
            Desired::Gone(_) if !there => None,
            // A cordoned target gets nothing new: what it does not hold is none of its objects.
            Desired::Wanted {
                newcomer: Newcomer::KeptOut,
                ..
            } if self.live == Live::Unseen => None,
            Desired::Gone(_) if self.is_missing() && self.admission == Admission::Held => Some(ObjectState::Held),
            Desired::Gone(_) | Desired::Wanted { .. } => Some(self.progress()),
        }
    }

    fn progress(&self) -> ObjectState {
        if self.turn == Turn::Waiting {
            return match self.complaint {
                Complaint::Conflicted | Complaint::Fighting => ObjectState::Conflicted,
                Complaint::Paused => ObjectState::Paused,
                Complaint::None | Complaint::Failed => ObjectState::Failed,
            };
        }
        let leaving = matches!(&self.live, Live::Ours(ours) if ours.lifecycle == Lifecycle::Terminating);
        match self.step() {
            Step::Nothing if !leaving => ObjectState::Synced,
            Step::Refuse => ObjectState::Conflicted,
            _ => ObjectState::Pending,
        }
    }
}

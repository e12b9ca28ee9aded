//! How the objects of a target stand, for metrics and status.

use std::{collections::BTreeMap, sync::Arc};

use syncer_core::{
    object_state::{ObjectCounts, ObjectState},
    plan::{Desired, Lifecycle, Live, Pause, Step},
};

use super::{Admission, Complaint, Ledger, Record, Turn};
use crate::prescription::names_namespace;

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

// === impl Record ===

impl Record {
    /// How the object stands; `None` if it is neither wanted nor there.
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

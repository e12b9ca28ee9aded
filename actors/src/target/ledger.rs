//! The ledger of a target: one small record per object, from which everything else is planned again.

mod farewell;
mod fields;
mod guard;
mod inhabitants;
mod outcome;
mod record;
mod records;
mod sighted;
mod standing;
mod states;
mod tally;
mod task;
mod turn;
mod wanted;

use std::collections::HashMap;

use syncer_core::{Gvr, ObjectKey};

use self::{
    fields::Fields,
    record::{Admission, Record},
    records::Records,
};
pub(crate) use self::{
    fields::Others,
    guard::Judgement,
    inhabitants::Inhabitants,
    outcome::{After, Complaint, Word},
    sighted::Loss,
    task::Task,
    turn::{Outlook, Turn},
};
use crate::upstream::Workspaces;

/// The records of one target.
#[derive(Default)]
pub(crate) struct Ledger {
    /// What an absence means (kcp).
    workspaces: Workspaces,
    records: Records,
    /// The number of the last downstream list of which anything was heard.
    lists: HashMap<Gvr, u64>,
}

// === impl Ledger ===

impl Ledger {
    /// A ledger of what is wanted of objects in `workspaces`.
    pub(crate) fn of(workspaces: Workspaces) -> Self {
        Self {
            workspaces,
            ..Self::default()
        }
    }

    /// The keys of `gvr`, sorted, so that the same seed gives the same run.
    pub(crate) fn keys(&self, gvr: &Gvr) -> Vec<ObjectKey> {
        let mut keys: Vec<_> = self.records.keys().filter(|key| key.gvr == *gvr).cloned().collect();
        keys.sort_unstable();
        keys
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }
}

#[cfg(test)]
pub(crate) mod tests;

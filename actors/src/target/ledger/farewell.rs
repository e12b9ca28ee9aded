//! Farewells in a ledger: records of objects for which an upstream object waits.

use syncer_core::{
    ObjectKey,
    plan::{Desired, Live},
};

use super::{Ledger, Record};

/// Whether an upstream object waits until nothing of ours is left here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Farewell {
    /// None does.
    #[default]
    None,
    /// One does, and has to be told.
    Said,
}

// === impl Ledger ===

impl Ledger {
    /// The upstream object of `key` waits until nothing of ours is left here.
    pub(crate) fn say_farewell(&mut self, key: &ObjectKey) {
        self.records.entry(key).farewell = Farewell::Said;
    }

    /// Nothing of ours is left of `key` here, says a read or the answer to a delete; returns whether an upstream object waits for that.
    pub(crate) fn part(&mut self, key: &ObjectKey) -> bool {
        let Some(mut record) = self.records.get_mut(key) else {
            return false;
        };
        if record.farewell == Farewell::None || matches!(record.live, Live::Ours(_)) {
            return false;
        }
        record.farewell = Farewell::None;
        true
    }

    /// Drops the record of `key` if it says nothing: what is gone on both sides, or somebody else's, needs none.
    pub(crate) fn forget_if_void(&mut self, key: &ObjectKey) {
        let is_void = |record: &Record| {
            let wanted = match record.desired {
                Desired::Wanted { .. } => true,
                // A word of the upstream that what is there stays.
                Desired::Unknown => record.incarnation != 0,
                Desired::Gone(_) | Desired::Withheld(_) => false,
            };
            !wanted && record.farewell == Farewell::None && !matches!(record.live, Live::Ours(_))
        };
        if self.records.get(key).is_some_and(is_void) {
            self.records.remove(key);
        }
    }
}

//! What came of an attempt at an object, and who was told.

use std::mem;

use syncer_core::{
    ObjectKey,
    marker::PayloadHash,
    plan::{Desired, Live, Ownership},
};
use xxhash_rust::xxh3::xxh3_64;

use super::{Admission, Ledger, Others, Turn, farewell::Farewell};
use crate::target::sighting::Seen;

/// How a Reconciler left the downstream object.
#[derive(Clone, Debug)]
pub(crate) enum After {
    /// Nothing was learned.
    Unchanged,
    /// It is there as we just applied it.
    Applied(Seen),
    /// It is there as it was decided, and leaves of it are the target's: a removal by somebody there shows in no entry, so that it is looked
    /// at before it is applied again.
    Decided(Seen),
    /// Our entry was compared with what has to be owned.
    Verified(Ownership),
    /// Its content is what is wanted, whatever its hash says.
    Equal {
        /// What is there.
        seen: Seen,
        /// The hash of the body that it was compared with: what is wanted may be another one by now.
        hash: PayloadHash,
    },
    /// It is there and ours; ownership was not looked at.
    Seen(Seen),
    /// It was not found, or is gone now.
    Absent,
    /// Something that is not ours is there.
    Foreign,
}

/// What the last attempt at an object failed for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Complaint {
    /// It did not fail.
    #[default]
    None,
    /// The target refused, or something is in the way there.
    Failed,
    /// Both sides pull at it.
    Conflicted,
    /// It did not fail: fields of it are fought over, and left alone for a while.
    Fighting,
    /// It did not fail: a person paused it upstream.
    Paused,
}

/// Whether the owner of an object was told that it fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Word {
    /// Not yet: it may pass.
    #[default]
    None,
    /// The owner knows, and will be told when it works again.
    Given,
}

// === impl Ledger ===

impl Ledger {
    /// A Reconciler left the downstream object of `key` like this.
    pub(crate) fn learn(&mut self, key: &ObjectKey, after: After) {
        let list = self.lists.get(&key.gvr).copied().unwrap_or_default();
        let Some(mut record) = self.records.get_mut(key) else {
            return;
        };
        // The answer is younger than what was listed before it came.
        if matches!(
            after,
            After::Applied(_) | After::Decided(_) | After::Equal { .. } | After::Seen(_)
        ) {
            record.list = record.list.max(list);
        }
        match after {
            After::Unchanged => {}
            After::Applied(seen) => {
                let others = Others::of(seen.others);
                record.applied(seen, others);
            }
            After::Decided(seen) => record.applied(seen, Others::Wrote),
            After::Verified(ownership) => record.verified(ownership),
            After::Equal { seen, hash } => record.equal(seen, hash),
            After::Seen(seen) => record.settle(seen),
            After::Absent => {
                record.live = Live::Unseen;
                record.resource_version = "".into();
                record.admission = Admission::Unjudged;
            }
            After::Foreign => record.live = Live::Foreign,
        }
        if let Some(held) = record.held.take() {
            record.settle(*held);
        }
        record.leave();
    }

    /// The Reconciler of `key` is done: it may have its turn again.
    pub(crate) fn succeeded(&mut self, key: &ObjectKey) {
        let Some(mut record) = self.records.get_mut(key) else {
            return;
        };
        record.turn = Turn::Quiet;
        record.failures = 0;
        record.said = 0;
        record.complaint = Complaint::None;
        record.word = Word::None;
        // What is gone on both sides needs no record.
        let over = record.live == Live::Unseen
            && record.farewell == Farewell::None
            && matches!(record.desired, Desired::Gone(_));
        drop(record);
        if over {
            self.records.remove(key);
        }
    }

    /// The Reconciler of `key` failed: it waits. Returns how many times in a row that was.
    pub(crate) fn failed(&mut self, key: &ObjectKey, complaint: Complaint) -> u32 {
        let Some(mut record) = self.records.get_mut(key) else {
            return 0;
        };
        record.turn = Turn::Waiting;
        record.complaint = complaint;
        record.failures = record.failures.saturating_add(1);
        record.failures
    }

    /// Whether the failures of `key` were not described as in `message` last; from now on they were.
    pub(crate) fn is_news(&mut self, key: &ObjectKey, message: &str) -> bool {
        let Some(mut record) = self.records.get_mut(key) else {
            return true;
        };
        let said = xxh3_64(message.as_bytes());
        mem::replace(&mut record.said, said) != said
    }

    /// How many attempts of `key` failed one after the other.
    pub(crate) fn failures(&self, key: &ObjectKey) -> u32 {
        self.records.get(key).map_or(0, |record| record.failures)
    }

    /// Whether the owner of `key` was told of the failure.
    pub(crate) fn word(&self, key: &ObjectKey) -> Word {
        self.records.get(key).map_or(Word::None, |record| record.word)
    }

    /// The owner of `key` is told of the failure.
    pub(crate) fn give_word(&mut self, key: &ObjectKey) {
        if let Some(mut record) = self.records.get_mut(key) {
            record.word = Word::Given;
        }
    }
}

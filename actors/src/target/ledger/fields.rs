//! Our entry in the live object's managedFields, and how what is seen of the object settles in its record.

use syncer_core::{
    config::Strategy,
    marker::PayloadHash,
    plan::{Live, Ownership},
    resource_version,
};

use super::{Admission, Loss, Record};
use crate::target::sighting::Seen;

/// What is known of our entry in the live object's managedFields.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fields {
    /// It owned all that was applied.
    Verified {
        /// The hash that it had then, over what others wrote too.
        hash: u64,
        /// Whether others wrote anything.
        others: Others,
    },
    /// It was not compared with what was applied yet.
    Unverified {
        /// The FieldsV1 of our entry.
        ours: Box<str>,
        /// The hash over what others wrote; 0 if nobody did.
        others: u64,
        /// Stands for the order of what is ours in keyed lists.
        order: u64,
        /// What all that comes to once it is verified.
        hash: u64,
    },
}

/// Whether others wrote to an object beside us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    /// Nobody did.
    None,
    /// Somebody did: what they added may have to go.
    Wrote,
}

// === impl Others ===

impl Others {
    /// What a hash over the entries of others says; 0 if there are none.
    pub(super) fn of(hash: u64) -> Self {
        if hash == 0 { Self::None } else { Self::Wrote }
    }
}

// === impl Record ===

impl Record {
    pub(super) fn settle(&mut self, mut seen: Seen) {
        if self.is_older(&seen) {
            return;
        }
        if let (Live::Ours(known), Fields::Verified { hash, .. }) = (&self.live, &self.fields)
            && *hash == self.hash_of(&seen)
            && known.uid == seen.ours.uid
        {
            // A hash that says nothing was compared by value before.
            seen.ours.applied = seen.ours.applied.or(known.applied);
            if known.applied == seen.ours.applied {
                self.set_live(seen, Ownership::Held);
                return;
            }
        }
        self.fields = Fields::Unverified {
            ours: seen.fields.clone(),
            others: seen.others,
            order: seen.order,
            hash: self.hash_of(&seen),
        };
        self.set_live(seen, Ownership::Unverified);
    }

    /// What is there was compared by value and is what is wanted.
    pub(super) fn equal(&mut self, mut seen: Seen, hash: PayloadHash) {
        seen.ours.applied = Some(hash);
        let others = Others::of(seen.others);
        self.applied(seen, others);
    }

    pub(super) fn applied(&mut self, seen: Seen, others: Others) {
        self.fields = Fields::Verified {
            hash: self.hash_of(&seen),
            others,
        };
        self.set_live(seen, Ownership::Held);
    }

    /// Other rules of conflicts hold: what was left to the target, or added there, is decided about anew. Where the upstream won and nobody
    /// else wrote, there is nothing of that.
    pub(super) fn doubt(&mut self) {
        let had_all = self
            .prescription
            .as_ref()
            .is_some_and(|before| before.spec().conflict.strategy == Strategy::UpstreamWins);
        let (Fields::Verified { others, .. }, Live::Ours(ours)) = (&self.fields, &mut self.live) else {
            return;
        };
        if had_all && *others == Others::None {
            return;
        }
        ours.ownership = Ownership::Unverified;
        // What our entry has is not kept: the object itself is looked at.
        self.fields = Fields::Unverified {
            ours: "".into(),
            others: u64::from(*others == Others::Wrote),
            order: 0,
            hash: 0,
        };
    }

    pub(super) fn verified(&mut self, ownership: Ownership) {
        let (Fields::Unverified { hash, others, .. }, Live::Ours(ours)) = (&self.fields, &mut self.live) else {
            return;
        };
        ours.ownership = ownership;
        self.fields = Fields::Verified {
            hash: *hash,
            others: Others::of(*others),
        };
    }

    fn set_live(&mut self, seen: Seen, ownership: Ownership) {
        self.resource_version = seen.resource_version;
        self.marked = seen.deletion;
        self.loss = Loss::None;
        if self.prescription.is_none() && *self.policy != *seen.policy {
            self.policy = seen.policy.into();
        }
        let mut ours = seen.ours;
        ours.ownership = ownership;
        self.live = Live::Ours(ours);
    }

    pub(super) fn lose_sight(&mut self) {
        self.live = Live::Unseen;
        self.resource_version = "".into();
        self.held = None;
        // Another object that comes into sight here is judged anew.
        self.admission = Admission::Unjudged;
    }

    /// Whether `seen` is what is known already, or older.
    fn is_older(&self, seen: &Seen) -> bool {
        let Live::Ours(known) = &self.live else { return false };
        if known.uid != seen.ours.uid {
            return false;
        }
        self.resource_version == seen.resource_version
            || resource_version::is_older(&seen.resource_version, &self.resource_version)
    }

    fn hash_of(&self, seen: &Seen) -> u64 {
        let prescription = self.prescription.as_deref();
        told_by(
            prescription.map(|prescription| prescription.spec().conflict.strategy),
            seen,
        )
    }
}

/// What `seen` is told from what comes later by, under `strategy`. Where leaves may be the target's, each edit of theirs is looked at.
pub(super) fn told_by(strategy: Option<Strategy>, seen: &Seen) -> u64 {
    match strategy {
        Some(Strategy::MergeChanges) => seen.content_hash(),
        Some(Strategy::UpstreamWins | Strategy::LastWriteWins) | None => seen.fields_hash(),
    }
}

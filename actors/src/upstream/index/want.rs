//! What is wanted of an object on one target.

use std::sync::Arc;

use syncer_core::{
    ObjectKey,
    finalizer::Waiting,
    marker::PayloadHash,
    placement::{Needs, Withholding},
    plan::Newcomer,
};

use crate::prescription::Prescription;

/// What is wanted of an object on one target.
#[derive(Clone, Debug)]
pub(crate) struct Want {
    /// How it has to be there.
    pub(crate) prescription: Arc<Prescription>,
    /// The hash of its payload.
    pub(crate) hash: PayloadHash,
    /// When it has to be there.
    pub(crate) needs: Needs,
    /// Whether it may be made there.
    pub(crate) newcomer: Newcomer,
    /// Whether anything is written about it for now.
    pub(crate) activity: Activity,
    /// Whether its deletion upstream waits for the target.
    pub(crate) waits: Waiting,
}

/// Whether anything is written about an object for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It is kept in step.
    Synced,
    /// Its policy is suspended, or a person paused it: whatever is downstream stays.
    Rests,
    /// It has to wait for the target, and does not carry its finalizer yet: whatever is downstream stays until it does.
    AwaitsFinalizer,
    /// It has a deletionTimestamp, and waits until it has left the target.
    Leaves,
}

/// An object as a watch showed it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// Its UID.
    pub(crate) uid: Box<str>,
    /// What is wanted of it, per target.
    pub(crate) wants: Box<[Want]>,
    /// What it names in its namespace.
    pub(crate) names: Box<[ObjectKey]>,
    /// The targets that policies send it to and that do not get it, and why.
    pub(crate) withheld: Box<[(Arc<str>, Withholding)]>,
}

// === impl Want ===

impl Want {
    pub(crate) fn target(&self) -> &Arc<str> {
        &self.prescription.target.name
    }

    /// Whether it rests because its policy does: nothing of that goes until the policy is taken up again.
    pub(super) fn is_suspended(&self) -> bool {
        self.activity == Activity::Rests && self.prescription.spec().suspend
    }

    /// Whether nobody was told of it although it may be there.
    pub(super) fn is_untold(&self) -> bool {
        matches!(self.activity, Activity::Rests | Activity::AwaitsFinalizer)
    }

    /// Whether `other` wants the very same.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.prescription, &other.prescription)
            && self.hash == other.hash
            && self.newcomer == other.newcomer
            && self.activity == other.activity
            && self.needs == other.needs
            && self.waits == other.waits
    }
}

//! What the board of finalizers knows.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use syncer_core::{Gvr, ObjectKey, ResourceType};

use crate::finalizers::entry::Entry;

/// All that the board knows, under one lock.
#[derive(Default)]
pub(super) struct Known {
    /// Every target that the rules ever named in this process.
    pub(super) targets: BTreeMap<Arc<str>, TargetState>,
    /// Every resource that was ever followed: of one that is not any more, finalizers may have to come off.
    pub(super) resources: HashMap<Gvr, ResourceType>,
    pub(super) objects: HashMap<ObjectKey, Entry>,
    /// What was left behind where since this process began.
    pub(super) left_behind: BTreeMap<Arc<str>, BTreeSet<ObjectKey>>,
}

/// What is known of a target.
#[derive(Debug)]
pub(in crate::finalizers) struct TargetState {
    pub(in crate::finalizers) finalizer: Box<str>,
    pub(in crate::finalizers) membership: Membership,
    pub(in crate::finalizers) reach: Reach,
}

/// Whether the rules name a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::finalizers) enum Membership {
    /// They do.
    Member,
    /// They did.
    Removed,
}

/// Whether a target can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::finalizers) enum Reach {
    /// Nobody tried yet.
    Unknown,
    /// It answers.
    Reached,
    /// It is dead: it does not answer, or there is no way to ask it.
    Lost {
        /// When it was last well, by the upstream's clock; `None` where nobody knows: it is not known to have been well at all.
        well: Option<Timestamp>,
    },
}

// === impl Known ===

impl Known {
    /// The objects of which `which` is true, sorted, so that the same seed gives the same run.
    pub(super) fn having(&self, which: impl Fn(&Entry) -> bool) -> Vec<ObjectKey> {
        let objects = self.objects.iter().filter(|(_, entry)| which(entry));
        let mut keys: Vec<_> = objects.map(|(key, _)| key.clone()).collect();
        keys.sort_unstable();
        keys
    }
}

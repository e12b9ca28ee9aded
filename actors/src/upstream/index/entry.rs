//! One object of the index.

use std::sync::Arc;

use syncer_core::{ObjectKey, placement::Needs};

use super::{Activity, Want};
use crate::upstream::endpoints::EndpointId;

/// One object as it was last seen.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) uid: Box<str>,
    pub(super) wants: Box<[Want]>,
    /// The targets that were told to have it.
    pub(super) told: Vec<Arc<str>>,
    /// The targets that were told that nothing wants it there any more, and that may still hold it.
    pub(super) left: Box<[Arc<str>]>,
    /// What it names in its namespace.
    pub(super) names: Box<[ObjectKey]>,
    pub(super) list: u64,
    /// Where it was seen last; no part of what it is.
    pub(super) endpoint: EndpointId,
}

// === impl Entry ===

impl Entry {
    /// Whether it already wanted the same on the target of `want`.
    pub(super) fn says(&self, uid: &str, want: &Want) -> bool {
        *self.uid == *uid && self.wants.iter().any(|known| known.is(want))
    }

    /// Whether it was on `target`, perhaps, without anybody being told.
    pub(super) fn rested_on(&self, target: &str) -> bool {
        let mut wants = self.wants.iter();
        wants.any(|want| **want.target() == *target && want.activity == Activity::Rests)
    }

    /// What it needs on which target: its namespace, and what it names where the policy takes that along.
    pub(super) fn references<'a>(&'a self, key: &'a ObjectKey) -> impl Iterator<Item = (Arc<str>, ObjectKey)> + 'a {
        let namespace = key.home();
        // What rests may be there, and keeps what it names.
        let certain = self.wants.iter().filter(|want| {
            want.needs == Needs::Selected && matches!(want.activity, Activity::Synced | Activity::Rests)
        });
        certain.flat_map(move |want| {
            let along = want.prescription.spec().dependencies;
            let named = self.names.iter().filter(move |_| along).cloned();
            let target = want.target().clone();
            namespace
                .clone()
                .into_iter()
                .chain(named)
                .map(move |named| (target.clone(), named))
        })
    }
}

//! What placement has to know of a target.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Newcomers, Withholding, selecting};
use crate::{
    config::{NamespaceMapping, ResourceRef, SyncTarget},
    identity::Gvr,
};

/// A target.
#[derive(Clone, Debug)]
pub struct TargetRules {
    /// Its name.
    pub name: Arc<str>,
    /// Its place among the targets, by name, from 0.
    pub index: usize,
    /// Its document: labels, cells, when it is drained.
    pub target: Arc<SyncTarget>,
    /// How upstream namespaces are named there.
    pub mapping: NamespaceMapping,
    refuse: Vec<ResourceRef>,
    service: Service,
}

/// Whether a target is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    /// It is, for ever or until `evictAfter`.
    InUse,
    /// `evictAfter` is over: it is drained.
    Drained,
}

// === impl TargetRules ===

impl TargetRules {
    pub(super) fn new(
        name: &Arc<str>,
        index: usize,
        target: &Arc<SyncTarget>,
        mapping: NamespaceMapping,
        now: Timestamp,
    ) -> Self {
        let over = eviction(target).is_some_and(|at| at <= now);
        Self {
            service: if over { Service::Drained } else { Service::InUse },
            name: Arc::clone(name),
            index,
            target: Arc::clone(target),
            mapping: target.spec.namespace_mapping.unwrap_or(mapping),
            refuse: target
                .spec
                .refuse
                .iter()
                .map(|text| selecting::resource(text))
                .collect(),
        }
    }

    /// Whether it must never get objects of `gvr`.
    pub fn refuses(&self, gvr: &Gvr) -> bool {
        self.refuse.iter().any(|resource| selecting::is_resource(resource, gvr))
    }

    /// Whether it is drained: everything of ours leaves it.
    pub fn is_drained(&self) -> bool {
        self.service == Service::Drained
    }

    /// Why objects of `gvr` do not go there, whatever policies say; `None` if they may.
    pub fn withholds(&self, gvr: &Gvr) -> Option<Withholding> {
        if self.is_drained() {
            return Some(Withholding::Drained);
        }
        self.refuses(gvr).then_some(Withholding::Refused)
    }

    /// When it will be drained; `None` if never, or if it is.
    pub(super) fn next_eviction(&self) -> Option<Timestamp> {
        eviction(&self.target).filter(|_| !self.is_drained())
    }

    /// Whether it takes objects that it does not have.
    pub fn newcomers(&self) -> Newcomers {
        if self.target.spec.unschedulable {
            return Newcomers::KeptOut;
        }
        Newcomers::Welcome
    }
}

/// What `evictAfter` says. A text that is no time was refused with its document.
fn eviction(target: &SyncTarget) -> Option<Timestamp> {
    target.spec.evict_after.as_deref()?.parse().ok()
}

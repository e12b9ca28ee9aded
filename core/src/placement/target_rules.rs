//! What placement has to know of a target.

use std::sync::Arc;

use super::{Newcomers, selecting};
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
}

// === impl TargetRules ===

impl TargetRules {
    pub(super) fn new(name: &Arc<str>, index: usize, target: &Arc<SyncTarget>, mapping: NamespaceMapping) -> Self {
        Self {
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

    /// Whether it takes objects that it does not have.
    pub fn newcomers(&self) -> Newcomers {
        if self.target.spec.unschedulable {
            return Newcomers::KeptOut;
        }
        Newcomers::Welcome
    }
}

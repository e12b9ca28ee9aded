//! What all Reconcilers of one target share: where they write and where they read.

use std::{collections::HashMap, sync::Arc};

use syncer_clusters::{Cluster, Served};
use syncer_core::{Gvr, ObjectKey, ResourceType, config::DeletionMode};

use crate::{
    bodies::Bodies,
    conflict_arbiter::Arbiter,
    events::Events,
    metrics::Metrics,
    prescription::is_secret,
    preview::Preview,
    references::References,
    rulebook::Rulebooks,
    runtime::Clock,
    schemas::Schemas,
    settings::Writes,
    target::NamespaceNames,
    target_report::TargetReports,
    upstream::{Continuity, NamespaceLabels, Workspaces, WriteGate},
};

/// One target as its Reconcilers see it.
pub(crate) struct Downstream {
    /// The target's name.
    pub(crate) name: Arc<str>,
    /// Its key, for labels.
    pub(crate) key: String,
    /// The id of the upstream whose objects it gets.
    pub(crate) upstream_id: Arc<str>,
    /// The key under which it holds what an upstream before this one put there; `None` for none.
    pub(crate) previous_key: Option<String>,
    /// The target's API server.
    pub(crate) cluster: Cluster,
    /// The upstream's API server, to confirm absences.
    pub(crate) upstream: Cluster,
    /// Whether that is still the same upstream.
    pub(crate) continuity: Continuity,
    /// What decides whether an object is wanted here.
    pub(crate) rulebooks: Rulebooks,
    /// What is needed here because something else names it.
    pub(crate) references: References,
    /// The labels of upstream namespaces.
    pub(crate) namespaces: NamespaceLabels,
    /// What the bindings of workspaces say (kcp).
    pub(crate) workspaces: Workspaces,
    /// The bodies of upstream objects.
    pub(crate) bodies: Arc<Bodies>,
    /// How upstream namespaces are called here.
    pub(crate) names: NamespaceNames,
    /// The resources that are synced, as the target serves them.
    pub(crate) resources: HashMap<Gvr, ResourceType>,
    /// Everything that it serves.
    pub(crate) served: Served,
    /// Whether anything is written.
    pub(crate) writes: Writes,
    /// Where what is tried is noted; `None` unless writes are only tried.
    pub(crate) preview: Option<Preview>,
    /// What every write of an upstream object passes (S6).
    pub(crate) gate: WriteGate,
    /// The shapes of kinds, as the target publishes them.
    pub(crate) schemas: Schemas,
    /// What is remembered of objects that both sides change.
    pub(crate) arbiter: Arbiter,
    /// The time of day.
    pub(crate) clock: Clock,
    /// Where people hear of what happens to their objects.
    pub(crate) events: Events,
    /// Where operators hear of what concerns the target.
    pub(crate) reports: TargetReports,
    /// What is counted.
    pub(crate) metrics: Metrics,
}

impl Downstream {
    /// Where the object `key` is here: namespace and name.
    pub(crate) fn place(&self, key: &ObjectKey) -> (Arc<str>, Arc<str>) {
        self.names.place(key)
    }

    /// The resource `gvr`, as the target serves it; also one that no policy names any more.
    pub(crate) fn resource(&self, gvr: &Gvr) -> Option<&ResourceType> {
        let swept = || Some(&self.served.resource(gvr)?.resource);
        self.resources.get(gvr).or_else(swept)
    }

    /// Whether `label` is that of this target, now or under the upstream before.
    pub(crate) fn is_own_label(&self, label: &str) -> bool {
        *label == *self.key || self.previous_key.as_deref() == Some(label)
    }

    /// What becomes of an object that `policy` wanted last and that has to go: what the policy says now; once it is gone, what it said
    /// last as far as this process knows, else what the object's marker says.
    pub(crate) fn deletion_mode(
        &self,
        policy: &str,
        last_known: Option<DeletionMode>,
        marked: DeletionMode,
    ) -> DeletionMode {
        let now = self.rulebooks.borrow().rules.deletion_mode(policy);
        now.or(last_known).unwrap_or(marked)
    }

    /// The name of the key that hashes of `resource` are made with; empty for plain ones.
    pub(crate) fn hash_key(&self, resource: &ResourceType) -> &str {
        if is_secret(resource) {
            self.bodies.hash_key_id()
        } else {
            ""
        }
    }
}

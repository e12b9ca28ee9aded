//! What all Reconcilers of one target share: where they write and where they read.

use std::{collections::HashMap, sync::Arc};

use syncer_clusters::Cluster;
use syncer_core::{
    Gvr, ResourceType,
    naming::{NamespaceLocator, SyncTargetLocator},
};

use crate::bodies::Bodies;

/// One target as its Reconcilers see it.
pub(crate) struct Downstream {
    /// The target's name.
    pub(crate) name: Arc<str>,
    /// Its key, for labels.
    pub(crate) key: String,
    /// The id of the upstream whose objects it gets.
    pub(crate) upstream_id: Arc<str>,
    /// The target's API server.
    pub(crate) cluster: Cluster,
    /// The upstream's API server, to confirm absences.
    pub(crate) upstream: Cluster,
    /// The bodies of upstream objects.
    pub(crate) bodies: Arc<Bodies>,
    /// The resources that are synced, as the target serves them.
    pub(crate) resources: HashMap<Gvr, ResourceType>,
}

impl Downstream {
    /// The locator of a namespace that is made here for the upstream namespace `namespace` of `cluster`.
    pub(crate) fn locator(&self, cluster: &str, namespace: &str) -> NamespaceLocator {
        NamespaceLocator {
            sync_target: SyncTargetLocator {
                cluster: self.upstream_id.to_string(),
                name: self.name.to_string(),
                // A target of the command line is no object and has no UID.
                uid: String::new(),
            },
            cluster: cluster.to_owned(),
            namespace: namespace.to_owned(),
        }
    }
}

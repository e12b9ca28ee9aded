//! What everyone who works for an upstream shares.

use std::sync::{Arc, OnceLock, atomic::AtomicU64};

use syncer_clusters::Cluster;
use syncer_core::{ResourceType, protect::Protection};

use super::{Identity, UpstreamMessage};
use crate::{
    bodies::Bodies,
    metrics::Metrics,
    readiness::Readiness,
    runtime::{Address, Signals},
    settings::UpstreamSettings,
    target::Roster,
};

/// What outlives an Upstream that is built anew.
#[derive(Clone)]
pub(crate) struct UpstreamBase {
    pub(crate) cluster: Cluster,
    pub(crate) wanted: Arc<[(String, String)]>,
    pub(crate) protection: Arc<Protection>,
    pub(crate) bodies: Arc<Bodies>,
    pub(crate) roster: Roster,
    pub(crate) readiness: Readiness,
    pub(crate) signals: Signals,
    pub(crate) metrics: Metrics,
    /// The upstream id, once it is known: another one under the same address is another upstream.
    pub(crate) id: Arc<OnceLock<Arc<str>>>,
    pub(crate) incarnations: Arc<AtomicU64>,
}

/// What a Target gets of its upstream.
#[derive(Clone)]
pub(crate) struct UpstreamLink {
    /// The upstream id.
    pub(crate) id: Arc<str>,
    pub(crate) cluster: Cluster,
    /// What is synced, as the upstream serves it.
    pub(crate) resources: Arc<[ResourceType]>,
    pub(crate) bodies: Arc<Bodies>,
    pub(crate) roster: Roster,
    pub(crate) readiness: Readiness,
    pub(crate) signals: Signals,
    pub(crate) metrics: Metrics,
    pub(crate) address: Address<UpstreamMessage>,
}

// === impl UpstreamBase ===

impl UpstreamBase {
    pub(crate) fn new(settings: &UpstreamSettings, readiness: Readiness, signals: Signals, metrics: Metrics) -> Self {
        Self {
            cluster: settings.cluster.clone(),
            wanted: settings.resources.clone().into(),
            protection: Arc::new(settings.protection.clone()),
            bodies: Arc::new(Bodies::new(
                settings.cluster.clone(),
                settings.body_cache,
                metrics.body_reads.clone(),
            )),
            roster: Roster::default(),
            readiness,
            signals,
            metrics,
            id: Arc::default(),
            incarnations: Arc::default(),
        }
    }

    pub(crate) fn link(&self, identity: &Identity, address: Address<UpstreamMessage>) -> UpstreamLink {
        UpstreamLink {
            id: identity.id.clone(),
            cluster: self.cluster.clone(),
            resources: identity.resources.clone(),
            bodies: self.bodies.clone(),
            roster: self.roster.clone(),
            readiness: self.readiness.clone(),
            signals: self.signals.clone(),
            metrics: self.metrics.clone(),
            address,
        }
    }
}

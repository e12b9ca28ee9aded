//! What everyone who works for an upstream shares.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64},
    },
};

use dashmap::DashMap;
use syncer_clusters::Cluster;
use syncer_core::{Gvr, LogicalCluster, ObjectKey, ResourceType, kcp::Provision};

use super::{Continuity, Departures, Identity, UpstreamMessage, WriteGate, workspaces::Workspaces};
use crate::{
    bodies::Bodies,
    conflict_arbiter::Arbiter,
    events::Events,
    finalizers::FinalizerBoard,
    mass_deletions::MassDeletions,
    metrics::Metrics,
    preview::Preview,
    readiness::Readiness,
    references::References,
    rulebook::Rulebooks,
    runtime::{Address, Signals},
    settings::{Settings, UpstreamSource, Writes},
    status_propagator::StatusBoard,
    target::Roster,
    target_report::TargetReports,
};

/// The labels of one namespace.
pub(crate) type Labels = Arc<BTreeMap<Box<str>, Box<str>>>;

/// The labels of all upstream namespaces, and the paths of the workspaces that they are in. Written by the watchers of namespaces.
#[derive(Clone, Default)]
pub(crate) struct NamespaceLabels {
    labels: Arc<DashMap<(LogicalCluster, Arc<str>), Labels>>,
    workspaces: Workspaces,
}

/// What outlives an Upstream that is built anew.
#[derive(Clone)]
pub(crate) struct UpstreamBase {
    pub(crate) cluster: Cluster,
    pub(crate) source: UpstreamSource,
    /// The workspaces behind the endpoints (kcp).
    pub(crate) workspaces: Workspaces,
    /// Numbers the endpoints.
    pub(crate) endpoints: Arc<AtomicU32>,
    pub(crate) rulebooks: Rulebooks,
    pub(crate) bodies: Arc<Bodies>,
    pub(crate) references: References,
    pub(crate) namespaces: NamespaceLabels,
    pub(crate) departures: Departures,
    pub(crate) events: Events,
    pub(crate) status: StatusBoard,
    /// What is known of the finalizers of upstream objects.
    pub(crate) finalizers: FinalizerBoard,
    pub(crate) mass_deletions: MassDeletions,
    /// The revision of the rules by which Targets are told what is complete.
    pub(crate) rules_told: Arc<AtomicU64>,
    pub(crate) reports: TargetReports,
    /// What every write of an upstream object passes (S6).
    pub(crate) gate: WriteGate,
    /// The id of the upstream whose place this one took, and whose objects are ours.
    pub(crate) previous: Option<Arc<str>>,
    /// What is remembered of objects that both sides change.
    pub(crate) arbiter: Arbiter,
    /// Whether anything is written.
    pub(crate) writes: Writes,
    /// Where what is tried is noted.
    pub(crate) preview: Option<Preview>,
    pub(crate) roster: Roster,
    pub(crate) readiness: Readiness,
    pub(crate) signals: Signals,
    pub(crate) metrics: Metrics,
    /// Another upstream under the same address is another one.
    pub(crate) continuity: Continuity,
    pub(crate) incarnations: Arc<AtomicU64>,
    /// Numbers the lists of all watchers, so that a later one is known as such.
    pub(crate) lists: Arc<AtomicU64>,
}

/// What a Target gets of its upstream.
#[derive(Clone)]
pub(crate) struct UpstreamLink {
    /// The upstream id.
    pub(crate) id: Arc<str>,
    /// The id of the upstream whose place this one took, and whose objects are ours.
    pub(crate) previous: Option<Arc<str>>,
    pub(crate) continuity: Continuity,
    pub(crate) cluster: Cluster,
    pub(crate) workspaces: Workspaces,
    pub(crate) rulebooks: Rulebooks,
    /// What is synced, as the upstream serves it.
    pub(crate) resources: Arc<[ResourceType]>,
    pub(crate) bodies: Arc<Bodies>,
    pub(crate) references: References,
    pub(crate) namespaces: NamespaceLabels,
    pub(crate) departures: Departures,
    pub(crate) events: Events,
    pub(crate) status: StatusBoard,
    /// What is known of the finalizers of upstream objects.
    pub(crate) finalizers: FinalizerBoard,
    pub(crate) mass_deletions: MassDeletions,
    /// The revision of the rules by which Targets are told what is complete.
    pub(crate) rules_told: Arc<AtomicU64>,
    pub(crate) reports: TargetReports,
    /// What every write of an upstream object passes (S6).
    pub(crate) gate: WriteGate,
    /// What is remembered of objects that both sides change.
    pub(crate) arbiter: Arbiter,
    /// Where what is tried is noted; `None` unless writes are only tried.
    pub(crate) preview: Option<Preview>,
    pub(crate) roster: Roster,
    pub(crate) readiness: Readiness,
    pub(crate) signals: Signals,
    pub(crate) metrics: Metrics,
    pub(crate) address: Address<UpstreamMessage>,
}

// === impl UpstreamBase ===

impl UpstreamBase {
    pub(crate) fn new(settings: &Settings, readiness: Readiness, signals: Signals, metrics: Metrics) -> Self {
        let upstream = &settings.upstream;
        let continuity = Continuity::new(
            upstream.cluster.clone(),
            upstream.source.clone(),
            readiness.clone(),
            metrics.clone(),
            settings.reports.clone(),
        );
        let events = match settings.writes {
            Writes::Done => Events::new(&signals, &metrics, &settings.recent),
            Writes::Reported | Writes::Rehearsed => settings.preview.as_ref().map_or_else(Events::muted, Events::noted),
        };
        let workspaces = Workspaces::default();
        let cluster = match upstream.source {
            UpstreamSource::Plain => upstream.cluster.clone(),
            UpstreamSource::EndpointSlice(_) => upstream.cluster.routed(workspaces.routes().clone()),
        };
        Self {
            cluster: cluster.clone(),
            source: upstream.source.clone(),
            endpoints: Arc::default(),
            rulebooks: settings.rulebooks.clone(),
            bodies: Arc::new(Bodies::new(
                cluster,
                workspaces.clone(),
                upstream.body_cache,
                settings.hash_key.clone(),
                metrics.body_reads.clone(),
            )),
            references: References::default(),
            namespaces: NamespaceLabels::of_workspaces(&workspaces),
            departures: Departures::default(),
            workspaces,
            events,
            status: StatusBoard::new(&signals),
            finalizers: FinalizerBoard::new(&signals),
            mass_deletions: MassDeletions::new(settings.confirm_mass_deletion),
            rules_told: Arc::default(),
            reports: settings.reports.clone(),
            gate: WriteGate::new(metrics.gate_waiting.clone(), metrics.gate_refused.clone())
                .while_unbroken(continuity.clone()),
            continuity,
            previous: upstream.previous.clone(),
            arbiter: Arbiter::new(&settings.verdicts),
            writes: settings.writes,
            preview: settings.preview.clone(),
            roster: Roster::default(),
            readiness,
            signals,
            metrics,
            incarnations: Arc::default(),
            lists: Arc::default(),
        }
    }

    /// Somebody who waits hears that `what` cannot be read, or can again; `what` is a resource, or nothing for the upstream itself.
    pub(crate) fn trouble(&self, what: &str, cause: Option<&str>) {
        if let Some(preview) = &self.preview {
            preview.trouble(what, cause);
        }
    }

    /// How the upstream comes by the objects of a resource.
    pub(crate) fn provision(&self, gvr: &Gvr) -> Provision {
        self.workspaces.provision(gvr)
    }

    pub(crate) fn link(&self, identity: &Identity, address: Address<UpstreamMessage>) -> UpstreamLink {
        UpstreamLink {
            id: identity.id.clone(),
            previous: self.previous.clone().filter(|previous| *previous != identity.id),
            continuity: self.continuity.clone(),
            cluster: self.cluster.clone(),
            workspaces: self.workspaces.clone(),
            rulebooks: self.rulebooks.clone(),
            resources: identity.resources.clone(),
            bodies: self.bodies.clone(),
            references: self.references.clone(),
            namespaces: self.namespaces.clone(),
            departures: self.departures.clone(),
            events: self.events.clone(),
            status: self.status.clone(),
            finalizers: self.finalizers.clone(),
            mass_deletions: self.mass_deletions.clone(),
            rules_told: self.rules_told.clone(),
            reports: self.reports.clone(),
            gate: self.gate.clone(),
            arbiter: self.arbiter.clone(),
            preview: self.preview.clone(),
            roster: self.roster.clone(),
            readiness: self.readiness.clone(),
            signals: self.signals.clone(),
            metrics: self.metrics.clone(),
            address,
        }
    }
}

// === impl NamespaceLabels ===

impl NamespaceLabels {
    /// Of namespaces in `workspaces`.
    pub(crate) fn of_workspaces(workspaces: &Workspaces) -> Self {
        Self {
            labels: Arc::default(),
            workspaces: workspaces.clone(),
        }
    }

    /// The path of the workspace that `key` is in, where it is known.
    pub(crate) fn workspace_path(&self, key: &ObjectKey) -> Option<Arc<str>> {
        self.workspaces.path(&key.cluster)
    }

    /// The labels of the namespace that `key` is in; `None` while they are not known.
    pub(crate) fn of(&self, key: &ObjectKey) -> Option<Labels> {
        let namespace = (key.cluster.clone(), key.namespace.clone());
        self.labels.get(&namespace).map(|labels| labels.clone())
    }

    /// The namespace `key` has these labels now; says whether they differ from what was known.
    pub(crate) fn keep(&self, key: &ObjectKey, labels: &Labels) -> bool {
        let known = self
            .labels
            .insert((key.cluster.clone(), key.name.clone()), labels.clone());
        known.is_none_or(|known| known != *labels)
    }

    /// The namespace `key` is gone.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        self.labels.remove(&(key.cluster.clone(), key.name.clone()));
    }
}

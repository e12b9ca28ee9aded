//! What is watched on a target.

use futures::FutureExt;
use syncer_clusters::{Cluster, FieldsV1Kept, Served, WatchOptions};
use syncer_core::{ResourceType, marker::CLUSTER_LABEL, status::StatusKind};

use super::{NamespaceNames, Target, sighting::TargetReading};
use crate::{
    prescription::is_secret,
    runtime::{Context, Spec},
    status_propagator::{SliceReading, StatusReporter},
    watcher::{Reading, Watcher, read},
};

// === impl Target ===

impl Target {
    /// What selects the objects of ours.
    pub(super) fn selector(&self) -> String {
        match &self.previous_key {
            None => format!("{CLUSTER_LABEL}={}", self.key),
            Some(previous) => format!("{CLUSTER_LABEL} in ({},{previous})", self.key),
        }
    }

    /// Follows the objects of ours of one resource.
    pub(super) fn watch_objects(
        &self,
        (cluster, names): (&Cluster, &NamespaceNames),
        resource: ResourceType,
        reporter: &StatusReporter,
        ctx: &mut Context<Self>,
    ) {
        let hash_key: Box<str> = if is_secret(&resource) {
            self.upstream.bodies.hash_key_id().into()
        } else {
            "".into()
        };
        let reading = {
            let (gvr, names, sightings) = (resource.gvr.clone(), names.clone(), self.intake.sightings());
            let reporter = reporter.clone();
            move || {
                let (hash_key, sightings) = (hash_key.clone(), sightings.clone());
                TargetReading::new(gvr.clone(), names.clone(), hash_key, sightings, reporter.clone())
            }
        };
        self.watch(cluster, resource, FieldsV1Kept::All, reading, ctx);
    }

    /// Watches the endpoints of our Services, whose slices carry the label of their Service.
    pub(super) fn watch_slices(
        &self,
        cluster: &Cluster,
        served: &Served,
        watched: &[ResourceType],
        reporter: &StatusReporter,
        ctx: &mut Context<Self>,
    ) {
        let is_service = |resource: &ResourceType| StatusKind::of(&resource.gvr) == StatusKind::Service;
        let Some(slices) = served.resource_type("discovery.k8s.io", "endpointslices") else {
            return;
        };
        if watched.iter().any(is_service) && !watched.iter().any(|resource| resource.gvr == slices.gvr) {
            reporter.slices_awaited();
            let reporter = reporter.clone();
            let reading = move || SliceReading::new(reporter.clone());
            self.watch(cluster, slices, FieldsV1Kept::None, reading, ctx);
        }
    }

    pub(super) fn watch<R: Reading>(
        &self,
        cluster: &Cluster,
        resource: ResourceType,
        managed_fields: FieldsV1Kept,
        reading: impl Fn() -> R + Send + Clone + 'static,
        ctx: &mut Context<Self>,
    ) {
        let options = WatchOptions {
            label_selector: self.selector(),
            managed_fields,
            ..WatchOptions::default()
        };
        let spec = Spec::new(resource.gvr.to_string());
        let cluster = cluster.clone();
        ctx.spawn(spec, move || {
            let (cluster, resource, options, reading) =
                (cluster.clone(), resource.clone(), options.clone(), reading.clone());
            Watcher::new(Box::new(move || {
                read(cluster.watch(resource.clone(), options.clone()), reading()).boxed()
            }))
        });
    }
}

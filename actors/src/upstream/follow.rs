//! The watches of an Upstream: one per resource and endpoint, begun anew whenever the rules change.

use std::sync::Arc;

use futures::FutureExt;
use syncer_clusters::{FieldsV1Kept, WatchOptions};
use syncer_core::{Gvr, ResourceType};

use super::{
    Stage, Upstream,
    endpoints::{Endpoint, EndpointId, Scope},
    reading::{Completeness, UpstreamReading},
};
use crate::{
    bodies::fields_read,
    conflict_arbiter::{ArbiterWork, ConflictArbiter},
    finalizers::{FinalizerKeeper, KeeperWork},
    prescription::is_namespace,
    runtime::{Actor, Context, Spec},
    settings::{UpstreamSource, Writes},
    status_propagator::{StatusPropagator, StatusWork},
    watcher::{Watcher, read},
};

impl Upstream {
    /// Follows all objects under the present rules. Namespaces are listed first: rules may read their labels, and objects need them.
    pub(super) fn follow_objects(&mut self, ctx: &mut Context<Self>) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        let resources = identity.resources.clone();
        let targets = self.rulebook.targets.keys();
        let targets = targets.map(|name| (name, self.rulebook.key_of(name, &identity.id)));
        self.base.finalizers.rules(targets, resources.iter());
        let farewell = self
            .index
            .dismiss_others(|gvr| resources.iter().any(|resource| resource.gvr == *gvr));
        self.spread(farewell);
        for watched in self.endpoints.begin_anew() {
            ctx.stop_child(Watcher::KIND, &watched);
        }
        for endpoint in self.endpoints.ids() {
            self.follow_endpoint(endpoint, ctx);
        }
        // No endpoint at all is through by itself.
        self.see_whether_all_is_listed();
    }

    /// Follows the objects of one endpoint, once the bindings of its workspaces are known.
    pub(super) fn follow_endpoint(&mut self, endpoint: EndpointId, ctx: &mut Context<Self>) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        if !self.endpoints.get(endpoint).is_some_and(Endpoint::is_open) {
            return;
        }
        let resources = identity.resources.clone();
        let namespaces: Vec<_> = resources.iter().filter(|resource| is_namespace(resource)).collect();
        // An export need not claim them.
        let first = if namespaces.is_empty() {
            resources.iter().collect()
        } else {
            namespaces
        };
        for resource in first {
            self.watch(resource.clone(), endpoint, ctx);
        }
    }

    /// The endpoint is through with `gvr`: if those were the namespaces that the others wait for, they begin.
    pub(super) fn namespaces_passed(&mut self, gvr: &Gvr, endpoint: EndpointId, ctx: &mut Context<Self>) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        let resources = identity.resources.clone();
        if !resources
            .iter()
            .any(|resource| resource.gvr == *gvr && is_namespace(resource))
        {
            return;
        }
        for resource in resources.iter().filter(|resource| !is_namespace(resource)) {
            if !self
                .endpoints
                .get(endpoint)
                .is_some_and(|endpoint| endpoint.is_watched(&resource.gvr))
            {
                self.watch(resource.clone(), endpoint, ctx);
            }
        }
    }

    /// Begins to write what targets report; anew where other resources are followed.
    pub(super) fn propagate_status(&self, ctx: &mut Context<Self>) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        if self.base.writes != Writes::Done {
            return;
        }
        let work = StatusWork {
            board: self.base.status.clone(),
            cluster: self.base.cluster.clone(),
            resources: identity.resources.clone(),
            rulebooks: Some(self.base.rulebooks.clone()),
            events: self.base.events.clone(),
            metrics: self.base.metrics.clone(),
            gate: self.base.gate.clone(),
        };
        ctx.spawn(Spec::new("status"), move || StatusPropagator::new(work.clone()));
    }

    /// Begins to keep the finalizers of upstream objects as they should be.
    pub(super) fn keep_finalizers(&self, ctx: &mut Context<Self>) {
        if self.base.writes != Writes::Done {
            return;
        }
        let work = KeeperWork {
            board: self.base.finalizers.clone(),
            cluster: self.base.cluster.clone(),
            gate: self.base.gate.clone(),
            roster: self.base.roster.clone(),
            reports: self.base.reports.clone(),
            events: self.base.events.clone(),
            metrics: self.base.metrics.clone(),
        };
        ctx.spawn(Spec::new("finalizers"), move || FinalizerKeeper::new(work.clone()));
    }

    /// Begins to hear what is decided where both sides changed an object.
    pub(super) fn arbitrate_conflicts(&self, ctx: &mut Context<Self>) {
        let work = ArbiterWork {
            arbiter: self.base.arbiter.clone(),
            events: self.base.events.clone(),
            metrics: self.base.metrics.clone(),
        };
        self.base.arbiter.docket.begin(ctx.clock());
        let address = ctx.spawn(ConflictArbiter::spec(), move || ConflictArbiter::new(work.clone()));
        self.base.arbiter.bind(address);
    }

    /// The revision is part of the key: a watcher under older rules may still be on its way out.
    fn watcher_key(&self, resource: &ResourceType, endpoint: EndpointId) -> String {
        match self.base.source {
            UpstreamSource::Plain => format!("{} under rules {}", resource.gvr, self.rulebook.revision),
            UpstreamSource::EndpointSlice(_) => {
                let tries = self.endpoints.get(endpoint).map_or(0, |endpoint| endpoint.tries);
                let (gvr, revision) = (&resource.gvr, self.rulebook.revision);
                format!("{gvr} at {endpoint} under rules {revision}, try {tries}")
            }
        }
    }

    pub(super) fn watch(&mut self, resource: ResourceType, endpoint: EndpointId, ctx: &mut Context<Self>) {
        let Some(Endpoint { cluster, scope, .. }) = self.endpoints.get(endpoint) else {
            return;
        };
        let options = WatchOptions {
            // When a leaf was written is told by who owns it.
            managed_fields: if self.rulebook.writes_back(&resource.gvr) {
                FieldsV1Kept::All
            } else {
                fields_read(&resource)
            },
            wildcard: *scope != Scope::Plain,
            witness: Some(Arc::new(self.base.continuity.clone())),
            ..WatchOptions::default()
        };
        let cluster = cluster.clone();
        let key = self.watcher_key(&resource, endpoint);
        self.endpoints.watch(endpoint, &resource.gvr, &key);
        let (base, rulebook, sights) = (self.base.clone(), self.rulebook.clone(), self.sights.clone());
        ctx.spawn(Spec::new(key), move || {
            let (base, rulebook, resource, options, sights, cluster) = (
                base.clone(),
                rulebook.clone(),
                resource.clone(),
                options.clone(),
                sights.clone(),
                cluster.clone(),
            );
            Watcher::new(Box::new(move || {
                let reading = UpstreamReading::new(
                    (resource.clone(), endpoint),
                    base.clone(),
                    rulebook.clone(),
                    sights.clone(),
                    Completeness::Whole,
                );
                read(cluster.watch(resource.clone(), options.clone()), reading).boxed()
            }))
        });
    }
}

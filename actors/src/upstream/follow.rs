//! The watches of an Upstream: one per resource, begun anew whenever the rules change.

use futures::FutureExt;
use syncer_clusters::WatchOptions;
use syncer_core::{Gvr, ResourceType};

use super::{
    Stage, Upstream,
    sight::{Completeness, UpstreamReading},
};
use crate::{
    bodies::fields_read,
    prescription::is_namespace,
    runtime::{Actor, Context, Spec},
    settings::Writes,
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
        let farewell = self
            .index
            .dismiss_others(|gvr| resources.iter().any(|resource| resource.gvr == *gvr));
        self.spread(farewell);
        for watched in std::mem::take(&mut self.watched) {
            ctx.stop_child(Watcher::KIND, &watched);
        }
        for resource in resources.iter().filter(|resource| is_namespace(resource)) {
            self.watch(resource.clone(), ctx);
        }
    }

    /// The resource `gvr` is listed: if those were the namespaces that the others wait for, they begin.
    pub(super) fn namespaces_listed(&mut self, gvr: &Gvr, ctx: &mut Context<Self>) {
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
            if !self.watched.contains(&self.watcher_key(resource)) {
                self.watch(resource.clone(), ctx);
            }
        }
    }

    /// Begins to write what targets report; anew where other resources are followed.
    pub(super) fn propagate_status(&self, ctx: &mut Context<Self>) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        if self.base.writes == Writes::Reported {
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

    /// The revision is part of the key: a watcher under older rules may still be on its way out.
    fn watcher_key(&self, resource: &ResourceType) -> String {
        format!("{} under rules {}", resource.gvr, self.rulebook.revision)
    }

    fn watch(&mut self, resource: ResourceType, ctx: &mut Context<Self>) {
        let options = WatchOptions {
            managed_fields: fields_read(&resource),
            ..WatchOptions::default()
        };
        let key = self.watcher_key(&resource);
        self.watched.push(key.clone());
        let (base, rulebook, sights) = (self.base.clone(), self.rulebook.clone(), self.sights.clone());
        ctx.spawn(Spec::new(key), move || {
            let (base, rulebook, resource, options, sights) = (
                base.clone(),
                rulebook.clone(),
                resource.clone(),
                options.clone(),
                sights.clone(),
            );
            Watcher::new(Box::new(move || {
                let reading = UpstreamReading::new(
                    resource.clone(),
                    base.clone(),
                    rulebook.clone(),
                    sights.clone(),
                    Completeness::Whole,
                );
                read(base.cluster.watch(resource.clone(), options.clone()), reading).boxed()
            }))
        });
    }
}

//! What the Upstream does about endpoints that come and go.

use std::collections::BTreeSet;

use futures::FutureExt;
use syncer_clusters::{Cluster, Error, Next, WatchOptions};
use syncer_core::{Gvr, LogicalCluster, ResourceType, kcp::types};
use tracing::{error, info, warn};

use super::{
    Stage, Upstream,
    bindings::BindingReading,
    endpoints::{EndpointId, Scope},
};
use crate::{
    runtime::{Actor, Context, Failure, Spec},
    settings::UpstreamSource,
    target::OrderKey,
    watcher::{Watcher, read},
};

// === impl Upstream ===

impl Upstream {
    pub(super) fn endpoints_are(&mut self, urls: &[String], ctx: &mut Context<Self>) -> Result<(), Failure> {
        let known: BTreeSet<_> = self.endpoints.iter().map(|endpoint| endpoint.url.to_string()).collect();
        let gone = self
            .endpoints
            .iter()
            .filter(|endpoint| !urls.contains(&endpoint.url.to_string()));
        let gone: Vec<_> = gone.map(|endpoint| endpoint.id).collect();
        for url in urls.iter().filter(|url| !known.contains(*url)) {
            match self.base.cluster.with_base(url) {
                Ok(cluster) => self.begin_endpoint(url, &cluster, ctx),
                Err(cause) => error!(%url, "an endpoint of the slice cannot be used, the others are: {cause}"),
            }
        }
        for endpoint in gone {
            self.end_endpoint(endpoint, ctx);
        }
        if urls.is_empty() {
            info!("the export has no endpoint: nobody has bound it, and nothing is synced until somebody does");
        }
        self.see_whether_all_is_listed();
        // An endpoint may show resources that nothing else told of.
        match &self.stage {
            Stage::Following(identity) if !identity.unserved.is_empty() && !urls.is_empty() && known.is_empty() => {
                self.identify(ctx)
            }
            _ => Ok(()),
        }
    }

    fn begin_endpoint(&mut self, url: &str, cluster: &Cluster, ctx: &mut Context<Self>) {
        let id = self.endpoints.add(url, cluster, Scope::Workspaces);
        info!(url, "an endpoint of the export: its workspaces are followed");
        self.doubt_all();
        let options = WatchOptions {
            wildcard: true,
            ..WatchOptions::default()
        };
        let (at, base, notices) = (cluster.clone(), self.base.clone(), self.notices.clone());
        ctx.spawn(Spec::new(bindings_key(id)), move || {
            let (at, base, notices, options) = (at.clone(), base.clone(), notices.clone(), options.clone());
            Watcher::new(Box::new(move || {
                let reading = BindingReading::new(id, at.clone(), base.clone(), notices.clone());
                read(at.watch(types::bindings(), options.clone()), reading).boxed()
            }))
        });
    }

    /// What was told completely is not, until the endpoint that is new is through too (S3).
    fn doubt_all(&self) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        for resource in identity.resources.iter() {
            self.tell_all(&OrderKey::Incomplete(resource.gvr.clone()), &self.complete());
        }
    }

    /// An endpoint was withdrawn. Nothing is concluded from that: what it showed is kept, and unknown from here on (S3).
    pub(super) fn end_endpoint(&mut self, id: EndpointId, ctx: &mut Context<Self>) {
        let Some(endpoint) = self.endpoints.remove(id) else {
            return;
        };
        warn!(url = %endpoint.url, "the endpoint is gone: what its workspaces have on targets stays as it is");
        ctx.stop_child(Watcher::KIND, &bindings_key(id));
        for watched in endpoint.watched() {
            ctx.stop_child(Watcher::KIND, watched);
        }
        let lost = self.base.workspaces.withdrawn(id);
        let adrift = self
            .index
            .cast_off(|key, at| at == id && !self.base.workspaces.has_left(key));
        self.spread(adrift);
        for cluster in lost {
            self.tell_standing(&cluster);
            self.pass_over(&cluster);
        }
    }

    pub(super) fn bindings_known(&mut self, endpoint: EndpointId, ctx: &mut Context<Self>) {
        let Some(known) = self.endpoints.get(endpoint) else {
            return;
        };
        if !known.is_open() {
            self.endpoints.open(endpoint);
            self.follow_endpoint(endpoint, ctx);
        }
    }

    /// The stream of `gvr` at `endpoint` broke. What is not served there yet is waited for, and holds up nothing else.
    pub(super) fn interrupted(&mut self, gvr: &Gvr, endpoint: EndpointId, cause: &Error, ctx: &mut Context<Self>) {
        if self.base.source == UpstreamSource::Plain || !matches!(cause.next(), Next::Unserved | Next::NotFound) {
            error!("{cause}");
            return;
        }
        if self.endpoints.unserved(endpoint, gvr) {
            info!(kind = %gvr, %endpoint, "not served there yet, it is waited for: {cause}");
            self.passed(gvr, endpoint, ctx);
        }
    }

    /// What an endpoint did not serve may have come with a binding or a claim.
    pub(super) fn ask_again(&mut self, endpoint: EndpointId, ctx: &mut Context<Self>) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        let resources = identity.resources.clone();
        for (gvr, watcher) in self.endpoints.ask_again(endpoint) {
            ctx.stop_child(Watcher::KIND, &watcher);
            if let Some(resource) = resources.iter().find(|resource: &&ResourceType| resource.gvr == gvr) {
                self.watch(resource.clone(), endpoint, ctx);
            }
        }
    }

    /// Where the objects of `cluster` are read.
    pub(super) fn endpoint_of(&self, cluster: &LogicalCluster) -> EndpointId {
        match self.base.source {
            UpstreamSource::Plain => self
                .endpoints
                .iter()
                .next()
                .map(|endpoint| endpoint.id)
                .unwrap_or_default(),
            UpstreamSource::EndpointSlice(_) => self.base.workspaces.endpoint(cluster),
        }
    }
}

fn bindings_key(endpoint: EndpointId) -> String {
    format!("{} at {endpoint}", types::bindings().gvr)
}

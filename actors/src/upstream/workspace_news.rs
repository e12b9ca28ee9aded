//! What the Upstream does about endpoints that come and go, and about workspaces whose bindings turn.

use std::{collections::BTreeSet, sync::Arc};

use futures::FutureExt;
use syncer_clusters::{Cluster, Error, Next, WatchOptions};
use syncer_core::{Gvr, LogicalCluster, ResourceType, kcp::types};
use tracing::{error, info, warn};

use super::{
    Stage, Upstream,
    bindings::{BindingReading, ExportReading, Notice, NoticeKey, SliceReading},
    endpoints::{EndpointId, Scope},
    index::Tidings,
    intake::BATCH,
    workspaces::Turn,
};
use crate::{
    runtime::{Actor, Context, Failure, Spec, Taken},
    settings::UpstreamSource,
    target::{Order, OrderKey},
    watcher::{Reading, Watcher, read},
};

/// How many workspaces may wait to be bound again.
const MOST_PASSED_OVER: usize = 16_384;

impl Upstream {
    // --- what is followed in the workspace of the export ---

    /// Follows the endpoint slice, where there is one.
    pub(super) fn follow_slice(&self, ctx: &mut Context<Self>) {
        let UpstreamSource::EndpointSlice(slice) = &self.base.source else {
            return;
        };
        let notices = self.notices.clone();
        let reading = move || SliceReading::new(notices.clone());
        follow_one(&self.base.cluster, types::endpoint_slices(), slice, reading, ctx);
    }

    /// Follows the export: what it provides and claims may change.
    pub(super) fn follow_provider(&mut self, ctx: &mut Context<Self>) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        let Some(provider) = &identity.provider else { return };
        let followed = (provider.workspace.url(), provider.export.name.clone());
        if self.export.as_ref() == Some(&followed) {
            return;
        }
        if let Some((_, name)) = &self.export {
            ctx.stop_child(Watcher::KIND, &format!("{} {name}", types::exports().gvr));
        }
        let notices = self.notices.clone();
        let reading = move || ExportReading::new(notices.clone());
        let name = followed.1.clone();
        follow_one(&provider.workspace, types::exports(), &name, reading, ctx);
        self.export = Some(followed);
    }

    pub(super) fn take_notices(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        for Taken { key, value, .. } in self.notices.take(BATCH) {
            match (key, value) {
                (NoticeKey::Slice, Notice::Endpoints(urls)) => self.slice_read(&urls, ctx)?,
                (NoticeKey::Slice, _) => self.no_slice(ctx),
                (NoticeKey::Export, Notice::Export { generation }) => self.export_is(generation, ctx)?,
                (NoticeKey::Bindings(endpoint), _) => self.bindings_known(endpoint, ctx),
                (NoticeKey::Workspace(cluster), Notice::Turned(turn)) => self.turned(&cluster, turn, ctx),
                (NoticeKey::Stream(_), Notice::Interrupted(cause)) => error!("{cause}"),
                (NoticeKey::Stream(what), Notice::Recovered) => info!(kind = what, "the upstream watch goes on"),
                (NoticeKey::Export | NoticeKey::Workspace(_) | NoticeKey::Stream(_), _) => {}
            }
        }
        self.reread_next(ctx)
    }

    // --- endpoints ---

    /// Whether the slice has been read: none is an answer too.
    pub(super) fn knows_endpoints(&self) -> bool {
        self.base.source == UpstreamSource::Plain || self.slice == SliceState::Read
    }

    /// The slice names these endpoints. Before it is known whose bindings count, none is followed; a slice that was gone may be another's.
    fn slice_read(&mut self, urls: &Arc<[String]>, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let was = std::mem::replace(&mut self.slice, SliceState::Read);
        self.announced = Some(urls.clone());
        match (&self.stage, was) {
            (Stage::Following(_), SliceState::Absent) => self.identify(ctx),
            (Stage::Following(_), SliceState::Awaited | SliceState::Read) => self.follow_announced(ctx),
            (Stage::Identifying, _) => Ok(()),
        }
    }

    /// Follows the endpoints that the slice named last.
    pub(super) fn follow_announced(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match self.announced.take() {
            Some(urls) => self.endpoints_are(&urls, ctx),
            None => Ok(()),
        }
    }

    fn endpoints_are(&mut self, urls: &[String], ctx: &mut Context<Self>) -> Result<(), Failure> {
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

    fn no_slice(&mut self, ctx: &mut Context<Self>) {
        if self.slice != SliceState::Absent
            && let UpstreamSource::EndpointSlice(slice) = &self.base.source
        {
            error!(
                %slice, workspace = self.base.cluster.url(),
                "there is no such APIExportEndpointSlice: nothing new is synced, and what is synced stays; make it, or name another one"
            );
        }
        self.slice = SliceState::Absent;
        self.announced = None;
        for endpoint in self.endpoints.ids() {
            self.end_endpoint(endpoint, ctx);
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
    fn end_endpoint(&mut self, id: EndpointId, ctx: &mut Context<Self>) {
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

    fn bindings_known(&mut self, endpoint: EndpointId, ctx: &mut Context<Self>) {
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
    fn ask_again(&mut self, endpoint: EndpointId, ctx: &mut Context<Self>) {
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

    fn export_is(&mut self, generation: i64, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match &self.stage {
            Stage::Following(identity)
                if identity
                    .provider
                    .as_ref()
                    .is_some_and(|provider| provider.generation != generation) =>
            {
                info!("the export changed: it is asked anew what it provides and claims");
                self.identify(ctx)
            }
            _ => Ok(()),
        }
    }

    // --- workspaces ---

    fn turned(&mut self, cluster: &LogicalCluster, turn: Turn, ctx: &mut Context<Self>) {
        let path = self.base.workspaces.path(cluster).unwrap_or_default();
        match turn {
            Turn::None => return,
            Turn::Changed | Turn::Found => {
                let what = match turn {
                    Turn::Found => "a workspace has bound the export",
                    _ => "the binding of the workspace says something else now",
                };
                info!(workspace = %cluster, %path, "{what}");
                self.tell_refusals(cluster, &path);
                if turn == Turn::Found && self.rulebook.reads_workspace_paths() {
                    self.rereads.want_workspace(cluster);
                }
                self.ask_again(self.endpoint_of(cluster), ctx);
            }
            Turn::Leaves | Turn::Left => {
                info!(workspace = %cluster, %path, "the workspace's binding is deleted: what it has on targets goes");
                let leaving = self
                    .index
                    .leave(|key| key.cluster == *cluster && self.base.workspaces.has_left(key));
                self.absent_upstream(&leaving);
                self.spread(leaving);
                self.pass_over(cluster);
            }
            Turn::Lost => {
                warn!(
                    workspace = %cluster,
                    "the workspace's binding is gone, and nobody saw it deleted: what it has on targets stays as it is"
                );
                let adrift = self.index.cast_off(|key, _| key.cluster == *cluster);
                self.spread(adrift);
                self.pass_over(cluster);
            }
        }
        // It may be bound by now, whatever the weightiest word on it was.
        if self.base.workspaces.is_bound(cluster) && self.passed_over.remove(cluster) {
            self.rereads.want_workspace(cluster);
        }
        self.tell_standing(cluster);
    }

    /// Says which of the resources that are to be synced the workspace does not let be seen.
    fn tell_refusals(&self, cluster: &LogicalCluster, path: &str) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        for resource in identity.resources.iter() {
            if let Some(refusal) = self.base.workspaces.refusal(cluster, &resource.gvr) {
                warn!(
                    workspace = %cluster, path, kind = %resource.gvr,
                    "the workspace's binding has the claim {refusal}: nothing of it is synced; accept it in the APIBinding there"
                );
            }
        }
    }

    /// The workspace `cluster` is read again when it is bound: kcp need not show its objects anew. Of too many the first is forgotten (S10);
    /// the next full list repairs that.
    pub(super) fn pass_over(&mut self, cluster: &LogicalCluster) {
        self.passed_over.insert(cluster.clone());
        if self.passed_over.len() > MOST_PASSED_OVER {
            self.passed_over.pop_first();
        }
    }

    /// Tells all targets that what they concluded of the workspace `cluster` has to be weighed again.
    fn tell_standing(&self, cluster: &LogicalCluster) {
        self.tell_all(&OrderKey::Standing(cluster.clone()), &Order::Weigh);
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

    /// Of several endpoints no list says by itself what is gone: the index does.
    pub(super) fn absent_upstream(&self, tidings: &Tidings) {
        if self.base.source == UpstreamSource::Plain {
            return;
        }
        for (_, key, order) in tidings {
            if matches!(order, Order::Gone { .. }) {
                self.base.status.upstream_gone(key);
            }
        }
    }
}

/// Follows the one object `name` of `resource`.
fn follow_one<R: Reading>(
    cluster: &Cluster,
    resource: ResourceType,
    name: &str,
    reading: impl Fn() -> R + Send + Clone + 'static,
    ctx: &mut Context<Upstream>,
) {
    let options = WatchOptions {
        field_selector: format!("metadata.name={name}"),
        ..WatchOptions::default()
    };
    let spec = Spec::new(format!("{} {name}", resource.gvr));
    let cluster = cluster.clone();
    ctx.spawn(spec, move || {
        let (cluster, resource, options, reading) =
            (cluster.clone(), resource.clone(), options.clone(), reading.clone());
        Watcher::new(Box::new(move || {
            read(cluster.watch(resource.clone(), options.clone()), reading()).boxed()
        }))
    });
}

fn bindings_key(endpoint: EndpointId) -> String {
    format!("{} at {endpoint}", types::bindings().gvr)
}

/// What is known of the endpoint slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SliceState {
    /// It was not read yet.
    Awaited,
    /// It was read.
    Read,
    /// There is none.
    Absent,
}

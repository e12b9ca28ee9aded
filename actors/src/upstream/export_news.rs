//! What the Upstream does about the endpoint slice and the export: both are watched in the workspace of the export.

use std::{sync::Arc, time::Duration};

use futures::FutureExt;
use syncer_clusters::{Cluster, WatchOptions};
use syncer_core::{ResourceType, kcp::types};
use tracing::{error, info};

use super::{
    Stage, Upstream, UpstreamMessage,
    bindings::{ExportReading, Notice, NoticeKey, SliceReading},
    intake::BATCH,
};
use crate::{
    runtime::{Actor, Context, Failure, Spec, Taken},
    settings::UpstreamSource,
    watcher::{Reading, Watcher, read},
};

/// How long no other binding may turn before everything is listed again.
const REBOUND_SETTLES: Duration = Duration::from_secs(3);
/// How long those wait that turned first where ever more of them do: an export may have thousands of bindings, and each time all is listed.
const REBOUND_LASTS: Duration = Duration::from_mins(1);

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

// === impl Upstream ===

impl Upstream {
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
                (NoticeKey::Schemas, _) => self.rebound(ctx),
                (NoticeKey::Workspace(cluster), Notice::Turned(turn)) => self.turned(&cluster, turn, ctx),
                (NoticeKey::Stream(..), Notice::Interrupted(cause)) => error!("{cause}"),
                (NoticeKey::Stream(what, _), Notice::Recovered) => info!(kind = what, "the upstream watch goes on"),
                (NoticeKey::Export | NoticeKey::Workspace(_) | NoticeKey::Stream(..), _) => {}
            }
        }
        self.reread_next(ctx)
    }

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

    /// Workspaces are bound to other schemas. A stream goes by the schemas that there were when it began, and what it left out is not shown
    /// anew by itself: everything is listed again, once for all bindings that turn at about the same time.
    fn rebound(&mut self, ctx: &mut Context<Self>) {
        let now = ctx.now();
        let since = self.rebound.as_ref().map_or(now, |(_, since)| *since);
        if self.rebound.is_none() {
            info!("workspaces are bound to other schemas: what went by the old ones is listed again");
        }
        let left = REBOUND_LASTS.saturating_sub(now.duration_since(since));
        let timer = ctx.after(REBOUND_SETTLES.min(left), UpstreamMessage::Rebound);
        self.rebound = Some((timer, since));
    }

    /// The bindings that turned are through.
    pub(super) fn list_rebound(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.rebound = None;
        match &self.stage {
            Stage::Following(_) => self.identify(ctx),
            // Everything is about to be listed.
            Stage::Identifying => Ok(()),
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

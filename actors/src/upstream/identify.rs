//! Who an upstream is, and what it serves.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use syncer_clusters::{
    Cluster, Next,
    upstream_identity::{IdentifyError, id_of_server, id_of_workspace},
};
use syncer_core::{Gvr, ResourceType, config::ResourceRef};
use tracing::{error, info, warn};

use super::{
    Stage, Upstream, UpstreamMessage,
    provider::{self, Provider},
};
use crate::{
    runtime::{Context, Exponential, Failure},
    settings::UpstreamSource,
    supervisor::SupervisorMessage,
};

/// The delays between tries to learn who the upstream is.
const IDENTIFY_RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// What is known of an upstream once it has answered.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The upstream id.
    pub(crate) id: Arc<str>,
    /// Those of the wanted resources that it serves.
    pub(crate) resources: Arc<[ResourceType]>,
    /// Those that it does not serve.
    pub(crate) unserved: Arc<[String]>,
    /// Of a kcp: the export whose consumers are synced.
    pub(crate) provider: Option<Provider>,
}

// === impl Upstream ===

impl Upstream {
    pub(super) fn identify(&self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        if self.rulebook.is_unknown() {
            // The first rules bring it back here.
            return Ok(());
        }
        let (cluster, rulebook) = (self.base.cluster.clone(), self.rulebook.clone());
        let (source, endpoint) = (self.base.source.clone(), self.endpoints.iter().next());
        let endpoint = endpoint.map(|endpoint| endpoint.cluster.clone());
        ctx.request(async move {
            let wanted = rulebook.rules.resources();
            let identity = ask(&cluster, &source, endpoint.as_ref(), wanted).await;
            UpstreamMessage::Identified(identity)
        })?;
        Ok(())
    }

    pub(super) fn not_identified(&mut self, cause: &IdentifyError, ctx: &mut Context<Self>) {
        self.failures = self.failures.saturating_add(1);
        let (first, last) = IDENTIFY_RETRY;
        let delay = match cause.next() {
            Next::Wait(delay) => delay,
            _ => Exponential::nth(first, last, self.failures, ctx.chance()),
        };
        error!(retry_in = ?delay, "cannot learn who the upstream is: {cause}");
        self.base.trouble("", Some(&cause.to_string()));
        self.later(delay, ctx);
    }

    pub(super) fn identified(&mut self, identity: &Identity, ctx: &mut Context<Self>) -> Result<(), Failure> {
        if self.base.continuity.heard(&identity.id).is_err() {
            self.failures = self.failures.saturating_add(1);
            self.later(IDENTIFY_RETRY.1, ctx);
            return Ok(());
        }
        self.base.reports.upstream_is_itself();
        self.failures = 0;
        info!(server = self.base.cluster.server(), id = %identity.id, "connected to the upstream");
        for missing in identity.unserved.iter() {
            warn!(
                kind = missing,
                "the upstream does not serve this resource: nothing of it is synced until it does"
            );
        }
        if let Some(provider) = &identity.provider {
            self.base.workspaces.consume(provider.export.clone());
        }
        let before = match &self.stage {
            Stage::Following(before) => before.resources.clone(),
            Stage::Identifying => identity.resources.clone(),
        };
        self.stage = Stage::Following(identity.clone());
        self.tell_new_refusals(&before);
        self.follow_provider(ctx);
        self.follow_objects(ctx);
        self.propagate_status(ctx);
        self.announce(ctx);
        self.look_for_missing_kinds_later(ctx);
        self.follow_announced(ctx)
    }

    /// Tells the Supervisor, which starts the Targets.
    pub(super) fn announce(&mut self, ctx: &mut Context<Self>) {
        let Stage::Following(identity) = &self.stage else {
            return;
        };
        let link = self.base.link(identity, ctx.address());
        if self
            .supervisor
            .try_offer(SupervisorMessage::Known(Box::new(link)))
            .is_err()
        {
            self.later(IDENTIFY_RETRY.0, ctx);
        }
    }
}

/// Asks `cluster` who it is: its upstream id.
pub(super) async fn id(cluster: &Cluster, source: &UpstreamSource) -> Result<Arc<str>, IdentifyError> {
    match source {
        UpstreamSource::Plain => id_of_server(cluster).await,
        UpstreamSource::EndpointSlice(_) => id_of_workspace(cluster).await,
    }
}

/// Asks `cluster` who it is and which of the resources `wanted` it serves; of a kcp, `endpoint` is one of the endpoints known.
pub(super) async fn ask(
    cluster: &Cluster,
    source: &UpstreamSource,
    endpoint: Option<&Cluster>,
    wanted: &BTreeSet<ResourceRef>,
) -> Result<Identity, IdentifyError> {
    match source {
        UpstreamSource::Plain => identify_plain(cluster, wanted).await,
        UpstreamSource::EndpointSlice(slice) => provider::identify(cluster, slice, endpoint, wanted).await,
    }
}

async fn identify_plain(cluster: &Cluster, wanted: &BTreeSet<ResourceRef>) -> Result<Identity, IdentifyError> {
    let id = id_of_server(cluster).await?;
    let served = cluster.discover().await?;
    let mut resources = Vec::new();
    let mut unserved = Vec::new();
    for ResourceRef { group, resource } in wanted {
        match served.resource_type(group, resource) {
            Some(resource) => resources.push(resource),
            None => unserved.push(Gvr::new(group, "", resource).to_string()),
        }
    }
    Ok(Identity {
        id,
        resources: resources.into(),
        unserved: unserved.into(),
        provider: None,
    })
}

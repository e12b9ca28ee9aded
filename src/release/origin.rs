//! Who the upstream is, and where its objects are found.

use std::sync::Arc;

use serde_json::value::RawValue;
use syncer_actors::UpstreamSource;
use syncer_clusters::{
    Cluster, Error, Object, Served, WatchOptions,
    upstream_identity::{endpoint_slice, home_of_workspace, id_of_server},
};
use syncer_core::kcp::{slice, types::CLUSTER_ANNOTATION};

/// What is released of an upstream.
pub(super) struct Origin {
    /// The upstream id (`docs/architecture.md`, "Identity").
    pub(super) id: Arc<str>,
    /// Of a kcp: the logical cluster that has its SyncTargets, with which their keys are made.
    pub(super) cluster: Option<Arc<str>>,
    /// Where its objects are.
    pub(super) endpoints: Vec<Endpoint>,
}

/// One endpoint of an upstream.
pub(super) struct Endpoint {
    cluster: Cluster,
    reach: Reach,
}

/// What an endpoint shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// One cluster, or one workspace.
    One,
    /// All workspaces that have bound an export.
    Workspaces,
}

// === impl Origin ===

impl Origin {
    /// Asks `cluster`, which is `source`. The error says why nobody can tell what is ours (S1).
    pub(super) async fn ask(cluster: &Cluster, source: &UpstreamSource) -> Result<Self, String> {
        match source {
            UpstreamSource::Plain => Self::of_server(cluster).await,
            UpstreamSource::EndpointSlice(slice) => Self::of_workspace(cluster, slice).await,
        }
    }

    async fn of_server(server: &Cluster) -> Result<Self, String> {
        let only = Endpoint {
            cluster: server.clone(),
            reach: Reach::One,
        };
        Ok(Self {
            id: id_of_server(server).await.map_err(|error| error.to_string())?,
            cluster: None,
            endpoints: vec![only],
        })
    }

    async fn of_workspace(workspace: &Cluster, slice: &str) -> Result<Self, String> {
        let home = home_of_workspace(workspace).await.map_err(|error| error.to_string())?;
        let slice = endpoint_slice(workspace, slice)
            .await
            .map_err(|error| error.to_string())?;
        let urls = slice::endpoints_of(slice.member("status").map(RawValue::get));
        let endpoints = urls.iter().map(|url| {
            let cluster = workspace.with_base(url).map_err(|error| error.to_string())?;
            Ok(Endpoint {
                cluster,
                reach: Reach::Workspaces,
            })
        });
        Ok(Self {
            id: home.uid().into(),
            cluster: home.annotations().get(CLUSTER_ANNOTATION).map(Into::into),
            endpoints: endpoints.collect::<Result<_, String>>()?,
        })
    }
}

// === impl Endpoint ===

impl Endpoint {
    /// All of it, to list.
    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Where `object` is, to write it.
    pub(super) fn home_of(&self, object: &Object) -> Cluster {
        match self.reach {
            Reach::One => self.cluster.clone(),
            Reach::Workspaces => self.cluster.workspace(object.cluster()),
        }
    }

    /// How all of it is listed.
    pub(super) fn options(&self) -> WatchOptions {
        WatchOptions {
            wildcard: self.reach == Reach::Workspaces,
            ..WatchOptions::default()
        }
    }

    /// What is served there.
    pub(super) async fn discover(&self) -> Result<Served, Error> {
        match self.reach {
            Reach::One => self.cluster.discover().await,
            Reach::Workspaces => self.cluster.wildcard().discover().await,
        }
    }
}

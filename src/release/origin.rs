//! Who the upstream is, and where its objects are found.

use std::sync::Arc;

use serde_json::value::RawValue;
use syncer_clusters::{Cluster, Error, FieldsV1Kept, Object, Served, WatchOptions};
use syncer_core::{Gvr, ResourceType, Scope, kcp::slice};

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

/// A resource of kcp.
fn of_kcp(group: &str, resource: &str, kind: &str) -> ResourceType {
    ResourceType {
        gvr: Gvr::new(group, "v1alpha1", resource),
        kind: kind.into(),
        scope: Scope::Cluster,
    }
}

/// The object `name` of `resource`, without which nobody can tell what is ours (S1).
async fn must_have(cluster: &Cluster, resource: &ResourceType, name: &str) -> Result<Object, String> {
    let found = cluster.get(resource, "", name, FieldsV1Kept::None).await;
    let found = found.map_err(|error| error.to_string())?;
    found.ok_or_else(|| format!("there is no {} {name}, so nobody can tell what is ours", resource.kind))
}

// === impl Origin ===

impl Origin {
    /// Asks `cluster`, or the workspace with the endpoint slice `slice` that it is.
    pub(super) async fn ask(cluster: &Cluster, slice: Option<&str>) -> Result<Self, String> {
        let Some(slice) = slice else {
            let namespaces = ResourceType {
                gvr: Gvr::new("", "v1", "namespaces"),
                kind: "Namespace".into(),
                scope: Scope::Cluster,
            };
            let identifying = must_have(cluster, &namespaces, "kube-system").await?;
            let only = Endpoint {
                cluster: cluster.clone(),
                reach: Reach::One,
            };
            return Ok(Self {
                id: identifying.uid().into(),
                cluster: None,
                endpoints: vec![only],
            });
        };
        let home = of_kcp("core.kcp.io", "logicalclusters", "LogicalCluster");
        let slices = of_kcp("apis.kcp.io", "apiexportendpointslices", "APIExportEndpointSlice");
        let home = must_have(cluster, &home, "cluster").await?;
        let slice = must_have(cluster, &slices, slice).await?;
        let urls = slice::endpoints_of(slice.member("status").map(RawValue::get));
        let endpoints = urls.iter().map(|url| {
            let cluster = cluster.with_base(url).map_err(|error| error.to_string())?;
            Ok(Endpoint {
                cluster,
                reach: Reach::Workspaces,
            })
        });
        Ok(Self {
            id: home.uid().into(),
            cluster: home.annotations().get("kcp.io/cluster").map(Into::into),
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

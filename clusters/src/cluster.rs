//! One API server, as seen through one kubeconfig context, and the logical clusters behind it.

mod builder;
mod call;
pub(crate) mod failure;
mod probe;
mod read;
mod rehearse;
mod shared;
mod spot;
mod traced;
mod write;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

pub use builder::ClusterBuilder;
pub(crate) use call::{Call, JSON};
use http::{Uri, uri::Scheme};
pub(crate) use shared::Shared;
use syncer_core::identity::LogicalCluster;
use tokio::{sync::watch, time::Instant};
pub use write::{Apply, Deletion, Preconditions, UnknownFields, Write};

use crate::{Cause, ClockOffset, ClusterConfig, ConfigError, Health, Limits, Load, Routes};

/// One API server as seen through one kubeconfig context, or one logical cluster of it. Made without I/O, cheap to clone:
/// all clones and all logical clusters share connections, limits and circuit breaker.
#[derive(Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
    /// The path of the endpoint, without the logical cluster and without a slash at its end.
    base: Arc<str>,
    /// The path that requests are below.
    path: Arc<str>,
    logical: LogicalCluster,
    way: Way,
    /// Through whose handle writes are tried, and seen; all clones where nothing is said.
    rehearses_for: Option<Arc<str>>,
}

/// How a cluster finds its logical clusters.
#[derive(Clone)]
enum Way {
    /// Below its own endpoint.
    Own,
    /// At the endpoints of a kcp.
    Routed(Routes),
    /// This one is at no known endpoint: nothing is sent.
    Nowhere,
}

// === impl Cluster ===

impl Cluster {
    /// The API server of `config`, called `name` in errors. Nothing is sent yet, but an exec plugin of a kubeconfig *file* is
    /// run now. Requests belong into tasks of a runtime that lives as long as the cluster: connections live in theirs.
    pub fn connect(name: &str, config: ClusterConfig, limits: Limits) -> Result<Self, ConfigError> {
        Self::builder(name).limits(limits).connect(config)
    }

    /// A cluster called `name` in errors, with an observer, a seed or a clock of one's own.
    pub fn builder(name: &str) -> ClusterBuilder {
        ClusterBuilder::new(name)
    }

    pub(crate) fn of_shared(shared: Arc<Shared>, path: &str) -> Self {
        let path = Arc::from(path.trim_end_matches('/'));
        Self {
            shared,
            base: Arc::clone(&path),
            path,
            logical: LogicalCluster::plain(),
            way: Way::Own,
            rehearses_for: None,
        }
    }

    /// The same API server, whose logical clusters are found by `routes`: each at the endpoint that serves it. The plain one stays the
    /// server itself, such as the workspace of an export.
    #[must_use]
    pub fn routed(&self, routes: Routes) -> Self {
        Self {
            way: Way::Routed(routes),
            ..self.clone()
        }
    }

    /// The same cluster, on which `who` tries writes unseen by others: what one target would write upstream is no news to the next.
    #[must_use]
    pub fn rehearsing_for(&self, who: &Arc<str>) -> Self {
        Self {
            rehearses_for: Some(Arc::clone(who)),
            ..self.clone()
        }
    }

    /// The name in errors.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The URL of the server, with scheme, host and port and without a path.
    pub fn server(&self) -> &str {
        &self.shared.origin
    }

    /// The URL below which requests are sent.
    pub fn url(&self) -> String {
        format!("{}{}", self.shared.origin, self.path)
    }

    /// The logical cluster that this is; plain for the server as the kubeconfig names it.
    pub fn logical_cluster(&self) -> &LogicalCluster {
        &self.logical
    }

    /// One logical cluster of this server: the same connections, limits and breaker, another path.
    #[must_use]
    pub fn logical(&self, cluster: &LogicalCluster) -> Self {
        if let Way::Routed(routes) = &self.way
            && !cluster.as_str().is_empty()
        {
            return routes.endpoint(cluster).map_or_else(
                || Self {
                    logical: cluster.clone(),
                    way: Way::Nowhere,
                    ..self.clone()
                },
                |endpoint| Self {
                    rehearses_for: self.rehearses_for.clone(),
                    ..endpoint.logical(cluster)
                },
            );
        }
        self.workspace(cluster)
    }

    /// The logical cluster `cluster`, by name or path, below this very endpoint: where the caller's own rights count, whatever the routes.
    #[must_use]
    pub fn workspace(&self, cluster: &LogicalCluster) -> Self {
        let path = match cluster.as_str() {
            "" => Arc::clone(&self.base),
            name => self.path_of(name),
        };
        Self {
            path,
            logical: cluster.clone(),
            ..self.clone()
        }
    }

    /// All logical clusters of this endpoint at once: lists, watches and discovery only.
    #[must_use]
    pub fn wildcard(&self) -> Self {
        Self {
            path: self.path_of("*"),
            logical: LogicalCluster::plain(),
            ..self.clone()
        }
    }

    /// A kubeconfig may point at one workspace already: its name is replaced, not extended.
    fn path_of(&self, cluster: &str) -> Arc<str> {
        let endpoint = match self.base.rsplit_once("/clusters/") {
            Some((endpoint, workspace)) if !workspace.contains('/') => endpoint,
            _ => &self.base,
        };
        format!("{endpoint}/clusters/{cluster}").into()
    }

    /// Another endpoint reached with the same credentials, such as a virtual workspace's URL. On this host it shares
    /// everything with this cluster; another host has connections, limits and a breaker of its own.
    ///
    /// # Errors
    /// When `url` names no host, or would have the credentials travel in clear though this cluster's own URL does not.
    pub fn with_base(&self, url: &str) -> Result<Self, ConfigError> {
        let refused = |cause, remedy| ConfigError::new(self.name(), cause, remedy);
        let uri = url
            .parse::<Uri>()
            .ok()
            .filter(|uri| uri.scheme().is_some() && uri.authority().is_some());
        let uri =
            uri.ok_or_else(|| refused("an endpoint is no URL with a scheme and a host", "correct the endpoint"))?;
        if self.shared.origin.starts_with("https://") && uri.scheme() != Some(&Scheme::HTTPS) {
            return Err(refused(
                "an endpoint without TLS would have the credentials of the kubeconfig sent in clear",
                "have the endpoint begin with https://",
            ));
        }
        let shared = if shared::origin(&uri) == self.shared.origin {
            Arc::clone(&self.shared)
        } else {
            self.shared.towards(&uri)?
        };
        Ok(Self::of_shared(shared, uri.path()))
    }

    /// Takes new credentials for the same server: requests use them from now on; open watches go on until they end.
    pub fn renew(&self, config: ClusterConfig) -> Result<(), ConfigError> {
        self.shared.renew(config)
    }

    /// Whether the server can be reached; follow it to forget backoffs as soon as it is back.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.shared.breaker.health()
    }

    /// What is in flight and what waits.
    pub fn load(&self) -> Load {
        self.shared.places.load()
    }

    /// The server's clock minus ours, as far as answers have shown it.
    pub fn clock_offset(&self) -> Option<ClockOffset> {
        self.shared.clock_offset()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whether there is anywhere to send a request to.
    pub(crate) fn findable(&self) -> Result<(), Cause> {
        match self.way {
            Way::Own | Way::Routed(_) => Ok(()),
            Way::Nowhere => Err(Cause::NoRoute(self.logical.as_str().into())),
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("name", &self.name())
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

/// Our clock, and that of the requests' deadlines.
pub(crate) struct Moment {
    pub(crate) wall: SystemTime,
    pub(crate) instant: Instant,
}

// === impl Moment ===

impl Moment {
    pub(crate) fn elapsed(&self) -> Duration {
        self.instant.elapsed()
    }
}

#[cfg(test)]
mod tests;

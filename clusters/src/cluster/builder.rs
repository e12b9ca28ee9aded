//! How a cluster is put together.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{Request, Response, Uri};
use tower::{BoxError, Service};

use super::{Cluster, Shared, shared::Access};
use crate::{
    ClusterConfig, ConfigError, Fence, Limits, Observer, Rehearsal, observer::Unobserved, transport::in_process,
};

/// Reads our clock.
pub(crate) type WallClock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The parts of a cluster that have defaults.
#[derive(Clone)]
pub struct ClusterBuilder {
    pub(super) name: Arc<str>,
    pub(super) limits: Limits,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) seed: u64,
    pub(super) wall_clock: WallClock,
    pub(super) rehearsal: Option<Rehearsal>,
    pub(super) fence: Option<Fence>,
}

// === impl ClusterBuilder ===

impl ClusterBuilder {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            limits: Limits::default(),
            observer: Arc::new(Unobserved),
            seed: fastrand::u64(..),
            wall_clock: Arc::new(SystemTime::now),
            rehearsal: None,
            fence: None,
        }
    }

    /// How much it may be asked at once.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Who is told of its requests.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// The source of all jitter: the same seed gives the same delays.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Our clock, against which the server's is measured.
    #[must_use]
    pub fn wall_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.wall_clock = Arc::new(clock);
        self
    }

    /// What lets writes through; by default, or with `None`, all go.
    #[must_use]
    pub fn fenced(mut self, fence: Option<Fence>) -> Self {
        self.fence = fence;
        self
    }

    /// Where writes are only tried: dry runs, of which nothing lasts. By default, or with `None`, they are done.
    #[must_use]
    pub fn rehearsing(mut self, rehearsal: Option<Rehearsal>) -> Self {
        self.rehearsal = rehearsal;
        self
    }

    /// The API server of `config`.
    pub fn connect(self, config: ClusterConfig) -> Result<Cluster, ConfigError> {
        let uri = config.kube().cluster_url.clone();
        Ok(Cluster::of_shared(
            Shared::new(&self, &uri, Access::Config(Box::new(config)))?,
            uri.path(),
        ))
    }

    /// A service in this process that answers as the API server at `url` would: for tests and in-memory API servers.
    pub fn service<S, B>(self, url: &str, service: S) -> Result<Cluster, ConfigError>
    where
        S: Service<Request<Bytes>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let uri = url
            .parse::<Uri>()
            .map_err(|_| ConfigError::new(&self.name, "its address is no URL", "write it as http://name"))?;
        Ok(Cluster::of_shared(
            Shared::new(&self, &uri, Access::Service(in_process(service)))?,
            uri.path(),
        ))
    }
}

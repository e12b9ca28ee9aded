//! The bodies of selected upstream objects, each at most once a shape, in a cache that is bounded by bytes.
//!
//! A target queues keys, not bodies, so that a dead one costs nothing; whoever writes asks here. A miss is one read of
//! the upstream, few at a time and counted. Secrets are never kept (S8).

use std::{sync::Arc, time::Duration};

use prometheus_client::metrics::counter::Counter;
use quick_cache::{Weighter, sync::Cache};
use syncer_clusters::{Cluster, FieldsV1Kept, Object};
use syncer_core::{ObjectKey, ResourceType, hash_key::HashKey, kind_rules};
use tokio::sync::Semaphore;

use crate::{
    prescription::{Body, Prescription, RenderError, is_secret},
    upstream::Workspaces,
};

/// Reads that may be under way at once for missing bodies.
const READS_IN_FLIGHT: usize = 8;
/// How long a read may wait for its turn before the caller is told to try later.
const PATIENCE: Duration = Duration::from_secs(30);

/// An object, and the shape of a body of it.
type Shape = (ObjectKey, u64);

/// The cache, and the way to the upstream where it misses.
pub(crate) struct Bodies {
    cache: Cache<Shape, Arc<Body>, Bytes>,
    upstream: Cluster,
    workspaces: Workspaces,
    hash_key: HashKey,
    reads: Semaphore,
    reads_made: Counter,
}

/// Why a body is not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The upstream did not answer, or refused.
    #[error(transparent)]
    Cluster(#[from] syncer_clusters::Error),
    /// What it answered cannot be made a body.
    #[error("upstream object {key}: {source}")]
    Render {
        /// The object.
        key: ObjectKey,
        /// What is wrong.
        source: RenderError,
    },
    /// Too many reads wait already.
    #[error("reads of the upstream are backed up; it is tried again later")]
    Busy,
}

/// Weighs a body by the bytes that it takes.
#[derive(Clone)]
struct Bytes;

impl Weighter<Shape, Arc<Body>> for Bytes {
    fn weight(&self, (key, _): &Shape, body: &Arc<Body>) -> u64 {
        (key.name.len() + body.size()) as u64
    }
}

/// What of `managedFields` has to be read upstream to make bodies of `resource`.
pub(crate) fn fields_read(resource: &ResourceType) -> FieldsV1Kept {
    if kind_rules::reads_managed_fields(&resource.gvr) {
        FieldsV1Kept::All
    } else {
        FieldsV1Kept::None
    }
}

// === impl Bodies ===

impl Bodies {
    /// A cache of at most `bytes` before the upstream `upstream`; reads are counted in `reads_made`.
    pub(crate) fn new(
        upstream: Cluster,
        workspaces: Workspaces,
        bytes: u64,
        hash_key: HashKey,
        reads_made: Counter,
    ) -> Self {
        // The number of items only sizes tables; 2 KiB is a usual body.
        let items = usize::try_from(bytes / 2_048).unwrap_or(usize::MAX).max(16);
        Self {
            cache: Cache::with_weighter(items, bytes, Bytes),
            upstream,
            workspaces,
            hash_key,
            reads: Semaphore::new(READS_IN_FLIGHT),
            reads_made,
        }
    }

    /// The body of `object` as `prescription` says, which is also kept.
    pub(crate) fn make(
        &self,
        object: &Object,
        resource: &ResourceType,
        prescription: &Prescription,
    ) -> Result<Arc<Body>, RenderError> {
        let body = Arc::new(self.render(object, resource, prescription)?);
        if !is_secret(resource) {
            self.cache
                .insert((object.key().clone(), prescription.shape), body.clone());
        }
        Ok(body)
    }

    /// The same, without keeping it: for whoever read `object` apart from its watch, which may be ahead or behind.
    pub(crate) fn render(
        &self,
        object: &Object,
        resource: &ResourceType,
        prescription: &Prescription,
    ) -> Result<Body, RenderError> {
        let path = self.workspaces.path(object.cluster());
        prescription.body(object, resource, path.as_deref(), &self.hash_key)
    }

    /// Forgets the body of `key` in the shape of `prescription`.
    pub(crate) fn forget(&self, key: &ObjectKey, prescription: &Prescription) {
        self.cache.remove(&(key.clone(), prescription.shape));
    }

    /// The key that hashes over Secrets are made with.
    pub(crate) fn hash_key(&self) -> &HashKey {
        &self.hash_key
    }

    /// The name of the key that hashes over Secrets are made with.
    pub(crate) fn hash_key_id(&self) -> &str {
        self.hash_key.id()
    }

    /// The newest body of `key`; `None` if the upstream has no such object now.
    pub(crate) async fn get(
        &self,
        key: &ObjectKey,
        resource: &ResourceType,
        prescription: &Prescription,
    ) -> Result<Option<Arc<Body>>, BodyError> {
        if let Some(body) = self.cache.get(&(key.clone(), prescription.shape)) {
            return Ok(Some(body));
        }
        self.reads_made.inc();
        let turn = tokio::time::timeout(PATIENCE, self.reads.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(BodyError::Busy);
        };
        let upstream = self.upstream.logical(&key.cluster);
        let read = upstream
            .get(resource, &key.namespace, &key.name, fields_read(resource))
            .await?;
        let Some(object) = read else { return Ok(None) };
        self.make(&object, resource, prescription)
            .map(Some)
            .map_err(|source| BodyError::Render {
                key: key.clone(),
                source,
            })
    }
}

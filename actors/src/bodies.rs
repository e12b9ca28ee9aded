//! The payloads of selected upstream objects, each at most once, in a cache that is bounded by bytes.
//!
//! A target queues keys, not bodies, so that a dead one costs nothing; whoever writes asks here. A miss is one read of
//! the upstream, few at a time and counted.

use std::{sync::Arc, time::Duration};

use prometheus_client::metrics::counter::Counter;
use quick_cache::{Weighter, sync::Cache};
use syncer_clusters::{Cluster, FieldsV1Kept, Object};
use syncer_core::{
    ObjectKey, ResourceType,
    payload::{Payload, PayloadError},
};
use tokio::sync::Semaphore;

/// Reads that may be under way at once for missing bodies.
const READS_IN_FLIGHT: usize = 8;
/// How long a read may wait for its turn before the caller is told to try later.
const PATIENCE: Duration = Duration::from_secs(30);

/// What of an upstream object goes down, and whose it is.
#[derive(Debug)]
pub(crate) struct Body {
    /// The UID of the upstream object.
    pub(crate) uid: Box<str>,
    /// What is applied.
    pub(crate) payload: Payload,
}

/// The cache, and the way to the upstream where it misses.
pub(crate) struct Bodies {
    cache: Cache<ObjectKey, Arc<Body>, Bytes>,
    upstream: Cluster,
    reads: Semaphore,
    reads_made: Counter,
}

/// Why a body is not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The upstream did not answer, or refused.
    #[error(transparent)]
    Cluster(#[from] syncer_clusters::Error),
    /// What it answered is no payload.
    #[error("upstream object {key}: {source}")]
    Payload {
        /// The object.
        key: ObjectKey,
        /// What is wrong with it.
        source: PayloadError,
    },
    /// Too many reads wait already.
    #[error("reads of the upstream are backed up; it is tried again later")]
    Busy,
}

/// Weighs a body by the bytes that it takes.
#[derive(Clone)]
struct Bytes;

impl Weighter<ObjectKey, Arc<Body>> for Bytes {
    fn weight(&self, key: &ObjectKey, body: &Arc<Body>) -> u64 {
        (key.name.len() + body.uid.len() + body.payload.size()) as u64
    }
}

// === impl Body ===

impl Body {
    /// The body of the upstream object `object`.
    pub(crate) fn of(object: &Object) -> Result<Self, PayloadError> {
        let payload = Payload::of(object.labels().iter(), object.annotations().iter(), object.members())?;
        Ok(Self {
            uid: object.uid().into(),
            payload,
        })
    }
}

// === impl Bodies ===

impl Bodies {
    /// A cache of at most `bytes` before the upstream `upstream`; reads are counted in `reads_made`.
    pub(crate) fn new(upstream: Cluster, bytes: u64, reads_made: Counter) -> Self {
        // The number of items only sizes tables; 2 KiB is a usual body.
        let items = usize::try_from(bytes / 2_048).unwrap_or(usize::MAX).max(16);
        Self {
            cache: Cache::with_weighter(items, bytes, Bytes),
            upstream,
            reads: Semaphore::new(READS_IN_FLIGHT),
            reads_made,
        }
    }

    /// Keeps the newest body of `key`.
    pub(crate) fn keep(&self, key: ObjectKey, body: Arc<Body>) {
        self.cache.insert(key, body);
    }

    /// Forgets `key`: its object is gone.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        self.cache.remove(key);
    }

    /// The newest body of `key`; `None` if the upstream has no such object now.
    pub(crate) async fn get(&self, key: &ObjectKey, resource: &ResourceType) -> Result<Option<Arc<Body>>, BodyError> {
        if let Some(body) = self.cache.get(key) {
            return Ok(Some(body));
        }
        self.reads_made.inc();
        let turn = tokio::time::timeout(PATIENCE, self.reads.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(BodyError::Busy);
        };
        let upstream = self.upstream.logical(&key.cluster);
        let read = upstream
            .get(resource, &key.namespace, &key.name, FieldsV1Kept::None)
            .await?;
        let Some(object) = read else { return Ok(None) };
        let body = Body::of(&object)
            .map_err(|source| BodyError::Payload {
                key: key.clone(),
                source,
            })
            .map(Arc::new)?;
        self.keep(key.clone(), body.clone());
        Ok(Some(body))
    }
}

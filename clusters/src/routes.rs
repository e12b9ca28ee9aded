//! Which endpoint serves which logical cluster: the routing data of a kcp, which is no part of any identity.

use std::{collections::HashMap, fmt, sync::Arc};

use parking_lot::RwLock;
use syncer_core::LogicalCluster;

use crate::Cluster;

/// The endpoint of each logical cluster. Cheap to clone; all clones share what is known.
///
/// A [`Cluster`] that is [`routed`](Cluster::routed) by it finds each logical cluster at its endpoint, wherever that is now.
#[derive(Clone, Default)]
pub struct Routes(Arc<RwLock<HashMap<LogicalCluster, Cluster>>>);

// === impl Routes ===

impl Routes {
    /// `cluster` is to be found at `endpoint` from now on.
    pub fn lead(&self, cluster: &LogicalCluster, endpoint: &Cluster) {
        self.0.write().insert(cluster.clone(), endpoint.clone());
    }

    /// `cluster` is to be found nowhere.
    pub fn forget(&self, cluster: &LogicalCluster) {
        self.0.write().remove(cluster);
    }

    /// The endpoint of `cluster`.
    pub fn endpoint(&self, cluster: &LogicalCluster) -> Option<Cluster> {
        self.0.read().get(cluster).cloned()
    }

    /// How many logical clusters are known.
    pub fn len(&self) -> usize {
        self.0.read().len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.read().is_empty()
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").field("len", &self.len()).finish()
    }
}

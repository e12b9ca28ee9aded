//! The keys that wait for their turn, in the order of a [`RoundRobin`].

use syncer_core::ObjectKey;
use tokio::time::Instant;

use crate::round_robin::RoundRobin;

/// Keys that wait for their turn, each since when. The caller sees to it that no key is in it twice.
#[derive(Default)]
pub(crate) struct FairQueue(RoundRobin<Standing>);

/// A key, and since when it stands in the queue.
pub(crate) type Standing = (ObjectKey, Instant);

// === impl FairQueue ===

impl FairQueue {
    /// Puts `key` behind the others of its namespace; it stands there since `since`.
    pub(crate) fn push(&mut self, key: ObjectKey, since: Instant) {
        let (cluster, namespace) = (key.cluster.clone(), key.namespace.clone());
        self.0.push(&cluster, &namespace, (key, since));
    }

    /// The key whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<Standing> {
        self.0.pop()
    }

    /// How many keys wait.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

//! The upstream namespaces that somebody deleted: what was in them goes without a question (S3).

use std::sync::Arc;

use dashmap::DashMap;
use syncer_core::{LogicalCluster, ObjectKey};
use tracing::warn;

/// So many are remembered. What was in one more is held by the mass-deletion guard like anything else, until a person confirms.
const LIMIT: usize = 16_384;

/// Namespaces that were read with a deletionTimestamp, in a list or by a watch, and not without one since. One that vanished unseen is
/// not among them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Departures(Arc<DashMap<(LogicalCluster, Arc<str>), ()>>);

// === impl Departures ===

impl Departures {
    /// The namespace `key` was read with a deletionTimestamp.
    pub(crate) fn begun(&self, key: &ObjectKey) {
        let namespace = (key.cluster.clone(), key.name.clone());
        if self.0.len() >= LIMIT && !self.0.contains_key(&namespace) {
            warn!(
                workspace = %key.cluster, namespace = %key.name,
                "more namespaces are being deleted than are remembered: what vanished in this one may be held as a mass deletion"
            );
            return;
        }
        self.0.insert(namespace, ());
    }

    /// The namespace `key` was read without one: it is there, perhaps again.
    pub(crate) fn over(&self, key: &ObjectKey) {
        self.0.remove(&(key.cluster.clone(), key.name.clone()));
    }

    /// Whether the namespace `key` goes, or went.
    pub(crate) fn has(&self, key: &ObjectKey) -> bool {
        self.0.contains_key(&(key.cluster.clone(), key.name.clone()))
    }

    /// Whether the namespace that `key` is in goes, or went.
    pub(crate) fn include(&self, key: &ObjectKey) -> bool {
        !key.namespace.is_empty() && self.0.contains_key(&(key.cluster.clone(), key.namespace.clone()))
    }
}

#[cfg(test)]
mod tests {
    use syncer_core::Gvr;

    use super::*;

    fn key(resource: &str, namespace: &str, name: &str) -> ObjectKey {
        ObjectKey::new(LogicalCluster::plain(), Gvr::new("", "v1", resource), namespace, name)
    }

    #[test]
    fn what_is_in_a_deleted_namespace_goes_until_that_is_there_again() {
        let (departures, web) = (Departures::default(), key("namespaces", "", "web"));
        let inside = key("configmaps", "web", "a");
        assert!(!departures.include(&inside));
        departures.begun(&web);
        assert!(departures.has(&web) && departures.include(&inside));
        assert!(!departures.include(&key("configmaps", "other", "a")));
        assert!(!departures.include(&web), "a namespace is in none");
        let elsewhere = ObjectKey {
            cluster: LogicalCluster::new("root:other"),
            ..inside.clone()
        };
        assert!(!departures.include(&elsewhere));
        departures.over(&web);
        assert!(!departures.include(&inside));
    }

    #[test]
    fn there_is_a_limit() {
        let departures = Departures::default();
        for number in 0..=LIMIT {
            departures.begun(&key("namespaces", "", &number.to_string()));
        }
        assert_eq!(departures.0.len(), LIMIT);
        departures.begun(&key("namespaces", "", "0"));
        assert!(departures.has(&key("namespaces", "", "0")));
    }
}

//! The upstream namespaces that somebody deleted: what was in them goes without a question (S3).

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use dashmap::DashMap;
use syncer_core::{LogicalCluster, ObjectKey};
use tracing::warn;

/// So many are remembered. One more takes the place of the one that ended first; while none has, what was in it is held by the mass-deletion
/// guard like anything else, until a person confirms.
const LIMIT: usize = 16_384;

/// Namespaces that were read with a deletionTimestamp, in a list or by a watch, and not without one since. One that vanished unseen is
/// not among them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Departures(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    namespaces: DashMap<(LogicalCluster, Arc<str>), Departure>,
    /// How many have ended.
    ended: AtomicU64,
    /// Whether it was said that there are too many.
    is_said: AtomicBool,
}

/// How far a namespace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Departure {
    /// It goes.
    UnderWay,
    /// It was seen to be deleted, as the one with this number.
    Ended(u64),
}

// === impl Departures ===

impl Departures {
    /// The namespace `key` was read with a deletionTimestamp.
    pub(crate) fn begun(&self, key: &ObjectKey) {
        let namespace = (key.cluster.clone(), key.name.clone());
        let Inner {
            namespaces, is_said, ..
        } = &*self.0;
        if namespaces.len() >= LIMIT && !namespaces.contains_key(&namespace) && !self.forget_first() {
            if !is_said.swap(true, Ordering::Relaxed) {
                warn!(
                    workspace = %key.cluster, namespace = %key.name,
                    "more namespaces are being deleted than are remembered: what vanishes in this one and more may be held as a mass deletion"
                );
            }
            return;
        }
        namespaces.insert(namespace, Departure::UnderWay);
    }

    /// The namespace `key` was seen to be deleted: what was in it may be missing for a while yet.
    pub(crate) fn ended(&self, key: &ObjectKey) {
        let namespace = (key.cluster.clone(), key.name.clone());
        if let Some(mut departure) = self.0.namespaces.get_mut(&namespace) {
            *departure = Departure::Ended(self.0.ended.fetch_add(1, Ordering::Relaxed));
        }
    }

    /// Forgets the namespace that ended first; says whether any had.
    fn forget_first(&self) -> bool {
        let Inner {
            namespaces, is_said, ..
        } = &*self.0;
        let ended = namespaces.iter().filter_map(|entry| match *entry.value() {
            Departure::UnderWay => None,
            Departure::Ended(number) => Some((number, entry.key().clone())),
        });
        let Some((_, first)) = ended.min_by_key(|(number, _)| *number) else {
            return false;
        };
        is_said.store(false, Ordering::Relaxed);
        namespaces.remove(&first).is_some()
    }

    /// The namespace `key` was read without one: it is there, perhaps again.
    pub(crate) fn over(&self, key: &ObjectKey) {
        self.0.namespaces.remove(&(key.cluster.clone(), key.name.clone()));
    }

    /// Whether the namespace `key` goes, or went.
    pub(crate) fn has(&self, key: &ObjectKey) -> bool {
        self.0.namespaces.contains_key(&(key.cluster.clone(), key.name.clone()))
    }

    /// Whether the namespace that `key` is in goes, or went.
    pub(crate) fn include(&self, key: &ObjectKey) -> bool {
        !key.namespace.is_empty()
            && self
                .0
                .namespaces
                .contains_key(&(key.cluster.clone(), key.namespace.clone()))
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
        assert_eq!(departures.0.namespaces.len(), LIMIT);
        let last = key("namespaces", "", &LIMIT.to_string());
        assert!(!departures.has(&last), "none has ended");
        let [first, second] = ["7", "3"].map(|name| key("namespaces", "", name));
        departures.ended(&first);
        departures.ended(&second);
        departures.ended(&last);
        assert!(departures.has(&first), "what was in it may be missing for a while yet");
        departures.begun(&last);
        assert!(departures.has(&last) && !departures.has(&first) && departures.has(&second));
        assert_eq!(departures.0.namespaces.len(), LIMIT);
        departures.begun(&key("namespaces", "", "0"));
        assert!(departures.has(&key("namespaces", "", "0")) && departures.has(&second));
    }
}

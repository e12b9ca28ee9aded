//! The order in which a target's objects get their turn: logical clusters round-robin, and within each its
//! namespaces, so that a flood in one never delays another beyond its share (S9).

use std::{collections::VecDeque, sync::Arc};

use indexmap::IndexMap;
use syncer_core::{LogicalCluster, ObjectKey};
use tokio::time::Instant;

/// Keys that wait for their turn. The caller sees to it that no key is in it twice.
#[derive(Default)]
pub(crate) struct FairQueue {
    clusters: Ring<LogicalCluster, Ring<Arc<str>, VecDeque<Standing>>>,
    len: usize,
}

/// A key, and since when it stands in the queue.
pub(crate) type Standing = (ObjectKey, Instant);

/// Groups that take turns; one that is empty leaves.
struct Ring<K, G> {
    groups: IndexMap<K, G>,
    turn: usize,
}

// === impl FairQueue ===

impl FairQueue {
    /// Puts `key` behind the others of its namespace; it stands there since `since`.
    pub(crate) fn push(&mut self, key: ObjectKey, since: Instant) {
        let namespaces = self.clusters.groups.entry(key.cluster.clone()).or_default();
        namespaces
            .groups
            .entry(key.namespace.clone())
            .or_default()
            .push_back((key, since));
        self.len += 1;
    }

    /// The key whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<Standing> {
        let standing = self.clusters.next(|namespaces| {
            let standing = namespaces.next(|keys| (keys.pop_front(), keys.is_empty()));
            (standing, namespaces.groups.is_empty())
        })?;
        self.len -= 1;
        Some(standing)
    }

    /// How many keys wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

// === impl Ring ===

impl<K: std::hash::Hash + Eq, G> Ring<K, G> {
    /// Takes from the group whose turn it is; `take` returns what it took and whether the group is empty now.
    fn next<T>(&mut self, take: impl FnOnce(&mut G) -> (Option<T>, bool)) -> Option<T> {
        if self.turn >= self.groups.len() {
            self.turn = 0;
        }
        let (_, group) = self.groups.get_index_mut(self.turn)?;
        let (taken, empty) = take(group);
        if empty {
            // The next group moves into this place, so the turn stays.
            self.groups.shift_remove_index(self.turn);
        } else {
            self.turn += 1;
        }
        taken
    }
}

impl<K, G> Default for Ring<K, G> {
    fn default() -> Self {
        Self {
            groups: IndexMap::default(),
            turn: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use syncer_core::Gvr;

    use super::*;

    fn key(cluster: &str, namespace: &str, name: &str) -> ObjectKey {
        ObjectKey::new(
            LogicalCluster::new(cluster),
            Gvr::new("", "v1", "configmaps"),
            namespace,
            name,
        )
    }

    fn drained(queue: &mut FairQueue) -> Vec<String> {
        std::iter::from_fn(|| queue.pop())
            .map(|(key, _)| format!("{}/{}/{}", key.cluster, key.namespace, key.name))
            .collect()
    }

    #[test]
    fn clusters_take_turns_and_within_each_its_namespaces() {
        let mut queue = FairQueue::default();
        for name in ["1", "2", "3"] {
            queue.push(key("a", "x", name), Instant::now());
        }
        queue.push(key("a", "y", "1"), Instant::now());
        queue.push(key("b", "x", "1"), Instant::now());
        assert_eq!(queue.len(), 5);
        assert_eq!(drained(&mut queue), ["a/x/1", "b/x/1", "a/y/1", "a/x/2", "a/x/3"]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn a_flood_delays_a_newcomer_by_one_turn() {
        let mut queue = FairQueue::default();
        for name in 0..1_000 {
            queue.push(key("a", "flood", &name.to_string()), Instant::now());
        }
        queue.pop();
        queue.push(key("a", "quiet", "1"), Instant::now());
        let ahead = drained(&mut queue).iter().position(|key| key == "a/quiet/1");
        assert!(ahead.is_some_and(|ahead| ahead <= 1), "{ahead:?}");
    }

    #[test]
    fn within_a_namespace_the_first_comes_first() {
        let mut queue = FairQueue::default();
        for name in ["1", "2", "3"] {
            queue.push(key("", "x", name), Instant::now());
        }
        assert_eq!(drained(&mut queue), ["/x/1", "/x/2", "/x/3"]);
    }
}

//! The order in which objects have their turn: logical clusters round-robin, and within each its namespaces, so that a flood in one
//! delays and displaces nothing of another beyond its share (S9).

use std::{collections::VecDeque, hash::Hash, sync::Arc};

use indexmap::IndexMap;
use syncer_core::LogicalCluster;

/// What waits for its turn. The caller sees to it that nothing is in it twice.
#[derive(Debug)]
pub(crate) struct RoundRobin<T> {
    clusters: Ring<LogicalCluster, Ring<Arc<str>, VecDeque<T>>>,
    len: usize,
}

/// Groups that take turns; one that is empty leaves.
#[derive(Debug)]
struct Ring<K, G> {
    groups: IndexMap<K, G>,
    turn: usize,
}

/// What a turn can be taken of.
trait Group {
    /// How much is in it: the sum over all that it is made of.
    fn size(&self) -> usize;

    /// Whether nothing is; asked at every turn, so it sums up nothing.
    fn is_empty(&self) -> bool;
}

// === impl RoundRobin ===

impl<T> RoundRobin<T> {
    /// Puts `item` behind the others of `namespace` in `cluster`.
    pub(crate) fn push(&mut self, cluster: &LogicalCluster, namespace: &Arc<str>, item: T) {
        let namespaces = self.clusters.group(cluster);
        namespaces.group(namespace).push_back(item);
        self.len += 1;
    }

    /// The one whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let item = self
            .clusters
            .at_turn(|namespaces| namespaces.at_turn(VecDeque::pop_front))?;
        self.len -= 1;
        Some(item)
    }

    /// Takes out the oldest of the namespace that has the most, in the logical cluster that has the most.
    pub(crate) fn pop_of_most(&mut self) -> Option<T> {
        let item = self
            .clusters
            .at_most(|namespaces| namespaces.at_most(VecDeque::pop_front))?;
        self.len -= 1;
        Some(item)
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether none does.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<T> Default for RoundRobin<T> {
    fn default() -> Self {
        Self {
            clusters: Ring::default(),
            len: 0,
        }
    }
}

// === impl Ring ===

impl<K: Hash + Eq, G: Group> Ring<K, G> {
    /// The group `key`, a new one behind the others if there is none.
    fn group(&mut self, key: &K) -> &mut G
    where
        K: Clone,
        G: Default,
    {
        self.groups.entry(key.clone()).or_default()
    }

    /// Takes from the group whose turn it is.
    fn at_turn<T>(&mut self, take: impl FnOnce(&mut G) -> Option<T>) -> Option<T> {
        if self.turn >= self.groups.len() {
            self.turn = 0;
        }
        let turn = self.turn;
        self.turn += 1;
        self.take_of(turn, take)
    }

    /// Takes from the group that has the most.
    fn at_most<T>(&mut self, take: impl FnOnce(&mut G) -> Option<T>) -> Option<T> {
        let sizes = self.groups.values().map(Group::size).enumerate();
        let (most, _) = sizes.max_by_key(|(_, size)| *size)?;
        self.take_of(most, take)
    }

    fn take_of<T>(&mut self, index: usize, take: impl FnOnce(&mut G) -> Option<T>) -> Option<T> {
        let (_, group) = self.groups.get_index_mut(index)?;
        let taken = take(group);
        if group.is_empty() {
            self.groups.shift_remove_index(index);
            // The groups behind it moved up.
            if self.turn > index {
                self.turn -= 1;
            }
        }
        taken
    }
}

impl<K: Hash + Eq, G: Group> Group for Ring<K, G> {
    fn size(&self) -> usize {
        self.groups.values().map(Group::size).sum()
    }

    fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

impl<T> Group for VecDeque<T> {
    fn size(&self) -> usize {
        self.len()
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
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
    use super::*;

    /// What waits, each as `cluster/namespace/name`.
    fn queue(items: &[&str]) -> RoundRobin<String> {
        let mut queue = RoundRobin::default();
        for item in items {
            add(&mut queue, item);
        }
        queue
    }

    fn add(queue: &mut RoundRobin<String>, item: &str) {
        let (cluster, rest) = item.split_once('/').unwrap();
        let (namespace, _) = rest.split_once('/').unwrap();
        queue.push(&LogicalCluster::new(cluster), &namespace.into(), item.to_owned());
    }

    fn drained(queue: &mut RoundRobin<String>) -> Vec<String> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    const CROWD: [&str; 5] = ["a/x/1", "a/x/2", "a/x/3", "a/y/1", "b/x/1"];

    #[test]
    fn clusters_take_turns_and_within_each_its_namespaces() {
        let mut queue = queue(&CROWD);
        assert_eq!(queue.len(), 5);
        assert_eq!(drained(&mut queue), ["a/x/1", "b/x/1", "a/y/1", "a/x/2", "a/x/3"]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_flood_delays_a_newcomer_by_one_turn() {
        let mut queue = RoundRobin::default();
        for name in 0..1_000 {
            add(&mut queue, &format!("a/flood/{name}"));
        }
        queue.pop();
        add(&mut queue, "a/quiet/1");
        let ahead = drained(&mut queue).iter().position(|item| item == "a/quiet/1");
        assert!(ahead.is_some_and(|ahead| ahead <= 1), "{ahead:?}");
    }

    #[test]
    fn within_a_namespace_the_first_comes_first() {
        let mut queue = queue(&["/x/1", "/x/2", "/x/3"]);
        assert_eq!(drained(&mut queue), ["/x/1", "/x/2", "/x/3"]);
    }

    #[test]
    fn what_has_to_go_belongs_to_those_that_have_the_most() {
        let mut queue = queue(&CROWD);
        let gone: Vec<_> = std::iter::from_fn(|| queue.pop_of_most()).take(2).collect();
        assert_eq!(gone, ["a/x/1", "a/x/2"]);
        assert_eq!(queue.len(), 3);
    }

    #[test]
    fn nobody_loses_a_turn_when_a_group_leaves() {
        let mut queue = queue(&["a/x/1", "b/x/1", "c/x/1", "b/x/2"]);
        assert_eq!(drained(&mut queue), ["a/x/1", "b/x/1", "c/x/1", "b/x/2"]);
    }
}

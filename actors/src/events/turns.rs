//! The order in which Events are written: logical clusters take turns, and within each its namespaces, so that a flood in one
//! delays and displaces nothing of another (S9).

use std::{collections::VecDeque, hash::Hash, sync::Arc};

use indexmap::IndexMap;
use syncer_core::LogicalCluster;

use super::EventKey;

/// What is due. The story sees to it that nothing is in it twice.
#[derive(Debug, Default)]
pub(super) struct Turns(Ring<LogicalCluster, Ring<Arc<str>, VecDeque<Arc<EventKey>>>>);

/// Groups that take turns; one that is empty leaves.
#[derive(Debug)]
struct Ring<K, G> {
    groups: IndexMap<K, G>,
    turn: usize,
}

/// What a turn can be taken of.
trait Group {
    fn size(&self) -> usize;
}

// === impl Turns ===

impl Turns {
    /// Puts `key` behind the others of its namespace.
    pub(super) fn push(&mut self, key: Arc<EventKey>) {
        let (cluster, namespace) = key.group();
        let namespaces = self.0.groups.entry(cluster.clone()).or_default();
        namespaces.groups.entry(namespace.clone()).or_default().push_back(key);
    }

    /// The one whose turn it is.
    pub(super) fn pop(&mut self) -> Option<Arc<EventKey>> {
        self.0.at_turn(|namespaces| namespaces.at_turn(VecDeque::pop_front))
    }

    /// Takes out the oldest of the namespace that has the most, in the logical cluster that has the most.
    pub(super) fn pop_of_most(&mut self) -> Option<Arc<EventKey>> {
        self.0.at_most(|namespaces| namespaces.at_most(VecDeque::pop_front))
    }

    /// Whether nothing is due.
    pub(super) fn is_empty(&self) -> bool {
        self.0.groups.is_empty()
    }
}

// === impl Ring ===

impl<K: Hash + Eq, G: Group> Ring<K, G> {
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
        if group.size() == 0 {
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
}

impl<T> Group for VecDeque<T> {
    fn size(&self) -> usize {
        self.len()
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
    use super::{super::tests::key, *};

    fn names(take: impl FnMut() -> Option<Arc<EventKey>>) -> Vec<String> {
        std::iter::from_fn(take)
            .map(|key| {
                let key = &key.subject.key;
                format!("{}/{}/{}", key.cluster, key.namespace, key.name)
            })
            .collect()
    }

    fn turns() -> Turns {
        let mut turns = Turns::default();
        for (cluster, namespace, name) in [
            ("a", "x", "1"),
            ("a", "x", "2"),
            ("a", "x", "3"),
            ("a", "y", "1"),
            ("b", "x", "1"),
        ] {
            turns.push(key(cluster, namespace, name, "note"));
        }
        turns
    }

    #[test]
    fn clusters_take_turns_and_within_each_its_namespaces() {
        let mut turns = turns();
        assert_eq!(names(|| turns.pop()), ["a/x/1", "b/x/1", "a/y/1", "a/x/2", "a/x/3"]);
        assert!(turns.is_empty());
    }

    #[test]
    fn what_has_to_go_belongs_to_those_that_have_the_most() {
        let mut turns = turns();
        let gone: Vec<_> = names(|| turns.pop_of_most()).into_iter().take(2).collect();
        assert_eq!(gone, ["a/x/1", "a/x/2"]);
    }

    #[test]
    fn nobody_loses_a_turn_when_a_group_leaves() {
        let mut turns = Turns::default();
        for cluster in ["a", "b", "c"] {
            turns.push(key(cluster, "x", "1", "note"));
        }
        turns.push(key("b", "x", "2", "note"));
        assert_eq!(names(|| turns.pop()), ["a/x/1", "b/x/1", "c/x/1", "b/x/2"]);
    }
}

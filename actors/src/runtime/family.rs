//! The children of one actor.

use std::{collections::BTreeMap, sync::Arc};

use super::node::Node;

/// The children of one actor, by kind and key. Ordered: neither stops nor a view of the tree may depend on a hash.
#[derive(Default)]
pub(crate) struct Family(
    /// One map per kind; an actor has children of few kinds.
    Vec<(&'static str, Kin)>,
);

type Kin = BTreeMap<Arc<str>, Arc<Node>>;

impl Family {
    /// Adds `child`; returns the one of its kind and key that it displaces.
    pub(crate) fn adopt(&mut self, child: Arc<Node>) -> Option<Arc<Node>> {
        let key = Arc::clone(&child.key);
        if let Some((_, kin)) = self.0.iter_mut().find(|(kind, _)| *kind == child.kind) {
            return kin.insert(key, child);
        }
        self.0.push((child.kind, BTreeMap::from([(key, child)])));
        None
    }

    /// Removes `child`; false when another one has its place.
    pub(crate) fn disown(&mut self, child: &Arc<Node>) -> bool {
        let Some(at) = self.0.iter().position(|(kind, _)| *kind == child.kind) else {
            return false;
        };
        let Some((_, kin)) = self.0.get_mut(at) else {
            return false;
        };
        if !kin.get(&child.key).is_some_and(|known| Arc::ptr_eq(known, child)) {
            return false;
        }
        kin.remove(&child.key);
        if kin.is_empty() {
            self.0.swap_remove(at);
        }
        true
    }

    pub(crate) fn get(&self, kind: &str, key: &str) -> Option<&Arc<Node>> {
        let (_, kin) = self.0.iter().find(|(known, _)| *known == kind)?;
        kin.get(key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|(_, kin)| kin.len()).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.0.iter().flat_map(|(_, kin)| kin.values())
    }

    /// At most `limit` of each kind.
    pub(crate) fn first(&self, limit: usize) -> impl Iterator<Item = &Arc<Node>> {
        self.0.iter().flat_map(move |(_, kin)| kin.values().take(limit))
    }
}

//! The children of one actor.

use std::{borrow::Borrow, cmp::Ordering, collections::BTreeSet, sync::Arc};

use super::node::Node;

/// The children of one actor, by kind and key. Ordered: neither stops nor a view of the tree may depend on a hash.
#[derive(Default)]
pub(crate) struct Family(
    /// One set per kind; an actor has children of few kinds.
    Vec<(&'static str, BTreeSet<ByKey>)>,
);

/// A child, ordered by the key that it holds itself: there may be many thousands.
struct ByKey(Arc<Node>);

// === impl Family ===

impl Family {
    /// Adds `child`; returns the one of its kind and key that it displaces.
    pub(crate) fn adopt(&mut self, child: Arc<Node>) -> Option<Arc<Node>> {
        let kind = child.kind();
        if let Some((_, kin)) = self.0.iter_mut().find(|(known, _)| *known == kind) {
            return kin.replace(ByKey(child)).map(|ByKey(older)| older);
        }
        self.0.push((kind, BTreeSet::from([ByKey(child)])));
        None
    }

    /// Removes `child`; false when another one has its place.
    pub(crate) fn disown(&mut self, child: &Arc<Node>) -> bool {
        let Some(at) = self.0.iter().position(|(kind, _)| *kind == child.kind()) else {
            return false;
        };
        let Some((_, kin)) = self.0.get_mut(at) else {
            return false;
        };
        if !kin
            .get(&*child.key)
            .is_some_and(|ByKey(known)| Arc::ptr_eq(known, child))
        {
            return false;
        }
        kin.remove(&*child.key);
        if kin.is_empty() {
            self.0.swap_remove(at);
        }
        true
    }

    pub(crate) fn get(&self, kind: &str, key: &str) -> Option<&Arc<Node>> {
        let (_, kin) = self.0.iter().find(|(known, _)| *known == kind)?;
        kin.get(key).map(|ByKey(child)| child)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|(_, kin)| kin.len()).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.first(usize::MAX)
    }

    /// At most `limit` of each kind.
    pub(crate) fn first(&self, limit: usize) -> impl Iterator<Item = &Arc<Node>> {
        self.0
            .iter()
            .flat_map(move |(_, kin)| kin.iter().take(limit).map(|ByKey(child)| child))
    }
}

// === impl ByKey ===

impl Borrow<str> for ByKey {
    fn borrow(&self) -> &str {
        &self.0.key
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for ByKey {}

impl PartialOrd for ByKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key.cmp(&other.0.key)
    }
}

//! Where objects are: collections with one global resourceVersion and a bounded history.

pub(crate) mod collection;
pub(crate) mod key;
pub(crate) mod page;
pub(crate) mod stored;

use std::sync::Arc;

use indexmap::IndexMap;

use self::{collection::Collection, key::Key, stored::Stored};

/// All collections of a server.
#[derive(Debug)]
pub(crate) struct Store {
    version: u64,
    history: usize,
    collections: IndexMap<Arc<str>, Collection>,
}

/// The resourceVersion of a server that has just started: above every version that a client may make up, such as "1".
const FIRST_VERSION: u64 = 100;

// === impl Store ===

impl Store {
    /// An empty store whose collections remember `history` changes each.
    pub(crate) fn new(history: usize) -> Self {
        Self {
            version: FIRST_VERSION,
            history,
            collections: IndexMap::new(),
        }
    }

    /// The resourceVersion of the last write.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The resourceVersion of the next write.
    pub(crate) fn next_version(&self) -> u64 {
        self.version + 1
    }

    /// The collection `name`, if anything was ever written to it or watched in it.
    pub(crate) fn collection(&self, name: &str) -> Option<&Collection> {
        self.collections.get(name)
    }

    /// The collection `name`.
    pub(crate) fn collection_mut(&mut self, name: &Arc<str>) -> &mut Collection {
        let (history, floor) = (self.history, FIRST_VERSION);
        self.collections
            .entry(Arc::clone(name))
            .or_insert_with(|| Collection::new(history, floor))
    }

    /// The object at `key`.
    pub(crate) fn get(&self, collection: &str, key: &Key) -> Option<Arc<Stored>> {
        self.collections.get(collection)?.get(key)
    }

    /// Writes `object`, whose version is [`next_version`](Self::next_version).
    pub(crate) fn put(&mut self, collection: &Arc<str>, key: Key, object: Arc<Stored>) {
        self.version = object.version;
        self.collection_mut(collection).put(key, object);
    }

    /// Removes the object at `key`; `last` is its final state, at [`next_version`](Self::next_version).
    pub(crate) fn delete(&mut self, collection: &Arc<str>, key: &Key, last: Arc<Stored>) {
        self.version = last.version;
        self.collection_mut(collection).delete(key, last);
    }

    /// All collections with their names.
    pub(crate) fn collections(&self) -> impl Iterator<Item = (&Arc<str>, &Collection)> {
        self.collections.iter()
    }

    /// Forgets all history: watches and pages that are behind are answered with 410.
    pub(crate) fn forget(&mut self) {
        let version = self.version;
        for collection in self.collections.values_mut() {
            collection.forget(version);
        }
    }
}

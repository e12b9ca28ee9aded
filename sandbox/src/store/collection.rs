//! The objects of one resource, and what happened to them lately.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use tokio::sync::watch;

use super::{key::Key, stored::Stored};

/// One write.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// Where.
    pub(crate) key: Key,
    /// What was there before; nothing for a create.
    pub(crate) before: Option<Arc<Stored>>,
    /// What is there now, or for a delete the last state, at the version of the delete.
    pub(crate) after: Arc<Stored>,
    /// Whether the object is gone.
    pub(crate) deleted: bool,
}

/// A version that is no longer remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forgotten {
    /// The oldest version from which a watch may go on.
    pub(crate) floor: u64,
}

/// The objects of one resource, and their last changes.
///
/// The history is the one queue between writers and watchers: bounded; when full the oldest change is dropped and the floor rises; a watcher
/// below the floor is told 410, which is what repairs it (S10). `dropped` counts.
#[derive(Debug)]
pub(crate) struct Collection {
    objects: BTreeMap<Key, Arc<Stored>>,
    history: VecDeque<Change>,
    capacity: usize,
    floor: u64,
    dropped: u64,
    woken: watch::Sender<u64>,
}

// === impl Change ===

impl Change {
    /// The version of the write.
    pub(crate) fn version(&self) -> u64 {
        self.after.version
    }
}

// === impl Collection ===

impl Collection {
    /// An empty collection that remembers `capacity` changes after version `floor`.
    pub(crate) fn new(capacity: usize, floor: u64) -> Self {
        Self {
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            capacity: capacity.max(1),
            floor,
            dropped: 0,
            woken: watch::Sender::new(floor),
        }
    }

    /// The object at `key`.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Stored>> {
        self.objects.get(key).cloned()
    }

    /// Writes `object`.
    pub(crate) fn put(&mut self, key: Key, object: Arc<Stored>) {
        let before = self.objects.insert(key.clone(), Arc::clone(&object));
        self.remember(Change {
            key,
            before,
            after: object,
            deleted: false,
        });
    }

    /// Removes the object at `key`.
    pub(crate) fn delete(&mut self, key: &Key, last: Arc<Stored>) {
        let before = self.objects.remove(key);
        self.remember(Change {
            key: key.clone(),
            before,
            after: last,
            deleted: true,
        });
    }

    fn remember(&mut self, change: Change) {
        let version = change.version();
        self.history.push_back(change);
        while self.history.len() > self.capacity {
            let Some(oldest) = self.history.pop_front() else { break };
            self.floor = oldest.version();
            self.dropped += 1;
        }
        self.woken.send_replace(version);
    }

    /// Forgets all history up to `version`.
    pub(crate) fn forget(&mut self, version: u64) {
        self.dropped += u64::try_from(self.history.len()).unwrap_or(u64::MAX);
        self.history.clear();
        self.floor = version;
        self.woken.send_replace(version);
    }

    /// Told of every write.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.woken.subscribe()
    }

    /// How many changes were dropped from the history.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The number of objects.
    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// The objects whose keys begin with `prefix`, after `after` if there is one.
    pub(crate) fn range<'a>(
        &'a self,
        prefix: &'a Key,
        after: Option<&Key>,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Stored>)> {
        let start = match after {
            Some(after) => Bound::Excluded(after.clone()),
            None => Bound::Included(prefix.clone()),
        };
        self.objects
            .range((start, Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// Up to `limit` changes after `version`.
    ///
    /// # Errors
    /// The version is no longer remembered.
    pub(crate) fn since(&self, version: u64, limit: usize) -> Result<Vec<Change>, Forgotten> {
        if version < self.floor {
            return Err(Forgotten { floor: self.floor });
        }
        let start = self.history.partition_point(|change| change.version() <= version);
        Ok(self.history.range(start..).take(limit).cloned().collect())
    }

    /// What was at each key that changed after `version`, at that version.
    ///
    /// # Errors
    /// The version is no longer remembered.
    pub(crate) fn undone(&self, version: u64) -> Result<BTreeMap<Key, Option<Arc<Stored>>>, Forgotten> {
        if version < self.floor {
            return Err(Forgotten { floor: self.floor });
        }
        let mut undone = BTreeMap::new();
        for change in self
            .history
            .iter()
            .rev()
            .take_while(|change| change.version() > version)
        {
            undone.insert(change.key.clone(), change.before.clone());
        }
        Ok(undone)
    }
}

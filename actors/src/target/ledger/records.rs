//! The records of a ledger, and what is counted of them: whatever changes a record is counted again when it is let go.

use std::{
    collections::{HashMap, hash_map},
    ops::{Deref, DerefMut},
};

use syncer_core::ObjectKey;

use super::{
    Record,
    tally::{Standing, Tally},
};

/// Records by object.
#[derive(Default)]
pub(super) struct Records {
    all: HashMap<ObjectKey, Record>,
    tally: Tally,
}

/// A record that may be changed.
pub(super) struct Tracked<'r, 'k> {
    key: &'k ObjectKey,
    record: &'r mut Record,
    tally: &'r mut Tally,
    before: Option<Standing>,
}

// === impl Records ===

impl Records {
    pub(super) fn get(&self, key: &ObjectKey) -> Option<&Record> {
        self.all.get(key)
    }

    pub(super) fn get_mut<'r, 'k>(&'r mut self, key: &'k ObjectKey) -> Option<Tracked<'r, 'k>> {
        let Self { all, tally } = self;
        let record = all.get_mut(key)?;
        Some(Tracked::new(key, record, tally))
    }

    /// The record of `key`, an empty one if there was none.
    pub(super) fn entry<'r, 'k>(&'r mut self, key: &'k ObjectKey) -> Tracked<'r, 'k> {
        let Self { all, tally } = self;
        let record = all.entry(key.clone()).or_insert_with(Record::new);
        Tracked::new(key, record, tally)
    }

    pub(super) fn remove(&mut self, key: &ObjectKey) {
        if let Some(record) = self.all.remove(key)
            && let Some(standing) = record.standing()
        {
            self.tally.left(key, &standing);
        }
    }

    /// Lets `change` have every record that is `chosen`: only those are counted again.
    pub(super) fn for_each_mut(
        &mut self,
        chosen: impl Fn(&ObjectKey) -> bool,
        mut change: impl FnMut(&ObjectKey, &mut Record),
    ) {
        let Self { all, tally } = self;
        for (key, record) in all.iter_mut().filter(|(key, _)| chosen(key)) {
            change(key, &mut Tracked::new(key, record, tally));
        }
    }

    pub(super) fn iter(&self) -> hash_map::Iter<'_, ObjectKey, Record> {
        self.all.iter()
    }

    pub(super) fn keys(&self) -> hash_map::Keys<'_, ObjectKey, Record> {
        self.all.keys()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// What is counted of them.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What is counted of them, to be judged.
    pub(super) fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }
}

impl<'r> IntoIterator for &'r Records {
    type Item = (&'r ObjectKey, &'r Record);
    type IntoIter = hash_map::Iter<'r, ObjectKey, Record>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

// === impl Tracked ===

impl<'r, 'k> Tracked<'r, 'k> {
    fn new(key: &'k ObjectKey, record: &'r mut Record, tally: &'r mut Tally) -> Self {
        let before = record.standing();
        Self {
            key,
            record,
            tally,
            before,
        }
    }
}

impl Deref for Tracked<'_, '_> {
    type Target = Record;

    fn deref(&self) -> &Record {
        self.record
    }
}

impl DerefMut for Tracked<'_, '_> {
    fn deref_mut(&mut self) -> &mut Record {
        self.record
    }
}

impl Drop for Tracked<'_, '_> {
    fn drop(&mut self) {
        let after = self.record.standing();
        if self.before == after {
            return;
        }
        if let Some(before) = &self.before {
            self.tally.left(self.key, before);
        }
        if let Some(after) = after {
            self.tally.entered(self.key, after);
        }
    }
}

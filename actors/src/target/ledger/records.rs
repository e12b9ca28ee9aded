//! The records of a ledger, and what is counted of them: whatever changes a record is counted again when it is let go.

use std::{
    collections::{HashMap, hash_map},
    ops::{Deref, DerefMut},
};

use syncer_core::ObjectKey;

use super::{
    Record,
    inhabitants::{Census, Stay},
    tally::{Standing, Tally},
};

/// Records by object.
#[derive(Default)]
pub(super) struct Records {
    all: HashMap<ObjectKey, Record>,
    counts: Counts,
}

/// What is counted of the records of a ledger.
#[derive(Default)]
struct Counts {
    tally: Tally,
    census: Census,
}

/// How one record counts.
#[derive(PartialEq, Eq)]
struct Counted {
    standing: Option<Standing>,
    stay: Option<Stay>,
}

/// A record that may be changed.
pub(super) struct Tracked<'r, 'k> {
    key: &'k ObjectKey,
    record: &'r mut Record,
    counts: &'r mut Counts,
    before: Counted,
}

// === impl Records ===

impl Records {
    pub(super) fn get(&self, key: &ObjectKey) -> Option<&Record> {
        self.all.get(key)
    }

    pub(super) fn get_mut<'r, 'k>(&'r mut self, key: &'k ObjectKey) -> Option<Tracked<'r, 'k>> {
        let Self { all, counts } = self;
        let record = all.get_mut(key)?;
        Some(Tracked::new(key, record, counts))
    }

    /// The record of `key`, an empty one if there was none.
    pub(super) fn entry<'r, 'k>(&'r mut self, key: &'k ObjectKey) -> Tracked<'r, 'k> {
        let Self { all, counts } = self;
        let record = all.entry(key.clone()).or_insert_with(Record::new);
        Tracked::new(key, record, counts)
    }

    pub(super) fn remove(&mut self, key: &ObjectKey) {
        if let Some(record) = self.all.remove(key) {
            self.counts.moved(key, &Counted::of(&record), Counted::NOT);
        }
    }

    /// Lets `change` have every record that is `chosen`: only those are counted again.
    pub(super) fn for_each_mut(
        &mut self,
        chosen: impl Fn(&ObjectKey) -> bool,
        mut change: impl FnMut(&ObjectKey, &mut Record),
    ) {
        let Self { all, counts } = self;
        for (key, record) in all.iter_mut().filter(|(key, _)| chosen(key)) {
            change(key, &mut Tracked::new(key, record, counts));
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
        &self.counts.tally
    }

    /// How many of them are ours in each namespace.
    pub(super) fn census(&self) -> &Census {
        &self.counts.census
    }

    /// What is counted of them, to be judged.
    pub(super) fn tally_mut(&mut self) -> &mut Tally {
        &mut self.counts.tally
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
    fn new(key: &'k ObjectKey, record: &'r mut Record, counts: &'r mut Counts) -> Self {
        let before = Counted::of(record);
        Self {
            key,
            record,
            counts,
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
        self.counts.moved(self.key, &self.before, Counted::of(self.record));
    }
}

// === impl Counted ===

impl Counted {
    /// How a record counts that there is not.
    const NOT: Self = Self {
        standing: None,
        stay: None,
    };

    fn of(record: &Record) -> Self {
        Self {
            standing: record.standing(),
            stay: record.stay(),
        }
    }
}

// === impl Counts ===

impl Counts {
    /// The record of `key` counts as `after`, and no longer as `before`.
    fn moved(&mut self, key: &ObjectKey, before: &Counted, after: Counted) {
        self.census.moved(key, before.stay, after.stay);
        if before.standing == after.standing {
            return;
        }
        if let Some(before) = &before.standing {
            self.tally.left(key, before);
        }
        if let Some(after) = after.standing {
            self.tally.entered(key, after);
        }
    }
}

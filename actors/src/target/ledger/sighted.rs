//! What the target's watch shows of an object.

use std::mem;

use syncer_core::{Gvr, ObjectKey, plan::Live, resource_version};

use super::{Ledger, Record, Turn};
use crate::target::sighting::Seen;

/// Whether somebody took away what was there, for all that its watch showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Not that we know.
    #[default]
    None,
    /// It was ours, and was gone while we did nothing to it.
    Seen,
}

/// What the watch took out of sight while a write was in flight, and did not show again since.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing.
    #[default]
    Nothing,
    /// The object with this UID, at this version.
    Gone { uid: Box<str>, version: Box<str> },
    /// The object with this UID carries our marker no more, or carried it never.
    Disowned { uid: Box<str> },
    /// A complete list did not have the object.
    Unlisted,
}

// === impl Record ===

impl Record {
    /// The answer is in: what left the watch meanwhile, and was not shown again, is not there whatever the answer said.
    pub(super) fn leave(&mut self) {
        let left = mem::take(&mut self.left);
        let Live::Ours(ours) = &self.live else { return };
        match left {
            Left::Nothing => {}
            Left::Gone { uid, version } => {
                if ours.uid == uid && !resource_version::is_older(&version, &self.resource_version) {
                    self.lose_sight();
                    self.loss = Loss::Seen;
                }
            }
            Left::Disowned { uid } => {
                if ours.uid == uid {
                    self.live = Live::Foreign;
                }
            }
            // Where the answer is the younger one, the next attempt finds what is there.
            Left::Unlisted => self.lose_sight(),
        }
    }
}

// === impl Ledger ===

impl Ledger {
    /// The target's watch showed `seen`.
    pub(crate) fn sight(&mut self, key: &ObjectKey, seen: Seen, list: u64) {
        self.heard_list(&key.gvr, list);
        let mut record = self.records.entry(key);
        // Versions go back where the API server was restored: what a later list shows counts. Where our write came between that list
        // and its answer, it is written again.
        if list > record.list {
            record.resource_version = "".into();
            record.list = list;
        }
        // The watch may echo a write before its answer arrives: then the answer decides first.
        if record.turn == Turn::Running {
            record.held = Some(Box::new(seen));
            record.left = Left::Nothing;
            return;
        }
        record.settle(seen);
    }

    fn heard_list(&mut self, gvr: &Gvr, list: u64) {
        match self.lists.get_mut(gvr) {
            Some(heard) => *heard = list.max(*heard),
            None => drop(self.lists.insert(gvr.clone(), list)),
        }
    }

    /// The object with `uid` left the filtered watch at `version`.
    pub(crate) fn out_of_sight(&mut self, key: &ObjectKey, uid: &str, version: &str) {
        let Some(mut record) = self.records.get_mut(key) else {
            return;
        };
        if record.turn == Turn::Running {
            record.left = Left::Gone {
                uid: uid.into(),
                version: version.into(),
            };
        }
        if record.held.as_ref().is_some_and(|held| *held.ours.uid == *uid) {
            record.held = None;
        }
        if matches!(&record.live, Live::Ours(ours) if *ours.uid == *uid) {
            record.lose_sight();
            // While a Reconciler is at it, it may be our own doing.
            if record.turn != Turn::Running {
                record.loss = Loss::Seen;
            }
        }
    }

    /// The object with `uid` does not carry our marker any more; returns its key.
    pub(crate) fn disowned(&mut self, uid: &str) -> Option<ObjectKey> {
        let is_held = |record: &Record| record.held.as_ref().is_some_and(|held| *held.ours.uid == *uid);
        let is_it = |record: &Record| matches!(&record.live, Live::Ours(ours) if *ours.uid == *uid) || is_held(record);
        let key = self.records.iter().find(|(_, record)| is_it(record))?.0.clone();
        let mut record = self.records.get_mut(&key)?;
        record.live = Live::Foreign;
        record.held = None;
        if record.turn == Turn::Running {
            record.left = Left::Disowned { uid: uid.into() };
        }
        drop(record);
        Some(key)
    }

    /// The downstream list `list` of `gvr` is complete: what was last seen before it is out of sight now.
    pub(crate) fn listed(&mut self, gvr: &Gvr, list: u64) {
        self.heard_list(gvr, list);
        let of_gvr = |key: &ObjectKey| key.gvr == *gvr;
        self.records.for_each_mut(of_gvr, |_, record| match record.turn {
            _ if record.list >= list => {}
            Turn::Running => record.left = Left::Unlisted,
            _ => record.lose_sight(),
        });
    }

    /// What is known of the downstream object of `key`.
    pub(crate) fn live(&self, key: &ObjectKey) -> Option<&Live> {
        self.records.get(key).map(|record| &record.live)
    }
}

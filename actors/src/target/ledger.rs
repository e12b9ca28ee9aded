//! The ledger of a target: one small record per object, from which everything else is planned again.

use std::collections::HashMap;

use syncer_core::{
    Gvr, ObjectKey,
    guard::{self, Verdict},
    plan::{Desired, Live, Ownership, Step, plan},
    proof::Absence,
};

use super::sighting::{Seen, fields_hash};

/// What is known of one object on this target. A few hundred bytes, no body.
#[derive(Debug)]
struct Record {
    desired: Desired,
    /// Which incarnation of the Upstream said so; an older word is repeated or withdrawn after its restart.
    incarnation: u64,
    live: Live,
    /// The version of `live`, as an opaque string of the API server.
    resource_version: Box<str>,
    fields: Fields,
    /// The number of the last downstream list begun before the object was seen.
    list: u64,
    turn: Turn,
    /// Attempts that failed one after the other.
    failures: u32,
    /// What the watch showed while a write was in flight; it may be older or newer than the answer.
    held: Option<Box<Seen>>,
}

/// What is known of our entry in the live object's managedFields.
#[derive(Debug, PartialEq, Eq)]
enum Fields {
    /// It owned all that was applied when it had this hash.
    Verified(u64),
    /// It was not compared with what was applied yet.
    Unverified(Box<str>),
}

/// Whose turn it is with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nobody's: upstream and target agree, or nothing is known.
    Quiet,
    /// It stands in the queue.
    Queued,
    /// A Reconciler works on it.
    Running,
    /// It failed and waits for its time.
    Waiting,
    /// The mass-deletion guard holds it.
    Guarded,
}

/// What a Reconciler needs to know to take the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// The step.
    pub(crate) step: Step,
    /// The FieldsV1 of our entry in the live object, where it was not compared yet.
    pub(crate) fields: Option<Box<str>>,
}

/// How a Reconciler left the downstream object.
#[derive(Clone, Debug)]
pub(crate) enum After {
    /// Nothing was learned.
    Unchanged,
    /// It is there as we just applied it.
    Applied(Seen),
    /// Our entry was compared with what has to be owned.
    Verified(Ownership),
    /// It is there and ours; ownership was not looked at.
    Seen(Seen),
    /// It was not found, or is gone now.
    Absent,
    /// Something that is not ours is there.
    Foreign,
}

/// The records of one target.
#[derive(Default)]
pub(crate) struct Ledger {
    records: HashMap<ObjectKey, Record>,
}

// === impl Record ===

impl Record {
    fn new() -> Self {
        Self {
            desired: Desired::Unknown,
            incarnation: 0,
            live: Live::Unseen,
            resource_version: "".into(),
            fields: Fields::Verified(0),
            list: 0,
            turn: Turn::Quiet,
            failures: 0,
            held: None,
        }
    }

    /// The next step as things stand.
    fn step(&self) -> Step {
        plan(&self.desired, &self.live)
    }

    /// Whether there is something to do for a Reconciler.
    fn has_work(&self) -> bool {
        !matches!(self.step(), Step::Nothing | Step::AwaitTermination | Step::Refuse)
    }

    fn task(&self) -> Task {
        let fields = match &self.fields {
            Fields::Unverified(fields) => Some(fields.clone()),
            Fields::Verified(_) => None,
        };
        Task {
            step: self.step(),
            fields,
        }
    }

    fn settle(&mut self, seen: Seen) {
        if self.is_older(&seen) {
            return;
        }
        let same_entry = self.fields == Fields::Verified(seen.fields_hash())
            && matches!(&self.live, Live::Ours(known) if known.uid == seen.ours.uid && known.applied == seen.ours.applied);
        if same_entry {
            self.set_live(seen, Ownership::Held);
        } else {
            self.fields = Fields::Unverified(seen.fields.clone());
            self.set_live(seen, Ownership::Unverified);
        }
    }

    fn applied(&mut self, seen: Seen) {
        self.fields = Fields::Verified(seen.fields_hash());
        self.set_live(seen, Ownership::Held);
    }

    fn verified(&mut self, ownership: Ownership) {
        let (Fields::Unverified(fields), Live::Ours(ours)) = (&self.fields, &mut self.live) else {
            return;
        };
        ours.ownership = ownership;
        self.fields = Fields::Verified(fields_hash(fields));
    }

    fn set_live(&mut self, seen: Seen, ownership: Ownership) {
        self.resource_version = seen.resource_version;
        let mut ours = seen.ours;
        ours.ownership = ownership;
        self.live = Live::Ours(ours);
    }

    fn lose_sight(&mut self) {
        self.live = Live::Unseen;
        self.resource_version = "".into();
        self.held = None;
    }

    /// Whether `seen` is what is known already, or older. Versions of one API server can be compared as numbers; one
    /// that is no number counts as newer, which costs a look at most.
    fn is_older(&self, seen: &Seen) -> bool {
        let Live::Ours(known) = &self.live else { return false };
        if known.uid != seen.ours.uid {
            return false;
        }
        if self.resource_version == seen.resource_version {
            return true;
        }
        let number = |version: &str| version.parse::<u64>().ok();
        match (number(&self.resource_version), number(&seen.resource_version)) {
            (Some(known), Some(seen)) => seen <= known,
            _ => false,
        }
    }
}

// === impl Ledger ===

impl Ledger {
    /// The upstream wants `desired` of `key`, says its incarnation `incarnation`.
    pub(crate) fn desire(&mut self, key: &ObjectKey, desired: Desired, incarnation: u64) {
        let record = self.records.entry(key.clone()).or_insert_with(Record::new);
        record.incarnation = incarnation;
        if record.turn == Turn::Guarded {
            record.turn = Turn::Quiet;
        }
        record.desired = desired;
    }

    /// The target's watch showed `seen`.
    pub(crate) fn sight(&mut self, key: &ObjectKey, seen: Seen, list: u64) {
        let record = self.records.entry(key.clone()).or_insert_with(Record::new);
        record.list = record.list.max(list);
        // The watch may echo a write before its answer arrives: then the answer decides first.
        if record.turn == Turn::Running {
            record.held = Some(Box::new(seen));
            return;
        }
        record.settle(seen);
    }

    /// The object with `uid` left the filtered watch.
    pub(crate) fn out_of_sight(&mut self, key: &ObjectKey, uid: &str) {
        let Some(record) = self.records.get_mut(key) else {
            return;
        };
        if record.held.as_ref().is_some_and(|held| *held.ours.uid == *uid) {
            record.held = None;
        }
        if matches!(&record.live, Live::Ours(ours) if *ours.uid == *uid) {
            record.lose_sight();
        }
    }

    /// The object with `uid` does not carry our marker any more; returns its key.
    pub(crate) fn disowned(&mut self, uid: &str) -> Option<ObjectKey> {
        let is_it = |record: &Record| matches!(&record.live, Live::Ours(ours) if *ours.uid == *uid);
        let (key, record) = self.records.iter_mut().find(|(_, record)| is_it(record))?;
        record.live = Live::Foreign;
        record.held = None;
        Some(key.clone())
    }

    /// The downstream list `list` of `gvr` is complete: what was last seen before it is out of sight now.
    pub(crate) fn listed(&mut self, gvr: &Gvr, list: u64) {
        for (key, record) in &mut self.records {
            if key.gvr == *gvr && record.list < list && record.turn != Turn::Running {
                record.lose_sight();
            }
        }
    }

    /// The upstream told everything of `gvr` in its incarnation `incarnation`: what it did not name, no complete list
    /// of it had.
    pub(crate) fn complete(&mut self, gvr: &Gvr, incarnation: u64) {
        for (key, record) in &mut self.records {
            if key.gvr == *gvr && record.incarnation != incarnation {
                record.incarnation = incarnation;
                record.desired = Desired::Gone(Absence::NotInCompleteList);
            }
        }
    }

    /// Judges all objects of ours that are absent from a complete list; returns how many are held, if any.
    pub(crate) fn guard(&mut self) -> Option<usize> {
        let is_ours = |record: &&mut Record| matches!(record.live, Live::Ours(_));
        let held = self.records.values_mut().filter(is_ours).count();
        let missing = |record: &&mut Record| {
            is_ours(record)
                && record.desired == Desired::Gone(Absence::NotInCompleteList)
                && record.turn != Turn::Running
        };
        let count = self.records.values_mut().filter(missing).count();
        let turn = match guard::judge(count, held) {
            Verdict::Held => Turn::Guarded,
            Verdict::Admitted => Turn::Quiet,
        };
        for record in self.records.values_mut().filter(missing) {
            record.turn = turn;
        }
        (turn == Turn::Guarded).then_some(count)
    }

    /// Whether `key` should stand in the queue now; if so it does from here on.
    pub(crate) fn queue(&mut self, key: &ObjectKey) -> bool {
        let Some(record) = self.records.get_mut(key) else {
            return false;
        };
        let idle = matches!(record.turn, Turn::Quiet | Turn::Waiting);
        if !idle || !record.has_work() {
            return false;
        }
        record.turn = Turn::Queued;
        true
    }

    /// What is to be done for `key`, whose turn it is; `None` if that came to nothing meanwhile.
    pub(crate) fn begin(&mut self, key: &ObjectKey) -> Option<Task> {
        let record = self.records.get_mut(key)?;
        record.turn = Turn::Quiet;
        if !record.has_work() {
            return None;
        }
        record.turn = Turn::Running;
        Some(record.task())
    }

    /// A Reconciler left the downstream object of `key` like this.
    pub(crate) fn learn(&mut self, key: &ObjectKey, after: After) {
        let Some(record) = self.records.get_mut(key) else {
            return;
        };
        match after {
            After::Unchanged => {}
            After::Applied(seen) => record.applied(seen),
            After::Verified(ownership) => record.verified(ownership),
            After::Seen(seen) => record.settle(seen),
            After::Absent => {
                record.live = Live::Unseen;
                record.resource_version = "".into();
            }
            After::Foreign => record.live = Live::Foreign,
        }
        if let Some(held) = record.held.take() {
            record.settle(*held);
        }
    }

    /// The Reconciler of `key` is done: it may have its turn again.
    pub(crate) fn succeeded(&mut self, key: &ObjectKey) {
        let Some(record) = self.records.get_mut(key) else {
            return;
        };
        record.turn = Turn::Quiet;
        record.failures = 0;
        // What is gone on both sides needs no record.
        if record.live == Live::Unseen && matches!(record.desired, Desired::Gone(_)) {
            self.records.remove(key);
        }
    }

    /// The Reconciler of `key` failed: it waits. Returns how many times in a row that was.
    pub(crate) fn failed(&mut self, key: &ObjectKey) -> u32 {
        let Some(record) = self.records.get_mut(key) else {
            return 0;
        };
        record.turn = Turn::Waiting;
        record.failures = record.failures.saturating_add(1);
        record.failures
    }

    /// The wait of `key` is over. What was in the way may be gone: only another attempt tells.
    pub(crate) fn due(&mut self, key: &ObjectKey) {
        let Some(record) = self.records.get_mut(key) else {
            return;
        };
        if record.live == Live::Foreign {
            record.live = Live::Unseen;
        }
    }

    /// The upstream has the object after all: the deletion was none. Its watch tells the rest.
    pub(crate) fn absence_refuted(&mut self, key: &ObjectKey) {
        let Some(record) = self.records.get_mut(key) else {
            return;
        };
        if matches!(record.desired, Desired::Gone(_)) {
            record.desired = Desired::Unknown;
        }
    }

    /// Whose turn it is with `key`, if there is a record of it.
    pub(crate) fn turn(&self, key: &ObjectKey) -> Option<Turn> {
        self.records.get(key).map(|record| record.turn)
    }

    /// Whether the upstream never said a word about `key`.
    pub(crate) fn is_unnamed(&self, key: &ObjectKey) -> bool {
        self.records
            .get(key)
            .is_some_and(|record| record.desired == Desired::Unknown)
    }

    /// The keys of `gvr`, sorted, so that the same seed gives the same run.
    pub(crate) fn keys(&self, gvr: &Gvr) -> Vec<ObjectKey> {
        let mut keys: Vec<_> = self.records.keys().filter(|key| key.gvr == *gvr).cloned().collect();
        keys.sort_unstable();
        keys
    }

    /// The keys that wait after a failure, sorted.
    pub(crate) fn waiting(&self) -> Vec<ObjectKey> {
        let waiting = self.records.iter().filter(|(_, record)| record.turn == Turn::Waiting);
        let mut keys: Vec<_> = waiting.map(|(key, _)| key.clone()).collect();
        keys.sort_unstable();
        keys
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }
}

#[cfg(test)]
mod tests;

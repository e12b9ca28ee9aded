//! The ledger of a target: one small record per object, from which everything else is planned again.

mod farewell;
mod guard;
mod inhabitants;
mod records;
mod standing;
mod states;
mod tally;

use std::{collections::HashMap, mem, sync::Arc};

use syncer_core::{
    Gvr, ObjectKey,
    config::{DeletionMode, Strategy},
    marker::PayloadHash,
    plan::{Desired, Live, Ownership, Step, farewell, plan},
    proof::Absence,
    resource_version,
};

use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

use self::farewell::Farewell;
pub(crate) use self::guard::Judgement;
pub(crate) use self::inhabitants::Inhabitants;
use self::records::{Records, Tracked};
use super::{sighting::Seen, weighing::weighed};
use crate::{prescription::Prescription, upstream::Workspaces};

/// What is known of one object on this target. A few hundred bytes, no body.
#[derive(Debug)]
struct Record {
    desired: Desired,
    /// How it has to be there; `None` until the upstream wants it.
    prescription: Option<Arc<Prescription>>,
    /// The policy that wanted it last, also before a restart: the mass-deletion guard counts by it.
    policy: Arc<str>,
    /// What that policy said about objects that have to go, when the object was last written.
    marked: DeletionMode,
    /// Which incarnation of the Upstream said so; an older word is repeated or withdrawn after its restart.
    incarnation: u64,
    live: Live,
    /// The version of `live`, as an opaque string of the API server.
    resource_version: Box<str>,
    fields: Fields,
    /// The number of the last downstream list begun before the object was seen.
    list: u64,
    turn: Turn,
    admission: Admission,
    farewell: Farewell,
    /// Attempts that failed one after the other.
    failures: u32,
    /// Stands for what was said of them last; 0 if nothing was.
    said: u64,
    /// What the last one failed for.
    complaint: Complaint,
    /// Whether the owner was told.
    word: Word,
    /// Whether somebody took the object away.
    loss: Loss,
    /// When the news was read upstream that is not on the target yet.
    news: Option<Instant>,
    /// What the watch showed while a write was in flight; it may be older or newer than the answer.
    held: Option<Box<Seen>>,
    /// What left the watch while a write was in flight; the answer may be older, and would bring back what is gone.
    left: Left,
}

/// What the watch took out of sight while a write was in flight, and did not show again since.
#[derive(Debug, Default, PartialEq, Eq)]
enum Left {
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

/// What is known of our entry in the live object's managedFields.
#[derive(Debug, PartialEq, Eq)]
enum Fields {
    /// It owned all that was applied.
    Verified {
        /// The hash that it had then, over what others wrote too.
        hash: u64,
        /// Whether others wrote anything.
        others: Others,
    },
    /// It was not compared with what was applied yet.
    Unverified {
        /// The FieldsV1 of our entry.
        ours: Box<str>,
        /// The hash over what others wrote; 0 if nobody did.
        others: u64,
        /// Stands for the order of what is ours in keyed lists.
        order: u64,
        /// What all that comes to once it is verified.
        hash: u64,
    },
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
    /// Its step was reported, since nothing is written; it waits until something changes.
    Reported,
}

/// What an object that waits still waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// It does not wait, or something is still to be done for it.
    Open,
    /// It waited for a watch, which has told meanwhile.
    Idle,
    /// It failed, and is as it has to be by now.
    Mended,
}

/// Whether the mass-deletion guard lets an object go that is missing upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Admission {
    /// It has not judged yet.
    Unjudged,
    /// It holds the object: too many would go at once.
    Held,
    /// The object may go once its own absence is confirmed.
    Admitted,
    /// It may, because a person said so: that holds until the object is seen or wanted again.
    Confirmed,
}

/// What the last attempt at an object failed for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Complaint {
    /// It did not fail.
    #[default]
    None,
    /// The target refused, or something is in the way there.
    Failed,
    /// Both sides pull at it.
    Conflicted,
    /// It did not fail: fields of it are fought over, and left alone for a while.
    Fighting,
    /// It did not fail: a person paused it upstream.
    Paused,
}

/// Whether the owner of an object was told that it fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Word {
    /// Not yet: it may pass.
    #[default]
    None,
    /// The owner knows, and will be told when it works again.
    Given,
}

/// Whether somebody took away what was there, for all that its watch showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Not that we know.
    #[default]
    None,
    /// It was ours, and was gone while we did nothing to it.
    Seen,
}

/// What a Reconciler needs to know to take the next step.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// The step.
    pub(crate) step: Step,
    /// The UID of the upstream object; `None` where it is not wanted.
    pub(crate) uid: Option<Box<str>>,
    /// How the object has to be; `None` where it is not wanted.
    pub(crate) prescription: Option<Arc<Prescription>>,
    /// The FieldsV1 of our entry in the live object, where it was not compared yet.
    pub(crate) fields: Option<Box<str>>,
    /// Whether others wrote to the object beside us.
    pub(crate) others: Others,
    /// Stands for the order of what is ours in keyed lists, where that was not compared yet.
    pub(crate) order: u64,
    /// The hash of what was applied last, as far as it says anything.
    pub(crate) applied: Option<PayloadHash>,
    /// The version of the live object, as far as it was seen.
    pub(crate) resource_version: Option<Box<str>>,
    /// Whether somebody took the object away.
    pub(crate) loss: Loss,
    /// The policy that wanted it last.
    pub(crate) policy: Arc<str>,
    /// What that policy said about objects that have to go, when the object was last written.
    pub(crate) marked: DeletionMode,
}

/// Whether others wrote to an object beside us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    /// Nobody did.
    None,
    /// Somebody did: what they added may have to go.
    Wrote,
}

/// How a Reconciler left the downstream object.
#[derive(Clone, Debug)]
pub(crate) enum After {
    /// Nothing was learned.
    Unchanged,
    /// It is there as we just applied it.
    Applied(Seen),
    /// It is there as it was decided, and leaves of it are the target's: a removal by somebody there shows in no entry, so that it is looked
    /// at before it is applied again.
    Decided(Seen),
    /// Our entry was compared with what has to be owned.
    Verified(Ownership),
    /// Its content is what is wanted, whatever its hash says.
    Equal {
        /// What is there.
        seen: Seen,
        /// The hash of the body that it was compared with: what is wanted may be another one by now.
        hash: PayloadHash,
    },
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
    /// What an absence means (kcp).
    workspaces: Workspaces,
    records: Records,
    /// The number of the last downstream list of which anything was heard.
    lists: HashMap<Gvr, u64>,
}

// === impl Others ===

impl Others {
    /// What a hash over the entries of others says; 0 if there are none.
    fn of(hash: u64) -> Self {
        if hash == 0 { Self::None } else { Self::Wrote }
    }
}

// === impl Record ===

impl Record {
    fn new() -> Self {
        Self {
            desired: Desired::Unknown,
            prescription: None,
            policy: "".into(),
            marked: DeletionMode::default(),
            incarnation: 0,
            live: Live::Unseen,
            resource_version: "".into(),
            fields: Fields::Verified {
                hash: 0,
                others: Others::None,
            },
            list: 0,
            turn: Turn::Quiet,
            admission: Admission::Unjudged,
            farewell: Farewell::None,
            failures: 0,
            said: 0,
            complaint: Complaint::None,
            word: Word::None,
            loss: Loss::None,
            news: None,
            held: None,
            left: Left::Nothing,
        }
    }

    /// The next step as things stand.
    fn step(&self) -> Step {
        match self.farewell {
            Farewell::None => plan(&self.desired, &self.live),
            Farewell::Said => farewell(&self.desired, &self.live),
        }
    }

    /// Whether there is something to do for a Reconciler.
    fn has_work(&self) -> bool {
        if self.is_kept_by_guard() {
            return false;
        }
        !matches!(self.step(), Step::Nothing | Step::AwaitTermination | Step::Refuse)
    }

    fn task(&self) -> Task {
        let (fields, others, order) = match &self.fields {
            Fields::Unverified {
                ours, others, order, ..
            } => (Some(ours.clone()), Others::of(*others), *order),
            Fields::Verified { others, .. } => (None, *others, 0),
        };
        Task {
            step: self.step(),
            uid: match &self.desired {
                Desired::Wanted { uid, .. } => Some(uid.clone()),
                _ => None,
            },
            prescription: self.prescription.clone(),
            fields,
            others,
            order,
            loss: self.loss,
            policy: self.policy.clone(),
            marked: self.marked,
            applied: match &self.live {
                Live::Ours(ours) => ours.applied,
                Live::Unseen | Live::Foreign => None,
            },
            resource_version: Some(self.resource_version.clone()).filter(|version| !version.is_empty()),
        }
    }

    fn settle(&mut self, mut seen: Seen) {
        if self.is_older(&seen) {
            return;
        }
        if let (Live::Ours(known), Fields::Verified { hash, .. }) = (&self.live, &self.fields)
            && *hash == self.hash_of(&seen)
            && known.uid == seen.ours.uid
        {
            // A hash that says nothing was compared by value before.
            seen.ours.applied = seen.ours.applied.or(known.applied);
            if known.applied == seen.ours.applied {
                self.set_live(seen, Ownership::Held);
                return;
            }
        }
        self.fields = Fields::Unverified {
            ours: seen.fields.clone(),
            others: seen.others,
            order: seen.order,
            hash: self.hash_of(&seen),
        };
        self.set_live(seen, Ownership::Unverified);
    }

    /// What is there was compared by value and is what is wanted.
    fn equal(&mut self, mut seen: Seen, hash: PayloadHash) {
        seen.ours.applied = Some(hash);
        let others = Others::of(seen.others);
        self.applied(seen, others);
    }

    fn applied(&mut self, seen: Seen, others: Others) {
        self.fields = Fields::Verified {
            hash: self.hash_of(&seen),
            others,
        };
        self.set_live(seen, Ownership::Held);
    }

    fn hash_of(&self, seen: &Seen) -> u64 {
        let prescription = self.prescription.as_deref();
        told_by(
            prescription.map(|prescription| prescription.spec().conflict.strategy),
            seen,
        )
    }

    fn verified(&mut self, ownership: Ownership) {
        let (Fields::Unverified { hash, others, .. }, Live::Ours(ours)) = (&self.fields, &mut self.live) else {
            return;
        };
        ours.ownership = ownership;
        self.fields = Fields::Verified {
            hash: *hash,
            others: Others::of(*others),
        };
    }

    fn set_live(&mut self, seen: Seen, ownership: Ownership) {
        self.resource_version = seen.resource_version;
        self.marked = seen.deletion;
        self.loss = Loss::None;
        if self.prescription.is_none() && *self.policy != *seen.policy {
            self.policy = seen.policy.into();
        }
        let mut ours = seen.ours;
        ours.ownership = ownership;
        self.live = Live::Ours(ours);
    }

    fn lose_sight(&mut self) {
        self.live = Live::Unseen;
        self.resource_version = "".into();
        self.held = None;
        // Another object that comes into sight here is judged anew.
        self.admission = Admission::Unjudged;
    }

    /// The answer is in: what left the watch meanwhile, and was not shown again, is not there whatever the answer said.
    fn leave(&mut self) {
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

    /// Whether `seen` is what is known already, or older.
    fn is_older(&self, seen: &Seen) -> bool {
        let Live::Ours(known) = &self.live else { return false };
        if known.uid != seen.ours.uid {
            return false;
        }
        self.resource_version == seen.resource_version
            || resource_version::is_older(&seen.resource_version, &self.resource_version)
    }
}

/// What `seen` is told from what comes later by, under `strategy`. Where leaves may be the target's, each edit of theirs is looked at.
fn told_by(strategy: Option<Strategy>, seen: &Seen) -> u64 {
    match strategy {
        Some(Strategy::MergeChanges) => seen.content_hash(),
        Some(Strategy::UpstreamWins | Strategy::LastWriteWins) | None => seen.fields_hash(),
    }
}

// === impl Ledger ===

impl Ledger {
    /// A ledger of what is wanted of objects in `workspaces`.
    pub(crate) fn of(workspaces: Workspaces) -> Self {
        Self {
            workspaces,
            ..Self::default()
        }
    }

    /// The upstream wants `key` to be there as `prescription` says, says its incarnation `incarnation`.
    pub(crate) fn want(
        &mut self,
        key: &ObjectKey,
        desired: Desired,
        prescription: Arc<Prescription>,
        incarnation: u64,
    ) {
        let mut record = self.desire(key, desired, incarnation);
        record.policy = prescription.policy.name.clone();
        record.prescription = Some(prescription);
    }

    /// What is wanted of `key` was read upstream at `seen`: the oldest news that is not on the target counts.
    pub(crate) fn date(&mut self, key: &ObjectKey, seen: Option<Instant>) {
        if let Some(mut record) = self.records.get_mut(key)
            && record.news.is_none()
            && record.has_work()
        {
            record.news = seen;
        }
    }

    /// The news of `key` is on the target: says since when it was on its way.
    pub(crate) fn arrived(&mut self, key: &ObjectKey) -> Option<Instant> {
        let mut record = self.records.get_mut(key)?;
        if record.has_work() {
            return None;
        }
        record.news.take()
    }

    /// The upstream does not want `key` there, or says nothing about it, says its incarnation `incarnation`.
    pub(crate) fn unwant(&mut self, key: &ObjectKey, desired: Desired, incarnation: u64) {
        let given_up = matches!(desired, Desired::Gone(_)) && self.is_refused(key);
        self.desire(key, desired, incarnation);
        // There is nothing of ours to remove, so nothing else would ever end the record.
        if given_up {
            self.forget_if_void(key);
        }
    }

    /// Whether an attempt found that `key` is somebody else's object there.
    fn is_refused(&self, key: &ObjectKey) -> bool {
        let record = self.records.get(key);
        record.is_some_and(|record| record.turn == Turn::Waiting && record.live == Live::Foreign)
    }

    fn desire<'k>(&mut self, key: &'k ObjectKey, desired: Desired, incarnation: u64) -> Tracked<'_, 'k> {
        let mut record = self.records.entry(key);
        record.incarnation = incarnation;
        let was_missing = record.is_missing();
        if record.turn == Turn::Reported {
            record.turn = Turn::Quiet;
        }
        // What is new ends a wait. What was in the way may be gone, and only another attempt tells.
        if record.turn == Turn::Waiting && record.live == Live::Foreign {
            record.live = Live::Unseen;
        }
        // What is wanted here does not leave.
        if matches!(desired, Desired::Wanted { .. }) {
            record.farewell = Farewell::None;
        }
        record.desired = desired;
        // The same word once more changes no judgement, and takes back no person's.
        if !(was_missing && record.is_missing()) {
            record.admission = Admission::Unjudged;
        }
        record
    }

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

    /// The upstream told everything of `gvr` in its incarnation `incarnation`: what it did not name is gone, for what
    /// `absence` says.
    pub(crate) fn complete(&mut self, gvr: &Gvr, incarnation: u64, absence: Absence) {
        let of_gvr = |key: &ObjectKey| key.gvr == *gvr;
        self.records.for_each_mut(of_gvr, |key, record| {
            if record.incarnation != incarnation {
                let was_missing = record.is_missing();
                record.incarnation = incarnation;
                record.desired = weighed(&self.workspaces, key, absence);
                if !was_missing {
                    record.admission = Admission::Unjudged;
                }
            }
        });
    }

    /// Whether `key` should stand in the queue now; if so it does from here on.
    pub(crate) fn queue(&mut self, key: &ObjectKey) -> bool {
        let Some(mut record) = self.records.get_mut(key) else {
            return false;
        };
        let idle = matches!(record.turn, Turn::Quiet | Turn::Waiting | Turn::Reported);
        if !idle || !record.has_work() {
            return false;
        }
        record.turn = Turn::Queued;
        true
    }

    /// What is to be done for `key`, whose turn it is; `None` if that came to nothing meanwhile.
    pub(crate) fn begin(&mut self, key: &ObjectKey) -> Option<Task> {
        let mut record = self.records.get_mut(key)?;
        if record.turn != Turn::Queued {
            return None;
        }
        record.turn = Turn::Quiet;
        if !record.has_work() {
            return None;
        }
        record.turn = Turn::Running;
        Some(record.task())
    }

    /// A Reconciler left the downstream object of `key` like this.
    pub(crate) fn learn(&mut self, key: &ObjectKey, after: After) {
        let list = self.lists.get(&key.gvr).copied().unwrap_or_default();
        let Some(mut record) = self.records.get_mut(key) else {
            return;
        };
        // The answer is younger than what was listed before it came.
        if matches!(
            after,
            After::Applied(_) | After::Decided(_) | After::Equal { .. } | After::Seen(_)
        ) {
            record.list = record.list.max(list);
        }
        match after {
            After::Unchanged => {}
            After::Applied(seen) => {
                let others = Others::of(seen.others);
                record.applied(seen, others);
            }
            After::Decided(seen) => record.applied(seen, Others::Wrote),
            After::Verified(ownership) => record.verified(ownership),
            After::Equal { seen, hash } => record.equal(seen, hash),
            After::Seen(seen) => record.settle(seen),
            After::Absent => {
                record.live = Live::Unseen;
                record.resource_version = "".into();
                record.admission = Admission::Unjudged;
            }
            After::Foreign => record.live = Live::Foreign,
        }
        if let Some(held) = record.held.take() {
            record.settle(*held);
        }
        record.leave();
    }

    /// The Reconciler of `key` is done: it may have its turn again.
    pub(crate) fn succeeded(&mut self, key: &ObjectKey) {
        let Some(mut record) = self.records.get_mut(key) else {
            return;
        };
        record.turn = Turn::Quiet;
        record.failures = 0;
        record.said = 0;
        record.complaint = Complaint::None;
        record.word = Word::None;
        // What is gone on both sides needs no record.
        let over = record.live == Live::Unseen
            && record.farewell == Farewell::None
            && matches!(record.desired, Desired::Gone(_));
        drop(record);
        if over {
            self.records.remove(key);
        }
    }

    /// The step of `key` was reported: nothing is written.
    pub(crate) fn reported(&mut self, key: &ObjectKey) {
        if let Some(mut record) = self.records.get_mut(key) {
            record.turn = Turn::Reported;
        }
    }

    /// The Reconciler of `key` failed: it waits. Returns how many times in a row that was.
    pub(crate) fn failed(&mut self, key: &ObjectKey, complaint: Complaint) -> u32 {
        let Some(mut record) = self.records.get_mut(key) else {
            return 0;
        };
        record.turn = Turn::Waiting;
        record.complaint = complaint;
        record.failures = record.failures.saturating_add(1);
        record.failures
    }

    /// Whether the failures of `key` were not described as in `message` last; from now on they were.
    pub(crate) fn is_news(&mut self, key: &ObjectKey, message: &str) -> bool {
        let Some(mut record) = self.records.get_mut(key) else {
            return true;
        };
        let said = xxh3_64(message.as_bytes());
        mem::replace(&mut record.said, said) != said
    }

    /// What `key`, if it waits, still waits for.
    pub(crate) fn outlook(&self, key: &ObjectKey) -> Outlook {
        let waiting = |record: &&Record| record.turn == Turn::Waiting && !record.is_kept_by_guard();
        let Some(record) = self.records.get(key).filter(waiting) else {
            return Outlook::Open;
        };
        let is_known = matches!(record.desired, Desired::Wanted { .. } | Desired::Gone(_));
        if !is_known || record.step() != Step::Nothing {
            return Outlook::Open;
        }
        match record.complaint {
            // Its rest goes on, whatever the upstream says.
            Complaint::Fighting => Outlook::Open,
            Complaint::None => Outlook::Idle,
            Complaint::Failed | Complaint::Conflicted | Complaint::Paused => Outlook::Mended,
        }
    }

    /// `key` waits no longer, and nothing is to be done for it: the next change of either side counts again.
    pub(crate) fn end_wait(&mut self, key: &ObjectKey) {
        if let Some(mut record) = self.records.get_mut(key)
            && record.turn == Turn::Waiting
        {
            record.turn = Turn::Quiet;
        }
    }

    /// The wait of `key` is over. What was in the way may be gone: only another attempt tells.
    pub(crate) fn due(&mut self, key: &ObjectKey) {
        let Some(mut record) = self.records.get_mut(key) else {
            return;
        };
        if record.live == Live::Foreign {
            record.live = Live::Unseen;
        }
        // The binding was not what withheld it: it is asked for again.
        if let Desired::Withheld(absence) = record.desired {
            record.desired = weighed(&self.workspaces, key, absence);
        }
        // What was left alone is looked at again.
        if let (Complaint::Fighting, Live::Ours(ours)) = (record.complaint, &mut record.live) {
            ours.ownership = Ownership::Taken;
        }
    }

    /// Whether fields of `key` are fought over, and it waits for that alone.
    pub(crate) fn is_fought_over(&self, key: &ObjectKey) -> bool {
        let record = self.records.get(key);
        record.is_some_and(|record| record.turn == Turn::Waiting && record.complaint == Complaint::Fighting)
    }

    /// That the object of `key` was deleted is in doubt: it counts as absent only, and the mass-deletion guard judges.
    pub(crate) fn doubt(&mut self, key: &ObjectKey) {
        if let Some(mut record) = self.records.get_mut(key)
            && record.desired == Desired::Gone(Absence::DeletionSeen)
        {
            record.desired = Desired::Gone(Absence::NotInCompleteList);
            record.admission = Admission::Unjudged;
        }
    }

    /// The upstream has the object after all: the deletion was none. Its watch tells the rest.
    pub(crate) fn absence_refuted(&mut self, key: &ObjectKey) {
        let Some(mut record) = self.records.get_mut(key) else {
            return;
        };
        if matches!(record.desired, Desired::Gone(_)) {
            record.desired = Desired::Unknown;
        }
    }

    /// Whether the next step of `key` is to make it.
    pub(crate) fn is_to_be_made(&self, key: &ObjectKey) -> bool {
        self.records
            .get(key)
            .is_some_and(|record| record.step() == Step::Create)
    }

    /// What is known of the downstream object of `key`.
    pub(crate) fn live(&self, key: &ObjectKey) -> Option<&Live> {
        self.records.get(key).map(|record| &record.live)
    }

    /// The UID of the upstream object of `key`, where it is wanted.
    pub(crate) fn upstream_uid(&self, key: &ObjectKey) -> Option<&str> {
        match &self.records.get(key)?.desired {
            Desired::Wanted { uid, .. } => Some(uid),
            Desired::Unknown | Desired::Gone(_) | Desired::Withheld(_) => None,
        }
    }

    /// How many attempts of `key` failed one after the other.
    pub(crate) fn failures(&self, key: &ObjectKey) -> u32 {
        self.records.get(key).map_or(0, |record| record.failures)
    }

    /// Whether the owner of `key` was told of the failure.
    pub(crate) fn word(&self, key: &ObjectKey) -> Word {
        self.records.get(key).map_or(Word::None, |record| record.word)
    }

    /// The owner of `key` is told of the failure.
    pub(crate) fn give_word(&mut self, key: &ObjectKey) {
        if let Some(mut record) = self.records.get_mut(key) {
            record.word = Word::Given;
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
            .is_some_and(|record| record.desired == Desired::Unknown && record.incarnation == 0)
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
pub(crate) mod tests;

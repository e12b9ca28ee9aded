//! When which object is looked at: the first change at once, then at most one write in a while, the last state always.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use syncer_core::ObjectKey;
use tokio::time::Instant;

use crate::runtime::Origin;

/// How long a write may wait for a moment in which nobody else is about to write.
const HELD_AT_MOST: Duration = Duration::from_millis(250);

/// The objects with something going on. At most those that changed lately: what has rested is forgotten.
#[derive(Default)]
pub(super) struct Pace {
    objects: HashMap<ObjectKey, Work>,
    times: BTreeMap<(Instant, u64), ObjectKey>,
    sequence: u64,
}

struct Work {
    stage: Stage,
    /// When the oldest change that is not written yet was seen downstream.
    since: Option<Instant>,
    /// The same for what changed while a write was in flight.
    since_then: Option<Instant>,
    cause: Origin,
    /// The one time that counts.
    due: u64,
    began: Option<Instant>,
    failures: u32,
    conflicts: u32,
    /// The version that a write was refused over: it is not the newest.
    refused: Option<Box<str>>,
    sight: Sight,
    /// Since when a write that could be made is held back.
    held: Option<Instant>,
}

/// What the next write would be decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// The newest that the watch has shown.
    Watched,
    /// The object was read just now.
    Read,
}

/// Where an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is in the queue.
    Queued,
    /// A request about it is in flight.
    Busy,
    /// One is, and something changed since.
    BusyAgain,
    /// It was written not long ago.
    Resting,
    /// It was, and something changed since.
    RestingAgain,
    /// It is tried again later.
    Waiting,
    /// It is tried again as soon as something changes, or later.
    Listening,
}

// === impl Pace ===

impl Pace {
    /// Something changed about `key`; says whether it has to be queued.
    pub(super) fn changed(&mut self, key: &ObjectKey, since: Option<Instant>, cause: Origin) -> bool {
        let Some(work) = self.objects.get_mut(key) else {
            let work = Work {
                stage: Stage::Queued,
                since,
                since_then: None,
                cause,
                due: 0,
                began: None,
                failures: 0,
                conflicts: 0,
                refused: None,
                sight: Sight::Watched,
                held: None,
            };
            self.objects.insert(key.clone(), work);
            return true;
        };
        let oldest = match work.stage {
            Stage::Busy | Stage::BusyAgain => &mut work.since_then,
            _ => &mut work.since,
        };
        *oldest = oldest.or(since);
        work.cause = cause;
        work.stage = match work.stage {
            Stage::Busy => Stage::BusyAgain,
            Stage::Resting => Stage::RestingAgain,
            Stage::Listening => {
                // Its time says nothing any more.
                work.due = 0;
                work.stage = Stage::Queued;
                return true;
            }
            stage => stage,
        };
        false
    }

    /// What caused the work on `key`.
    pub(super) fn cause(&self, key: &ObjectKey) -> Origin {
        let work = self.objects.get(key);
        work.map_or_else(Origin::current, |work| work.cause.clone())
    }

    /// A request about `key` is in flight.
    pub(super) fn began(&mut self, key: &ObjectKey, now: Instant) {
        if let Some(work) = self.objects.get_mut(key) {
            work.stage = Stage::Busy;
            work.began = Some(now);
            work.held = None;
            work.sight = Sight::Watched;
        }
    }

    /// `key` needs nothing.
    pub(super) fn settled(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
    }

    /// `key` is not there any more.
    pub(super) fn forget(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
    }

    /// `key` was written: it rests for what is left of `interval` since its write began. Returns how long its change took.
    pub(super) fn rest(&mut self, key: &ObjectKey, interval: Duration, now: Instant) -> Option<Duration> {
        let work = self.objects.get_mut(key)?;
        work.stage = match work.stage {
            Stage::BusyAgain => Stage::RestingAgain,
            _ => Stage::Resting,
        };
        let since = std::mem::replace(&mut work.since, work.since_then.take());
        work.failures = 0;
        work.conflicts = 0;
        work.refused = None;
        let until = work.began.unwrap_or(now) + interval;
        self.set(key, until);
        since.map(|since| now.saturating_duration_since(since))
    }

    /// `key` is looked at again at `until`.
    pub(super) fn wait(&mut self, key: &ObjectKey, until: Instant) {
        self.put_off(key, Stage::Waiting, until);
    }

    /// `key` is looked at again when something changes, or at `until`.
    pub(super) fn listen(&mut self, key: &ObjectKey, until: Instant) {
        self.put_off(key, Stage::Listening, until);
    }

    /// Whether a write of `key` that could be made now may wait for a better moment: not for ever.
    pub(super) fn may_be_held(&mut self, key: &ObjectKey, now: Instant) -> bool {
        let Some(work) = self.objects.get_mut(key) else {
            return false;
        };
        if work.sight == Sight::Read {
            return false;
        }
        let since = *work.held.get_or_insert(now);
        now.saturating_duration_since(since) < HELD_AT_MOST
    }

    /// A try failed; returns how many in a row.
    pub(super) fn failed(&mut self, key: &ObjectKey) -> u32 {
        let Some(work) = self.objects.get_mut(key) else {
            return 1;
        };
        work.failures = work.failures.saturating_add(1);
        work.failures
    }

    /// A write over `version` met a newer one; returns how many did in a row.
    pub(super) fn refused(&mut self, key: &ObjectKey, version: &str) -> u32 {
        let Some(work) = self.objects.get_mut(key) else {
            return 1;
        };
        work.refused = Some(version.into());
        work.conflicts = work.conflicts.saturating_add(1);
        work.conflicts
    }

    /// The version that a write of `key` was refused over is the newest after all.
    pub(super) fn forgive(&mut self, key: &ObjectKey) {
        if let Some(work) = self.objects.get_mut(key) {
            work.refused = None;
        }
    }

    /// Whether a write over `version` was refused: it is not the newest.
    pub(super) fn was_refused(&self, key: &ObjectKey, version: &str) -> bool {
        let work = self.objects.get(key);
        work.is_some_and(|work| work.refused.as_deref() == Some(version))
    }

    /// Whether `key` has to be read before a write over `version`: that was refused, or the watch is too late for this object.
    pub(super) fn is_outdated(&self, key: &ObjectKey, version: &str) -> bool {
        let work = self.objects.get(key);
        let is_late = work.is_some_and(|work| work.conflicts > 1 && work.sight == Sight::Watched);
        is_late || self.was_refused(key, version)
    }

    /// `key` was read.
    pub(super) fn read(&mut self, key: &ObjectKey) {
        if let Some(work) = self.objects.get_mut(key) {
            work.sight = Sight::Read;
        }
    }

    /// The objects that have to be queued again at `now`.
    pub(super) fn due(&mut self, now: Instant) -> Vec<ObjectKey> {
        let later = self.times.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut self.times, later);
        due.into_iter()
            .filter_map(|((_, number), key)| self.come_due(key, number))
            .collect()
    }

    /// When something is due next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.times.keys().next().map(|(at, _)| *at)
    }

    fn come_due(&mut self, key: ObjectKey, number: u64) -> Option<ObjectKey> {
        let work = self.objects.get_mut(&key).filter(|work| work.due == number)?;
        match work.stage {
            Stage::Resting => {
                self.objects.remove(&key);
                None
            }
            Stage::RestingAgain | Stage::Waiting | Stage::Listening => {
                work.stage = Stage::Queued;
                Some(key)
            }
            Stage::Queued | Stage::Busy | Stage::BusyAgain => None,
        }
    }

    fn put_off(&mut self, key: &ObjectKey, stage: Stage, until: Instant) {
        if let Some(work) = self.objects.get_mut(key) {
            work.stage = stage;
            self.set(key, until);
        }
    }

    fn set(&mut self, key: &ObjectKey, at: Instant) {
        self.sequence += 1;
        if let Some(work) = self.objects.get_mut(key) {
            work.due = self.sequence;
            self.times.insert((at, self.sequence), key.clone());
        }
    }
}

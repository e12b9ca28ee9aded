//! What is known of every object whose status is propagated: the newest word of its upstream and of each target.
//!
//! Written by the watches, read by the `StatusPropagator`. Each method is short and waits for nothing (S6).

mod examined;
mod targets;
mod upstream;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use dashmap::DashMap;
use jiff::Timestamp;
use parking_lot::Mutex;
use syncer_core::ObjectKey;
use tokio::time::Instant;

use super::{entry::Entry, voices::Voices};
use crate::runtime::{Clock, Outbox, Signals};

/// The knowledge, shared by all who add to it. Bounded by the objects that the upstream and the targets hold.
#[derive(Clone)]
pub(crate) struct StatusBoard(Arc<Shared>);

struct Shared {
    objects: DashMap<ObjectKey, Entry>,
    voices: Mutex<Voices>,
    /// The keys that changed, each with the first unanswered sight downstream.
    changed: Outbox<ObjectKey, Option<Instant>>,
    /// Known once the Upstream begins.
    clock: OnceLock<Clock>,
    made: Instant,
}

// === impl StatusBoard ===

impl StatusBoard {
    pub(crate) fn new(signals: &Signals) -> Self {
        let earliest = |older: &mut Option<Instant>, newer: Option<Instant>| {
            *older = older.or(newer);
        };
        Self(Arc::new(Shared {
            objects: DashMap::new(),
            voices: Mutex::new(Voices::default()),
            changed: Outbox::merging("statuses", signals, earliest),
            clock: OnceLock::new(),
            made: Instant::now(),
        }))
    }

    /// The time by `clock` is the start from which targets that were never heard are waited for. Only the first call counts.
    pub(crate) fn begin(&self, clock: &Clock) {
        if self.0.clock.set(clock.clone()).is_ok() {
            self.0.voices.lock().begin(self.time());
        }
    }

    /// How many objects are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.objects.len()
    }

    /// The bytes of what is known of `key`.
    #[cfg(test)]
    pub(super) fn size(&self, key: &ObjectKey) -> usize {
        let texts = key.namespace.len() + key.name.len();
        size_of::<ObjectKey>() + texts + self.0.objects.get(key).map_or(0, |entry| entry.size())
    }

    fn change(&self, key: &ObjectKey, since: Option<Instant>, change: impl FnOnce(&mut Entry) -> bool) {
        let changed = change(&mut self.0.objects.entry(key.clone()).or_default());
        if changed {
            self.ring(key.clone(), since);
        }
    }

    fn ring_all(&self, mut keys: Vec<ObjectKey>) {
        keys.sort_unstable();
        for key in keys {
            self.0.objects.remove_if(&key, |_, entry| entry.is_empty());
            self.ring(key, None);
        }
    }

    fn ring(&self, key: ObjectKey, since: Option<Instant>) {
        crate::watcher::hand_over(&self.0.changed, key, since);
    }

    /// How long the board is there.
    fn at(&self) -> Duration {
        self.0.made.elapsed()
    }

    /// The time of day; the epoch before the begin, and where the clock is beyond what a time can say.
    fn time(&self) -> Timestamp {
        let time = self
            .0
            .clock
            .get()
            .and_then(|clock| Timestamp::try_from(clock.time()).ok());
        time.unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

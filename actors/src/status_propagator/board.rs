//! What is known of every object whose status is propagated: the newest word of its upstream and of each target.
//!
//! Written by the watches, read by the `StatusPropagator`. Each method is short and waits for nothing (S6).

use std::sync::{Arc, OnceLock};

use dashmap::{DashMap, mapref::multiple::RefMulti};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::Value;
use syncer_clusters::Object;
use syncer_core::{
    Gvr, ObjectKey,
    marker::PayloadHash,
    status::{Problem, Pruning, StatusKind},
};
use tokio::time::Instant;

use super::{
    StatusMessage,
    entry::{Entry, Examined, Wish},
    slices::Slice,
    target_side::Seen,
    upstream_side::{StatusTerms, UpstreamSide},
    voices::{News, Voices},
};
use crate::runtime::{Address, Clock, Outbox, Signals, Taken};

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
}

/// What a full round found.
pub(super) struct Round {
    /// Objects that have to be looked at.
    pub(super) open: Vec<ObjectKey>,
    /// Targets that fell silent, and since when.
    pub(super) silent: Vec<(Arc<str>, Timestamp)>,
    /// Targets that are heard again.
    pub(super) back: Vec<Arc<str>>,
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
        }))
    }

    /// The time by `clock` is the start from which targets that were never heard are waited for. Only the first call counts.
    pub(crate) fn begin(&self, clock: &Clock) {
        if self.0.clock.set(clock.clone()).is_ok() {
            self.0.voices.lock().begin(self.time());
        }
    }

    // --- what the upstream's watches say ---

    /// A new list of `gvr` begins upstream: what is seen from here on is in it.
    pub(crate) fn upstream_list_started(&self, gvr: &Gvr) {
        self.0.voices.lock().upstream_list_started(gvr);
    }

    /// The list of `gvr` upstream is complete: what was seen before it and not in it is gone.
    pub(crate) fn upstream_listed(&self, gvr: &Gvr) {
        let list = self.0.voices.lock().upstream_list(gvr);
        let is_absent = |entry: &RefMulti<'_, ObjectKey, Entry>| entry.key().gvr == *gvr && entry.is_absent_from(list);
        let absent = self.0.objects.iter().filter(is_absent);
        let absent: Vec<_> = absent.map(|entry| entry.key().clone()).collect();
        for key in absent {
            self.upstream_gone(&key);
        }
    }

    /// The upstream shows `object`, which is to be on the targets of `wishes`; none: nothing of it goes up.
    pub(crate) fn upstream_seen(&self, object: &Object, wishes: Vec<Wish>, terms: StatusTerms) {
        let key = object.key();
        if !StatusKind::is_propagated(&key.gvr) {
            return;
        }
        if wishes.is_empty() {
            self.upstream_gone(key);
            return;
        }
        let now = self.time();
        let list = {
            let mut voices = self.0.voices.lock();
            for wish in &wishes {
                voices.expected(&wish.target, now);
            }
            voices.upstream_list(&key.gvr)
        };
        let side = UpstreamSide::of(object, terms, list);
        self.change(key, None, |entry| entry.upstream_seen(side, wishes));
    }

    /// The upstream shows `object`, which cannot go down for `problem`; what is wanted of it is as it was (S11).
    pub(crate) fn upstream_malformed(&self, object: &Object, problem: Problem) {
        let key = object.key();
        self.upstream_undecided(key);
        let Some(mut entry) = self.0.objects.get_mut(key) else {
            return;
        };
        entry.looked(object);
        entry.malformed(problem);
        drop(entry);
        self.ring(key.clone(), None);
    }

    /// The upstream has `key`, and it cannot be told what is wanted of it: that is as it was.
    pub(crate) fn upstream_undecided(&self, key: &ObjectKey) {
        let list = self.0.voices.lock().upstream_list(&key.gvr);
        if let Some(mut entry) = self.0.objects.get_mut(key) {
            entry.still_there(list);
        }
    }

    /// The upstream object is gone.
    pub(crate) fn upstream_gone(&self, key: &ObjectKey) {
        if let Some(mut entry) = self.0.objects.get_mut(key) {
            entry.upstream_gone();
        }
        self.0.objects.remove_if(key, |_, entry| entry.is_empty());
    }

    /// The object as it was read again; what is wanted of it is as it was.
    pub(super) fn looked(&self, key: &ObjectKey, object: &Object) {
        if let Some(mut entry) = self.0.objects.get_mut(key) {
            entry.looked(object);
        }
    }

    // --- what a target's watches say ---

    /// A new list of `gvr` on `target` begins: what is seen from here on is in it.
    pub(crate) fn target_list_started(&self, target: &Arc<str>, gvr: &Gvr) {
        self.0.voices.lock().list_started(target, gvr);
    }

    /// `target` shows `object`, the copy of the upstream object `key`, to which `applied` was applied last.
    pub(crate) fn target_seen(
        &self,
        target: &Arc<str>,
        key: &ObjectKey,
        object: &Object,
        applied: Option<PayloadHash>,
        origin_uid: &str,
    ) {
        if !StatusKind::is_propagated(&key.gvr) {
            return;
        }
        let list = self.0.voices.lock().list(target, &key.gvr);
        match Seen::of(object, applied, origin_uid, list) {
            Ok(seen) => {
                self.change(key, Some(Instant::now()), |entry| entry.target_seen(target, seen));
            }
            Err(cause) => tracing::error!(%target, object = %key, "the status is no JSON that can be read: {cause}"),
        }
    }

    /// `target` has no copy of `key` any more.
    pub(crate) fn target_gone(&self, target: &Arc<str>, key: &ObjectKey) {
        if self.0.objects.contains_key(key) {
            self.change(key, Some(Instant::now()), |entry| entry.target_gone(target));
            self.0.objects.remove_if(key, |_, entry| entry.is_empty());
        }
    }

    /// The list of `gvr` on `target` is complete: what was seen before it and not in it is gone.
    pub(crate) fn target_listed(&self, target: &Arc<str>, gvr: &Gvr) {
        let list = self.0.voices.lock().listed(target, gvr);
        let mut changed = Vec::new();
        for mut entry in self.0.objects.iter_mut().filter(|entry| entry.key().gvr == *gvr) {
            if entry.value_mut().target_listed(target, list) {
                changed.push(entry.key().clone());
            }
        }
        self.ring_all(changed);
    }

    /// `target` has the slice `name` of the Service `key`.
    pub(crate) fn slice_seen(&self, target: &Arc<str>, key: &ObjectKey, name: &str, slice: Slice) {
        self.change(key, Some(Instant::now()), |entry| entry.slice_seen(target, name, slice));
    }

    /// `target` does not have the slice `name` of the Service `key` any more.
    pub(crate) fn slice_gone(&self, target: &Arc<str>, key: &ObjectKey, name: &str) {
        if self.0.objects.contains_key(key) {
            self.change(key, Some(Instant::now()), |entry| entry.slice_gone(target, name));
        }
    }

    /// All slices of `target` were seen.
    pub(crate) fn slices_listed(&self, target: &Arc<str>) {
        self.0.voices.lock().slices_listed(target);
    }

    /// `target` can be reached.
    pub(crate) fn target_reached(&self, target: &Arc<str>) {
        self.0.voices.lock().reached(target);
    }

    /// `target` cannot be reached; nothing of it was heard since now, if it was heard before.
    pub(crate) fn target_lost(&self, target: &Arc<str>) {
        let now = self.time();
        self.0.voices.lock().lost(target, now);
    }

    /// `target` was heard last at `heartbeat`, before this process was.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "no heartbeat is stored yet that could be read at the start")
    )]
    pub(crate) fn target_remembered(&self, target: &Arc<str>, heartbeat: Timestamp) {
        self.0.voices.lock().remembered(target, heartbeat);
    }

    /// `target` is not a target any more.
    pub(crate) fn target_removed(&self, target: &Arc<str>) {
        let now = self.time();
        self.0.voices.lock().removed(target, now);
        let mut changed = Vec::new();
        for mut entry in self.0.objects.iter_mut() {
            if entry.value_mut().target_gone(target) {
                changed.push(entry.key().clone());
            }
        }
        self.ring_all(changed);
    }

    /// What keeps `key` from being synced to `target`; none if nothing does.
    pub(crate) fn problem(&self, target: &Arc<str>, key: &ObjectKey, problem: Option<Problem>) {
        if problem.is_none() && !self.0.objects.contains_key(key) {
            return;
        }
        if StatusKind::is_propagated(&key.gvr) {
            self.change(key, None, |entry| entry.set_problem(target, problem));
        }
    }

    // --- what the StatusPropagator does ---

    pub(super) fn bind(&self, to: &Address<StatusMessage>) {
        self.0.changed.bind(to, StatusMessage::Changed);
    }

    pub(super) fn take(&self, batch: usize) -> Vec<Taken<ObjectKey, Option<Instant>>> {
        self.0.changed.take(batch)
    }

    /// What is to be done about the status of `key`; a status that is as it should be is settled until something changes.
    pub(super) fn examine(&self, key: &ObjectKey, pruning: &Pruning) -> Examined {
        let now = self.time();
        let Some(mut entry) = self.0.objects.get_mut(key) else {
            return Examined::Settled;
        };
        let voices = self.0.voices.lock();
        entry.examine(key, &voices, pruning, now)
    }

    /// The upstream answered `object` to a status of `sent`.
    pub(super) fn written(&self, key: &ObjectKey, object: &Object, sent: &Value) {
        if let Some(mut entry) = self.0.objects.get_mut(key) {
            entry.written(object, sent);
        }
    }

    /// Whether the version `resource_version` is still the newest that is known of `key`.
    pub(super) fn shows(&self, key: &ObjectKey, resource_version: &str) -> bool {
        let entry = self.0.objects.get(key);
        entry.is_some_and(|entry| entry.resource_version() == Some(resource_version))
    }

    pub(super) fn terms(&self, key: &ObjectKey) -> StatusTerms {
        let entry = self.0.objects.get(key);
        entry.map(|entry| entry.terms()).unwrap_or_default()
    }

    pub(super) fn uid(&self, key: &ObjectKey) -> Option<Box<str>> {
        self.0.objects.get(key)?.uid().map(Into::into)
    }

    /// Everything is looked at again: for a `StatusPropagator` that was built anew.
    pub(super) fn reopen(&self) {
        for mut entry in self.0.objects.iter_mut() {
            entry.open();
        }
    }

    /// Finds what has to be looked at though nobody rang.
    pub(super) fn round(&self) -> Round {
        let now = self.time();
        let News { silent, back } = self.0.voices.lock().news(now);
        let concerned = |target: &str| {
            silent.iter().any(|(silent, _)| &**silent == target) || back.iter().any(|back| &**back == target)
        };
        let mut open = Vec::new();
        for mut entry in self.0.objects.iter_mut() {
            let told = !silent.is_empty() || !back.is_empty();
            if told && entry.has_target(concerned) {
                entry.open();
            }
            if entry.is_open(now) {
                open.push(entry.key().clone());
            }
        }
        open.sort_unstable();
        Round { open, silent, back }
    }

    /// How many objects are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.objects.len()
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

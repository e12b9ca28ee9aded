//! What is known of the finalizers of upstream objects: written by the upstream's watches, by the Upstream and by the Targets, read
//! by the `FinalizerKeeper`. Each method is short and waits for nothing (S6).

mod known;

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use parking_lot::Mutex;
use syncer_clusters::Object;
use syncer_core::{Gvr, ObjectKey, ResourceType, finalizer::PREFIX, naming::finalizer};

use self::known::Known;
pub(super) use self::known::{Membership, Reach, TargetState};
use super::{
    KeeperMessage,
    entry::{Decision, Entry, Novelty, Shown, TargetClaim},
};
use crate::{
    runtime::{Address, Outbox, Signals, Taken},
    watcher::hand_over,
};

/// How much of what is left behind on one target is remembered; what is more goes under the mass-deletion guard when it returns.
const MOST_LEFT_BEHIND: usize = 100_000;

/// The knowledge, shared by all who add to it. Bounded by the upstream objects that carry a finalizer of ours or need one.
#[derive(Clone)]
pub(crate) struct FinalizerBoard(Arc<Inner>);

struct Inner {
    known: Mutex<Known>,
    /// The objects about which something new is known.
    rung: Outbox<ObjectKey, ()>,
}

/// Whether an object has anything to do with our finalizers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concern {
    /// A policy has it wait for a target.
    Waits,
    /// None does: it has only if it carries one.
    IfCarried,
    /// It cannot be told for now.
    Undecided,
}

// === impl FinalizerBoard ===

impl FinalizerBoard {
    pub(crate) fn new(signals: &Signals) -> Self {
        Self(Arc::new(Inner {
            known: Mutex::default(),
            rung: Outbox::newest("finalizers", signals),
        }))
    }

    // --- what the upstream says ---

    /// The upstream is followed: `targets` are those that the rules name, with their keys, `resources` what is followed.
    pub(crate) fn rules<'a>(
        &self,
        targets: impl Iterator<Item = (&'a Arc<str>, String)>,
        resources: impl Iterator<Item = &'a ResourceType>,
    ) {
        let mut known = self.0.known.lock();
        for state in known.targets.values_mut() {
            state.membership = Membership::Removed;
        }
        for (target, key) in targets {
            let state = known.targets.entry(target.clone());
            let state = state.or_insert_with(|| TargetState {
                finalizer: finalizer(&key).into(),
                membership: Membership::Member,
                reach: Reach::Unknown,
            });
            state.membership = Membership::Member;
        }
        for resource in resources {
            known.resources.insert(resource.gvr.clone(), resource.clone());
        }
        let known = &*known;
        let removed = |entry: &Entry| {
            let mut removed = known.targets.values();
            removed.any(|state| state.membership == Membership::Removed && entry.has(&state.finalizer))
        };
        self.ring_all(known.having(removed));
    }

    /// The finalizer of `target`, if the rules ever named it.
    pub(crate) fn finalizer_of(&self, target: &str) -> Option<Box<str>> {
        let known = self.0.known.lock();
        known.targets.get(target).map(|state| state.finalizer.clone())
    }

    /// A watch, or a list that is the one with the number `list` or came later, shows `object`.
    pub(crate) fn seen(&self, object: &Object, concern: Concern, list: u64) {
        let key = object.key();
        let carries = object.finalizers().any(|finalizer| finalizer.starts_with(PREFIX));
        let mut known = self.0.known.lock();
        match known.objects.get_mut(key) {
            Some(_) if !carries && concern == Concern::IfCarried => {
                known.objects.remove(key);
                return;
            }
            Some(entry) => entry.see(Shown::of(object), list),
            None if carries || concern == Concern::Waits => {
                known.objects.insert(key.clone(), Entry::new(Shown::of(object), list));
            }
            None => return,
        }
        drop(known);
        self.ring(key.clone());
    }

    /// The object `key` is gone.
    pub(crate) fn gone(&self, key: &ObjectKey) {
        self.0.known.lock().objects.remove(key);
    }

    /// The list `list` of `gvr` is complete: what was seen before it and not in it is gone.
    pub(crate) fn listed(&self, gvr: &Gvr, list: u64) {
        let mut known = self.0.known.lock();
        known
            .objects
            .retain(|key, entry| key.gvr != *gvr || entry.list() >= list);
    }

    /// The UID of `key`, if it has anything to do with our finalizers.
    pub(crate) fn uid(&self, key: &ObjectKey) -> Option<Box<str>> {
        self.0.known.lock().objects.get(key).map(|entry| entry.uid().into())
    }

    /// What the rules make of the object `key` with `uid`. A target that is not in `claims` is one where it has not to be.
    pub(crate) fn claim(&self, key: &ObjectKey, uid: &str, claims: Box<[TargetClaim]>) {
        let mut known = self.0.known.lock();
        let entry = known.objects.get_mut(key);
        let novelty = entry.map_or(Novelty::None, |entry| entry.claim(uid, claims));
        drop(known);
        if novelty == Novelty::Some {
            self.ring(key.clone());
        }
    }

    // --- what targets say ---

    /// The Target of this name takes orders: what it was asked before it was built anew is asked again.
    pub(crate) fn entered(&self, target: &str) {
        let mut known = self.0.known.lock();
        let Some(finalizer) = known.targets.get(target).map(|state| state.finalizer.clone()) else {
            return;
        };
        for entry in known.objects.values_mut() {
            entry.ask_again(target);
        }
        self.ring_all(known.having(|entry| entry.has(&finalizer)));
    }

    /// Nothing of ours is left of `key` on `target`, which was asked to say so.
    pub(crate) fn parted(&self, target: &Arc<str>, key: &ObjectKey) {
        let mut known = self.0.known.lock();
        let entry = known.objects.get_mut(key);
        let novelty = entry.map_or(Novelty::None, |entry| entry.part(target));
        drop(known);
        if novelty == Novelty::Some {
            self.ring(key.clone());
        }
    }

    /// What of `gvr` was left behind on `target` since this process began, and is not known to be gone.
    pub(crate) fn left_behind(&self, target: &str, gvr: &Gvr) -> BTreeSet<ObjectKey> {
        let known = self.0.known.lock();
        let left_behind = known.left_behind.get(target).into_iter().flatten();
        left_behind.filter(|key| key.gvr == *gvr).cloned().collect()
    }

    /// `key`, which was left behind on `target`, is gone there or wanted again; says whether it was.
    pub(crate) fn reclaim(&self, target: &str, key: &ObjectKey) -> bool {
        let mut known = self.0.known.lock();
        let left_behind = known.left_behind.get_mut(target);
        left_behind.is_some_and(|left_behind| left_behind.remove(key))
    }

    /// `target` answers.
    pub(crate) fn reached(&self, target: &str) {
        if let Some(state) = self.0.known.lock().targets.get_mut(target) {
            state.reach = Reach::Reached;
        }
    }

    /// `target` cannot be reached at `now`, by the upstream's clock: the deletions that wait for it wait for a limited time from when it was
    /// last well. That was until now where it was reached before; else it was at `well`, as far as somebody knows.
    pub(crate) fn lost(&self, target: &str, now: Timestamp, well: Option<Timestamp>) {
        let mut known = self.0.known.lock();
        let Some(state) = known.targets.get_mut(target) else {
            return;
        };
        state.reach = match state.reach {
            Reach::Lost { .. } => return,
            Reach::Reached => Reach::Lost { well: Some(now) },
            Reach::Unknown => Reach::Lost { well },
        };
        let finalizer = state.finalizer.clone();
        self.ring_all(known.having(|entry| entry.is_held_by(&finalizer)));
    }

    // --- what the keeper asks ---

    pub(super) fn bind(&self, to: &Address<KeeperMessage>) {
        self.0.rung.bind(to, KeeperMessage::Rung);
    }

    pub(super) fn take(&self, at_most: usize) -> Vec<Taken<ObjectKey, ()>> {
        self.0.rung.take(at_most)
    }

    /// Everything is looked at again: what a keeper before this one had taken may be undone.
    pub(super) fn reopen(&self) {
        self.ring_all(self.0.known.lock().having(|_| true));
    }

    /// What is to be done about `key` at `now`, by the upstream's clock.
    pub(super) fn decide(&self, key: &ObjectKey, now: Timestamp) -> Decision {
        let mut known = self.0.known.lock();
        let Known {
            targets,
            objects,
            left_behind,
            ..
        } = &mut *known;
        let Some(entry) = objects.get_mut(key) else {
            return Decision::default();
        };
        let decision = entry.decide(targets, now);
        for target in &decision.abandon {
            let left_behind = left_behind.entry(target.clone()).or_default();
            if left_behind.len() < MOST_LEFT_BEHIND {
                left_behind.insert(key.clone());
            }
        }
        decision
    }

    /// The finalizers of `key` that look like ours and are of no target that the rules ever named.
    pub(super) fn strangers(&self, key: &ObjectKey) -> Vec<Box<str>> {
        let known = self.0.known.lock();
        let Some(entry) = known.objects.get(key) else {
            return Vec::new();
        };
        let is_known = |finalizer: &str| known.targets.values().any(|state| *state.finalizer == *finalizer);
        let strangers = entry.finalizers();
        let strangers = strangers.filter(|finalizer| finalizer.starts_with(PREFIX) && !is_known(finalizer));
        strangers.map(Box::from).collect()
    }

    /// An answer of the upstream shows `object`.
    pub(super) fn answered(&self, object: &Object) {
        let key = object.key();
        if let Some(entry) = self.0.known.lock().objects.get_mut(key) {
            entry.see(Shown::of(object), 0);
        }
    }

    /// Whether the newest version that is known of `key` is `version`.
    pub(super) fn shows(&self, key: &ObjectKey, version: &str) -> bool {
        let known = self.0.known.lock();
        known.objects.get(key).is_some_and(|entry| entry.version() == version)
    }

    pub(super) fn resource(&self, gvr: &Gvr) -> Option<ResourceType> {
        self.0.known.lock().resources.get(gvr).cloned()
    }

    fn ring(&self, key: ObjectKey) {
        hand_over(&self.0.rung, key, ());
    }

    fn ring_all(&self, keys: Vec<ObjectKey>) {
        for key in keys {
            self.ring(key);
        }
    }
}

//! What the upstream's watches tell the board.

use dashmap::mapref::multiple::RefMulti;
use syncer_clusters::Object;
use syncer_core::{
    Gvr, ObjectKey,
    status::{Problem, StatusKind},
};

use super::StatusBoard;
use crate::status_propagator::{
    entry::{Entry, Wish},
    upstream_side::{StatusTerms, UpstreamSide},
};

impl StatusBoard {
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
        let at = self.at();
        self.change(key, None, |entry| entry.upstream_seen(side, wishes, at));
    }

    /// The upstream shows `object`, which cannot go down for `problem`; what is wanted of it is as it was (S11).
    pub(crate) fn upstream_malformed(&self, object: &Object, problem: Problem) {
        let key = object.key();
        self.upstream_undecided(key);
        let list = self.0.voices.lock().upstream_list(&key.gvr);
        let Some(mut entry) = self.0.objects.get_mut(key) else {
            return;
        };
        entry.looked(object, list, self.at());
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
    /// Says whether it is the same object still.
    pub(in crate::status_propagator) fn looked(&self, key: &ObjectKey, object: &Object) -> bool {
        let list = self.0.voices.lock().upstream_list(&key.gvr);
        let entry = self.0.objects.get_mut(key);
        entry.is_some_and(|mut entry| entry.looked(object, list, self.at()))
    }
}

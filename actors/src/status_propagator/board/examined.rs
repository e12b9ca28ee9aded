//! What the `StatusPropagator` asks the board, and what it puts back.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use syncer_clusters::Object;
use syncer_core::{ObjectKey, status::Pruning};
use tokio::time::Instant;

use super::StatusBoard;
use crate::{
    runtime::{Address, Taken},
    status_propagator::{StatusMessage, entry::Examined, upstream_side::StatusTerms, voices::News},
};

/// What a full round found.
pub(in crate::status_propagator) struct Round {
    /// Objects that have to be looked at.
    pub(in crate::status_propagator) open: Vec<ObjectKey>,
    /// Targets that fell silent, and since when.
    pub(in crate::status_propagator) silent: Vec<(Arc<str>, Timestamp)>,
    /// Targets that are heard again.
    pub(in crate::status_propagator) back: Vec<Arc<str>>,
}

impl StatusBoard {
    pub(in crate::status_propagator) fn bind(&self, to: &Address<StatusMessage>) {
        self.0.changed.bind(to, StatusMessage::Changed);
    }

    pub(in crate::status_propagator) fn take(&self, batch: usize) -> Vec<Taken<ObjectKey, Option<Instant>>> {
        self.0.changed.take(batch)
    }

    /// What is to be done about the status of `key`; a status that is as it should be is settled until something changes.
    pub(in crate::status_propagator) fn examine(&self, key: &ObjectKey, pruning: &Pruning) -> Examined {
        let now = self.time();
        let Some(mut entry) = self.0.objects.get_mut(key) else {
            return Examined::Settled;
        };
        let voices = self.0.voices.lock();
        entry.examine(key, &voices, pruning, now, self.at())
    }

    /// The upstream answered `object` to a status of `sent`.
    pub(in crate::status_propagator) fn written(&self, key: &ObjectKey, object: &Object, sent: &Value) {
        let list = self.0.voices.lock().upstream_list(&key.gvr);
        if let Some(mut entry) = self.0.objects.get_mut(key) {
            entry.written(object, sent, list);
        }
    }

    /// What became of a write of the status of `key`, of the object with this UID, is not known.
    pub(in crate::status_propagator) fn unanswered(&self, key: &ObjectKey, uid: &str) {
        if let Some(mut entry) = self.0.objects.get_mut(key) {
            entry.unanswered(uid);
        }
    }

    /// Whether the version `resource_version` is still the newest that is known of `key`.
    pub(in crate::status_propagator) fn shows(&self, key: &ObjectKey, resource_version: &str) -> bool {
        let entry = self.0.objects.get(key);
        entry.is_some_and(|entry| entry.resource_version() == Some(resource_version))
    }

    pub(in crate::status_propagator) fn terms(&self, key: &ObjectKey) -> StatusTerms {
        let entry = self.0.objects.get(key);
        entry.map(|entry| entry.terms()).unwrap_or_default()
    }

    pub(in crate::status_propagator) fn uid(&self, key: &ObjectKey) -> Option<Box<str>> {
        self.0.objects.get(key)?.uid().map(Into::into)
    }

    /// Everything is looked at again: for a `StatusPropagator` that was built anew.
    pub(in crate::status_propagator) fn reopen(&self) {
        for mut entry in self.0.objects.iter_mut() {
            entry.open();
        }
    }

    /// Finds what has to be looked at though nobody rang.
    pub(in crate::status_propagator) fn round(&self) -> Round {
        let now = self.time();
        let News { silent, back, overdue } = self.0.voices.lock().news(now);
        let changed: Vec<&Arc<str>> = silent
            .iter()
            .map(|(name, _)| name)
            .chain(&back)
            .chain(&overdue)
            .collect();
        let concerned = |target: &str| changed.iter().any(|changed| &***changed == target);
        let mut open = Vec::new();
        for mut entry in self.0.objects.iter_mut() {
            if !changed.is_empty() && entry.has_target(concerned) {
                entry.open();
            }
            if entry.is_open(now) {
                open.push(entry.key().clone());
            }
        }
        open.sort_unstable();
        Round { open, silent, back }
    }
}

//! What comes in at the Upstream: sights, taken in batches into the index.

use std::time::Duration;

use syncer_core::{ObjectKey, event_reason::EventReason};
use tokio::time::Instant;
use tracing::{error, info};

use super::{
    Stage, Upstream,
    endpoints::EndpointId,
    index::{ListAt, Tidings, dated},
    sight::{Sight, SightKey, Word},
};
use crate::{
    events::Subject,
    prescription::{RenderError, names_namespace},
    runtime::{Actor, Beginning, Context, Failure, Origin, Taken, begin_trace, is_traced},
    target::OrderKey,
    watcher::Watcher,
};

/// How many sights, or notices, are taken before the neighbours on the thread have a turn.
pub(super) const BATCH: usize = 256;

// === impl Upstream ===

impl Upstream {
    pub(super) fn take_sights(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        for Taken { key, value, .. } in self.sights.take(BATCH) {
            if key == SightKey::Reread {
                self.rereads.ended();
            }
            if value.revision >= self.rulebook.revision {
                self.take_sight(key, value, ctx);
            }
        }
        self.reread_next(ctx)
    }

    fn take_sight(&mut self, key: SightKey, sight: Sight, ctx: &mut Context<Self>) {
        match (key, sight.word) {
            (SightKey::Object(key), word) => {
                self.tell_departure(&key);
                let tidings = self.object(&key, word, sight.endpoint);
                let trace = if tidings.is_empty() {
                    None
                } else {
                    self.traced(&key, sight.at, sight.took)
                };
                let spread = || self.spread(tidings.into_iter().map(|tiding| dated(tiding, sight.at)));
                match trace {
                    Some(edit) => edit.handled(Self::KIND, ctx.key(), &key, spread),
                    None => spread(),
                }
                self.claim(&key);
            }
            (SightKey::Listed(gvr, list), Word::Listed { objects }) => {
                self.listed(&gvr, list, (objects, sight.endpoint), ctx);
            }
            (SightKey::Listed(..), _) => {}
            (SightKey::Reread, _) => self.reread_through(),
            (SightKey::Stream(gvr, _), Word::Interrupted(cause)) => {
                self.base.trouble(&gvr.to_string(), Some(&cause.to_string()));
                self.interrupted(&gvr, sight.endpoint, &cause, ctx);
            }
            (SightKey::Stream(gvr, _), _) => {
                self.base.trouble(&gvr.to_string(), None);
                info!(kind = %gvr, "the upstream watch goes on");
            }
        }
    }

    /// The trace of an edit of `key` that changes something for somebody. What the first list brings is no edit.
    fn traced(&self, key: &ObjectKey, read: Instant, took: Duration) -> Option<Origin> {
        if !is_traced() || !self.endpoints.is_listed(&key.gvr) {
            return None;
        }
        let first = Beginning {
            kind: Watcher::KIND,
            key: &format!("{} upstream", key.gvr),
            object: &key.to_string(),
            ago: read.elapsed(),
            work: took,
        };
        begin_trace(&first).map(Origin::of)
    }

    fn object(&mut self, key: &ObjectKey, word: Word, endpoint: EndpointId) -> Tidings {
        if !matches!(word, Word::Deleted) && !self.base.workspaces.takes(key) {
            self.pass_over(&key.cluster);
            return Tidings::new();
        }
        match word {
            Word::Present { shown, list } => self.index.present(key, shown, ListAt { endpoint, list }),
            Word::Relabelled { shown, list } => {
                // Before the namespaces are listed nothing else was read.
                if self.rulebook.reads_namespace_labels() && self.endpoints.is_listed(&key.gvr) {
                    self.rereads.want(key);
                }
                self.index.present(key, shown, ListAt { endpoint, list })
            }
            Word::Deleted if self.index.is_elsewhere(key, endpoint) => Tidings::new(),
            Word::Deleted => {
                for prescription in self.index.prescriptions(key) {
                    self.base.bodies.forget(key, &prescription);
                }
                self.index.deleted(key)
            }
            // The binding came between this and now.
            Word::PassedOver => {
                self.rereads.want_workspace(&key.cluster);
                Tidings::new()
            }
            Word::Malformed { shown, cause, list } => {
                self.malformed(key, &shown.uid, &cause);
                self.index.stays_as_it_is(key, shown, ListAt { endpoint, list })
            }
            Word::Undecided { list } => {
                self.index.still_there(key, list);
                Tidings::new()
            }
            Word::Listed { .. } | Word::Reread | Word::Interrupted(_) | Word::Recovered => Tidings::new(),
        }
    }

    /// What a namespace that goes held need not be asked about any more.
    fn tell_departure(&self, key: &ObjectKey) {
        if !names_namespace(key) || !self.base.departures.has(key) {
            return;
        }
        self.tell_all(&OrderKey::Departing(key.clone()), &self.complete());
    }

    fn malformed(&self, key: &ObjectKey, uid: &str, cause: &RenderError) {
        error!(
            workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace, name = %key.name,
            "not synced, what went down last stays: {cause}"
        );
        if let Stage::Following(identity) = &self.stage
            && let Some(resource) = identity.resources.iter().find(|resource| resource.gvr == key.gvr)
        {
            let subject = Subject {
                resource: resource.clone(),
                key: key.clone(),
                uid: uid.into(),
            };
            let events = &self.base.events;
            events.tell(subject, EventReason::TransformFailed, cause.to_string());
        }
    }
}

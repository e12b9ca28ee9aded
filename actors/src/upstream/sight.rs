//! What the upstream's watchers hand to the Upstream: the newest word on each object.

use std::sync::Arc;

use syncer_clusters::{Error, Object, WatchEvent};
use syncer_core::{
    Gvr, ObjectKey, ResourceType,
    marker::PayloadHash,
    payload::PayloadError,
    protect::{ClusterScoped, Facts, Protection},
};

use crate::{
    bodies::{Bodies, Body},
    runtime::Outbox,
    watcher::{Reading, hand_over},
};

/// What a sight is about. Objects come before the list that completes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SightKey {
    /// One object.
    Object(ObjectKey),
    /// The complete list of a resource with this number.
    Listed(Gvr, u64),
    /// How the stream of a resource fares.
    Stream(Gvr),
}

/// The newest word on what a [`SightKey`] names.
#[derive(Clone, Debug)]
pub(crate) enum Sight {
    /// The object is there, and what of it goes down has this hash. `list` is the number of the last list begun.
    Present {
        /// Its UID.
        uid: Box<str>,
        /// The hash of its payload.
        hash: PayloadHash,
        /// The number of the last list begun before it was seen.
        list: u64,
    },
    /// The watch said that it was deleted.
    Deleted,
    /// What it holds cannot go down; what did so last stays (S11).
    Malformed(Arc<PayloadError>),
    /// Everything seen before that list and not in it is absent.
    Listed {
        /// How many objects it had.
        objects: usize,
    },
    /// The stream broke; it goes on by itself.
    Interrupted(Error),
    /// The stream goes on.
    Recovered,
}

/// Turns the events of one resource's watch into sights.
pub(crate) struct UpstreamReading {
    resource: ResourceType,
    protection: Arc<Protection>,
    bodies: Arc<Bodies>,
    sights: Outbox<SightKey, Sight>,
    list: u64,
}

// === impl UpstreamReading ===

impl UpstreamReading {
    pub(crate) fn new(
        resource: ResourceType,
        protection: Arc<Protection>,
        bodies: Arc<Bodies>,
        sights: Outbox<SightKey, Sight>,
    ) -> Self {
        Self {
            resource,
            protection,
            bodies,
            sights,
            list: 0,
        }
    }

    fn is_protected(&self, key: &ObjectKey) -> bool {
        let facts = Facts {
            scope: self.resource.scope,
            cluster_scoped_allowed: ClusterScoped::Denied,
            secret_type: None,
        };
        self.protection.of(key, facts).is_some()
    }

    fn present(&self, object: &Object) {
        let key = object.key().clone();
        if self.is_protected(&key) {
            return;
        }
        let sight = match Body::of(object) {
            Ok(body) => {
                let (uid, hash) = (body.uid.clone(), body.payload.hash());
                self.bodies.keep(key.clone(), Arc::new(body));
                Sight::Present {
                    uid,
                    hash,
                    list: self.list,
                }
            }
            Err(error) => Sight::Malformed(Arc::new(error)),
        };
        self.hand_over(SightKey::Object(key), sight);
    }

    fn stream(&self, sight: Sight) {
        self.hand_over(SightKey::Stream(self.resource.gvr.clone()), sight);
    }

    fn hand_over(&self, key: SightKey, sight: Sight) {
        hand_over(&self.sights, key, sight);
    }
}

impl Reading for UpstreamReading {
    fn read(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::ListStarted => self.list += 1,
            WatchEvent::Applied(object) => self.present(&object),
            WatchEvent::Deleted(object) => self.hand_over(SightKey::Object(object.key().clone()), Sight::Deleted),
            WatchEvent::Listed(list) => {
                let key = SightKey::Listed(self.resource.gvr.clone(), self.list);
                self.hand_over(key, Sight::Listed { objects: list.count() });
            }
            WatchEvent::Interrupted(error) => self.stream(Sight::Interrupted(error)),
            WatchEvent::Recovered => self.stream(Sight::Recovered),
        }
    }
}

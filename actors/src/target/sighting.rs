//! What a target's watchers hand to the Target: the newest state of each downstream object of ours.

use std::sync::Arc;

use syncer_clusters::{Error, ManagedFields, Object, WatchEvent};
use syncer_core::{
    Gvr, ObjectKey,
    marker::{APPLIED_ANNOTATION, Applied, FIELD_MANAGER, ORIGIN_ANNOTATION, Origin},
    plan::{Lifecycle, Ours, Ownership},
};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    runtime::Outbox,
    watcher::{Reading, hand_over},
};

/// What a sighting is about. Objects come before the list that completes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SightingKey {
    /// The downstream object of one upstream object.
    Object(ObjectKey),
    /// The complete list of a resource with this number.
    Listed(Gvr, u64),
    /// The downstream object with this UID, which carries our label but no marker that counts.
    Disowned(Box<str>),
    /// How the stream of a resource fares.
    Stream(Gvr),
}

/// The newest word on what a [`SightingKey`] names.
#[derive(Clone, Debug)]
pub(crate) enum Sighting {
    /// The object is there.
    Present {
        /// What was seen.
        seen: Seen,
        /// The number of the last list begun before it was seen.
        list: u64,
    },
    /// The filtered watch says DELETED: gone, or without our label now.
    OutOfSight {
        /// The UID of what left.
        uid: Box<str>,
    },
    /// Somebody took our marker off: the object is not ours any more (S1).
    Disowned,
    /// Every object of ours that was seen before that list and not in it is out of sight.
    Listed,
    /// The stream broke; it goes on by itself.
    Interrupted(Error),
    /// The stream goes on.
    Recovered,
}

/// A downstream object that carries our marker, as the API server showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What the plan needs; its ownership is not verified.
    pub(crate) ours: Ours,
    /// The version that was seen.
    pub(crate) resource_version: Box<str>,
    /// The FieldsV1 of our Apply entry; empty if we have none.
    pub(crate) fields: Box<str>,
}

impl Seen {
    /// What `object` shows, and the upstream object of `upstream` that it was made from; `None` if it is not ours.
    pub(crate) fn of(object: &Object, upstream: &str) -> Option<(ObjectKey, Self)> {
        let annotations = object.annotations();
        let origin = Origin::parse(annotations.get(ORIGIN_ANNOTATION)?)?;
        let found = object.key();
        let key = origin.claims(upstream, found)?;
        // Under `Identity` a copy in another namespace is somebody else's, whatever its annotation says.
        if key.namespace != found.namespace {
            return None;
        }
        let ours = Ours {
            uid: object.uid().into(),
            origin_uid: origin.uid.into(),
            applied: annotations.get(APPLIED_ANNOTATION).and_then(Applied::parse),
            ownership: Ownership::Unverified,
            lifecycle: match object.deletion_timestamp() {
                Some(_) => Lifecycle::Terminating,
                None => Lifecycle::Present,
            },
        };
        let of_our_applies = |entry: &&ManagedFields| {
            &*entry.manager == FIELD_MANAGER && &*entry.operation == "Apply" && entry.subresource.is_empty()
        };
        let entry = object.managed_fields().iter().find(of_our_applies);
        let fields = entry.map(|entry| entry.fields.get()).unwrap_or_default().into();
        Some((
            key,
            Self {
                ours,
                resource_version: object.resource_version().into(),
                fields,
            },
        ))
    }

    /// A hash of our entry: while it is the same as in the answer to our apply, nobody took a leaf of ours.
    pub(crate) fn fields_hash(&self) -> u64 {
        fields_hash(&self.fields)
    }
}

/// The hash of an entry's FieldsV1.
pub(crate) fn fields_hash(fields: &str) -> u64 {
    xxh3_64(fields.as_bytes())
}

/// Turns the events of one resource's filtered watch into sightings.
pub(crate) struct TargetReading {
    gvr: Gvr,
    upstream: Arc<str>,
    sightings: Outbox<SightingKey, Sighting>,
    list: u64,
}

// === impl TargetReading ===

impl TargetReading {
    pub(crate) fn new(gvr: Gvr, upstream: Arc<str>, sightings: Outbox<SightingKey, Sighting>) -> Self {
        Self {
            gvr,
            upstream,
            sightings,
            list: 0,
        }
    }

    fn hand_over(&self, key: SightingKey, sighting: Sighting) {
        hand_over(&self.sightings, key, sighting);
    }

    fn stream(&self, sighting: Sighting) {
        self.hand_over(SightingKey::Stream(self.gvr.clone()), sighting);
    }
}

impl Reading for TargetReading {
    fn read(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::ListStarted => self.list += 1,
            WatchEvent::Applied(object) => match Seen::of(&object, &self.upstream) {
                Some((key, seen)) => {
                    self.hand_over(SightingKey::Object(key), Sighting::Present { seen, list: self.list });
                }
                None => self.hand_over(SightingKey::Disowned(object.uid().into()), Sighting::Disowned),
            },
            WatchEvent::Deleted(object) => {
                if let Some((key, seen)) = Seen::of(&object, &self.upstream) {
                    self.hand_over(SightingKey::Object(key), Sighting::OutOfSight { uid: seen.ours.uid });
                }
            }
            WatchEvent::Listed(_) => self.hand_over(SightingKey::Listed(self.gvr.clone(), self.list), Sighting::Listed),
            WatchEvent::Interrupted(error) => self.stream(Sighting::Interrupted(error)),
            WatchEvent::Recovered => self.stream(Sighting::Recovered),
        }
    }
}

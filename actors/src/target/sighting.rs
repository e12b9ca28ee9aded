//! What a target's watchers hand to the Target: the newest state of each downstream object of ours.

use serde_json::{Map, Value};
use syncer_clusters::{Error, ManagedFields, Object, WatchEvent};
use syncer_core::{
    Gvr, ObjectKey,
    config::DeletionMode,
    marker::{APPLIED_ANNOTATION, Applied, FIELD_MANAGER, HANDOVER_MANAGER, PAUSED_ANNOTATION},
    ownership::{has_keyed_items, order_of},
    plan::{Lifecycle, Ours, Ownership, Pause},
    transform::is_of_kcp,
};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::names::NamespaceNames;
use crate::{
    runtime::Outbox,
    status_propagator::StatusReporter,
    trails,
    watcher::{Reading, hand_over},
};

/// What a sighting is about. Objects come before the list that completes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SightingKey {
    /// The downstream object of one upstream object.
    Object(ObjectKey),
    /// The complete list of a resource with this number.
    Listed(Gvr, u64),
    /// All of a resource that is not watched was looked for, once.
    Swept(Gvr),
    /// Every kind that is not watched was asked for once.
    SweepOver,
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
        /// The version at which it left.
        version: Box<str>,
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

/// The way of sightings to the Target.
pub(crate) type Sightings = Outbox<SightingKey, Sighting>;

/// A downstream object that carries our marker, as the API server showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What the plan needs; its ownership is not verified.
    pub(crate) ours: Ours,
    /// The version that was seen.
    pub(crate) resource_version: Box<str>,
    /// The FieldsV1 of our Apply entry; empty if we have none.
    pub(crate) fields: Box<str>,
    /// A hash over what others wrote beside us, status and other subresources apart; 0 if nobody did.
    pub(crate) others: u64,
    /// Stands for the order of what is ours in keyed lists; 0 where there is none.
    pub(crate) order: u64,
    /// Whether fields were handed over to the target.
    pub(crate) handover: Handover,
    /// A hash over all that it has but the status: that it is another one says no more than that somebody wrote.
    pub(crate) content: u64,
    /// The policy that wanted it when it was applied.
    pub(crate) policy: Box<str>,
    /// What that policy said then about objects that have to go.
    pub(crate) deletion: DeletionMode,
}

/// Whether the handover manager owns anything of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Handover {
    /// It does not.
    #[default]
    None,
    /// Something was handed over, and may have to be taken back.
    Made,
}

// === impl Handover ===

impl Handover {
    fn of(entries: &[ManagedFields]) -> Self {
        let made = entries.iter().any(|entry| &*entry.manager == HANDOVER_MANAGER);
        if made { Self::Made } else { Self::None }
    }
}

// === impl Seen ===

impl Seen {
    /// What `object` shows, and the upstream object that it was made from; `None` if it is not ours. Hashes under another key
    /// than `hash_key` say nothing.
    pub(crate) fn of(object: &Object, names: &NamespaceNames, hash_key: &str) -> Option<(ObjectKey, Self)> {
        let annotations = object.annotations();
        let (key, origin) = names.claimed(object)?;
        let applied = annotations.get(APPLIED_ANNOTATION).and_then(Applied::parse);
        let policy = applied
            .as_ref()
            .map_or_else(Box::default, |applied| applied.policy.clone());
        let deletion = applied
            .as_ref()
            .map_or_else(DeletionMode::default, |applied| applied.deletion);
        let ours = Ours {
            uid: object.uid().into(),
            // What an upstream before this one put here is bound to this one's object, whatever its UID.
            origin_uid: if names.is_present(&origin) {
                origin.uid.into()
            } else {
                "".into()
            },
            applied: applied
                .filter(|applied| applied.key.is_empty() || *applied.key == *hash_key)
                .map(|applied| applied.hash),
            ownership: Ownership::Unverified,
            lifecycle: match object.deletion_timestamp() {
                Some(_) => Lifecycle::Terminating,
                None => Lifecycle::Present,
            },
            pause: match annotations.get(PAUSED_ANNOTATION) {
                Some("true") => Pause::On,
                _ => Pause::Off,
            },
        };
        let entries = object.managed_fields();
        let entry = entries.iter().find(|entry| is_ours(entry));
        let fields = entry.map(|entry| entry.fields.get()).unwrap_or_default().into();
        Some((
            key,
            Self {
                ours,
                resource_version: object.resource_version().into(),
                fields,
                others: others(entries),
                order: entry.map_or(0, |entry| order(object, entry)),
                handover: Handover::of(entries),
                content: content(object),
                policy,
                deletion,
            },
        ))
    }

    /// A hash of who owns what, and in which order: while it is the same as in the answer to our apply, nobody took a leaf of ours, added one or
    /// put one elsewhere.
    pub(crate) fn fields_hash(&self) -> u64 {
        xxh3_64(self.fields.as_bytes()) ^ self.others.rotate_left(1) ^ self.order.rotate_left(2)
    }

    /// The same, where another value of what others have counts too: managedFields do not show who writes what is theirs again.
    pub(crate) fn content_hash(&self) -> u64 {
        self.fields_hash() ^ self.content.rotate_left(3)
    }
}

/// Whether `entry` is that of our applies.
fn is_ours(entry: &ManagedFields) -> bool {
    &*entry.manager == FIELD_MANAGER && &*entry.operation == "Apply" && entry.subresource.is_empty()
}

/// A hash over the entries in which others may have added something of their own; 0 if there are none.
fn others(entries: &[ManagedFields]) -> u64 {
    let mut hasher = Xxh3::new();
    let mut any = false;
    let foreign =
        |entry: &&ManagedFields| entry.subresource.is_empty() && !is_ours(entry) && &*entry.manager != HANDOVER_MANAGER;
    for entry in entries.iter().filter(foreign) {
        any = true;
        hasher.update(entry.manager.as_bytes());
        hasher.update(&[0]);
        hasher.update(entry.fields.get().as_bytes());
    }
    if any { hasher.digest().max(1) } else { 0 }
}

/// The order in which `object` has what our `entry` owns in keyed lists.
fn order(object: &Object, entry: &ManagedFields) -> u64 {
    // Most kinds have no such lists, and are not read for it.
    if !has_keyed_items(entry.fields.get()) {
        return 0;
    }
    let Ok(fields) = serde_json::from_str::<Value>(entry.fields.get()) else {
        return 0;
    };
    let members = object
        .members()
        .filter(|(name, _)| fields.get(format!("f:{name}")).is_some());
    let body: Map<String, Value> = members
        .filter_map(|(name, member)| Some((name.to_owned(), serde_json::from_str(member.get()).ok()?)))
        .collect();
    order_of(&fields, &body.into())
}

/// Annotations that are moved all the time by those who keep them, and are nobody's edit.
const RESTLESS: [&str; 2] = ["deployment.kubernetes.io/", "control-plane.alpha.kubernetes.io/"];

/// A hash over what people edit: all members but the status, labels and annotations.
fn content(object: &Object) -> u64 {
    let mut hasher = Xxh3::new();
    let mut part = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    for (name, member) in object.members().filter(|(name, _)| *name != "status") {
        part(name);
        part(member.get());
    }
    let pairs = object.labels().iter().chain(object.annotations().iter());
    let edited = |key: &str| !is_of_kcp(key) && !RESTLESS.iter().any(|restless| key.starts_with(restless));
    for (key, value) in pairs.filter(|(key, _)| edited(key)) {
        part(key);
        part(value);
    }
    hasher.digest()
}

/// Turns the events of one resource's filtered watch into sightings.
pub(crate) struct TargetReading {
    gvr: Gvr,
    names: NamespaceNames,
    hash_key: Box<str>,
    sightings: Outbox<SightingKey, Sighting>,
    reporter: StatusReporter,
    list: u64,
}

// === impl TargetReading ===

impl TargetReading {
    pub(crate) fn new(
        gvr: Gvr,
        names: NamespaceNames,
        hash_key: Box<str>,
        sightings: Outbox<SightingKey, Sighting>,
        reporter: StatusReporter,
    ) -> Self {
        Self {
            gvr,
            names,
            hash_key,
            sightings,
            reporter,
            list: 0,
        }
    }

    fn hand_over(&self, key: SightingKey, sighting: Sighting) {
        hand_over(&self.sightings, key, sighting);
    }

    /// Reads an event of `key`, which may show what became of an edit.
    fn event(&self, key: &ObjectKey, read: impl FnOnce()) {
        let target = self.reporter.target();
        trails::event(target, key, &format_args!("{} on {target}", self.gvr), read);
    }

    fn stream(&self, sighting: Sighting) {
        self.hand_over(SightingKey::Stream(self.gvr.clone()), sighting);
    }

    fn seen(&self, object: &Object) -> Option<(ObjectKey, Seen)> {
        Seen::of(object, &self.names, &self.hash_key)
    }
}

impl Reading for TargetReading {
    fn read(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::ListStarted => {
                self.reporter.list_started(&self.gvr);
                self.list += 1;
            }
            WatchEvent::Applied(object) => match self.seen(&object) {
                Some((key, seen)) => self.event(&key.clone(), || {
                    self.reporter.seen(&key, &object, &seen.ours);
                    self.hand_over(SightingKey::Object(key), Sighting::Present { seen, list: self.list });
                }),
                None => self.hand_over(SightingKey::Disowned(object.uid().into()), Sighting::Disowned),
            },
            WatchEvent::Deleted(object) => {
                if let Some((key, seen)) = self.seen(&object) {
                    self.event(&key.clone(), || {
                        self.reporter.gone(&key, &object);
                        let (uid, version) = (seen.ours.uid, seen.resource_version);
                        self.hand_over(SightingKey::Object(key), Sighting::OutOfSight { uid, version });
                    });
                }
            }
            WatchEvent::Listed(_) => {
                self.reporter.listed(&self.gvr);
                self.hand_over(SightingKey::Listed(self.gvr.clone(), self.list), Sighting::Listed);
            }
            WatchEvent::Interrupted(error) => self.stream(Sighting::Interrupted(error)),
            WatchEvent::Recovered => self.stream(Sighting::Recovered),
        }
    }
}

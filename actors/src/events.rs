//! Events: what a user should hear of, written where `kubectl describe` shows it, next to the object that it is about.
//!
//! Whoever has something to say [tells](Events::tell) it, which never waits and never fails. The [`EventRecorder`] writes it:
//! coalesced, paced, a few tries at most. Events are news and no state: what is lost is counted, and nothing depends on it.

mod bucket;
mod recent;
mod record;
mod recorder;
mod story;
mod write;

use std::sync::Arc;

use syncer_core::{LogicalCluster, ObjectKey, ResourceType, event_reason::EventReason};

pub use self::{
    recent::{HappeningView, Recent},
    recorder::{EventRecorder, EventRecorderMessage},
};
use crate::{
    metrics::{EventLoss, Metrics},
    preview::Preview,
    runtime::{Outbox, Signals},
};

/// How many different things may wait to be taken by the recorder, and how many it remembers.
const MOST: usize = 4_096;
/// The longest note that the API takes, in bytes.
const LONGEST_NOTE: usize = 1_024;

/// What an Event is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The kind of object.
    pub resource: ResourceType,
    /// The object, on the side that the recorder writes to.
    pub key: ObjectKey,
    /// Its UID.
    pub uid: Box<str>,
}

/// Where Events are told. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Events(Ear);

#[derive(Clone, Debug)]
enum Ear {
    /// Somebody writes down what is told.
    Open(Arc<Told>),
    /// Somebody looks for what a run would tell.
    Preview(Preview),
    /// Nobody does.
    Muted,
}

#[derive(Debug)]
struct Told {
    /// How often each was told.
    waiting: Outbox<Arc<EventKey>, u32>,
    metrics: Metrics,
    recent: Recent,
}

/// What makes two tellings one Event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EventKey {
    pub(crate) subject: Subject,
    pub(crate) reason: EventReason,
    pub(crate) note: Box<str>,
}

// === impl Events ===

impl Events {
    /// A place to tell Events, for one recorder. What is told before the recorder starts waits for it. What was told last can be
    /// looked at in `recent`.
    pub fn new(signals: &Signals, metrics: &Metrics, recent: &Recent) -> Self {
        Self(Ear::Open(Told::new(signals, metrics, recent, MOST)))
    }

    /// A place where what would be told is noted.
    pub(crate) fn noted(preview: &Preview) -> Self {
        Self(Ear::Preview(preview.clone()))
    }

    /// A place where nobody listens: for a dry run, which writes nothing.
    pub fn muted() -> Self {
        Self(Ear::Muted)
    }

    /// Says `note` about `subject`. Never waits; what is too much is counted and dropped. `note` is a sentence for the owner of
    /// the object, without a value of a Secret (S8), and the same for the same matter: a changing part makes it another Event.
    pub fn tell(&self, subject: Subject, reason: EventReason, note: impl Into<String>) {
        let told = match &self.0 {
            Ear::Open(told) => told,
            Ear::Preview(preview) => return preview.told(&subject, reason, &note.into()),
            Ear::Muted => return,
        };
        let note = shortened(note.into()).into_boxed_str();
        let key = EventKey { subject, reason, note };
        if told.waiting.put(Arc::new(key), 1).is_err() {
            told.metrics.event_lost(EventLoss::Full, 1);
        }
    }
}

// === impl Told ===

impl Told {
    fn new(signals: &Signals, metrics: &Metrics, recent: &Recent, most: usize) -> Arc<Self> {
        Arc::new(Self {
            waiting: Outbox::limited("events", signals, most, |older: &mut u32, newer| {
                *older = older.saturating_add(newer);
            }),
            metrics: metrics.clone(),
            recent: recent.clone(),
        })
    }
}

// === impl EventKey ===

impl EventKey {
    /// Whose turn it takes.
    fn group(&self) -> (&LogicalCluster, &Arc<str>) {
        (&self.subject.key.cluster, &self.subject.key.namespace)
    }

    /// What one object says for one reason, in however many words.
    fn line(&self) -> (ObjectKey, EventReason) {
        (self.subject.key.clone(), self.reason)
    }

    fn is_of_line(&self, other: &Self) -> bool {
        self.reason == other.reason && self.subject.key == other.subject.key
    }
}

/// `note`, or as much of it as the API takes.
fn shortened(mut note: String) -> String {
    const MORE: &str = "...";
    if note.len() > LONGEST_NOTE {
        note.truncate(note.floor_char_boundary(LONGEST_NOTE - MORE.len()));
        note.push_str(MORE);
    }
    note
}

#[cfg(test)]
mod tests;

//! Events: what a user should hear of, written where `kubectl describe` shows it, next to the object that it is about.
//!
//! Whoever has something to say [tells](Events::tell) it, which never waits and never fails. The [`EventRecorder`] writes it:
//! coalesced, paced, a few tries at most. Events are news and no state: what is lost is counted, and nothing depends on it.

mod bucket;
mod record;
mod story;
mod turns;
mod write;

use std::{sync::Arc, time::Duration};

use syncer_clusters::Cluster;
use syncer_core::{LogicalCluster, ObjectKey, ResourceType, event_reason::EventReason};
use tokio::time::Instant;
use tracing::warn;

use self::{
    story::{Story, Telling},
    write::{Outcome, write},
};
use crate::{
    metrics::{EventLoss, Metrics},
    runtime::{Actor, Context, Failure, Message, NoRoom, Outbox, Signals, Timer, Wake},
};

/// How many different things may wait to be taken by the recorder, and how many it remembers.
const MOST: usize = 4_096;
/// The longest note that the API takes, in bytes.
const LONGEST_NOTE: usize = 1_024;
/// How many are taken before the neighbours on the thread have a turn.
const BATCH: usize = 256;
/// Writes in flight.
const IN_FLIGHT: usize = 4;
/// Between two lines in the log that say why Events are not taken.
const COMPLAINTS: Duration = Duration::from_mins(10);

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
    /// Nobody does.
    Muted,
}

#[derive(Debug)]
struct Told {
    /// How often each was told.
    waiting: Outbox<Arc<EventKey>, u32>,
    metrics: Metrics,
}

/// What makes two tellings one Event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EventKey {
    pub(crate) subject: Subject,
    pub(crate) reason: EventReason,
    pub(crate) note: Box<str>,
}

/// The actor that writes Events to one API server.
pub struct EventRecorder {
    cluster: Cluster,
    told: Arc<Told>,
    story: Story,
    in_flight: usize,
    next: Option<Timer>,
    complained: Option<Instant>,
}

/// What an [`EventRecorder`] is told.
pub struct EventRecorderMessage(Kind);

enum Kind {
    /// Something was told.
    Told(#[expect(dead_code, reason = "held for its drop, which rings again while something is left")] Wake),
    /// Something may be due.
    Due,
    /// A write was answered, or failed.
    Written(Arc<EventKey>, Outcome),
}

impl Message for EventRecorderMessage {}

// === impl Events ===

impl Events {
    /// A place to tell Events, for one recorder. What is told before the recorder starts waits for it.
    pub fn new(signals: &Signals, metrics: &Metrics) -> Self {
        Self(Ear::Open(Told::new(signals, metrics, MOST)))
    }

    /// A place where nobody listens: for a dry run, which writes nothing.
    pub fn muted() -> Self {
        Self(Ear::Muted)
    }

    /// Says `note` about `subject`. Never waits; what is too much is counted and dropped. `note` is a sentence for the owner of
    /// the object, without a value of a Secret (S8), and the same for the same matter: a changing part makes it another Event.
    pub fn tell(&self, subject: Subject, reason: EventReason, note: impl Into<String>) {
        let Ear::Open(told) = &self.0 else { return };
        let note = shortened(note.into()).into_boxed_str();
        let key = EventKey { subject, reason, note };
        if told.waiting.put(Arc::new(key), 1).is_err() {
            told.metrics.event_lost(EventLoss::Full, 1);
        }
    }
}

// === impl Told ===

impl Told {
    fn new(signals: &Signals, metrics: &Metrics, most: usize) -> Arc<Self> {
        Arc::new(Self {
            waiting: Outbox::limited("events", signals, most, |older: &mut u32, newer| {
                *older = older.saturating_add(newer);
            }),
            metrics: metrics.clone(),
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

// === impl EventRecorder ===

impl EventRecorder {
    /// A recorder of what is told to `events`, for objects of `cluster` and of the logical clusters behind it.
    pub fn new(cluster: Cluster, events: &Events) -> Self {
        let told = match &events.0 {
            Ear::Open(told) => told.clone(),
            Ear::Muted => Told::new(&Signals::new(), &Metrics::default(), 0),
        };
        Self {
            cluster,
            told,
            story: Story::new(MOST),
            in_flight: 0,
            next: None,
            complained: None,
        }
    }

    fn take_told(&mut self, ctx: &Context<Self>) {
        let (now, time) = (ctx.now(), ctx.clock().time());
        for taken in self.told.waiting.take(BATCH) {
            let telling = Telling {
                times: taken.value,
                time,
                origin: taken.cause,
            };
            if let Err(lost) = self.story.tell(&taken.key, telling, now) {
                self.told.metrics.event_lost(lost.loss, u64::from(lost.times));
            }
        }
    }

    /// Starts the writes that are due, as many as may be in flight, and sets the timer for the next.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        self.next = None;
        while self.in_flight < IN_FLIGHT
            && let Some((key, writing)) = self.story.next(ctx.now())
        {
            let cluster = self.cluster.logical(&key.subject.key.cluster);
            let (origin, asked) = (writing.tidings.origin.clone(), key.clone());
            let io = async move {
                let outcome = write(&cluster, &asked, &writing).await;
                EventRecorderMessage(Kind::Written(asked, outcome))
            };
            if let Err(NoRoom) = origin.in_scope(|| ctx.request(io)) {
                self.story.put_off(&key, ctx.now());
                break;
            }
            self.in_flight += 1;
        }
        if self.in_flight < IN_FLIGHT
            && let Some(at) = self.story.next_due(ctx.now())
        {
            let delay = at.saturating_duration_since(ctx.now()).max(Duration::from_millis(1));
            self.next = Some(ctx.after(delay, EventRecorderMessage(Kind::Due)));
        }
    }

    fn written(&mut self, key: &Arc<EventKey>, outcome: &Outcome, ctx: &Context<Self>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match outcome {
            Outcome::Written { verb, .. } => self.told.metrics.event_written(*verb),
            Outcome::Refused(cause) => self.complain(cause, ctx.now()),
            Outcome::Failed { .. } => {}
        }
        if let Err(lost) = self.story.written(key, outcome, ctx.now()) {
            self.told.metrics.event_lost(lost.loss, u64::from(lost.times));
        }
    }

    /// Says why Events are not taken, now and then: the cause is mostly a permission, and the same for all.
    fn complain(&mut self, cause: &str, now: Instant) {
        if self
            .complained
            .is_some_and(|at| now.saturating_duration_since(at) < COMPLAINTS)
        {
            return;
        }
        self.complained = Some(now);
        warn!("an event is not taken, and nobody will see it: {cause}");
    }
}

impl Actor for EventRecorder {
    const KIND: &'static str = "EventRecorder";
    type Message = EventRecorderMessage;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.told
            .waiting
            .bind(&ctx.address(), |wake| EventRecorderMessage(Kind::Told(wake)));
        Ok(())
    }

    fn handle(&mut self, message: &EventRecorderMessage, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match &message.0 {
            Kind::Told(_) => self.take_told(ctx),
            Kind::Due => {}
            Kind::Written(key, outcome) => self.written(key, outcome, ctx),
        }
        self.go_on(ctx);
        Ok(())
    }

    /// An end of the process does not wait for news.
    fn drain(&mut self, ctx: &mut Context<Self>) {
        ctx.stop();
    }

    fn state(&self) -> &'static str {
        if self.in_flight == 0 { "listening" } else { "writing" }
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

//! The recorder: one actor per API server that Events are written to.

use std::{sync::Arc, time::Duration};

use syncer_clusters::Cluster;
use tokio::time::Instant;
use tracing::warn;

use super::{
    Ear, EventKey, Events, MOST, Recent, Told,
    story::{Story, Telling},
    write::{Outcome, write},
};
use crate::{
    metrics::Metrics,
    runtime::{Actor, Context, Failure, Message, NoRoom, Signals, Timer, Wake},
    upstream::Continuity,
};

/// How many are taken before the neighbours on the thread have a turn.
const BATCH: usize = 256;
/// Writes in flight.
const IN_FLIGHT: usize = 4;
/// How long nothing is written before the API server is looked at again that is another one by now.
const PAUSE: Duration = Duration::from_secs(5);
/// Between two lines in the log that say why Events are not taken.
const COMPLAINTS: Duration = Duration::from_mins(10);

/// The actor that writes Events to one API server.
pub struct EventRecorder {
    cluster: Cluster,
    told: Arc<Told>,
    story: Story,
    in_flight: usize,
    next: Option<Timer>,
    complained: Option<Instant>,
    /// Whether the API server is still the one that the objects are from; `None` where that does not matter.
    continuity: Option<Continuity>,
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

// === impl EventRecorder ===

impl EventRecorder {
    /// A recorder of what is told to `events`, for objects of `cluster` and of the logical clusters behind it.
    pub fn new(cluster: Cluster, events: &Events) -> Self {
        let told = match &events.0 {
            Ear::Open(told) => told.clone(),
            Ear::Preview(_) | Ear::Muted => Told::new(&Signals::new(), &Metrics::default(), &Recent::default(), 0),
        };
        Self {
            cluster,
            told,
            story: Story::new(MOST),
            in_flight: 0,
            next: None,
            complained: None,
            continuity: None,
        }
    }

    /// The same, writing only while the upstream is the one that the process began with.
    pub(crate) fn while_unbroken(mut self, continuity: Continuity) -> Self {
        self.continuity = Some(continuity);
        self
    }

    fn take_told(&mut self, ctx: &Context<Self>) {
        let (now, time) = (ctx.now(), ctx.clock().time());
        for taken in self.told.waiting.take(BATCH) {
            self.told.recent.remember(&taken.key, taken.value, time);
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
        if self.continuity.as_ref().is_some_and(Continuity::is_broken) {
            self.next = Some(ctx.after(PAUSE, EventRecorderMessage(Kind::Due)));
            return;
        }
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

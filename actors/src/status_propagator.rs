//! The `StatusPropagator`: one per upstream endpoint. It combines what the targets report of an object and writes it into
//! the status upstream, if it differs from what is there.
//!
//! What is known stands on the [`StatusBoard`], where the watches put the newest word on each object and ring; the actor
//! is woken with keys alone, looks at the newest state, and forgets. So it can be built anew at any time, and a slow
//! upstream costs one entry per object however often a status changes (S6, S10).

mod answers;
mod board;
mod entry;
mod pace;
mod places;
mod reporter;
mod rhythm;
mod rivals;
mod slices;
mod target_side;
mod unwritable;
mod upstream_side;
mod voices;
mod write;

#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc, time::Duration};

use syncer_clusters::{Cluster, Error, Object};
use syncer_core::{Gvr, ObjectKey, ResourceType, status::Pruning};
use tokio::time::Instant;
use tracing::{info, warn};

pub(crate) use self::{
    board::StatusBoard,
    entry::Wish,
    reporter::{SliceReading, StatusReporter},
    upstream_side::StatusTerms,
};
use self::{
    entry::{Examined, Writing},
    pace::Pace,
    rivals::Rivals,
    unwritable::Unwritable,
    write::Written,
};
use crate::{
    events::Events,
    metrics::Metrics,
    rulebook::Rulebooks,
    runtime::{Actor, Context, Failure, Message, NoRoom, Origin, Taken, Timer, Wake},
    target::FairQueue,
    upstream::{Refused, WriteGate},
};

/// The key of the one that an Upstream has, in traces.
const KEY: &str = "status";
/// How many objects are looked at before the neighbours on the thread have a turn.
const BATCH: usize = 256;
/// Writes in flight.
const IN_FLIGHT: usize = 32;
/// The delays between tries after a failure.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
/// The time between two full rounds where no policy says.
const INTERVAL: Duration = Duration::from_secs(10);
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// Conflicts in a row that are answered by looking again at once; after them each waits a little longer.
const PROMPT_CONFLICTS: u32 = 3;
/// The longest delay between tries after conflicts: an object that somebody edits all the time has its status nevertheless.
const CONFLICT_RETRY: Duration = Duration::from_secs(2);
/// How long after a conflict the watch is waited for before the object is read.
const ECHO: Duration = Duration::from_millis(50);

/// What a `StatusPropagator` works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StatusWork {
    /// What is known of the objects.
    pub(crate) board: StatusBoard,
    /// The upstream.
    pub(crate) cluster: Cluster,
    /// What is synced, as the upstream serves it.
    pub(crate) resources: Arc<[ResourceType]>,
    /// What says how long it is between two full rounds.
    pub(crate) rulebooks: Option<Rulebooks>,
    pub(crate) events: Events,
    pub(crate) metrics: Metrics,
    /// What every write of an upstream object passes.
    pub(crate) gate: WriteGate,
}

/// The actor.
pub(crate) struct StatusPropagator {
    work: StatusWork,
    resources: HashMap<Gvr, ResourceType>,
    queue: FairQueue,
    pace: Pace,
    rivals: Rivals,
    unwritable: Unwritable,
    pruning: HashMap<Gvr, Pruning>,
    in_flight: usize,
    progress: Progress,
    round: Option<Timer>,
    next: Option<Timer>,
}

/// Whether writes are begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// They are.
    Running,
    /// What is in flight is finished, and nothing new begun.
    Draining,
}

/// What a `StatusPropagator` is told.
pub(crate) enum StatusMessage {
    /// Objects changed.
    Changed(#[expect(dead_code, reason = "held for its drop, which rings again while something is left")] Wake),
    /// Something may be due.
    Due,
    /// Time for a full round.
    Round,
    /// A write was answered, or failed.
    Written(ObjectKey, Box<Written>),
    /// There was no room at the gate to the upstream: nothing was sent.
    NoRoom(ObjectKey),
    /// The object was read again.
    Looked(ObjectKey, Doubt, Box<Result<Option<Object>, Error>>),
    /// Who else writes the status of the object was read.
    Named(ObjectKey, Box<str>),
}

impl Message for StatusMessage {}

/// What a read of an object is to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Which version is the newest.
    Newest,
    /// What was not found when the status of the object with this UID was written: that object, or the status subresource. A
    /// custom resource without one answers in the same words.
    Missing(Box<str>),
}

// === impl StatusWork ===

impl StatusWork {
    /// The time between two full rounds: the shortest that a policy asks for.
    fn interval(&self) -> Duration {
        let rulebook = self.rulebooks.as_ref().map(|rulebooks| rulebooks.borrow().clone());
        let asked = rulebook.and_then(|rulebook| {
            let policies = rulebook.rules.policies().iter();
            policies.map(|policy| policy.policy.spec.status.interval.0).min()
        });
        asked.unwrap_or(INTERVAL).max(SHORTEST_INTERVAL)
    }
}

// === impl StatusPropagator ===

impl StatusPropagator {
    pub(crate) fn new(work: StatusWork) -> Self {
        let resources = work.resources.iter();
        Self {
            resources: resources
                .map(|resource| (resource.gvr.clone(), resource.clone()))
                .collect(),
            work,
            queue: FairQueue::default(),
            pace: Pace::default(),
            rivals: Rivals::default(),
            unwritable: Unwritable::default(),
            pruning: HashMap::new(),
            in_flight: 0,
            progress: Progress::Running,
            round: None,
            next: None,
        }
    }

    fn take_changed(&mut self) {
        for Taken { key, value, cause } in self.work.board.take(BATCH) {
            cause.handled(Self::KIND, KEY, &key.clone(), || {
                self.changed(key, value, Origin::current());
            });
        }
    }

    /// Something about `key` changed; `since` is when that was first seen downstream.
    fn changed(&mut self, key: ObjectKey, since: Option<Instant>, cause: Origin) {
        if self.pace.changed(&key, since, cause) {
            self.queue.push(key, Instant::now());
        }
    }

    /// Begins writes, as many as may be in flight, and sets the timer for what is due next.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        for key in self.pace.due(ctx.now()) {
            self.queue.push(key, ctx.now());
        }
        let mut looked_at = 0;
        while self.progress == Progress::Running
            && self.in_flight < IN_FLIGHT
            && looked_at < BATCH
            && let Some((key, _)) = self.queue.pop()
        {
            looked_at += 1;
            self.examine(&key, ctx);
        }
        let more = self.in_flight < IN_FLIGHT && self.queue.len() > 0 && self.progress == Progress::Running;
        let at = if more { Some(ctx.now()) } else { self.pace.next() };
        self.next = at.map(|at| {
            let delay = at.saturating_duration_since(ctx.now()).max(Duration::from_millis(1));
            ctx.after(delay, StatusMessage::Due)
        });
    }

    /// Looks at the newest state of `key`, and begins a write if its status differs from what it should be.
    fn examine(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) {
        let now = ctx.now();
        if let Some(until) = self.unwritable.until(key, now).max(self.rivals.until(key, now)) {
            self.pace.wait(key, until);
            return;
        }
        let pruning = self.pruning.entry(key.gvr.clone()).or_default();
        let Examined::Write(writing) = self.work.board.examine(key, pruning) else {
            self.pace.settled(key);
            return;
        };
        if writing.overwritten && self.rivals.met(key, now) {
            self.ask_who(key, ctx);
            return;
        }
        if self.pace.is_outdated(key, &writing.resource_version) {
            self.look(key, Doubt::Newest, ctx);
            return;
        }
        if let Some(wait) = writing.wait
            && self.pace.may_be_held(key, now)
        {
            self.pace.listen(key, now + wait);
            return;
        }
        let Some(resource) = self.resources.get(&key.gvr).cloned() else {
            self.pace.settled(key);
            return;
        };
        let cluster = self.work.cluster.logical(&key.cluster);
        let (about, gate) = (key.clone(), self.work.gate.clone());
        let io = async move {
            let written = write::write(&gate, &cluster, &resource, &about, *writing).await;
            written.map_or_else(
                |Refused| StatusMessage::NoRoom(about.clone()),
                |written| StatusMessage::Written(about.clone(), Box::new(written)),
            )
        };
        self.begin(key, io, ctx);
    }

    /// Begins `io` about `key`; without room for its answer it waits.
    fn begin(
        &mut self,
        key: &ObjectKey,
        io: impl Future<Output = StatusMessage> + Send + 'static,
        ctx: &mut Context<Self>,
    ) {
        let now = ctx.now();
        let cause = self.pace.cause(key);
        let begun = match cause.step(Self::KIND, KEY, Some(key)) {
            Some(step) => cause.within(&step, || ctx.request(step.clone().around(io))),
            None => cause.in_scope(|| ctx.request(io)),
        };
        if let Err(NoRoom) = begun {
            self.pace.wait(key, now + RETRY.0);
            return;
        }
        self.in_flight += 1;
        self.pace.began(key, now);
    }

    /// Looks for what nobody rang for, in memory: lost words, targets that fell silent, deadlines that passed.
    fn full_round(&mut self, ctx: &mut Context<Self>) {
        self.round = Some(ctx.after(self.work.interval(), StatusMessage::Round));
        let news = self.work.board.round();
        for (target, since) in &news.silent {
            warn!(%target, %since, "the target is silent: statuses say so");
        }
        for target in &news.back {
            info!(%target, "the target reports again");
        }
        for key in news.open {
            self.changed(key, None, Origin::current());
        }
    }
}

impl Actor for StatusPropagator {
    const KIND: &'static str = "StatusPropagator";
    type Message = StatusMessage;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.work.board.bind(&ctx.address());
        // What was taken by one before it is looked at again.
        self.work.board.reopen();
        self.full_round(ctx);
        Ok(())
    }

    fn handle(&mut self, message: &StatusMessage, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match message {
            StatusMessage::Changed(_) => self.take_changed(),
            StatusMessage::Due => {}
            StatusMessage::Round => self.full_round(ctx),
            StatusMessage::Written(key, written) => self.written(key, written, ctx),
            StatusMessage::NoRoom(key) => self.no_room(key, ctx),
            StatusMessage::Looked(key, doubt, found) => self.looked(key, doubt, found, ctx),
            StatusMessage::Named(key, rival) => self.named(key, rival, ctx),
        }
        self.go_on(ctx);
        Ok(())
    }

    fn drain(&mut self, _: &mut Context<Self>) {
        self.progress = Progress::Draining;
    }

    fn state(&self) -> &'static str {
        match self.progress {
            Progress::Draining => "draining",
            Progress::Running if self.in_flight > 0 => "writing",
            Progress::Running => "listening",
        }
    }
}

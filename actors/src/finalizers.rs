//! Finalizers: upstream objects whose deletion waits until they have left the targets.
//!
//! What is known stands on the [`FinalizerBoard`], where the upstream's watches, the Upstream and the Targets put the newest word and
//! ring; the [`FinalizerKeeper`] is woken with keys alone, looks at the newest state, and corrects all finalizers of an object by one
//! write. So it can be built anew at any time (S10).
//!
//! 1. The watch shows an object that has to be on a target and does not carry its finalizer. The Upstream lets the target keep what it
//!    has ([`Activity::AwaitsFinalizer`](crate::upstream)); the keeper sets the finalizers; the watch shows the object with
//!    them, and the orders go out. So nothing is written downstream before the object waits for it.
//! 2. The object is deleted, and stays with a deletionTimestamp: its deletion is seen, and the targets delete. Or a target is not
//!    wanted any more.
//! 3. The keeper asks each such target to say when nothing of ours is left there; the target says so after a read of its own. What
//!    has left all targets loses its finalizers.
//!
//! A target that is dead holds a deletion up for `deletion.abandonAfter` at most; what it holds is left behind and goes when it returns.

mod answers;
mod board;
mod entry;
mod examine;
mod write;

mod failures;
mod strangers;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use syncer_clusters::{Cluster, Error, Object};
use syncer_core::ObjectKey;

pub(crate) use self::{
    board::{Concern, FinalizerBoard},
    entry::TargetClaim,
    examine::by_clock_of,
};
use self::{failures::Failures, write::Written};
use crate::{
    events::Events,
    metrics::Metrics,
    runtime::{Actor, Context, Failure, Message, Timer, Wake},
    target::{FairQueue, Roster, Waits},
    target_report::TargetReports,
    upstream::WriteGate,
};

/// How many objects are looked at before the neighbours on the thread have a turn.
const BATCH: usize = 256;
/// Writes in flight.
const IN_FLIGHT: usize = 32;
/// The delays between tries that may succeed by themselves.
const SOON: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
/// The delays between tries that somebody has to make possible first.
const RARELY: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(5));

/// What a `FinalizerKeeper` works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct KeeperWork {
    /// What is known of the objects.
    pub(crate) board: FinalizerBoard,
    /// The upstream.
    pub(crate) cluster: Cluster,
    /// What every write of an upstream object passes.
    pub(crate) gate: WriteGate,
    /// The targets that can be asked.
    pub(crate) roster: Roster,
    /// Where it is noted what was left behind.
    pub(crate) reports: TargetReports,
    pub(crate) events: Events,
    pub(crate) metrics: Metrics,
}

/// The actor: one per upstream.
pub(crate) struct FinalizerKeeper {
    work: KeeperWork,
    queue: FairQueue,
    /// What stands in the queue.
    queued: HashSet<ObjectKey>,
    /// Objects that are due later: after a failure, or because a dead target may not hold them up any longer.
    waits: Waits,
    failures: HashMap<ObjectKey, Failures>,
    in_flight: HashSet<ObjectKey>,
    /// Finalizers of unknown targets that were told of.
    strangers: BTreeSet<Box<str>>,
    progress: Progress,
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

/// What a `FinalizerKeeper` is told.
pub(crate) enum KeeperMessage {
    /// Something new is known of objects.
    Rung(#[expect(dead_code, reason = "held for its drop, which rings again while something is left")] Wake),
    /// Something may be due.
    Due,
    /// A write was answered, or failed.
    Written(ObjectKey, Box<Written>),
    /// There was no room at the gate to the upstream: nothing was sent.
    NoRoom(ObjectKey),
    /// The object was read again.
    Looked(ObjectKey, Box<Result<Option<Object>, Error>>),
}

impl Message for KeeperMessage {}

// === impl FinalizerKeeper ===

impl FinalizerKeeper {
    pub(crate) fn new(work: KeeperWork) -> Self {
        Self {
            work,
            queue: FairQueue::default(),
            queued: HashSet::new(),
            waits: Waits::default(),
            failures: HashMap::new(),
            in_flight: HashSet::new(),
            strangers: BTreeSet::new(),
            progress: Progress::Running,
            next: None,
        }
    }

    /// Begins writes, as many as may be in flight, and sets the timer for what is due next.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        while let Some(key) = self.waits.pop(ctx.now()) {
            self.line_up(key, ctx);
        }
        let mut looked_at = 0;
        while self.progress == Progress::Running
            && self.in_flight.len() < IN_FLIGHT
            && looked_at < BATCH
            && let Some((key, _)) = self.queue.pop()
        {
            looked_at += 1;
            self.queued.remove(&key);
            self.examine(&key, ctx);
        }
        let more = self.in_flight.len() < IN_FLIGHT && self.queue.len() > 0 && self.progress == Progress::Running;
        let at = if more { Some(ctx.now()) } else { self.waits.next() };
        self.next = at.map(|at| {
            let delay = at.saturating_duration_since(ctx.now()).max(Duration::from_millis(1));
            ctx.after(delay, KeeperMessage::Due)
        });
    }

    fn line_up(&mut self, key: ObjectKey, ctx: &Context<Self>) {
        if self.queued.insert(key.clone()) {
            self.queue.push(key, ctx.now());
        }
    }
}

impl Actor for FinalizerKeeper {
    const KIND: &'static str = "FinalizerKeeper";
    type Message = KeeperMessage;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.work.board.bind(&ctx.address());
        self.work.board.reopen();
        Ok(())
    }

    fn handle(&mut self, message: &KeeperMessage, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match message {
            KeeperMessage::Rung(_) => {
                for taken in self.work.board.take(BATCH) {
                    self.line_up(taken.key, ctx);
                }
            }
            KeeperMessage::Due => {}
            KeeperMessage::Written(key, written) => self.written(key, written, ctx),
            KeeperMessage::NoRoom(key) => {
                self.in_flight.remove(key);
                self.waits.until(key.clone(), ctx.now() + SOON.0);
            }
            KeeperMessage::Looked(key, found) => self.looked(key, found, ctx),
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
            Progress::Running if !self.in_flight.is_empty() => "writing",
            Progress::Running => "listening",
        }
    }
}

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

mod board;
mod entry;
mod write;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use syncer_clusters::{Cluster, Error, Next, Object};
use syncer_core::{ObjectKey, event_reason::EventReason};
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

pub(crate) use self::{
    board::{Concern, FinalizerBoard},
    entry::TargetClaim,
};
use self::{entry::Writing, write::Written};
use crate::{
    events::{Events, Subject},
    metrics::{Metrics, WriteResult, WriteSide, WriteVerb},
    runtime::{Actor, Context, Exponential, Failure, Message, NoRoom, Timer, Wake},
    target::{FairQueue, Order, OrderKey, Roster, Waits},
    target_report::TargetReports,
    upstream::{Refused, WriteGate},
    watcher::hand_over,
};

/// How many objects are looked at before the neighbours on the thread have a turn.
const BATCH: usize = 256;
/// Writes in flight.
const IN_FLIGHT: usize = 32;
/// The delays between tries that may succeed by themselves.
const SOON: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
/// The delays between tries that somebody has to make possible first.
const RARELY: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(5));
/// Conflicts in a row that are answered by looking again at once; after them each waits a little longer.
const PROMPT_CONFLICTS: u32 = 3;
/// How many finalizers of unknown targets are told of.
const MOST_STRANGERS: usize = 64;

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

/// Failures in a row.
#[derive(Clone, Copy, Debug)]
struct Failures {
    times: u32,
    /// Until then nothing is tried.
    until: Instant,
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

    /// Does what is to be done about `key` by the newest that is known.
    fn examine(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) {
        // Its answer rings again.
        if self.in_flight.contains(key) {
            return;
        }
        let now = self.upstream_time(ctx);
        let decision = self.work.board.decide(key, now);
        for target in &decision.ask {
            if let Some(orders) = self.work.roster.get(target) {
                hand_over(&orders, OrderKey::Release(key.clone()), Order::Release);
            }
        }
        for target in &decision.abandon {
            // Before the finalizer comes off: nothing else will remember it.
            self.work.reports.abandon(target, key);
            warn!(
                %target, workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace, name = %key.name,
                "the target is dead and holds up no deletion any longer: what it holds is left behind, and goes when it returns"
            );
        }
        if let Some(due) = decision.due {
            let wait = due.duration_since(now).unsigned_abs();
            self.waits.until(key.clone(), ctx.now() + wait);
        }
        self.tell_strangers(key);
        let Some(writing) = decision.write else {
            self.failures.remove(key);
            return;
        };
        if let Some(failures) = self.failures.get(key)
            && failures.until > ctx.now()
        {
            self.waits.until(key.clone(), failures.until);
            return;
        }
        self.write(key, writing, ctx);
    }

    /// The time of day by the upstream's clock, by which deletions are dated.
    fn upstream_time(&self, ctx: &Context<Self>) -> Timestamp {
        let now = Timestamp::try_from(ctx.clock().time()).unwrap_or_default();
        let offset = self.work.cluster.clock_offset();
        let offset = offset.map_or(SignedDuration::ZERO, |offset| offset.offset);
        now.saturating_add(offset).unwrap_or(now)
    }

    fn write(&mut self, key: &ObjectKey, writing: Writing, ctx: &mut Context<Self>) {
        let Some(resource) = self.work.board.resource(&key.gvr) else {
            return;
        };
        let (gate, cluster, about) = (
            self.work.gate.clone(),
            self.work.cluster.logical(&key.cluster),
            key.clone(),
        );
        let io = async move {
            match write::write(&gate, &cluster, &resource, &about, writing).await {
                Ok(written) => KeeperMessage::Written(about, Box::new(written)),
                Err(Refused) => KeeperMessage::NoRoom(about),
            }
        };
        self.begin(key, io, ctx);
    }

    /// Begins `io` about `key`; without room for its answer it waits.
    fn begin(
        &mut self,
        key: &ObjectKey,
        io: impl Future<Output = KeeperMessage> + Send + 'static,
        ctx: &mut Context<Self>,
    ) {
        match ctx.request(io) {
            Ok(()) => {
                self.in_flight.insert(key.clone());
            }
            Err(NoRoom) => self.waits.until(key.clone(), ctx.now() + SOON.0),
        }
    }

    fn written(&mut self, key: &ObjectKey, Written { writing, answer }: &Written, ctx: &mut Context<Self>) {
        self.in_flight.remove(key);
        let result = answer
            .as_ref()
            .map_or_else(|error| error.next().into(), |_| WriteResult::Ok);
        self.work.metrics.wrote(WriteSide::Upstream, WriteVerb::Patch, result);
        let cause = match answer {
            Ok(object) => {
                self.failures.remove(key);
                self.work.board.answered(object);
                info!(
                    workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace, name = %key.name,
                    on = ?writing.on, off = ?writing.off, "finalizers: the upstream object waits for other targets than before"
                );
                self.line_up(key.clone(), ctx);
                return;
            }
            Err(cause) => cause,
        };
        match cause.next() {
            Next::LookAgain if !self.work.board.shows(key, &writing.version) => self.again(key, ctx),
            Next::LookAgain | Next::Invalid => self.look(key, ctx),
            Next::NotFound | Next::NamespaceMissing => self.work.board.gone(key),
            next @ (Next::Forbidden | Next::Unserved) => {
                let times = self.put_off(key, RARELY, ctx);
                if times == 1 {
                    error!(
                        workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace, name = %key.name,
                        "the finalizers of the object are not what they should be: {cause}"
                    );
                    if next == Next::Forbidden {
                        self.tell(
                            key,
                            &writing.uid,
                            format!("its finalizers cannot be written, allow patch: {cause}"),
                        );
                    }
                }
            }
            next => {
                let times = self.put_off(key, SOON, ctx);
                if let Next::Wait(delay) = next {
                    self.wait_until(key, times, ctx.now() + delay.max(SOON.0));
                }
                debug!(object = %key, times, "the finalizers were not written, it is tried again: {cause}");
            }
        }
    }

    /// Somebody else wrote the object, and the watch has not shown that yet, or never will.
    fn look(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) {
        let Some(resource) = self.work.board.resource(&key.gvr) else {
            return;
        };
        let (cluster, about) = (self.work.cluster.logical(&key.cluster), key.clone());
        let io = async move {
            let found = write::look(&cluster, &resource, &about).await;
            KeeperMessage::Looked(about, Box::new(found))
        };
        self.begin(key, io, ctx);
    }

    fn looked(&mut self, key: &ObjectKey, found: &Result<Option<Object>, Error>, ctx: &mut Context<Self>) {
        self.in_flight.remove(key);
        match found {
            Ok(Some(object)) => {
                self.work.board.answered(object);
                self.again(key, ctx);
            }
            Ok(None) => self.work.board.gone(key),
            Err(cause) => {
                let times = self.put_off(key, SOON, ctx);
                debug!(object = %key, times, "the object was not read again, it is tried later: {cause}");
            }
        }
    }

    /// Somebody else wrote the object, and what it looks like now is known.
    fn again(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) {
        let times = self
            .failures
            .get(key)
            .map_or(0, |failures| failures.times)
            .saturating_add(1);
        if times > PROMPT_CONFLICTS {
            self.put_off(key, SOON, ctx);
        } else {
            self.failures.insert(
                key.clone(),
                Failures {
                    times,
                    until: ctx.now(),
                },
            );
            self.line_up(key.clone(), ctx);
        }
    }

    /// The next try is later; returns how many in a row failed.
    fn put_off(&mut self, key: &ObjectKey, (first, last): (Duration, Duration), ctx: &mut Context<Self>) -> u32 {
        let times = self
            .failures
            .get(key)
            .map_or(0, |failures| failures.times)
            .saturating_add(1);
        let delay = Exponential::nth(first, last, times, ctx.chance());
        self.wait_until(key, times, ctx.now() + delay);
        times
    }

    fn wait_until(&mut self, key: &ObjectKey, times: u32, until: Instant) {
        self.failures.insert(key.clone(), Failures { times, until });
        self.waits.until(key.clone(), until);
    }

    /// A finalizer of a target that the rules never named may be another syncer's: it stays, and that is said once.
    fn tell_strangers(&mut self, key: &ObjectKey) {
        for finalizer in self.work.board.strangers(key) {
            if self.strangers.len() >= MOST_STRANGERS || self.strangers.contains(&finalizer) {
                continue;
            }
            warn!(
                %finalizer, kind = %key.gvr, namespace = %key.namespace, name = %key.name,
                "upstream objects carry a finalizer of a target that is not on the list, which holds up their deletion; if no other syncer \
                 has that target, take it off with release --target"
            );
            self.strangers.insert(finalizer);
        }
    }

    fn tell(&self, key: &ObjectKey, uid: &str, note: String) {
        if let Some(resource) = self.work.board.resource(&key.gvr) {
            let subject = Subject {
                resource,
                key: key.clone(),
                uid: uid.into(),
            };
            self.work.events.tell(subject, EventReason::SyncFailed, note);
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

//! Whose turn it is: the queue, the Reconcilers alive, and the objects that wait.

mod door;
mod failures;
mod reports;

use std::{collections::HashMap, time::Duration};

use syncer_core::ObjectKey;
use tokio::time::Instant;

use self::door::{Door, shut};
use super::{
    Stage, Target, TargetMessage,
    fair_queue::{FairQueue, Standing},
    ledger::{Complaint, Outlook, Turn},
    waits::Waits,
};
use crate::{
    reconciler::Reconciler,
    runtime::{Context, Exponential, RestartPolicy, Spec, Timer},
};

/// The delays between attempts that may succeed by themselves. Once nothing is in the way an object is in place within 30 s (S7).
pub(super) const SOON: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(25));

/// The delays between attempts that somebody has to make possible first.
pub(super) const RARELY: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(5));

/// A Reconciler takes one message, the end of its attempt.
const RECONCILER_MAILBOX: usize = 1;

/// The turns of a Target's objects.
#[derive(Default)]
pub(super) struct Turns {
    queue: FairQueue,
    /// The objects that have a Reconciler, and since when, by its key.
    alive: HashMap<String, Standing>,
    waits: Waits,
    due: Option<Timer>,
    pub(super) retry: Option<Timer>,
    pub(super) count: Option<Timer>,
    /// Until resources are asked for that the cluster does not serve yet.
    pub(super) look: Option<Timer>,
    /// Objects whose turn came while their namespace was still being made, by namespace.
    parked: HashMap<ObjectKey, Vec<Standing>>,
    pub(super) connection_failures: u32,
    gate: Gate,
}

/// Whether objects get turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Gate {
    /// They do.
    #[default]
    Open,
    /// The cluster cannot be reached: what wants a turn queues up, keys only.
    Unreachable,
    /// The process ends: what is in flight ends, nothing begins.
    Closed,
}

// === impl Turns ===

impl Turns {
    pub(super) fn is_paused(&self) -> bool {
        self.gate == Gate::Unreachable
    }

    /// Gives no more turns for now; says whether that is new.
    pub(super) fn pause(&mut self) -> bool {
        let open = self.gate == Gate::Open;
        if open {
            self.gate = Gate::Unreachable;
        }
        open
    }

    /// Gives turns again; says whether that is new.
    pub(super) fn resume(&mut self) -> bool {
        let unreachable = self.is_paused();
        if unreachable {
            self.gate = Gate::Open;
        }
        unreachable
    }

    /// Whether nobody has a turn or waits for one.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.len() == 0 && self.alive.is_empty() && self.parked.is_empty()
    }

    pub(super) fn close(&mut self) {
        self.gate = Gate::Closed;
    }
}

// === impl Target ===

impl Target {
    /// The upstream said something new of `key`: that ends a wait, unless it is for something else that nobody but time can tell.
    pub(super) fn changed_upstream(&mut self, key: &ObjectKey) {
        if self.line_up(key) || self.is_over(key) {
            self.turns.waits.cancel(key);
        }
    }

    /// Ends the wait of `key` where it is as it has to be by now, without an attempt: an edit that failed was taken back, or the upstream's
    /// watch has shown what was applied already. One that went on waiting would not see what is changed on the target.
    fn is_over(&mut self, key: &ObjectKey) -> bool {
        match self.ledger.outlook(key) {
            Outlook::Open => return false,
            Outlook::Idle => self.ledger.succeeded(key),
            Outlook::Mended => self.succeeded(key),
        }
        true
    }

    /// The target showed something new of `key`. That ends no wait, or a status that moves would try without end.
    pub(super) fn changed_downstream(&mut self, key: &ObjectKey) {
        if self.ledger.turn(key) == Some(Turn::Quiet) || self.ledger.is_fought_over(key) {
            self.line_up(key);
        }
    }

    /// Puts `key` into the queue if there is something to do for it, and says whether it did.
    fn line_up(&mut self, key: &ObjectKey) -> bool {
        // Before the target is listed nobody knows what it holds: a restart would write everything again (S5).
        if !self.intake.is_listed(&key.gvr) || !self.ledger.queue(key) {
            return false;
        }
        self.turns.queue.push(key.clone(), Instant::now());
        self.queue.added();
        true
    }

    /// The wait of `key` is over: there is something to do for it, or it waits for nothing any more.
    fn end_wait(&mut self, key: &ObjectKey) {
        self.ledger.due(key);
        if !self.line_up(key) && !self.is_over(key) {
            self.ledger.end_wait(key);
        }
    }

    /// Starts Reconcilers while there are places and work.
    pub(super) fn give_turns(&mut self, ctx: &mut Context<Self>) {
        let Stage::Syncing(downstream) = &self.stage else {
            return;
        };
        let downstream = downstream.clone();
        // What another upstream made of it nobody knows. What stands in the queue goes on when the one of before is back.
        if self.upstream.continuity.is_broken() {
            return;
        }
        while self.turns.gate == Gate::Open && self.turns.alive.len() < self.bounds.reconcilers {
            let Some((key, since)) = self.turns.queue.pop() else {
                return;
            };
            let door = key
                .home()
                .map(|namespace| (self.door(&key, &namespace, &downstream), namespace));
            if self.is_left_last(&key, ctx) {
                continue;
            }
            if let Some((Door::Awaited, namespace)) = door {
                self.turns.parked.entry(namespace).or_default().push((key, since));
                continue;
            }
            let Some(task) = self.ledger.begin(&key) else {
                self.queue.withdrawn();
                continue;
            };
            if let Some((Door::Shut, namespace)) = door {
                self.queue.withdrawn();
                self.failed(key, &shut(&downstream.name, &namespace), ctx);
                continue;
            }
            let now = ctx.now();
            self.queue.begun(now.saturating_duration_since(since));
            let actor_key = key.to_string();
            self.turns.alive.insert(actor_key.clone(), (key.clone(), now));
            let spec = Spec::new(actor_key)
                .mailbox(RECONCILER_MAILBOX)
                .restarts(RestartPolicy::NEVER);
            let (downstream, reports) = (downstream.clone(), self.intake.reports());
            ctx.spawn(spec, move || {
                Reconciler::new(key.clone(), task.clone(), downstream.clone(), reports.clone())
            });
        }
    }

    /// Objects that waited for the namespace `key` have their turn, whatever came of it.
    pub(super) fn unpark(&mut self, key: &ObjectKey) {
        for (parked, since) in self.turns.parked.remove(key).into_iter().flatten() {
            self.turns.queue.push(parked, since);
        }
    }

    /// Looks at `key` again after a while, more and more rarely up to the last of `delays`; returns the delay.
    pub(super) fn look_again(
        &mut self,
        key: &ObjectKey,
        complaint: Complaint,
        delays: (Duration, Duration),
        ctx: &mut Context<Self>,
    ) -> Duration {
        let times = self.ledger.failed(key, complaint);
        let delay = Exponential::nth(delays.0, delays.1, times, ctx.chance());
        self.turns.waits.until(key.clone(), ctx.now() + delay);
        self.set_timer(ctx);
        delay
    }

    pub(super) fn take_due(&mut self, ctx: &mut Context<Self>) {
        let now = ctx.now();
        while let Some(key) = self.turns.waits.pop(now) {
            self.end_wait(&key);
        }
        self.set_timer(ctx);
        self.give_turns(ctx);
    }

    /// The cluster is back: nothing has to wait for it any longer.
    pub(super) fn end_waits(&mut self, ctx: &mut Context<Self>) {
        for key in self.ledger.waiting() {
            self.turns.waits.cancel(&key);
            self.end_wait(&key);
        }
        self.give_turns(ctx);
    }

    fn set_timer(&mut self, ctx: &mut Context<Self>) {
        let next = self.turns.waits.next();
        self.turns.due = next.map(|at| ctx.after(at.saturating_duration_since(ctx.now()), TargetMessage::Due));
    }
}

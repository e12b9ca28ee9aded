//! Whose turn it is: the queue, the Reconcilers alive, and the objects that wait.

use std::{collections::HashMap, time::Duration};

use syncer_core::{
    ObjectKey,
    config::NamespaceMapping,
    event_reason::EventReason,
    kcp,
    plan::{Lifecycle, Live},
    status::Problem,
};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{
    BATCH, Stage, Target, TargetMessage,
    fair_queue::{FairQueue, Standing},
    ledger::{Complaint, Outlook, Turn, Word},
    waits::Waits,
};
use crate::{
    events::Subject,
    metrics::{Direction, Stage as Propagation},
    reconciler::{Attempt, AttemptFailure, Belief, Downstream, End, Reconciler, Retry},
    runtime::{Actor, Context, Exit, Exponential, RestartPolicy, Spec, Taken, Timer},
};

/// The delays between attempts that may succeed by themselves. Once nothing is in the way an object is in place within 30 s (S7).
pub(super) const SOON: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(25));
/// The delays between attempts that somebody has to make possible first.
pub(super) const RARELY: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(5));

/// So far apart are attempts at all objects together that somebody has to make possible first (S9).
const APART: Duration = Duration::from_millis(300);

/// After so many failures in a row the owner of an object is told, where the failure may pass by itself.
const TELL_AFTER: u32 = 4;

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

/// What the namespace of an object means for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// It is there, or the API server says what is wrong.
    Open,
    /// It is about to be made, or looked at.
    Awaited,
    /// It is somebody else's.
    Shut,
}

/// Why nothing is made in `namespace` on `target`.
fn shut(target: &str, namespace: &ObjectKey) -> AttemptFailure {
    let message = format!(
        "target {target}: the namespace that {namespace} is mapped to exists and is not ours: nothing is made in it; remove it there, or \
         map this target's namespaces by name"
    );
    AttemptFailure::new(message, Retry::Rarely).because(EventReason::NameTaken)
}

/// The delays between attempts that somebody has to make possible first, where `waiting` objects wait: few are in place within 30 s of that
/// (S7), and many cost no more than a few requests a second.
fn rarely(waiting: usize) -> (Duration, Duration) {
    let all = APART.saturating_mul(u32::try_from(waiting).unwrap_or(u32::MAX));
    (RARELY.0, all.clamp(SOON.1, RARELY.1))
}

fn complaint(reason: EventReason) -> Complaint {
    match reason {
        EventReason::AdoptionRefused | EventReason::NameTaken | EventReason::Conflict | EventReason::FightDetected => {
            Complaint::Conflicted
        }
        _ => Complaint::Failed,
    }
}

/// The reason of the condition `Synced` where it is `False`.
fn synced_reason(reason: EventReason) -> &'static str {
    match reason {
        EventReason::Conflict | EventReason::FightDetected => "Conflicted",
        EventReason::AdoptionRefused => "AdoptionRefused",
        EventReason::NameTaken => "NameTaken",
        EventReason::ImmutableField => "ImmutableField",
        EventReason::TransformFailed => "TransformFailed",
        _ => "SyncFailed",
    }
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

    /// Whether `key` may have a turn as far as its namespace is concerned. What is made before its namespace costs a request that
    /// fails, and in a namespace of others that has a name of our making it must not be made at all (S1).
    fn door(&self, key: &ObjectKey, namespace: &ObjectKey, downstream: &Downstream) -> Door {
        let hashed = downstream.names.mapping() == NamespaceMapping::Hashed;
        if !self.ledger.is_to_be_made(key) {
            return Door::Open;
        }
        let coming = match self.ledger.turn(namespace) {
            Some(Turn::Queued | Turn::Running) => true,
            Some(Turn::Quiet) => !self.intake.is_listed(&namespace.gvr),
            // It was said that it would be made, which is all that happens.
            Some(Turn::Reported) => return Door::Open,
            Some(Turn::Waiting) | None => false,
        };
        match self.ledger.live(namespace) {
            Some(Live::Foreign) if hashed => Door::Shut,
            Some(Live::Unseen) | None if hashed => Door::Awaited,
            // What is made in a namespace that goes is refused. Its end, and that it is made again, is seen.
            Some(Live::Ours(ours)) if ours.lifecycle == Lifecycle::Terminating => Door::Awaited,
            Some(Live::Unseen) if coming && self.ledger.is_to_be_made(namespace) => Door::Awaited,
            Some(Live::Ours(_) | Live::Foreign | Live::Unseen) | None => Door::Open,
        }
    }

    pub(super) fn take_reports(&mut self, ctx: &mut Context<Self>) {
        let name = self.settings.name.clone();
        for Taken { key, value, cause } in self.intake.reports().take(BATCH) {
            cause.handled(Self::KIND, &name, &key, || self.take_report(&key, value, ctx));
        }
        self.judge();
        self.give_turns(ctx);
    }

    fn take_report(&mut self, key: &ObjectKey, attempt: Attempt, ctx: &mut Context<Self>) {
        if let Some((_, since)) = self.turns.alive.remove(&key.to_string()) {
            self.queue.done(ctx.now().saturating_duration_since(since));
        }
        self.ledger.learn(key, attempt.after);
        match attempt.end {
            End::Done => {
                self.succeeded(key);
                self.arrived(key, ctx);
            }
            End::Parted => {
                self.parted(key);
                self.succeeded(key);
                self.ledger.forget_if_void(key);
            }
            End::Reported => self.ledger.reported(key),
            End::Ahead => self.ahead(key, ctx),
            End::Withheld => self.withheld(key, ctx),
            End::TooEarly(longer) => self.too_early(key, longer, ctx),
            End::AbsenceRefuted => {
                self.ledger.absence_refuted(key);
                self.ledger.succeeded(key);
            }
            End::Paused => self.paused_upstream(key, ctx),
            End::Resting { failure, rest } => {
                self.rests(key.clone(), &failure, rest, ctx);
                self.arrived(key, ctx);
            }
            End::Failed(failure) => {
                if failure.belief == Belief::Doubted {
                    self.ledger.doubt(key);
                }
                self.failed(key.clone(), &failure, ctx);
            }
        }
        self.unpark(key);
        self.changed_downstream(key);
    }

    /// Objects that waited for the namespace `key` have their turn, whatever came of it.
    pub(super) fn unpark(&mut self, key: &ObjectKey) {
        for (parked, since) in self.turns.parked.remove(key).into_iter().flatten() {
            self.turns.queue.push(parked, since);
        }
    }

    /// Measures how long the news of `key` was on its way.
    fn arrived(&mut self, key: &ObjectKey, ctx: &Context<Self>) {
        if let Some(seen) = self.ledger.arrived(key) {
            let after = ctx.now().saturating_duration_since(seen);
            self.upstream
                .metrics
                .propagated(Direction::Down, Propagation::Applied, after);
        }
    }

    /// What failed before and works again is told once: to those who heard of the failure.
    fn succeeded(&mut self, key: &ObjectKey) {
        let (failures, word) = (self.ledger.failures(key), self.ledger.word(key));
        self.ledger.succeeded(key);
        self.upstream.status.problem(&self.settings.name, key, None);
        if failures > 0 {
            info!(
                target = %self.settings.name, workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace,
                name = %key.name, failures, "synced again"
            );
        }
        if word == Word::Given {
            self.tell(
                key,
                EventReason::Synced,
                format!("target {}: synced again", self.settings.name),
            );
        }
    }

    /// Tells the owner of the upstream object `key`, where it is wanted here.
    fn tell(&self, key: &ObjectKey, reason: EventReason, note: String) {
        let resource = self.upstream.resources.iter().find(|resource| resource.gvr == key.gvr);
        if let (Some(resource), Some(uid)) = (resource, self.ledger.upstream_uid(key)) {
            let subject = Subject {
                resource: resource.clone(),
                key: key.clone(),
                uid: uid.into(),
            };
            self.upstream.events.tell(subject, reason, note);
        }
    }

    /// A Reconciler panicked: its object waits as after any other failure, the others go on.
    pub(super) fn reconciler_died(&mut self, exit: &Exit, ctx: &mut Context<Self>) {
        if let Some((key, _)) = self.turns.alive.remove(&*exit.key) {
            self.failed(key.clone(), &AttemptFailure::new(exit.to_string(), Retry::Rarely), ctx);
            self.unpark(&key);
        }
        self.give_turns(ctx);
    }

    /// What is wanted of `key` is behind what is there: the upstream's word ends the wait, or another look.
    fn ahead(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) {
        let delay = self.look_again(key, Complaint::None, SOON, ctx);
        debug!(target = %self.settings.name, object = %key, retry_in = ?delay, "the upstream's watch is behind its object");
    }

    /// It was not to be told whether `key` is gone: it stays. What the binding of its workspace withholds is weighed again when that turns. But
    /// where the binding lets it be told, it turned during the attempt, or it was the API server that refused: its own sight of the binding may be
    /// behind ours, or rights are missing for a while. Nothing tells of any of that, so it is looked at again.
    fn withheld(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) {
        self.ledger.withheld(key);
        match self.upstream.workspaces.standing(key, ctx.now()) {
            kcp::Standing::Bound | kcp::Standing::Accepted { .. } => {
                let delay = self.look_again(key, Complaint::None, (SOON.0, RARELY.1), ctx);
                debug!(target = %self.settings.name, object = %key, retry_in = ?delay, "not to be told whether the object is gone");
            }
            kcp::Standing::Plain
            | kcp::Standing::Selected
            | kcp::Standing::Unaccepted
            | kcp::Standing::Unbound
            | kcp::Standing::Left => {
                self.ledger.succeeded(key);
            }
        }
    }

    /// `key` is missing under a claim that is too young to say so: it is looked at again when the claim is old enough.
    fn too_early(&mut self, key: &ObjectKey, longer: Duration, ctx: &mut Context<Self>) {
        self.ledger.failed(key, Complaint::None);
        debug!(target = %self.settings.name, object = %key, retry_in = ?longer, "the claim under which the object is missing is young");
        self.turns.waits.until(key.clone(), ctx.now() + longer.max(SOON.0));
        self.set_timer(ctx);
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

    pub(super) fn failed(&mut self, key: ObjectKey, failure: &AttemptFailure, ctx: &mut Context<Self>) {
        let failures = self.ledger.failed(&key, complaint(failure.reason));
        self.queue.retried();
        let delay = match failure.retry {
            // A breaker whose probe hangs names no time at all: that must not become a spin.
            Retry::After(delay) => delay.max(SOON.0) + ctx.chance().jitter(delay / 8),
            Retry::Soon => Exponential::nth(SOON.0, SOON.1, failures, ctx.chance()),
            Retry::Rarely => {
                // What is only tried comes to rest.
                let (first, last) = match self.upstream.preview {
                    None => rarely(self.turns.waits.len()),
                    Some(_) => RARELY,
                };
                Exponential::nth(first, last, failures, ctx.chance())
            }
        };
        // A short conflict or outage is no news: it passes, and a status would be written twice for it.
        if failure.retry == Retry::Rarely {
            let problem = Problem {
                reason: synced_reason(failure.reason).into(),
                message: (&*failure.message).into(),
            };
            self.upstream.status.problem(&self.settings.name, &key, Some(problem));
        }
        // A short conflict or outage is no news to the owner of an object either.
        let lasts = failure.retry == Retry::Rarely || failures >= TELL_AFTER;
        if lasts && self.ledger.word(&key) == Word::None {
            self.ledger.give_word(&key);
            self.tell(&key, failure.reason, failure.message.to_string());
        }
        // Said once; what is said again and again is read by nobody. What somebody has to mend may turn out to be another thing than
        // it seemed, or come after a wait that was no failure.
        let is_said = match failure.retry {
            Retry::Rarely => self.ledger.is_news(&key, &failure.message),
            Retry::Soon | Retry::After(_) => failures == 1,
        };
        if is_said {
            warn!(
                target = %self.settings.name, workspace = %key.cluster, kind = %key.gvr, namespace = %key.namespace,
                name = %key.name, retry_in = ?delay, "not synced: {}", failure.message
            );
        } else {
            debug!(target = %self.settings.name, object = %key, failures, retry_in = ?delay, "still not synced: {}", failure.message);
        }
        let at = ctx.now() + delay;
        self.turns.waits.until(key, at);
        self.set_timer(ctx);
    }

    /// `key` is as it has to be, but for fields that are fought over: they are tried again after `rest`. Its other fields are kept meanwhile.
    fn rests(&mut self, key: ObjectKey, failure: &AttemptFailure, rest: Duration, ctx: &mut Context<Self>) {
        self.ledger.failed(&key, Complaint::Fighting);
        // Its owner was told when the fight was noticed, and is told when it is over.
        self.ledger.give_word(&key);
        let problem = Problem {
            reason: synced_reason(failure.reason).into(),
            message: (&*failure.message).into(),
        };
        self.upstream.status.problem(&self.settings.name, &key, Some(problem));
        self.turns.waits.until(key, ctx.now() + rest);
        self.set_timer(ctx);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_that_wait_are_looked_at_within_thirty_seconds_and_many_cost_little() {
        for (waiting, longest) in [(0, 25), (1, 25), (83, 25), (200, 60), (1_000, 300), (100_000, 300)] {
            assert_eq!(rarely(waiting).1, Duration::from_secs(longest), "{waiting}");
        }
    }
}

//! The actix actor around each of ours: feeds it, catches what it throws, and builds it anew.
//!
//! actix would end the actor on a panic, restart it without delay or limit, and drain a mailbox without a pause. So nothing that
//! is not ours is ever called outside of [`caught`], and the mailbox is held back, by a future that actix waits for, whenever the
//! actor is not ready for messages: while it rests, while children of an earlier incarnation end, and after a turn's worth of messages.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{self, Poll},
    time::Duration,
};

use actix::{ActorContext, ActorFuture, AsyncContext, dev::channel};
use tokio::time::{Sleep, sleep};
use tracing::{Span, debug_span, warn};

use super::{
    Actor, Context, Exit, Failure, Message, Outcome, Place, Placement, RestartPolicy, Spec,
    context::Occasion,
    exit::Cause,
    history::{History, Verdict},
    mailbox::{Cause as MessageCause, Envelope, Gate, Ticket},
    node::{Node, Notice, Parent},
    system::System,
    timer::Due,
};

/// The actix actor around one of ours.
pub(crate) struct Shell<A: Actor> {
    actor: Option<A>,
    factory: Box<dyn Fn() -> A + Send>,
    context: Context<A>,
    phase: Phase,
    policy: RestartPolicy,
    /// `None` while nothing counts against it.
    history: Option<Box<History>>,
    /// A message that comes before the mailbox: it failed once, or arrived when the actor was no longer ready for it.
    held: Option<Box<Held<A::Message>>>,
    /// Messages until other actors of the thread get their turn.
    budget: u16,
    /// The turn is over; the mailbox goes on at the next.
    breathe: bool,
    state: &'static str,
}

struct Held<M> {
    envelope: Envelope<M>,
    attempt: u8,
}

/// Where an actor is in its life.
enum Phase {
    /// Waits until the one that had its kind and key before it has ended.
    Behind(Arc<Node>),
    /// Takes messages.
    Running,
    /// Takes messages, and stops when it is done.
    Draining,
    /// Failed: the children of the failed incarnation end and a delay passes, then it is built anew.
    Restarting(Pin<Box<Rest>>),
    /// Its children end, then it does.
    Stopping(Option<Box<Cause>>, Pin<Box<Sleep>>),
    /// Has ended.
    Over(Option<Box<Cause>>),
}

/// The rest between a failure and the next incarnation.
struct Rest {
    delay: Duration,
    /// Children that have not ended by then are abandoned.
    children: Pin<Box<Sleep>>,
    /// Set once every other actor of the thread had its turn.
    rested: Option<Pin<Box<Sleep>>>,
}

/// Everything that an actor needs to start on its thread. Dropped instead of started, the actor has given up.
pub(crate) struct Launch<A: Actor>(Option<Parts<A>>);

struct Parts<A: Actor> {
    gate: Arc<Gate<A::Message>>,
    mailbox: channel::AddressReceiver<Shell<A>>,
    factory: Box<dyn Fn() -> A + Send>,
    policy: RestartPolicy,
    seed: u64,
}

/// Messages handled before the other actors of the thread get their turn.
const TURN: u16 = 128;

/// How long an actor that stops or restarts waits for its children.
const CHILDREN_LIMIT: Duration = Duration::from_secs(10);

/// Makes everything of an actor but its state, which is made on its thread.
pub(crate) fn prepare<A: Actor>(
    parent: Parent,
    system: Arc<System>,
    near: u16,
    spec: &Spec,
    factory: Box<dyn Fn() -> A + Send>,
    seed: u64,
) -> Launch<A> {
    let (thread, spread) = match spec.placement {
        Placement::WithParent => (near, false),
        Placement::Spread => (system.threads.emptiest(), true),
    };
    let capacity = u32::try_from(spec.mailbox).unwrap_or(u32::MAX);
    let node = Node::new(A::KIND, Arc::clone(&spec.key), capacity, thread, spread, parent, system);
    // Unbounded for actix: the permits are the bound.
    let (sender, mailbox) = channel::channel(0);
    let gate = Arc::new(Gate::new(Arc::new(node), actix::Addr::new(sender).recipient()));
    Launch(Some(Parts {
        gate,
        mailbox,
        factory,
        policy: spec.restarts,
        seed,
    }))
}

/// Runs code that is not ours.
fn caught<T>(place: Place, run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Cause> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(failure)) => Err(Cause::error(place, failure)),
        Err(panic) => Err(Cause::panic(place, &*panic)),
    }
}

/// Drops something of which we do not know what its drop does.
fn drop_caught<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        let cause = Cause::panic(Place::Task, &*panic);
        warn!(%cause, "a drop panicked");
    }
}

// === impl Launch ===

impl<A: Actor> Launch<A> {
    pub(crate) fn gate(&self) -> &Arc<Gate<A::Message>> {
        match &self.0 {
            Some(parts) => &parts.gate,
            None => never_empty(),
        }
    }

    /// Starts the actor on its thread, once `older` has ended. `here` is the calling thread.
    pub(crate) fn start(self, here: u16, older: Option<Arc<Node>>) {
        let node = Arc::clone(&self.gate().node);
        if node.thread == here {
            return self.start_here(older);
        }
        // Not taken when the thread is gone: dropping the launch says so.
        node.system.threads.run_on(node.thread, move || self.start_here(older));
    }

    fn start_here(mut self, older: Option<Arc<Node>>) {
        let Some(Parts {
            gate,
            mailbox,
            factory,
            policy,
            seed,
        }) = self.0.take()
        else {
            return;
        };
        let shell = Shell {
            actor: None,
            factory,
            context: Context::new(gate, seed),
            phase: match older {
                Some(older) => {
                    older.ask_stop();
                    Phase::Behind(older)
                }
                None => Phase::Running,
            },
            policy,
            history: None,
            held: None,
            budget: TURN,
            breathe: false,
            state: "",
        };
        tokio::task::spawn_local(actix::Context::with_receiver(mailbox).into_future(shell));
    }
}

impl<A: Actor> Drop for Launch<A> {
    fn drop(&mut self) {
        if let Some(parts) = self.0.take() {
            let cause = Cause::error(Place::Task, "the thread that it was to run on is gone");
            parts.gate.node.ended(Outcome::GaveUp { cause });
        }
    }
}

// === impl Shell: callbacks ===

impl<A: Actor> Shell<A> {
    fn node(&self) -> &Arc<Node> {
        self.context.node()
    }

    fn key_of(envelope: &Envelope<A::Message>) -> Option<Box<str>> {
        caught(Place::Handler, || Ok(envelope.body.key().map(|key| Box::from(&*key)))).unwrap_or_default()
    }

    /// Calls the actor. What it requested has started, or never will, when this returns.
    fn call(
        &mut self,
        place: Place,
        key: impl FnOnce() -> Option<Box<str>>,
        callback: impl FnOnce(&mut A, &mut Context<A>) -> Result<(), Failure>,
    ) -> Result<(), Cause> {
        let Some(actor) = &mut self.actor else { return Ok(()) };
        let context = &mut self.context;
        let state = caught(place, || {
            callback(actor, context)?;
            context.commit(key);
            Ok(actor.state())
        })?;
        if !std::ptr::eq(state, self.state) {
            self.state = state;
            self.node().set_state(state);
        }
        Ok(())
    }

    /// Calls the actor on an occasion that no message brought.
    fn call_own(
        &mut self,
        place: Place,
        ctx: &mut actix::Context<Self>,
        callback: impl FnOnce(&mut A, &mut Context<A>) -> Result<(), Failure>,
    ) {
        self.context.occasion = Occasion::Own;
        match self.call(place, || None, callback) {
            Ok(()) => self.settle(ctx),
            Err(cause) => self.fail(cause, ctx),
        }
    }

    /// Builds the actor and starts it.
    fn begin(&mut self, ctx: &mut actix::Context<Self>) {
        match caught(Place::Factory, || Ok((self.factory)())) {
            Ok(actor) => self.actor = Some(actor),
            Err(cause) => return self.fail(cause, ctx),
        }
        self.phase = Phase::Running;
        self.state = "";
        self.call_own(Place::Started, ctx, Actor::started);
        if self.is_ready()
            && let Some(held) = self.held.take()
        {
            self.dispatch(held.envelope, held.attempt, ctx);
        }
    }

    fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Draining)
    }

    /// One message, out of the mailbox or held.
    fn dispatch(&mut self, mut envelope: Envelope<A::Message>, attempt: u8, ctx: &mut actix::Context<Self>) {
        if let Some(ticket) = envelope.ticket.take()
            && self.context.requests.finish(ticket).is_none()
        {
            // An answer to an incarnation that is gone.
            return drop_caught(envelope);
        }
        if self.is_quarantined(&envelope) {
            self.node().meter.quarantine_dropped.inc();
            drop_caught(envelope);
            return self.settle(ctx);
        }
        let outcome = {
            let span = self.span_for(&envelope, attempt);
            let _entered = span.enter();
            self.context.permit = envelope.permit.take();
            self.context.occasion = if self.context.permit.is_some() {
                Occasion::Message
            } else {
                Occasion::Own
            };
            let body = &envelope.body;
            let key = || body.key().map(|key| Box::from(&*key));
            self.call(Place::Handler, key, |actor, context| actor.handle(body, context))
        };
        let Err(cause) = outcome else {
            // The place is free before the message is dropped: a drop may send (see `Wake`).
            self.context.permit = None;
            drop_caught(envelope);
            return self.settle(ctx);
        };
        envelope.permit = self.context.abandon();
        if attempt == 1 && self.policy.limit > 0 {
            self.held = Some(Box::new(Held { envelope, attempt: 2 }));
            return self.fail(cause, ctx);
        }
        let key = Self::key_of(&envelope);
        drop_caught(envelope);
        self.fail_for(key, usize::from(attempt) - 1, cause, ctx);
    }

    fn span_for(&self, envelope: &Envelope<A::Message>, attempt: u8) -> Span {
        let (parent, link) = match &envelope.cause {
            MessageCause::Child(cause) => (cause.id(), None),
            MessageCause::Link(cause) => (None, cause.id()),
        };
        let span = debug_span!(
            target: "tmc_syncer::actor",
            parent: parent,
            "handle",
            kind = A::KIND,
            key = &*self.node().key,
            object = envelope.body.key().as_deref(),
            attempt,
        );
        if span.is_disabled() {
            return match &envelope.cause {
                MessageCause::Child(cause) => cause.clone(),
                MessageCause::Link(_) => span,
            };
        }
        if let Some(link) = link {
            span.follows_from(link);
        }
        span
    }

    fn is_quarantined(&self, envelope: &Envelope<A::Message>) -> bool {
        match &self.history {
            Some(history) if !history.quarantine.is_empty() => {
                Self::key_of(envelope).is_some_and(|key| history.quarantine.holds(&key))
            }
            _ => false,
        }
    }

    /// A timer that is due.
    fn fire(&mut self, due: Due<A::Message>, ctx: &mut actix::Context<Self>) {
        match due {
            Due::Message(body, span) => {
                let cause = MessageCause::Link(span);
                self.dispatch(
                    Envelope {
                        body,
                        permit: None,
                        cause,
                        ticket: None,
                    },
                    1,
                    ctx,
                );
            }
            Due::Release(key) => self.release(&key, ctx),
        }
    }

    /// The time of `key` in quarantine is over.
    fn release(&mut self, key: &str, ctx: &mut actix::Context<Self>) {
        let now = self.context.now();
        let Some(history) = &mut self.history else { return };
        if !history.quarantine.release(key, now) {
            return;
        }
        self.context.occasion = Occasion::Own;
        match self.call(
            Place::Released,
            || Some(key.into()),
            |actor, context| actor.released(key, context),
        ) {
            Ok(()) => self.settle(ctx),
            Err(cause) => {
                self.context.abandon();
                self.fail_for(Some(key.into()), 0, cause, ctx);
            }
        }
    }
}

// === impl Shell: failures ===

impl<A: Actor> Shell<A> {
    /// A callback failed, or the actor's own code elsewhere.
    fn fail(&mut self, cause: Cause, ctx: &mut actix::Context<Self>) {
        let now = self.context.now();
        let history = self.history.get_or_insert_default();
        let verdict = history.judge(&self.policy, now, self.context.chance());
        self.fell(cause, verdict, ctx);
    }

    /// A failure for which a message, or a request about `key`, is to blame: the key is quarantined; this failure and the `earlier`
    /// ones that it caused are excused. Without a key they count, or an actor that fails on every tick would limp for ever.
    fn fail_for(&mut self, key: Option<Box<str>>, earlier: usize, cause: Cause, ctx: &mut actix::Context<Self>) {
        let now = self.context.now();
        let history = self.history.get_or_insert_default();
        let chance = self.context.chance();
        let Some(key) = key.filter(|_| self.policy.limit > 0) else {
            let verdict = history.judge(&self.policy, now, chance);
            let gave_up = verdict == Verdict::GiveUp;
            self.fell(cause.clone(), verdict, ctx);
            if !gave_up {
                self.node().report(Outcome::Quarantined {
                    key: None,
                    cause,
                    length: Duration::ZERO,
                });
            }
            return;
        };
        history.excuse(earlier);
        let verdict = history.judge(&self.policy, now, chance);
        history.excuse(1);
        let (length, evicted) = history.quarantine.hold(&key, now, chance);
        self.fell(cause.clone(), verdict, ctx);
        let node = self.node();
        node.meter.quarantines.inc();
        warn!(kind = A::KIND, key = &*node.key, object = &*key, ?length, %cause, "an object is quarantined: its messages failed twice");
        node.report(Outcome::Quarantined {
            key: Some(key.clone().into_string()),
            cause,
            length,
        });
        let release = |at, key| (at, Due::Release(key));
        for (at, due) in [Some(release(now + length, key)), evicted.map(|key| release(now, key))]
            .into_iter()
            .flatten()
        {
            self.context.timers.set(at, due).detach();
        }
    }

    /// The incarnation is over; `verdict` says what follows.
    fn fell(&mut self, cause: Cause, verdict: Verdict, ctx: &mut actix::Context<Self>) {
        let node = Arc::clone(self.node());
        node.failed(&cause);
        self.end_incarnation();
        match verdict {
            Verdict::GiveUp => {
                node.system.signals.gave_up(&node.meter, cause.fault);
                self.stop(Some(cause), ctx);
            }
            Verdict::Restart { attempt, delay } => {
                node.system.signals.restarted(&node.meter, cause.fault);
                node.restarts.fetch_add(1, Ordering::Relaxed);
                node.set_state("restarting");
                node.drain_again();
                warn!(kind = A::KIND, key = &*node.key, attempt, ?delay, %cause, "an actor failed and is restarted");
                node.report(Outcome::Restarting { cause, attempt, delay });
                self.stop_children();
                let children = Box::pin(sleep(CHILDREN_LIMIT));
                self.phase = Phase::Restarting(Box::pin(Rest {
                    delay,
                    children,
                    rested: None,
                }));
                self.pause(ctx);
            }
        }
    }

    /// Drops the state, and what it asked for. Its memory is suspect: nothing of it goes to the next incarnation.
    fn end_incarnation(&mut self) {
        let context = &mut self.context;
        drop_caught_in_place(|| context.reset());
        drop_caught(self.actor.take());
    }

    fn stop_children(&self) {
        for child in self.node().children() {
            child.ask_stop();
        }
    }
}

/// Runs code of ours that drops things that are not.
fn drop_caught_in_place(run: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        let cause = Cause::panic(Place::Task, &*panic);
        warn!(%cause, "a drop panicked");
    }
}

// === impl Shell: life ===

impl<A: Actor> Shell<A> {
    /// Holds the mailbox back until [`Shell::turn`] says that it may go on. May be called twice.
    #[expect(clippy::unused_self, reason = "reads as what the shell does")]
    fn pause(&self, ctx: &mut actix::Context<Self>) {
        ctx.wait(Pause);
    }

    /// After a callback that succeeded: does what it asked for.
    fn settle(&mut self, ctx: &mut actix::Context<Self>) {
        if mem::take(&mut self.context.stop) {
            return self.stop(None, ctx);
        }
        if matches!(self.phase, Phase::Draining) {
            self.settle_drain(ctx);
        }
    }

    /// Stops when a drain has nothing left to wait for.
    fn settle_drain(&mut self, ctx: &mut actix::Context<Self>) {
        let node = self.node();
        if node.has_children() {
            return;
        }
        // Closed first, looked at second: see `Gate::admit`.
        node.close();
        if node.depth() > 0 || self.context.requests.len() > 0 || self.held.is_some() {
            return;
        }
        let Some(actor) = &self.actor else { return };
        match caught(Place::Drain, || Ok(actor.drained())) {
            Ok(true) => self.stop(None, ctx),
            Ok(false) => {}
            Err(cause) => self.fail(cause, ctx),
        }
    }

    fn begin_drain(&mut self, ctx: &mut actix::Context<Self>) {
        let node = self.node();
        node.drain_begun();
        for child in node.children() {
            child.ask_drain();
        }
        node.set_state("draining");
        self.phase = Phase::Draining;
        self.call_own(Place::Drain, ctx, |actor, context| {
            actor.drain(context);
            Ok(())
        });
    }

    /// Stops the children, then this one; with a cause it has given up.
    fn stop(&mut self, cause: Option<Cause>, ctx: &mut actix::Context<Self>) {
        if matches!(self.phase, Phase::Stopping(..) | Phase::Over(_)) {
            return;
        }
        let node = self.node();
        node.shut();
        node.set_state("stopping");
        let context = &mut self.context;
        drop_caught_in_place(|| context.reset());
        drop_caught(self.held.take());
        let cause = cause.map(Box::new);
        if self.node().has_children() {
            self.stop_children();
            self.phase = Phase::Stopping(cause, Box::pin(sleep(CHILDREN_LIMIT)));
            return self.pause(ctx);
        }
        self.finish(cause, ctx);
    }

    fn finish(&mut self, cause: Option<Box<Cause>>, ctx: &mut actix::Context<Self>) {
        drop_caught(self.actor.take());
        self.phase = Phase::Over(cause);
        ctx.stop();
    }

    /// Does what the kit has to say to this actor.
    fn heed(&mut self, ctx: &mut actix::Context<Self>) {
        if !self.node().wants_attention() {
            return;
        }
        if self.node().stop_asked() {
            self.stop(None, ctx);
        }
        for notice in self.node().take_notices() {
            self.heed_notice(notice, ctx);
        }
        if self.node().drain_asked() && matches!(self.phase, Phase::Running | Phase::Draining) {
            self.begin_drain(ctx);
        }
    }

    fn heed_notice(&mut self, notice: Notice, ctx: &mut actix::Context<Self>) {
        match notice {
            Notice::Child(exit) => self.child_exited(&exit, ctx),
            Notice::ChildOver(child, exit) => {
                if self.node().disown(&child) {
                    self.child_exited(&exit, ctx);
                }
            }
            Notice::RequestFailed(ticket, cause) => self.request_failed(ticket, cause, ctx),
            Notice::RequestLost(ticket) => {
                self.context.requests.finish(ticket);
            }
        }
    }

    fn child_exited(&mut self, exit: &Exit, ctx: &mut actix::Context<Self>) {
        if self.is_ready() {
            self.call_own(Place::ChildExited, ctx, |actor, context| {
                actor.child_exited(exit, context)
            });
        }
    }

    /// The second panic of a request about the same object within the window is that object's.
    fn request_failed(&mut self, ticket: Ticket, cause: Cause, ctx: &mut actix::Context<Self>) {
        let Some(key) = self.context.requests.finish(ticket) else {
            return;
        };
        let (window, now) = (self.policy.window, self.context.now());
        match key {
            Some(key) if self.history.get_or_insert_default().suspect(&key, window, now) => {
                self.fail_for(Some(key), 1, cause, ctx);
            }
            _ => self.fail(cause, ctx),
        }
    }

    /// One turn: everything but the mailbox. Ready when the mailbox may go on.
    fn turn(&mut self, ctx: &mut actix::Context<Self>, task: &mut task::Context<'_>) -> Poll<()> {
        // Registered before anything is looked at: what is raised from here on wakes us again.
        self.node().waker.register(task.waker());
        self.budget = TURN;
        let mut timers = TURN;
        loop {
            self.heed(ctx);
            match &mut self.phase {
                Phase::Behind(older) => {
                    if !older.gone(task.waker()) {
                        return Poll::Pending;
                    }
                    self.begin(ctx);
                }
                Phase::Running | Phase::Draining => {
                    if timers == 0 {
                        task.waker().wake_by_ref();
                        return Poll::Ready(());
                    }
                    timers -= 1;
                    match self.context.timers.poll_due(task) {
                        Poll::Ready(due) => self.fire(due, ctx),
                        Poll::Pending => {
                            self.settle(ctx);
                            if self.is_ready() {
                                return Poll::Ready(());
                            }
                        }
                    }
                }
                Phase::Restarting(rest) => {
                    let node = self.context.node();
                    if !rest.over(node, task) {
                        return Poll::Pending;
                    }
                    self.begin(ctx);
                }
                Phase::Stopping(cause, limit) => {
                    let node = self.context.node();
                    if node.has_children() && limit.as_mut().poll(task).is_pending() {
                        return Poll::Pending;
                    }
                    abandon_children(node);
                    let cause = cause.take();
                    self.finish(cause, ctx);
                }
                Phase::Over(_) => return Poll::Ready(()),
            }
        }
    }
}

fn abandon_children(node: &Node) {
    let abandoned = node.abandon_children();
    if abandoned > 0 {
        warn!(
            kind = node.kind,
            key = &*node.key,
            abandoned,
            "children did not end in time and are left behind"
        );
    }
}

#[expect(
    clippy::panic,
    reason = "the parts are taken only by `start`, which consumes the launch, and by `drop`"
)]
fn never_empty() -> ! {
    panic!("a launch is used once")
}

impl<A: Actor> actix::Actor for Shell<A> {
    type Context = actix::Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(Pulse);
        match self.phase {
            Phase::Behind(_) => self.pause(ctx),
            _ if self.node().stop_asked() => self.stop(None, ctx),
            _ => self.begin(ctx),
        }
    }
}

impl<A: Actor> actix::Handler<Envelope<A::Message>> for Shell<A> {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<A::Message>, ctx: &mut Self::Context) {
        self.heed(ctx);
        if !self.is_ready() {
            // Its actor failed on a notice: the message comes first when there is a new one. A stop drops it.
            if matches!(self.phase, Phase::Restarting(_)) {
                self.held = Some(Box::new(Held { envelope, attempt: 1 }));
            }
            return;
        }
        self.dispatch(envelope, 1, ctx);
        self.budget = self.budget.saturating_sub(1);
        if self.budget == 0 && self.is_ready() {
            self.breathe = true;
            self.pause(ctx);
        }
    }
}

impl<A: Actor> Drop for Shell<A> {
    fn drop(&mut self) {
        let outcome = match mem::replace(&mut self.phase, Phase::Over(None)) {
            Phase::Over(None) => Outcome::Ended,
            Phase::Over(Some(cause)) => Outcome::GaveUp { cause: *cause },
            // The catch-all: whatever ended the task without us, the parent hears of it.
            _ => Outcome::GaveUp {
                cause: Cause::error(Place::Task, "its task was dropped"),
            },
        };
        let context = &mut self.context;
        drop_caught_in_place(|| context.reset());
        self.node().ended(outcome);
    }
}

// === impl Rest ===

impl Rest {
    /// Whether the children have ended and the delay has passed. The delay begins once every other actor of the thread had its turn:
    /// an actor that dies at its start for ever must not keep the others from theirs, however short its delay.
    fn over(&mut self, node: &Node, task: &mut task::Context<'_>) -> bool {
        let Some(rested) = &mut self.rested else {
            self.rested = Some(Box::pin(sleep(self.delay)));
            task.waker().wake_by_ref();
            return false;
        };
        if rested.as_mut().poll(task).is_pending() {
            return false;
        }
        if node.has_children() && self.children.as_mut().poll(task).is_pending() {
            return false;
        }
        abandon_children(node);
        true
    }
}

/// The turn of an actor that takes messages.
struct Pulse;

impl<A: Actor> ActorFuture<Shell<A>> for Pulse {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        shell: &mut Shell<A>,
        ctx: &mut actix::Context<Shell<A>>,
        task: &mut task::Context<'_>,
    ) -> Poll<()> {
        if !ctx.waiting() && shell.is_ready() {
            // What is not ready after this has paused itself.
            let _ = shell.turn(ctx, task);
        }
        Poll::Pending
    }
}

/// The turn of an actor that does not.
struct Pause;

impl<A: Actor> ActorFuture<Shell<A>> for Pause {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        shell: &mut Shell<A>,
        ctx: &mut actix::Context<Shell<A>>,
        task: &mut task::Context<'_>,
    ) -> Poll<()> {
        if mem::take(&mut shell.breathe) {
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        shell.turn(ctx, task)
    }
}

//! What a callback can do besides changing its actor's state.

use std::{
    future::Future,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};

use tokio::time::Instant;
use tracing::Span;

use super::{
    Actor, Address, Chance, Clock, Origin, Spec, Timer,
    backstage::{Backstage, Pending},
    here,
    mailbox::{Gate, Permit, Ticket},
    node::{Node, Parent},
    request::{Finished, Staged},
    shell,
    timer::Due,
};

/// What a callback can do besides changing its actor's state.
pub struct Context<A: Actor> {
    pub(crate) gate: Arc<Gate<A::Message>>,
    pub(crate) backstage: Box<Backstage<A>>,
    /// The place of the message being handled, until a request takes it for its answer.
    pub(crate) permit: Option<Permit>,
    pub(crate) occasion: Occasion,
    /// `None` until the first request or timer.
    pending: Option<Box<Pending<A::Message>>>,
    pub(crate) stop: bool,
}

/// What a callback was called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// A message out of the mailbox.
    Message,
    /// Anything else: no permit came with it.
    Own,
}

/// There is no place for the answer: keep in mind what was to be done, and do it on a later message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no place is free for the answer of a request")]
pub struct NoRoom;

// === impl Context ===

impl<A: Actor> Context<A> {
    pub(crate) fn new(gate: Arc<Gate<A::Message>>, backstage: Box<Backstage<A>>) -> Self {
        Self {
            gate,
            backstage,
            permit: None,
            occasion: Occasion::Own,
            pending: None,
            stop: false,
        }
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.gate.node
    }

    /// This actor's address.
    pub fn address(&self) -> Address<A::Message> {
        Address(Arc::clone(&self.gate))
    }

    /// This actor's key.
    pub fn key(&self) -> &str {
        &self.gate.node.key
    }

    /// Stops this actor once the callback has returned, its children first. What is queued or in flight is dropped.
    pub fn stop(&mut self) {
        self.stop = true;
    }

    /// Runs `io` on the worker pool once the callback has returned `Ok`; its output comes back as a message.
    ///
    /// The place for the answer is that of the message being handled, for the first request of a handler; else a free one. None
    /// free: refused in a handler; elsewhere the I/O waits for a place, and is refused beyond as many as the mailbox takes.
    /// A panic of `io` is this actor's failure. A restart or a stop aborts it.
    pub fn request<F>(&mut self, io: F) -> Result<(), NoRoom>
    where
        F: Future<Output = A::Message> + Send + 'static,
    {
        let permit = self.permit.take().or_else(|| Permit::try_own(&self.gate.node));
        let outstanding = self.pending.as_ref().map_or(0, |pending| pending.outstanding());
        let may_wait = self.occasion == Occasion::Own && outstanding < self.gate.node.capacity();
        if permit.is_none() && !may_wait {
            self.gate.node.meter.refused.inc();
            return Err(NoRoom);
        }
        self.pending().staged.push(Staged {
            permit,
            io: Box::pin(io),
            origin: Origin::current(),
        });
        Ok(())
    }

    /// Handles `message` after `delay`, unless the timer is dropped or cancelled before, or this actor restarts.
    pub fn after(&mut self, delay: Duration, message: A::Message) -> Timer {
        let at = self.now() + delay;
        // A trace goes on by its mark, and what is set for later is rarely about one edit.
        let span = if here().is_some() {
            Span::none()
        } else {
            Span::current()
        };
        self.set(at, Due::Message(message, span))
    }

    /// Starts a child. See [`Spec`]; a panic of `factory` is the child's failure.
    pub fn spawn<C: Actor>(&mut self, spec: Spec, factory: impl Fn() -> C + Send + 'static) -> Address<C::Message> {
        let parent = Parent::Actor(Arc::downgrade(self.node()));
        let system = Arc::clone(&self.gate.node.system);
        let thread = self.gate.node.thread;
        let chance = Chance::new(self.backstage.chance.bits());
        let launch = shell::prepare(parent, system, thread, spec, factory, chance);
        let address = Address(Arc::clone(launch.gate()));
        let older = self.gate.node.adopt(Arc::clone(&launch.gate().node));
        launch.start(thread, older);
        address
    }

    /// Stops a child, and drops what is queued or in flight there. [`Actor::child_exited`] hears when it has ended.
    pub fn stop_child(&mut self, kind: &'static str, key: &str) {
        if let Some(child) = self.gate.node.child(kind, key) {
            child.ask_stop();
        }
    }

    /// Drains a child. [`Actor::child_exited`] hears when it has ended.
    pub fn drain_child(&mut self, kind: &'static str, key: &str) {
        if let Some(child) = self.gate.node.child(kind, key) {
            child.ask_drain();
        }
    }

    /// Now, by the clock that timers use.
    pub fn now(&self) -> Instant {
        self.clock().now()
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.gate.node.system.clock
    }

    /// This actor's randomness.
    pub fn chance(&mut self) -> &mut Chance {
        &mut self.backstage.chance
    }

    /// The span of the message being handled. It goes along by itself with what is sent or requested; this is for what is kept for later.
    pub fn span(&self) -> Span {
        Span::current()
    }

    /// The callback succeeded: starts the requests that it made, about the object `key`.
    pub(crate) fn commit(&mut self, key: impl FnOnce() -> Option<Box<str>>) {
        let Some(Pending { staged, requests, .. }) = self.pending.as_deref_mut() else {
            return;
        };
        if staged.is_empty() {
            return;
        }
        let key = key();
        for staged in staged.drain(..) {
            requests.start(&self.gate, staged, key.as_deref());
        }
    }

    /// The callback failed: nothing that it requested has started, and nothing will. Returns the place of its message.
    pub(crate) fn abandon(&mut self) -> Option<Permit> {
        let staged = self
            .pending
            .as_mut()
            .and_then(|pending| pending.staged.drain(..).next());
        self.permit.take().or(staged.and_then(|staged| staged.permit))
    }

    /// The incarnation is over: its timers and requests go with it.
    pub(crate) fn reset(&mut self) {
        self.permit = None;
        self.stop = false;
        self.occasion = Occasion::Own;
        if let Some(pending) = &mut self.pending {
            pending.abort();
        }
    }

    /// What `ticket` stood for.
    pub(crate) fn finish(&mut self, ticket: Ticket) -> Finished {
        self.pending
            .as_mut()
            .map_or(Finished::Stale, |pending| pending.requests.finish(ticket))
    }

    /// Whether a request has no answer yet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.outstanding() > 0)
    }

    /// The next timer that is due; else `task` is woken when one is.
    pub(crate) fn poll_due(&mut self, task: &mut task::Context<'_>) -> Poll<Due<A::Message>> {
        self.pending
            .as_mut()
            .map_or(Poll::Pending, |pending| pending.timers.poll_due(task))
    }

    /// Sets a timer.
    pub(crate) fn set(&mut self, at: Instant, due: Due<A::Message>) -> Timer {
        self.pending().timers.set(at, due)
    }

    fn pending(&mut self) -> &mut Pending<A::Message> {
        self.pending.get_or_insert_default()
    }
}

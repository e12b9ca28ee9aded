//! What a callback can do besides changing its actor's state.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::Span;

use super::{
    Actor, Address, Chance, Clock, Origin, Spec, Timer,
    mailbox::{Gate, Permit},
    node::{Node, Parent},
    request::{Requests, Staged},
    shell,
    timer::{Due, Timers},
};

/// What a callback can do besides changing its actor's state.
pub struct Context<A: Actor> {
    pub(crate) gate: Arc<Gate<A::Message>>,
    chance: Chance,
    /// The place of the message being handled, until a request takes it for its answer.
    pub(crate) permit: Option<Permit>,
    pub(crate) occasion: Occasion,
    staged: Vec<Staged<A::Message>>,
    pub(crate) requests: Requests,
    pub(crate) timers: Timers<A::Message>,
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
    pub(crate) fn new(gate: Arc<Gate<A::Message>>, seed: u64) -> Self {
        Self {
            gate,
            chance: Chance::new(seed),
            permit: None,
            occasion: Occasion::Own,
            staged: Vec::new(),
            requests: Requests::default(),
            timers: Timers::default(),
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
        let outstanding = self.requests.len() + self.staged.len();
        let may_wait = self.occasion == Occasion::Own && outstanding < self.gate.node.capacity();
        if permit.is_none() && !may_wait {
            self.gate.node.meter.refused.inc();
            return Err(NoRoom);
        }
        self.staged.push(Staged {
            permit,
            io: Box::pin(io),
            origin: Origin::current(),
        });
        Ok(())
    }

    /// Handles `message` after `delay`, unless the timer is dropped or cancelled before, or this actor restarts.
    pub fn after(&mut self, delay: Duration, message: A::Message) -> Timer {
        let at = self.now() + delay;
        self.timers.set(at, Due::Message(message, Span::current()))
    }

    /// Starts a child. See [`Spec`]; a panic of `factory` is the child's failure.
    pub fn spawn<C: Actor>(&mut self, spec: Spec, factory: impl Fn() -> C + Send + 'static) -> Address<C::Message> {
        let parent = Parent::Actor(Arc::downgrade(self.node()));
        let system = Arc::clone(&self.gate.node.system);
        let thread = self.gate.node.thread;
        let seed = self.chance.bits();
        let launch = shell::prepare(parent, system, thread, spec, Box::new(factory), seed);
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
        &mut self.chance
    }

    /// The span of the message being handled. It goes along by itself with what is sent or requested; this is for what is kept for later.
    pub fn span(&self) -> Span {
        Span::current()
    }

    /// The callback succeeded: starts the requests that it made, about the object `key`.
    pub(crate) fn commit(&mut self, key: impl FnOnce() -> Option<Box<str>>) {
        if self.staged.is_empty() {
            return;
        }
        let key = key();
        for staged in self.staged.drain(..) {
            self.requests.start(&self.gate, staged, key.as_deref());
        }
    }

    /// The callback failed: nothing that it requested has started, and nothing will. Returns the place of its message.
    pub(crate) fn abandon(&mut self) -> Option<Permit> {
        let moved = self.staged.drain(..).next().and_then(|staged| staged.permit);
        self.permit.take().or(moved)
    }

    /// The incarnation is over: its timers and requests go with it.
    pub(crate) fn reset(&mut self) {
        self.permit = None;
        self.staged.clear();
        self.requests.abort();
        self.timers.clear();
        self.stop = false;
        self.occasion = Occasion::Own;
    }
}

//! What is known of an actor outside its thread: its place in the tree, its bound, and the way in for what the kit says to it.

mod attention;
mod children;
mod cold;
mod notices;

use std::{
    sync::{Arc, Weak, atomic::AtomicU32},
    task::Waker,
};

use futures::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

pub(crate) use self::notices::Notice;
use self::{
    attention::{Attention, CLOSED, DRAIN, DRAINING, OVER, STOP},
    cold::Cold,
};
use super::{
    exit::{Cause, Exit, Outcome},
    signals::Meter,
    system::{Escalation, System},
};

/// The part of an actor that others see. Nothing here waits for the actor's thread: no lock is held while its code runs.
pub(crate) struct Node {
    pub(crate) key: Arc<str>,
    pub(crate) thread: u16,
    /// Whether it counts for its thread, see `Placement::Spread`.
    pub(crate) spread: bool,
    capacity: u32,
    attention: Attention,
    pub(crate) restarts: AtomicU32,
    pub(crate) permits: Semaphore,
    pub(crate) meter: Arc<Meter>,
    pub(crate) system: Arc<System>,
    pub(crate) waker: AtomicWaker,
    parent: Parent,
    cold: Mutex<Cold>,
}

/// Who hears of an actor's exits.
pub(crate) enum Parent {
    /// Another actor.
    Actor(Weak<Node>),
    /// Whoever waits for the runtime's end.
    Runtime(watch::Sender<Option<Result<(), Escalation>>>),
}

// === impl Node ===

impl Node {
    pub(crate) fn new(
        kind: &'static str,
        key: Arc<str>,
        capacity: u32,
        thread: u16,
        spread: bool,
        parent: Parent,
        system: Arc<System>,
    ) -> Self {
        let meter = system.signals.meter(kind);
        meter.actors.inc();
        system.actor_added(thread, spread);
        Self {
            key,
            thread,
            spread,
            capacity,
            attention: Attention::new(),
            restarts: AtomicU32::new(0),
            permits: Semaphore::new(capacity as usize),
            meter,
            system,
            waker: AtomicWaker::new(),
            parent,
            cold: Mutex::new(Cold {
                state: "starting",
                rare: None,
            }),
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.meter.kind
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity as usize
    }

    pub(crate) fn depth(&self) -> usize {
        self.capacity().saturating_sub(self.permits.available_permits())
    }

    // What others ask of it.

    pub(crate) fn ask_stop(&self) {
        self.raise(STOP);
    }

    pub(crate) fn ask_drain(&self) {
        self.raise(DRAIN);
    }

    fn raise(&self, bit: u8) {
        self.attention.set(bit);
        self.waker.wake();
    }

    /// A permit came back.
    pub(crate) fn place_freed(&self) {
        if self.has(DRAINING) {
            self.waker.wake();
        }
    }

    fn has(&self, bit: u8) -> bool {
        self.attention.has(bit)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.has(CLOSED)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.has(OVER)
    }

    // What its own thread does with it.

    /// Whether the kit has something to say; read once a message.
    pub(crate) fn wants_attention(&self) -> bool {
        self.attention.is_wanted()
    }

    pub(crate) fn stop_asked(&self) -> bool {
        self.has(STOP)
    }

    pub(crate) fn drain_asked(&self) -> bool {
        self.has(DRAIN)
    }

    /// The drain that was asked for has begun.
    pub(crate) fn drain_begun(&self) {
        self.attention.set(DRAINING);
        self.attention.clear(DRAIN);
    }

    /// The drain has to begin anew: its actor failed.
    pub(crate) fn drain_again(&self) {
        if self.has(DRAINING) {
            self.attention.set(DRAIN);
        }
    }

    /// Takes nothing new from now on; what is queued or expected still comes.
    pub(crate) fn close(&self) {
        self.attention.set(CLOSED);
    }

    /// Takes nothing at all from now on: whoever waits for a place hears so.
    pub(crate) fn shut(&self) {
        self.attention.set(CLOSED);
        self.attention.clear(STOP);
        self.permits.close();
    }

    pub(crate) fn set_state(&self, state: &'static str) {
        self.cold.lock().state = state;
    }

    pub(crate) fn failed(&self, cause: &Cause) {
        self.cold.lock().rare().last_error = Some(cause.to_string().into_boxed_str());
    }

    /// Tells the parent that it restarts or quarantined a key.
    pub(crate) fn report(&self, outcome: Outcome) {
        if let Parent::Actor(parent) = &self.parent
            && let Some(parent) = parent.upgrade()
        {
            parent.notify(Notice::Child(self.exit(outcome)));
        }
    }

    /// It is gone: nothing of it may stay behind.
    pub(crate) fn ended(self: &Arc<Self>, outcome: Outcome) {
        self.shut();
        let rare = {
            let mut cold = self.cold.lock();
            // Under the lock: what is noted from here on is refused, and who waits for this is woken.
            self.attention.set(OVER);
            cold.state = "ended";
            cold.rare.take().unwrap_or_default()
        };
        for child in rare.children.iter() {
            child.ask_stop();
        }
        self.meter.actors.dec();
        match &self.parent {
            Parent::Actor(parent) => {
                if let Some(parent) = parent.upgrade() {
                    parent.notify(Notice::ChildOver(Arc::clone(self), self.exit(outcome)));
                }
            }
            Parent::Runtime(ended) => {
                let end = match outcome {
                    Outcome::GaveUp { cause } => Err(Escalation {
                        kind: self.kind(),
                        key: Arc::clone(&self.key),
                        cause,
                    }),
                    _ => Ok(()),
                };
                ended.send_replace(Some(end));
            }
        }
        if let Some(successor) = rare.successor {
            successor.wake();
        }
    }

    fn exit(&self, outcome: Outcome) -> Exit {
        Exit {
            kind: self.kind(),
            key: Arc::clone(&self.key),
            outcome,
        }
    }

    /// Whether it is gone; else `waker` is woken when it is.
    pub(crate) fn gone(&self, waker: &Waker) -> bool {
        let mut cold = self.cold.lock();
        let over = self.is_over();
        if !over {
            cold.rare().successor = Some(waker.clone());
        }
        over
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.system.actor_removed(self.thread, self.spread);
    }
}

//! What is known of an actor outside its thread: its place in the tree, its bound, and the way in for what the kit says to it.

use std::{
    mem,
    sync::{
        Arc, Weak,
        atomic::{AtomicU8, AtomicU32, Ordering},
    },
    task::Waker,
};

use futures::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use super::{
    exit::{Cause, Exit, Outcome},
    family::Family,
    mailbox::Ticket,
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
    attention: AtomicU8,
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

/// What the kit has to say to an actor.
pub(crate) enum Notice {
    /// A child restarts or quarantined a key.
    Child(Exit),
    /// A child is gone: its last exit.
    ChildOver(Arc<Node>, Exit),
    /// The future of a request panicked.
    RequestFailed(Ticket, Cause),
    /// The future of a request will never run: the actor stops.
    RequestLost(Ticket),
}

/// What is rarely looked at.
struct Cold {
    state: &'static str,
    /// `None` for most: the many actors at the leaves of the tree have no children, and have not failed.
    rare: Option<Box<Rare>>,
}

/// What most actors have not.
#[derive(Default)]
struct Rare {
    last_error: Option<Box<str>>,
    notices: Vec<Notice>,
    successor: Option<Waker>,
    children: Family,
}

/// What a debug page shows of an actor itself.
pub(crate) struct Glance {
    pub(crate) state: &'static str,
    pub(crate) last_error: Option<String>,
    pub(crate) children: Vec<Arc<Node>>,
    pub(crate) more: usize,
}

const STOP: u8 = 1;
const DRAIN: u8 = 2;
const NOTICES: u8 = 4;
/// Takes nothing new.
const CLOSED: u8 = 8;
/// A freed place may be what a drain waits for.
const DRAINING: u8 = 16;
const OVER: u8 = 32;
const ATTENTION: u8 = STOP | DRAIN | NOTICES;

/// Reports of restarts beyond this many unread ones are dropped: the counters have them, and an end is never dropped.
const MAX_UNREAD: usize = 1024;

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
            attention: AtomicU8::new(0),
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

    pub(crate) fn notify(&self, notice: Notice) {
        {
            let mut cold = self.cold.lock();
            if self.is_over() {
                return;
            }
            let notices = &mut cold.rare().notices;
            if notices.len() >= MAX_UNREAD && matches!(notice, Notice::Child(_)) {
                return;
            }
            notices.push(notice);
        }
        self.raise(NOTICES);
    }

    fn raise(&self, bit: u8) {
        self.attention.fetch_or(bit, Ordering::SeqCst);
        self.waker.wake();
    }

    /// A permit came back.
    pub(crate) fn place_freed(&self) {
        if self.has(DRAINING) {
            self.waker.wake();
        }
    }

    fn has(&self, bit: u8) -> bool {
        self.attention.load(Ordering::SeqCst) & bit != 0
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
        self.attention.load(Ordering::Acquire) & ATTENTION != 0
    }

    pub(crate) fn stop_asked(&self) -> bool {
        self.has(STOP)
    }

    pub(crate) fn drain_asked(&self) -> bool {
        self.has(DRAIN)
    }

    /// The drain that was asked for has begun.
    pub(crate) fn drain_begun(&self) {
        self.attention.fetch_or(DRAINING, Ordering::SeqCst);
        self.attention.fetch_and(!DRAIN, Ordering::SeqCst);
    }

    /// The drain has to begin anew: its actor failed.
    pub(crate) fn drain_again(&self) {
        if self.has(DRAINING) {
            self.attention.fetch_or(DRAIN, Ordering::SeqCst);
        }
    }

    pub(crate) fn take_notices(&self) -> Vec<Notice> {
        self.attention.fetch_and(!NOTICES, Ordering::SeqCst);
        let mut cold = self.cold.lock();
        cold.rare
            .as_mut()
            .map(|rare| mem::take(&mut rare.notices))
            .unwrap_or_default()
    }

    /// Takes nothing new from now on; what is queued or expected still comes.
    pub(crate) fn close(&self) {
        self.attention.fetch_or(CLOSED, Ordering::SeqCst);
    }

    /// Takes nothing at all from now on: whoever waits for a place hears so.
    pub(crate) fn shut(&self) {
        self.attention.fetch_or(CLOSED, Ordering::SeqCst);
        self.attention.fetch_and(!STOP, Ordering::SeqCst);
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
            self.attention.fetch_or(OVER, Ordering::SeqCst);
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

    // Its children.

    /// Puts `child` into the tree; returns the one it displaces.
    pub(crate) fn adopt(&self, child: Arc<Node>) -> Option<Arc<Node>> {
        self.cold.lock().rare().children.adopt(child)
    }

    /// Takes `child` out of the tree; false when another one has its place.
    pub(crate) fn disown(&self, child: &Arc<Node>) -> bool {
        self.cold.lock().rare().children.disown(child)
    }

    /// Forgets children that did not end in time; returns how many.
    pub(crate) fn abandon_children(&self) -> usize {
        let mut cold = self.cold.lock();
        cold.rare.as_mut().map_or(0, |rare| mem::take(&mut rare.children).len())
    }

    pub(crate) fn child(&self, kind: &str, key: &str) -> Option<Arc<Node>> {
        self.cold.lock().rare.as_ref()?.children.get(kind, key).cloned()
    }

    pub(crate) fn children(&self) -> Vec<Arc<Node>> {
        let cold = self.cold.lock();
        cold.rare
            .iter()
            .flat_map(|rare| rare.children.iter().cloned())
            .collect()
    }

    pub(crate) fn has_children(&self) -> bool {
        self.cold
            .lock()
            .rare
            .as_ref()
            .is_some_and(|rare| !rare.children.is_empty())
    }

    /// What a debug page shows, with at most `limit` children of each kind.
    pub(crate) fn glance(&self, limit: usize) -> Glance {
        let cold = self.cold.lock();
        let rare = cold.rare.as_deref();
        let children: Vec<_> = rare
            .iter()
            .flat_map(|rare| rare.children.first(limit).cloned())
            .collect();
        Glance {
            state: cold.state,
            last_error: rare.and_then(|rare| rare.last_error.as_deref().map(str::to_owned)),
            more: rare.map_or(0, |rare| rare.children.len()) - children.len(),
            children,
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.system.actor_removed(self.thread, self.spread);
    }
}

// === impl Cold ===

impl Cold {
    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

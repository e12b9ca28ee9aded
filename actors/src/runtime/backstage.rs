//! What an actor has beside its state, kept apart from the task: a task's memory comes in steps of 128 bytes, and the many that are idle
//! pay for each.

use super::{
    Actor, Chance, Message,
    history::History,
    mailbox::Envelope,
    policy::Terms,
    request::{Requests, Staged},
    timer::Timers,
};

/// What outlives an incarnation, and its factory.
pub(crate) struct Backstage<A: Actor, F: ?Sized = Factory<A>> {
    pub(crate) terms: Terms,
    /// `None` while nothing counts against it.
    pub(crate) history: Option<Box<History>>,
    /// A message that comes before the mailbox: it failed once, or arrived when the actor was no longer ready for it.
    pub(crate) held: Option<Box<Held<A::Message>>>,
    pub(crate) chance: Chance,
    /// Which word for its state the tree has: its address and length, mixed.
    pub(crate) word: usize,
    /// Messages until other actors of the thread get their turn.
    pub(crate) budget: u16,
    /// The turn is over; the mailbox goes on at the next.
    pub(crate) breathe: bool,
    pub(crate) factory: F,
}

/// What makes the state of an incarnation.
pub(crate) type Factory<A> = dyn Fn() -> A + Send;

/// A message that comes before the mailbox.
pub(crate) struct Held<M> {
    pub(crate) envelope: Envelope<M>,
    pub(crate) attempt: u8,
}

/// What an incarnation waits for.
pub(crate) struct Pending<M> {
    /// Requests that start when the callback has succeeded.
    pub(crate) staged: Vec<Staged<M>>,
    pub(crate) requests: Requests,
    pub(crate) timers: Timers<M>,
}

// === impl Backstage ===

impl<A: Actor, F: Fn() -> A + Send + 'static> Backstage<A, F> {
    pub(crate) fn new(terms: Terms, chance: Chance, factory: F) -> Box<Backstage<A>> {
        Box::new(Backstage {
            terms,
            history: None,
            held: None,
            chance,
            word: 0,
            budget: 0,
            breathe: false,
            factory,
        })
    }
}

// === impl Pending ===

impl<M> Default for Pending<M> {
    fn default() -> Self {
        Self {
            staged: Vec::new(),
            requests: Requests::default(),
            timers: Timers::default(),
        }
    }
}

impl<M: Message> Pending<M> {
    /// How many requests have no answer yet.
    pub(crate) fn outstanding(&self) -> usize {
        self.requests.len() + self.staged.len()
    }

    /// The incarnation is over: what it waited for goes with it.
    pub(crate) fn abort(&mut self) {
        self.staged.clear();
        self.requests.abort();
        self.timers.clear();
    }
}

//! The timers of one actor: one table, and one tokio timer for the earliest of them.

use std::{
    cell::Cell,
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep, sleep_until};
use tracing::Span;

/// A message to come. Dropped, it is cancelled.
#[must_use = "a timer is cancelled when it is dropped; `detach` it to let it run"]
#[derive(Debug)]
pub struct Timer(Option<Rc<Entry>>);

/// The timers of one actor.
pub(crate) struct Timers<M>(Option<Box<Table<M>>>);

struct Table<M> {
    heap: BinaryHeap<Reverse<Armed<M>>>,
    /// Timers set so far: those due at the same instant come in the order they were set.
    sequence: u64,
    /// How many in the heap are cancelled; they are swept out when they are the greater part.
    cancelled: Rc<Cell<usize>>,
    sleep: Option<Pin<Box<Sleep>>>,
}

struct Armed<M> {
    at: Instant,
    sequence: u64,
    entry: Rc<Entry>,
    due: Due<M>,
}

#[derive(Debug)]
struct Entry {
    state: Cell<State>,
    cancelled: Rc<Cell<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It will fire.
    Armed,
    /// It will not.
    Cancelled,
    /// It has, or its actor is gone.
    Done,
}

/// What a timer was set for.
pub(crate) enum Due<M> {
    /// A message of the actor's own, and the span that set the timer.
    Message(M, Span),
    /// The quarantine of this key is over.
    Release(Box<str>),
}

const SWEEP_FROM: usize = 32;

// === impl Timer ===

impl Timer {
    /// The message will not come.
    pub fn cancel(self) {
        drop(self);
    }

    /// The message comes even though nobody holds the timer any more.
    pub fn detach(mut self) {
        self.0 = None;
    }

    /// Whether the message is still to come.
    pub fn is_armed(&self) -> bool {
        self.0.as_ref().is_some_and(|entry| entry.state.get() == State::Armed)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let Some(entry) = self.0.take() else { return };
        if entry.state.replace(State::Cancelled) == State::Armed {
            entry.cancelled.set(entry.cancelled.get() + 1);
        }
    }
}

// === impl Timers ===

impl<M> Default for Timers<M> {
    fn default() -> Self {
        Self(None)
    }
}

impl<M> Timers<M> {
    pub(crate) fn set(&mut self, at: Instant, due: Due<M>) -> Timer {
        self.0.get_or_insert_with(Box::default).set(at, due)
    }

    /// The next timer that is due; else `task` is woken when one is.
    pub(crate) fn poll_due(&mut self, task: &mut Context<'_>) -> Poll<Due<M>> {
        match &mut self.0 {
            Some(table) => table.poll_due(task),
            None => Poll::Pending,
        }
    }

    /// Drops the actor's own; what the kit set stays.
    pub(crate) fn clear(&mut self) {
        let Some(table) = &mut self.0 else { return };
        table.heap.retain(|Reverse(armed)| {
            let keep = matches!(armed.due, Due::Release(_));
            if !keep {
                armed.entry.state.set(State::Done);
            }
            keep
        });
        table.cancelled.set(0);
        if table.heap.is_empty() {
            self.0 = None;
        }
    }
}

// === impl Table ===

impl<M> Default for Table<M> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            sequence: 0,
            cancelled: Rc::default(),
            sleep: None,
        }
    }
}

impl<M> Table<M> {
    fn set(&mut self, at: Instant, due: Due<M>) -> Timer {
        if self.cancelled.get() > SWEEP_FROM.max(self.heap.len() / 2) {
            self.heap
                .retain(|Reverse(armed)| armed.entry.state.get() == State::Armed);
            self.cancelled.set(0);
        }
        let entry = Rc::new(Entry {
            state: Cell::new(State::Armed),
            cancelled: Rc::clone(&self.cancelled),
        });
        self.sequence += 1;
        self.heap.push(Reverse(Armed {
            at,
            sequence: self.sequence,
            entry: Rc::clone(&entry),
            due,
        }));
        Timer(Some(entry))
    }

    fn poll_due(&mut self, task: &mut Context<'_>) -> Poll<Due<M>> {
        loop {
            let Some(Reverse(next)) = self.heap.peek() else {
                self.sleep = None;
                return Poll::Pending;
            };
            let at = next.at;
            if next.entry.state.get() != State::Armed {
                self.heap.pop();
                self.cancelled.set(self.cancelled.get().saturating_sub(1));
                continue;
            }
            if at <= Instant::now() {
                let Some(Reverse(armed)) = self.heap.pop() else {
                    return Poll::Pending;
                };
                armed.entry.state.set(State::Done);
                return Poll::Ready(armed.due);
            }
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
            if sleep.deadline() != at {
                sleep.as_mut().reset(at);
            }
            if sleep.as_mut().poll(task).is_pending() {
                return Poll::Pending;
            }
            self.sleep = None;
        }
    }
}

// === impl Armed ===

impl<M> Armed<M> {
    fn order(&self) -> (Instant, u64) {
        (self.at, self.sequence)
    }
}

impl<M> PartialEq for Armed<M> {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl<M> Eq for Armed<M> {}

impl<M> PartialOrd for Armed<M> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<M> Ord for Armed<M> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

//! A coalescing hand-over from one actor or task to another actor: the newest value per key, and at most one message to say so.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    hash::Hash,
    sync::Arc,
};

use parking_lot::Mutex;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use tracing::Span;

use super::{
    Address, Message, Origin, Signals,
    address::Denied,
    mailbox::{Cause, Envelope, Gate},
};

/// Values on their way to an actor, one per key: the newest, or all merged into one.
///
/// [`Outbox::put`] never waits and takes no place in the receiver's mailbox. At most one message there says that something is
/// waiting; the receiver [`take`](Outbox::take)s batches, and is told again while something is left. The receiver binds itself in `started`, so
/// that nothing is lost when it restarts or is replaced: what waits, waits. What was taken and not finished is the receiver's to repair (S10).
///
/// The bound is the number of distinct keys, or the [`limit`](Outbox::limited): then the value of a further key is refused and comes back.
pub struct Outbox<K, V>(Arc<Shared<K, V>>);

/// A value taken out of an outbox.
#[derive(Debug)]
pub struct Taken<K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
    /// What caused the newest [`Outbox::put`]: handle the value inside of it.
    pub cause: Origin,
}

/// Says that something waits in an outbox; a part of the message that does. When the message is dropped, and something was taken and
/// something is left, the outbox sends another.
pub struct Wake(Arc<dyn Bell>, u64);

/// The outbox is at its limit; the key and the value come back.
#[derive(thiserror::Error)]
#[error("the outbox is full")]
pub struct Full<K, V>(pub K, pub V);

struct Shared<K, V> {
    limit: usize,
    merge: Merge<V>,
    waiting: Mutex<Waiting<K, V>>,
    meter: OutboxMeter,
}

type Merge<V> = Box<dyn Fn(&mut V, V) + Send + Sync>;

/// The counters of the outboxes of one name.
pub(crate) struct OutboxMeter {
    pub(crate) depth: Gauge,
    pub(crate) merged: Counter,
    pub(crate) refused: Counter,
}

struct Waiting<K, V> {
    /// First come, first served; exactly the keys of `values`.
    order: VecDeque<K>,
    values: HashMap<K, (V, Origin)>,
    receiver: Option<Arc<dyn Receiver>>,
    /// Counts the receivers, so that the message of an earlier one says nothing.
    binding: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No message is on its way.
    Silent,
    /// One is, and nothing has been taken since it was sent.
    Rung,
    /// One is, or is being handled, and something has been taken since it was sent.
    Heard,
}

/// The outbox, as the wake-up message knows it.
trait Bell: Send + Sync {
    fn answered(self: Arc<Self>, binding: u64);
}

/// The receiver, as the outbox knows it.
trait Receiver: Send + Sync {
    /// Puts a wake-up into the mailbox, or waits for a place in a task. Dropped when the actor takes nothing more.
    fn wake(self: Arc<Self>, wake: Wake);

    /// The mailbox, to tell receivers apart.
    fn mailbox(&self) -> *const ();
}

struct Bound<M: Message, F> {
    gate: Arc<Gate<M>>,
    message: F,
}

// === impl Outbox ===

impl<K, V> Outbox<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + 'static,
{
    /// An outbox in which a newer value replaces an older one. `name` is its metric label.
    pub fn newest(name: &'static str, signals: &Signals) -> Self {
        Self::merging(name, signals, |older, newer| *older = newer)
    }

    /// An outbox in which `merge` puts a newer value into an older one. Called under a lock: short, and sends nothing.
    pub fn merging(name: &'static str, signals: &Signals, merge: impl Fn(&mut V, V) + Send + Sync + 'static) -> Self {
        Self::with_limit(name, signals, Box::new(merge), usize::MAX)
    }

    /// Like [`Outbox::merging`], for at most `limit` keys at a time: what does not fit comes back from [`Outbox::put`] and is counted.
    pub fn limited(
        name: &'static str,
        signals: &Signals,
        limit: usize,
        merge: impl Fn(&mut V, V) + Send + Sync + 'static,
    ) -> Self {
        Self::with_limit(name, signals, Box::new(merge), limit)
    }

    fn with_limit(name: &'static str, signals: &Signals, merge: Merge<V>, limit: usize) -> Self {
        let waiting = Waiting {
            order: VecDeque::new(),
            values: HashMap::new(),
            receiver: None,
            binding: 0,
            state: State::Silent,
        };
        Self(Arc::new(Shared {
            limit,
            merge,
            waiting: Mutex::new(waiting),
            meter: signals.outbox(name),
        }))
    }

    /// Makes `to` the receiver; `message` wraps the wake-up. Called in the receiver's `started`, each time: it is woken if something waits.
    pub fn bind<M: Message>(&self, to: &Address<M>, message: impl Fn(Wake) -> M + Send + Sync + 'static) {
        let receiver = Arc::new(Bound {
            gate: Arc::clone(&to.0),
            message,
        });
        {
            let mut waiting = self.0.waiting.lock();
            // A message of the same mailbox that is still on its way is not lost: it will come.
            let same = waiting
                .receiver
                .as_ref()
                .is_some_and(|known| known.mailbox() == receiver.mailbox());
            if !same {
                waiting.binding += 1;
                waiting.state = State::Silent;
            }
            waiting.receiver = Some(receiver);
        }
        self.ring();
    }

    /// Hands `value` over. Never waits; refused only by an outbox with a limit, for a key that it does not hold.
    pub fn put(&self, key: K, value: V) -> Result<(), Full<K, V>> {
        let silent = {
            let mut waiting = self.0.waiting.lock();
            self.0.take_in(&mut waiting, key, value)?;
            waiting.state == State::Silent
        };
        if silent {
            self.ring();
        }
        Ok(())
    }

    /// Hands `values` over at once: whoever takes finds none of them or, with what waited before, all. For an outbox without a limit; what
    /// one with a limit refuses is counted and returned.
    pub fn put_all(&self, values: impl IntoIterator<Item = (K, V)>) -> Vec<Full<K, V>> {
        let mut refused = Vec::new();
        let silent = {
            let mut waiting = self.0.waiting.lock();
            for (key, value) in values {
                if let Err(full) = self.0.take_in(&mut waiting, key, value) {
                    refused.push(full);
                }
            }
            waiting.state == State::Silent
        };
        if silent {
            self.ring();
        }
        refused
    }

    /// Takes at most `batch` values, those that wait longest.
    pub fn take(&self, batch: usize) -> Vec<Taken<K, V>> {
        let mut waiting = self.0.waiting.lock();
        let Waiting {
            order, values, state, ..
        } = &mut *waiting;
        let keys = order.drain(..batch.min(order.len()));
        let taken: Vec<_> = keys
            .filter_map(|key| {
                let (value, cause) = values.remove(&key)?;
                Some(Taken { key, value, cause })
            })
            .collect();
        if !taken.is_empty() && *state == State::Rung {
            *state = State::Heard;
        }
        if values.is_empty() && values.capacity() > Self::KEEP {
            values.shrink_to(Self::KEEP);
            order.shrink_to(Self::KEEP);
        }
        self.0
            .meter
            .depth
            .dec_by(i64::try_from(taken.len()).unwrap_or(i64::MAX));
        taken
    }

    /// Wakes the receiver if something waits and no message is on its way: for a receiver that took nothing because it had no room, and has now.
    pub fn ring(&self) {
        Arc::clone(&self.0).ring();
    }

    /// How many keys wait.
    pub fn len(&self) -> usize {
        self.0.waiting.lock().values.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Room that an empty outbox keeps.
    const KEEP: usize = 1024;
}

impl<K, V> Clone for Outbox<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> fmt::Debug for Outbox<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outbox({} waiting)", self.0.waiting.lock().values.len())
    }
}

// === impl Shared ===

impl<K, V> Shared<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + 'static,
{
    fn take_in(&self, waiting: &mut Waiting<K, V>, key: K, value: V) -> Result<(), Full<K, V>> {
        let full = waiting.values.len() >= self.limit;
        match waiting.values.get_mut(&key) {
            Some((older, cause)) => {
                (self.merge)(older, value);
                *cause = Origin::current();
                self.meter.merged.inc();
            }
            None if full => {
                self.meter.refused.inc();
                return Err(Full(key, value));
            }
            None => {
                waiting.order.push_back(key.clone());
                waiting.values.insert(key, (value, Origin::current()));
                self.meter.depth.inc();
            }
        }
        Ok(())
    }

    fn ring(self: Arc<Self>) {
        let (receiver, binding) = {
            let mut waiting = self.waiting.lock();
            if waiting.state != State::Silent || waiting.values.is_empty() {
                return;
            }
            let Some(receiver) = waiting.receiver.clone() else {
                return;
            };
            waiting.state = State::Rung;
            (receiver, waiting.binding)
        };
        // Without the lock: the wake-up may be dropped in here, which comes back to `answered`.
        receiver.wake(Wake(self, binding));
    }
}

impl<K, V> Bell for Shared<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + 'static,
{
    fn answered(self: Arc<Self>, binding: u64) {
        {
            let mut waiting = self.waiting.lock();
            if waiting.binding != binding {
                return;
            }
            let heard = waiting.state == State::Heard;
            waiting.state = State::Silent;
            if !heard {
                // Not handled, or nothing was taken. Ringing again at once could go on for ever; the next `put`, `bind` or `ring` does.
                return;
            }
        }
        self.ring();
    }
}

impl<K, V> Drop for Shared<K, V> {
    fn drop(&mut self) {
        let left = self.waiting.get_mut().values.len();
        self.meter.depth.dec_by(i64::try_from(left).unwrap_or(i64::MAX));
    }
}

// === impl Bound ===

impl<M, F> Receiver for Bound<M, F>
where
    M: Message,
    F: Fn(Wake) -> M + Send + Sync + 'static,
{
    fn wake(self: Arc<Self>, wake: Wake) {
        // No span: each value has its own.
        let envelope = |body, permit| Envelope {
            body,
            permit: Some(permit),
            cause: Cause::Link(Span::none()),
            ticket: None,
        };
        match self.gate.admit() {
            Ok(permit) => self.gate.deliver(envelope((self.message)(wake), permit)),
            Err(Denied::Closed) => drop(wake),
            Err(Denied::Full) => {
                let pool = self.gate.node.system.pool.clone();
                pool.spawn(async move {
                    if let Some(permit) = self.gate.admitted().await {
                        self.gate.deliver(envelope((self.message)(wake), permit));
                    }
                });
            }
        }
    }

    fn mailbox(&self) -> *const () {
        Arc::as_ptr(&self.gate.node).cast()
    }
}

// === impl Wake ===

impl Drop for Wake {
    fn drop(&mut self) {
        Arc::clone(&self.0).answered(self.1);
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wake")
    }
}

// === impl Full ===

impl<K, V> fmt::Debug for Full<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full")
    }
}

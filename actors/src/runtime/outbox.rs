//! A coalescing hand-over from one actor or task to another actor: the newest value per key, and at most one message to say so.

mod shared;
mod wake;

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    hash::Hash,
    sync::Arc,
};

use parking_lot::Mutex;

pub(crate) use self::shared::OutboxMeter;
pub use self::wake::Wake;
use self::{
    shared::{Merge, Shared, State, Waiting},
    wake::{Bound, Receiver as _},
};
use super::{Address, Message, Origin, Signals};

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

/// The outbox is at its limit; the key and the value come back.
#[derive(thiserror::Error)]
#[error("the outbox is full")]
pub struct Full<K, V>(pub K, pub V);

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

    /// The same for a value that says something about those put before it: it is taken after everything that waits by now, also where an older
    /// value of its key was to be taken earlier.
    pub fn put_last(&self, key: K, value: V) -> Result<(), Full<K, V>> {
        let silent = {
            let mut waiting = self.0.waiting.lock();
            if waiting.values.contains_key(&key) {
                waiting.order.retain(|waits| *waits != key);
                waiting.order.push_back(key.clone());
            }
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

// === impl Full ===

impl<K, V> fmt::Debug for Full<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full")
    }
}

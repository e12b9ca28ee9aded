//! What waits in an outbox, and whether its receiver knows.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::Arc,
};

use parking_lot::Mutex;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};

use super::{
    Full,
    wake::{Bell, Receiver, Wake},
};
use crate::runtime::Origin;

/// What all clones of an outbox share.
pub(super) struct Shared<K, V> {
    pub(super) limit: usize,
    pub(super) merge: Merge<V>,
    pub(super) waiting: Mutex<Waiting<K, V>>,
    pub(super) meter: OutboxMeter,
}

/// Puts a newer value into an older one.
pub(super) type Merge<V> = Box<dyn Fn(&mut V, V) + Send + Sync>;

/// The counters of the outboxes of one name.
pub(crate) struct OutboxMeter {
    pub(crate) depth: Gauge,
    pub(crate) merged: Counter,
    pub(crate) refused: Counter,
}

/// What waits, and for whom.
pub(super) struct Waiting<K, V> {
    /// First come, first served; exactly the keys of `values`.
    pub(super) order: VecDeque<K>,
    pub(super) values: HashMap<K, (V, Origin)>,
    pub(super) receiver: Option<Arc<dyn Receiver>>,
    /// Counts the receivers, so that the message of an earlier one says nothing.
    pub(super) binding: u64,
    pub(super) state: State,
}

/// Whether a message is on its way to the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No message is on its way.
    Silent,
    /// One is, and nothing has been taken since it was sent.
    Rung,
    /// One is, or is being handled, and something has been taken since it was sent.
    Heard,
}

// === impl Shared ===

impl<K, V> Shared<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + 'static,
{
    /// Notes `value`; the caller rings.
    pub(super) fn take_in(&self, waiting: &mut Waiting<K, V>, key: K, value: V) -> Result<(), Full<K, V>> {
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

    /// Wakes the receiver if something waits and no message is on its way.
    pub(super) fn ring(self: Arc<Self>) {
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
        receiver.wake(Wake::of(self, binding));
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

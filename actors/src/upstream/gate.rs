//! The gate before the upstream: of all writes to one object, at most one is in flight (S6).
//!
//! A finalizer, a write-back and a status are written by different actors, each over the version that it knows. Without a gate
//! they would meet at the API server and answer each other with 409. Whoever writes an upstream object passes here first, in the
//! task that does the I/O, holds the [`Pass`] until the answer is there, and says what the write made of the version:
//!
//! ```ignore
//! let mut pass = gate.pass(&key, Writer::Status).await?;      // `Err(Refused)`: try again later, from the newest state
//! let over = pass.newest(&looked_at).to_owned();              // what to write over
//! let answer = cluster.patch_status_merge(.., over, ..).await;
//! if let Ok(object) = &answer {
//!     pass.wrote(&over, object.resource_version());
//! }
//! drop(pass);                                                 // the next one's turn
//! ```
//!
//! Those that wait have their turn in the order of [`Writer`]. Each kind of writer has at most one write of an object under way or
//! waiting, which its actor sees to; a second one is refused, and so is everybody when too many wait (S10).

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use syncer_core::ObjectKey;
use tokio::sync::oneshot;

use super::Continuity;

/// How many writes may wait at the gate.
const WAITING: i64 = 1024;

/// Who writes. Of those that wait, the first of these has its turn first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Writer {
    /// Sets or takes off our finalizers: everything downstream waits for it.
    Finalizer,
    /// Writes a change from downstream back.
    WriteBack,
    /// Writes the status.
    Status,
}

/// The gate. Cheap to clone; clones are one gate.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteGate(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The objects that somebody writes, and who waits for each.
    objects: Mutex<HashMap<ObjectKey, Waiting>>,
    waiting: Gauge,
    refused: Counter,
    /// Whether the upstream is still the one that the objects are from; `None` where that does not matter.
    continuity: Option<Continuity>,
}

type Waiting = BTreeMap<Writer, oneshot::Sender<Pass>>;

/// The right to write one object. Dropped, it is the next one's.
#[derive(Debug)]
#[must_use = "the object is free for others as soon as this is dropped"]
pub(crate) struct Pass {
    /// `None` once the right was handed on.
    gate: Option<WriteGate>,
    key: ObjectKey,
    moved: Option<Moved>,
}

/// What the writes before, one right after the other, made of the object's version.
#[derive(Clone, Debug)]
struct Moved {
    from: Box<str>,
    to: Box<str>,
}

/// There is no room at the gate: the newest state is looked at again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many writes to the upstream wait for their turn")]
pub(crate) struct Refused;

// === impl WriteGate ===

impl WriteGate {
    /// A gate that counts those that wait in `waiting` and those that it refuses in `refused`.
    pub(crate) fn new(waiting: Gauge, refused: Counter) -> Self {
        Self(Arc::new(Inner {
            objects: Mutex::default(),
            waiting,
            refused,
            continuity: None,
        }))
    }

    /// The same, shut while another upstream than the one that the process began with answers. Of a gate that has no clones yet.
    pub(crate) fn while_unbroken(mut self, continuity: Continuity) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.continuity = Some(continuity);
        }
        self
    }

    /// Waits until `writer` may write `key`.
    pub(crate) async fn pass(&self, key: &ObjectKey, writer: Writer) -> Result<Pass, Refused> {
        if self.0.continuity.as_ref().is_some_and(Continuity::is_broken) {
            return Err(Refused);
        }
        let turn = {
            let mut objects = self.0.objects.lock();
            let Some(waiting) = objects.get_mut(key) else {
                objects.insert(key.clone(), Waiting::new());
                return Ok(self.granted(key, None));
            };
            // One that was given up while it waited leaves its place.
            let taken = waiting.get(&writer).map(oneshot::Sender::is_closed);
            if taken == Some(false) || (taken.is_none() && self.0.waiting.get() >= WAITING) {
                self.0.refused.inc();
                return Err(Refused);
            }
            let (sender, turn) = oneshot::channel();
            if waiting.insert(writer, sender).is_none() {
                self.0.waiting.inc();
            }
            turn
        };
        turn.await.map_err(|_| Refused)
    }

    fn granted(&self, key: &ObjectKey, moved: Option<Moved>) -> Pass {
        Pass {
            gate: Some(self.clone()),
            key: key.clone(),
            moved,
        }
    }

    /// Gives the right to write `key` to the next one that waits and is still there.
    fn hand_on(&self, key: &ObjectKey, moved: Option<&Moved>) {
        loop {
            let next = {
                let mut objects = self.0.objects.lock();
                let next = objects.get_mut(key).and_then(BTreeMap::pop_first);
                let Some((_, next)) = next else {
                    objects.remove(key);
                    return;
                };
                self.0.waiting.dec();
                next
            };
            match next.send(self.granted(key, moved.cloned())) {
                Ok(()) => return,
                Err(mut given_up) => given_up.gate = None,
            }
        }
    }
}

// === impl Pass ===

impl Pass {
    /// The version to write over, by whoever looked at the version `seen`: the same, or, where our own writes alone moved the object
    /// on from there meanwhile, the one that they left.
    pub(crate) fn newest<'a>(&'a self, seen: &'a str) -> &'a str {
        match &self.moved {
            Some(moved) if *moved.from == *seen => &moved.to,
            _ => seen,
        }
    }

    /// The write went over the version `from` and left the object at the version `to`.
    pub(crate) fn wrote(&mut self, from: &str, to: &str) {
        let before = self.moved.take().filter(|before| *before.to == *from);
        self.moved = Some(Moved {
            from: before.map_or_else(|| from.into(), |before| before.from),
            to: to.into(),
        });
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.hand_on(&self.key, self.moved.as_ref());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;
    use syncer_core::{Gvr, LogicalCluster};

    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new(
            LogicalCluster::plain(),
            Gvr::new("", "v1", "configmaps"),
            "default",
            name,
        )
    }

    fn is_empty(gate: &WriteGate) -> bool {
        gate.0.objects.lock().is_empty() && gate.0.waiting.get() == 0
    }

    #[tokio::test]
    async fn one_object_has_one_writer_and_others_do_not_wait_for_it() {
        let (gate, a) = (WriteGate::default(), &key("a"));
        let first = gate.pass(a, Writer::Status).await.unwrap();
        assert!(gate.pass(&key("b"), Writer::Status).now_or_never().is_some());
        let mut second = Box::pin(gate.pass(a, Writer::Finalizer));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        assert!((&mut second).now_or_never().is_some_and(|pass| pass.is_ok()));
        assert!(is_empty(&gate));
    }

    #[tokio::test]
    async fn who_waits_has_its_turn_by_precedence() {
        let (gate, a) = (WriteGate::default(), &key("a"));
        let (orders, mut order) = tokio::sync::mpsc::unbounded_channel();
        let held = gate.pass(a, Writer::Status).await.unwrap();
        for writer in [Writer::Status, Writer::WriteBack, Writer::Finalizer] {
            let (gate, orders, a) = (gate.clone(), orders.clone(), a.clone());
            tokio::spawn(async move {
                let _pass = gate.pass(&a, writer).await.unwrap();
                orders.send(writer).unwrap();
                tokio::task::yield_now().await;
            });
        }
        tokio::task::yield_now().await;
        drop(held);
        let mut met = Vec::new();
        for _ in 0..3 {
            met.push(order.recv().await.unwrap());
        }
        assert_eq!(met, [Writer::Finalizer, Writer::WriteBack, Writer::Status]);
        tokio::task::yield_now().await;
        assert!(is_empty(&gate));
    }

    #[tokio::test]
    async fn who_gives_up_holds_nobody_up() {
        let (gate, a) = (WriteGate::default(), &key("a"));
        let held = gate.pass(a, Writer::Status).await.unwrap();
        let mut given_up = Box::pin(gate.pass(a, Writer::Finalizer));
        assert!((&mut given_up).now_or_never().is_none());
        drop(given_up);
        // Its place is free again.
        let mut waits = Box::pin(gate.pass(a, Writer::Finalizer));
        assert!((&mut waits).now_or_never().is_none());
        let mut last = Box::pin(gate.pass(a, Writer::WriteBack));
        assert!((&mut last).now_or_never().is_none());
        drop(held);
        // It was given the right, and never looks.
        drop(waits);
        assert!((&mut last).now_or_never().is_some_and(|pass| pass.is_ok()));
        assert!(is_empty(&gate));
    }

    #[tokio::test]
    async fn a_second_write_of_one_kind_is_refused_and_so_is_a_crowd() {
        let (gate, a) = (WriteGate::default(), &key("a"));
        let held = gate.pass(a, Writer::Status).await.unwrap();
        let mut waits = Box::pin(gate.pass(a, Writer::Status));
        assert!((&mut waits).now_or_never().is_none());
        assert_eq!(gate.pass(a, Writer::Status).await.err(), Some(Refused));
        gate.0.waiting.set(WAITING);
        assert_eq!(gate.pass(a, Writer::Finalizer).await.err(), Some(Refused));
        assert_eq!(gate.0.refused.get(), 2);
        // Who finds the object free does not wait.
        assert!(gate.pass(&key("b"), Writer::Finalizer).await.is_ok());
        drop(held);
    }

    #[tokio::test]
    async fn a_write_goes_over_the_version_that_our_own_writes_left() {
        let (gate, a) = (WriteGate::default(), &key("a"));
        let mut first = gate.pass(a, Writer::Status).await.unwrap();
        assert_eq!(first.newest("1"), "1");
        let second = tokio::spawn({
            let (gate, a) = (gate.clone(), a.clone());
            async move {
                let mut pass = gate.pass(&a, Writer::Finalizer).await.unwrap();
                assert_eq!(pass.newest("1"), "2");
                assert_eq!(pass.newest("0"), "0", "somebody else wrote between");
                pass.wrote("2", "3");
            }
        });
        tokio::time::timeout(Duration::from_secs(1), tokio::task::yield_now())
            .await
            .unwrap();
        let third = tokio::spawn({
            let (gate, a) = (gate.clone(), a.clone());
            async move {
                let pass = gate.pass(&a, Writer::Status).await.unwrap();
                assert_eq!(pass.newest("1"), "3");
                assert_eq!(pass.newest("2"), "2", "what was looked at between is not known");
            }
        });
        tokio::task::yield_now().await;
        first.wrote("1", "2");
        drop(first);
        second.await.unwrap();
        third.await.unwrap();
        assert!(is_empty(&gate));
        // Who did not wait knows nothing of what was before.
        let fresh = gate.pass(a, Writer::Status).await.unwrap();
        assert_eq!(fresh.newest("1"), "1");
    }
}

//! The order in which requests come in at a server: one a millisecond, in an order that hangs on nothing but the requests.
//!
//! What is sent at one instant is sent by tasks whose order no seed decides (tokio wakes those that wait for the same thing as it likes). A
//! server draws faults and UIDs in the order of what comes in, so that order is made here.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

/// The dock of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Dock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    ways: Mutex<Ways>,
}

#[derive(Debug, Default)]
struct Ways {
    /// How often each thing was asked for.
    counts: BTreeMap<String, u64>,
    /// What came in at each millisecond, and when it has its turn once that is known.
    arrived: BTreeMap<u64, Vec<(String, Option<u64>)>>,
    /// The first millisecond that is free.
    free: u64,
}

/// One millisecond.
const TICK: Duration = Duration::from_millis(1);
/// How long a way may take, in milliseconds.
const LONGEST: u64 = 9;

// === impl Dock ===

impl Dock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            start: Instant::now(),
            ways: Mutex::default(),
        }))
    }

    /// How long the ways to the server and back take for the next request for `what`.
    pub(crate) fn ways(&self, what: &str, seed: u64) -> (Duration, Duration) {
        let mut ways = self.0.ways.lock();
        let count = ways.counts.entry(what.to_owned()).or_default();
        *count += 1;
        let hash = xxhash_rust::xxh3::xxh3_64_with_seed(what.as_bytes(), seed.wrapping_add(*count));
        let millis = |hash: u64| Duration::from_millis(hash % LONGEST);
        (millis(hash), millis(hash >> 32))
    }

    /// Waits for the turn of `what`, which has come in now.
    pub(crate) async fn turn(&self, what: &str) {
        let tick = self.tick();
        self.0
            .ways
            .lock()
            .arrived
            .entry(tick)
            .or_default()
            .push((what.to_owned(), None));
        // All that comes in at this instant has come in by the next.
        sleep(TICK).await;
        let turn = self.0.ways.lock().turn(tick, what);
        sleep_until(self.0.start + Duration::from_millis(turn)).await;
    }

    fn tick(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

// === impl Ways ===

impl Ways {
    /// The turn of `what`, which came in at `tick`: taken, since the same may have come in twice.
    fn turn(&mut self, tick: u64, what: &str) -> u64 {
        let Some(arrived) = self.arrived.get_mut(&tick) else {
            return tick + 1;
        };
        if arrived.iter().any(|(_, turn)| turn.is_none()) {
            arrived.sort();
            self.free = self.free.max(tick + 1);
            for (_, turn) in arrived.iter_mut().filter(|(_, turn)| turn.is_none()) {
                *turn = Some(self.free);
                self.free += 1;
            }
        }
        let turn = match arrived.iter().position(|(other, _)| other == what) {
            Some(at) => arrived.remove(at).1,
            None => None,
        };
        if arrived.is_empty() {
            self.arrived.remove(&tick);
        }
        turn.unwrap_or(tick + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_comes_in_at_one_instant_has_its_turn_in_one_order() {
        for order in [["a", "b", "c"], ["c", "a", "b"], ["b", "c", "a"]] {
            let (dock, done) = (Dock::new(), Arc::new(Mutex::new(Vec::new())));
            let tasks = order.map(|what| {
                let (dock, done) = (dock.clone(), Arc::clone(&done));
                tokio::spawn(async move {
                    dock.turn(what).await;
                    done.lock().push((what, dock.tick()));
                })
            });
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(*done.lock(), [("a", 1), ("b", 2), ("c", 3)], "{order:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ways_hang_on_the_seed_and_on_what_was_asked_for_before() {
        let ways = |seed| {
            let dock = Dock::new();
            (0..20).map(|_| dock.ways("x", seed)).collect::<Vec<_>>()
        };
        assert_eq!(ways(1), ways(1));
        assert_ne!(ways(1), ways(2));
        let dock = Dock::new();
        let before = dock.ways("x", 1);
        let _ = dock.ways("y", 1);
        assert_eq!(before, Dock::new().ways("x", 1));
        assert_eq!(dock.ways("x", 1), ways(1)[1]);
    }
}

//! Objects that wait for their time after a failure. One timer for all of them.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use syncer_core::ObjectKey;
use tokio::time::Instant;

/// When each waiting object is due.
#[derive(Default)]
pub(crate) struct Waits {
    due: HashMap<ObjectKey, Instant>,
    /// May name an object at times that are no longer its own; those are passed over.
    order: BinaryHeap<Reverse<(Instant, ObjectKey)>>,
}

// === impl Waits ===

impl Waits {
    /// `key` is due at `at`, and at no other time.
    pub(crate) fn until(&mut self, key: ObjectKey, at: Instant) {
        self.due.insert(key.clone(), at);
        self.order.push(Reverse((at, key)));
        // Each object stands here once, but for what is passed over: that may never be most of it.
        if self.order.len() > 2 * self.due.len() + 16 {
            self.order = self.due.iter().map(|(key, at)| Reverse((*at, key.clone()))).collect();
        }
    }

    /// `key` waits no longer.
    pub(crate) fn cancel(&mut self, key: &ObjectKey) {
        self.due.remove(key);
    }

    /// How many objects wait.
    pub(crate) fn len(&self) -> usize {
        self.due.len()
    }

    /// The next object that is due by `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<ObjectKey> {
        while let Some(Reverse((at, _))) = self.order.peek() {
            if *at > now {
                return None;
            }
            let Reverse((at, key)) = self.order.pop()?;
            if self.due.get(&key) == Some(&at) {
                self.due.remove(&key);
                return Some(key);
            }
        }
        None
    }

    /// When the next object is due.
    pub(crate) fn next(&mut self) -> Option<Instant> {
        while let Some(Reverse((at, key))) = self.order.peek() {
            if self.due.get(key) == Some(at) {
                return Some(*at);
            }
            self.order.pop();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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

    #[test]
    fn objects_come_due_in_order_and_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut waits = Waits::default();
        waits.until(key("late"), at(9));
        waits.until(key("moved"), at(1));
        waits.until(key("moved"), at(5));
        waits.until(key("cancelled"), at(2));
        waits.cancel(&key("cancelled"));
        assert_eq!(waits.next(), Some(at(5)));
        assert_eq!(waits.pop(at(4)), None);
        assert_eq!(waits.pop(at(20)), Some(key("moved")));
        assert_eq!(waits.pop(at(20)), Some(key("late")));
        assert_eq!(waits.pop(at(20)), None);
        assert_eq!(waits.next(), None);
    }

    #[test]
    fn an_object_that_moves_for_ever_takes_no_room() {
        let start = Instant::now();
        let mut waits = Waits::default();
        for step in 0..10_000 {
            waits.until(key("a"), start + Duration::from_millis(step));
        }
        assert!(waits.order.len() < 32, "{}", waits.order.len());
    }
}

//! Where the trace of an edit goes on when no message says so: an object waits for its turn in a ledger, and what a target makes of it
//! comes back by its watch. Filled by edits that are traced, empty in a process that traces nothing.

use std::{
    collections::{HashMap, VecDeque},
    fmt::Display,
    sync::{Arc, LazyLock},
    time::Duration,
};

use parking_lot::Mutex;
use syncer_core::ObjectKey;
use tokio::time::Instant;

use crate::runtime::{Origin, Trail, here, is_traced};

/// How long after an edit what its target shows of the object belongs to its trace: until a rollout is over, or nearly.
const REMEMBERED: Duration = Duration::from_mins(2);

/// Edits that are remembered. Beyond that the oldest trace ends early.
const EDITS: usize = 1024;

/// Events of one object that go into the trace of one edit; more of them say nothing new.
const EVENTS: u16 = 64;

/// Like the tracer, one for the process.
static TRAILS: LazyLock<Mutex<Trails>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Trails {
    edits: HashMap<Place, Edit>,
    /// The order in which they were left, oldest first; what was left again is there twice.
    order: VecDeque<(Place, u64)>,
    sequence: u64,
}

/// An object on a target.
type Place = (Arc<str>, ObjectKey);

struct Edit {
    trail: Trail,
    number: u64,
    events: u16,
}

/// What is done now belongs to `key` on `target`: its trace goes on with whatever is done or seen there next.
pub(crate) fn leave(target: &Arc<str>, key: &ObjectKey) {
    if !is_traced() {
        return;
    }
    if let Some(mark) = here() {
        TRAILS.lock().leave((target.clone(), key.clone()), Trail::from(mark));
    }
}

/// What the turn of `key` on `target` is a consequence of, where that is traced.
pub(crate) fn cause(target: &Arc<str>, key: &ObjectKey) -> Option<Origin> {
    if !is_traced() {
        return None;
    }
    let trails = TRAILS.lock();
    let edit = trails.fresh(&(target.clone(), key.clone()))?;
    Some(Origin::of(edit.trail.clone()))
}

/// Runs `read` for an event of `key` on `target`, as a part of the trace of the edit that it shows the outcome of.
pub(crate) fn event(target: &Arc<str>, key: &ObjectKey, watcher: &dyn Display, read: impl FnOnce()) {
    let origin = if is_traced() {
        TRAILS.lock().event(&(target.clone(), key.clone()))
    } else {
        None
    };
    match origin {
        Some(origin) => origin.handled("Watcher", &watcher.to_string(), key, read),
        None => read(),
    }
}

// === impl Trails ===

impl Trails {
    fn leave(&mut self, place: Place, trail: Trail) {
        self.sequence += 1;
        let number = self.sequence;
        self.order.push_back((place.clone(), number));
        let edit = Edit {
            trail,
            number,
            events: 0,
        };
        self.edits.insert(place, edit);
        while self.order.len() > EDITS {
            let Some((place, number)) = self.order.pop_front() else {
                return;
            };
            if self.edits.get(&place).is_some_and(|edit| edit.number == number) {
                self.edits.remove(&place);
            }
        }
    }

    fn fresh(&self, place: &Place) -> Option<&Edit> {
        let edit = self.edits.get(place)?;
        (edit.trail.since.elapsed() < REMEMBERED).then_some(edit)
    }

    fn event(&mut self, place: &Place) -> Option<Origin> {
        self.fresh(place)?;
        let edit = self.edits.get_mut(place).filter(|edit| edit.events < EVENTS)?;
        edit.events += 1;
        // An event waits for nothing: it is read when it comes.
        let trail = Trail {
            since: Instant::now(),
            ..edit.trail.clone()
        };
        Some(Origin::of(trail))
    }
}

#[cfg(test)]
mod tests {
    use syncer_core::{Gvr, LogicalCluster};

    use super::*;
    use crate::runtime::Mark;

    fn place(name: &str) -> Place {
        let key = ObjectKey::new(
            LogicalCluster::new("c"),
            Gvr::new("", "v1", "configmaps"),
            "default",
            name,
        );
        ("east".into(), key)
    }

    fn trail() -> Trail {
        Trail::from(Mark {
            trace: [1; 16],
            span: [2; 8],
        })
    }

    #[tokio::test(start_paused = true)]
    async fn an_edit_is_remembered_for_a_while_and_for_so_many_events() {
        let mut trails = Trails::default();
        trails.leave(place("web"), trail());
        assert!(trails.fresh(&place("web")).is_some() && trails.fresh(&place("other")).is_none());
        let seen = (0..1_000).filter(|_| trails.event(&place("web")).is_some()).count();
        assert_eq!(seen, usize::from(EVENTS));
        tokio::time::advance(REMEMBERED).await;
        assert!(trails.fresh(&place("web")).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_edit_gives_way_and_one_that_is_left_again_is_not_old() {
        let mut trails = Trails::default();
        trails.leave(place("first"), trail());
        trails.leave(place("second"), trail());
        trails.leave(place("first"), trail());
        for number in 0..EDITS - 1 {
            trails.leave(place(&number.to_string()), trail());
        }
        assert!(trails.fresh(&place("first")).is_some() && trails.fresh(&place("second")).is_none());
        for _ in 0..10 * EDITS {
            trails.leave(place("again"), trail());
        }
        assert!(trails.edits.len() <= EDITS && trails.order.len() <= EDITS);
    }
}

//! Others who write the same status: two writers that undo each other would do so for ever.

use std::{collections::HashMap, time::Duration};

use syncer_core::ObjectKey;
use tokio::time::Instant;

/// How often a status may be overwritten within the window before it is left alone.
const TIMES: u32 = 3;
const WINDOW: Duration = Duration::from_mins(5);
/// How long it is left alone, the first time and at most.
const PAUSE: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(1));
/// How many objects are remembered; beyond that the oldest meeting is forgotten.
const MOST: usize = 4_096;

/// The objects whose status somebody else wrote over lately.
#[derive(Default)]
pub(super) struct Rivals(HashMap<ObjectKey, Rivalry>);

struct Rivalry {
    first: Instant,
    times: u32,
    state: State,
    pauses: u32,
    until: Option<Instant>,
}

/// Whether what was met is answered: looking at it twice is one meeting, whatever else of the object changes meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Our status was written over it since, or never was anything met.
    Answered,
    /// It was not.
    Met,
}

// === impl Rivals ===

impl Rivals {
    /// `key` shows a status that somebody else wrote over ours; says whether it is to be left alone now.
    pub(super) fn met(&mut self, key: &ObjectKey, now: Instant) -> bool {
        self.make_room(key);
        let rivalry = self.0.entry(key.clone()).or_insert(Rivalry {
            first: now,
            times: 0,
            state: State::Answered,
            pauses: 0,
            until: None,
        });
        if rivalry.state == State::Met {
            return false;
        }
        rivalry.state = State::Met;
        if rivalry.until.take().is_some() {
            // The pause is over: one more write tells whether the other is still there.
            rivalry.first = now;
            rivalry.times = TIMES - 1;
            return false;
        }
        if now.saturating_duration_since(rivalry.first) > WINDOW {
            rivalry.first = now;
            rivalry.times = 0;
            rivalry.pauses = 0;
        }
        rivalry.times += 1;
        rivalry.times >= TIMES
    }

    /// Our status of `key` was written.
    pub(super) fn answered(&mut self, key: &ObjectKey) {
        if let Some(rivalry) = self.0.get_mut(key) {
            rivalry.state = State::Answered;
        }
    }

    fn make_room(&mut self, key: &ObjectKey) {
        if self.0.len() < MOST || self.0.contains_key(key) {
            return;
        }
        let oldest = self.0.iter().min_by_key(|(_, rivalry)| rivalry.first);
        if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
            self.0.remove(&oldest);
        }
    }

    /// Leaves the status of `key` alone; returns for how long.
    pub(super) fn give_way(&mut self, key: &ObjectKey, now: Instant) -> Duration {
        let Some(rivalry) = self.0.get_mut(key) else {
            return PAUSE.0;
        };
        let (first, last) = PAUSE;
        let pause = first.saturating_mul(2_u32.saturating_pow(rivalry.pauses)).min(last);
        rivalry.pauses = rivalry.pauses.saturating_add(1);
        rivalry.until = Some(now + pause);
        // What it shows after the pause is looked at afresh.
        rivalry.state = State::Answered;
        pause
    }

    /// Until when the status of `key` is left alone.
    pub(super) fn until(&self, key: &ObjectKey, now: Instant) -> Option<Instant> {
        self.0.get(key)?.until.filter(|until| *until > now)
    }
}

//! What is remembered of one Event.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::runtime::Origin;

/// The rest after a write of an Event; it doubles with each further one.
const WINDOW: Duration = Duration::from_secs(10);
/// The longest rest. An API server forgets an Event an hour after its last write.
const LONGEST_WINDOW: Duration = Duration::from_mins(5);
/// When nothing was told for so long, the next rest is short again.
const QUIET: Duration = Duration::from_mins(10);
/// How often a write is tried.
const TRIES: u8 = 3;
/// The rest after the first failure; it doubles.
const RETRY: Duration = Duration::from_secs(1);

/// One Event, written or not.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) stage: Stage,
    /// What was told and is not on its way.
    unwritten: Option<Tidings>,
    /// What is on its way.
    sent: Option<Tidings>,
    /// What the API server has, as far as we wrote it.
    known: Option<Known>,
    /// Writes without a quiet time between them.
    writes: u32,
    failures: u8,
    last_told: Instant,
    rests_until: Instant,
}

/// Where an Event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// There is nothing to write; the place in the order of those that were idle first.
    Idle(Place),
    /// There is something to write, but not yet; the place in the order of time.
    Waiting(Place),
    /// It is due and waits for its turn.
    Due,
    /// It is being written.
    InFlight,
}

/// A moment, and a number that makes it unique.
pub(super) type Place = (Instant, u64);

/// What was told, summed up.
#[derive(Clone, Debug)]
pub(super) struct Tidings {
    pub(super) times: u32,
    pub(super) first: SystemTime,
    pub(super) last: SystemTime,
    /// What caused the newest.
    pub(super) origin: Origin,
}

/// What the API server has of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) count: u32,
    pub(super) first: SystemTime,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub(super) struct Writing {
    /// What the API server has; `None` if we have not written it.
    pub(super) known: Option<Known>,
    pub(super) tidings: Tidings,
}

/// What follows from a failed write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// It is tried again.
    TriedAgain,
    /// That was the last try; so many tellings are lost.
    GivenUp(u32),
}

// === impl Record ===

impl Record {
    pub(super) fn new(place: Place) -> Self {
        let (now, _) = place;
        Self {
            stage: Stage::Idle(place),
            unwritten: None,
            sent: None,
            known: None,
            writes: 0,
            failures: 0,
            last_told: now,
            rests_until: now,
        }
    }

    pub(super) fn told(&mut self, tidings: Tidings, now: Instant) {
        if now.saturating_duration_since(self.last_told) > QUIET {
            self.writes = 0;
        }
        self.last_told = now;
        self.unwritten = Some(match self.unwritten.take() {
            Some(older) => older.and(tidings),
            None => tidings,
        });
    }

    /// When it may be written next, if there is anything to write.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.unwritten.as_ref().map(|_| self.rests_until)
    }

    /// Whether it could be written now, if there were anything to write.
    pub(super) fn is_rested(&self, now: Instant) -> bool {
        self.rests_until <= now
    }

    /// How many tellings would be lost with it.
    pub(super) fn at_stake(&self) -> u32 {
        let times = |tidings: &Option<Tidings>| tidings.as_ref().map_or(0, |tidings| tidings.times);
        times(&self.unwritten).saturating_add(times(&self.sent))
    }

    /// Takes what is to be written.
    pub(super) fn send(&mut self) -> Option<Writing> {
        let tidings = self.unwritten.take()?;
        self.sent = Some(tidings.clone());
        Some(Writing {
            known: self.known,
            tidings,
        })
    }

    /// It was not sent after all.
    pub(super) fn unsend(&mut self) {
        if let Some(sent) = self.sent.take() {
            self.unwritten = Some(match self.unwritten.take() {
                Some(newer) => sent.and(newer),
                None => sent,
            });
        }
    }

    pub(super) fn written(&mut self, known: Known, now: Instant) {
        self.sent = None;
        self.known = Some(known);
        self.failures = 0;
        self.rests_until = now + window(self.writes);
        self.writes = self.writes.saturating_add(1);
    }

    /// The API server does not take it, and is not asked again soon. Returns how many tellings are lost.
    pub(super) fn refused(&mut self, now: Instant) -> u32 {
        self.failures = 0;
        self.rests_until = now + LONGEST_WINDOW;
        self.sent.take().map_or(0, |sent| sent.times)
    }

    /// There was no answer, or none that says anything of the Event; `wait` is what the answer asked for.
    pub(super) fn failed(&mut self, wait: Duration, now: Instant) -> Failed {
        self.failures = self.failures.saturating_add(1);
        if self.failures < TRIES {
            self.rests_until = now + (RETRY * (1 << (self.failures - 1))).max(wait).min(LONGEST_WINDOW);
            self.unsend();
            return Failed::TriedAgain;
        }
        self.failures = 0;
        self.rests_until = now + WINDOW;
        Failed::GivenUp(self.sent.take().map_or(0, |sent| sent.times))
    }
}

// === impl Tidings ===

impl Tidings {
    /// Both, where `newer` was told later.
    fn and(self, newer: Self) -> Self {
        Self {
            times: self.times.saturating_add(newer.times),
            first: self.first,
            last: newer.last,
            origin: newer.origin,
        }
    }
}

/// The rest after a write that `writes` others went before.
fn window(writes: u32) -> Duration {
    WINDOW
        .saturating_mul(1_u32.checked_shl(writes).unwrap_or(u32::MAX))
        .min(LONGEST_WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_grows_up_to_its_bound() {
        let rests: Vec<_> = [0, 1, 2, 3, 4, 5, 31, 32, u32::MAX]
            .map(|writes| window(writes).as_secs())
            .into();
        assert_eq!(rests, [10, 20, 40, 80, 160, 300, 300, 300, 300]);
    }
}

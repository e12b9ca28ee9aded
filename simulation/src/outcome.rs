//! What came of a schedule.

use std::{fmt, time::Duration};

/// What came of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The seed of the schedule.
    pub seed: u64,
    /// How many steps the script has.
    pub steps: usize,
    /// How many requests the syncer sent.
    pub requests: u64,
    /// How many of them were writes.
    pub writes: u64,
    /// The most writes in a row to one object that were carried out and changed nothing.
    pub most_idle_writes: u64,
    /// A hash over all requests, their times and their answers: the same seed gives the same one.
    pub trace: u64,
    /// How long it took, in simulated time.
    pub simulated: Duration,
    /// The first invariant that broke, if one did.
    pub broken: Option<Broken>,
}

/// An invariant that broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub invariant: Invariant,
    /// What was seen.
    pub seen: String,
    /// The number of the last step that was begun, counted from 1; 0 before the first.
    pub step: usize,
    /// That step, in words.
    pub during: String,
    /// When, in simulated time after the start.
    pub at: Duration,
}

/// An invariant of the syncer; `docs/architecture.md` says what each means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// Only what carries our marker is touched.
    S1,
    /// Every delete downstream carries a UID precondition.
    S2,
    /// A delete has a proof.
    S3,
    /// Upstream, only what is ours to write is written.
    S4,
    /// When nothing changed, nothing is written.
    S5,
    /// At most one write per object and side is in flight.
    S6,
    /// Everything converges.
    S7,
    /// No value of a Secret is shown.
    S8,
    /// Nobody delays the others.
    S9,
    /// Every queue has a bound.
    S10,
}

// === impl Broken ===

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} broke at {:.3} s, in step {} ({}): {}",
            self.invariant,
            self.at.as_secs_f64(),
            self.step,
            self.during,
            self.seen
        )
    }
}

//! What is simulated, drawn from a seed.

use std::time::Duration;

use syncer_core::config::WaitForDownstream;
use syncer_sandbox::scenario::{Chaos, Kind, Plan, Team};

use crate::plant::Plant;

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The seed of everything.
    pub seed: u64,
    /// How many targets there are, 8 at most.
    pub targets: usize,
    /// How many objects are made at the start.
    pub objects: usize,
    /// How many edits, deletions, drifts and conflicts there are.
    pub changes: usize,
    /// How long the script is.
    pub length: Duration,
    /// Whether servers get into trouble.
    pub chaos: Chaos,
    /// How often the syncer is killed during the script.
    pub restarts: usize,
    /// Whether upstream objects wait for their targets.
    pub waits: WaitForDownstream,
    /// What is broken on purpose.
    pub plant: Option<Plant>,
    /// What is told while it runs.
    pub telling: Telling,
}

/// What is told while a schedule runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Telling {
    /// Nothing.
    #[default]
    Silent,
    /// Every step, every request and the syncer's log, on stderr.
    Everything,
}

/// The kinds that the syncer carries.
pub(crate) const KINDS: [Kind; 4] = Kind::ALL;

// === impl Schedule ===

impl Schedule {
    /// The schedule of `seed`.
    pub fn of_seed(seed: u64) -> Self {
        // Not the sequence that the script is drawn from.
        let mut chance = fastrand::Rng::with_seed(seed ^ 0x5eed);
        Self {
            seed,
            targets: chance.usize(1..=3),
            objects: chance.usize(4..=16),
            changes: chance.usize(10..=40),
            length: Duration::from_secs(chance.u64(60..=180)),
            chaos: if chance.u8(..3) == 0 { Chaos::Calm } else { Chaos::Wild },
            restarts: chance.usize(..=2),
            waits: if chance.bool() {
                WaitForDownstream::Always
            } else {
                WaitForDownstream::Auto
            },
            plant: None,
            telling: Telling::Silent,
        }
    }

    /// The same, with something broken on purpose.
    #[must_use]
    pub fn with(mut self, plant: Plant) -> Self {
        self.plant = Some(plant);
        self
    }

    pub(crate) fn plan(&self, targets: &[String]) -> Plan {
        Plan {
            seed: self.seed,
            teams: vec![Team::of_namespace("red"), Team::of_namespace("blue")],
            targets: targets.to_vec(),
            kinds: KINDS.to_vec(),
            objects: self.objects,
            changes: self.changes,
            length: self.length,
            chaos: self.chaos,
            restarts: self.restarts,
        }
    }
}

//! The syncer keeps its invariants under every schedule, and the checks would see it if it did not.

#![expect(
    clippy::unwrap_used,
    reason = "a step of a test outside of its function: its panic is the test's failure"
)]

use syncer_simulation::{Invariant, Outcome, Plant, Schedule, simulate};

fn outcome(schedule: &Schedule) -> Outcome {
    simulate(schedule).unwrap()
}

/// The invariants that a planted fault breaks over a few seeds.
fn broken_by(plant: Plant) -> Vec<Option<Invariant>> {
    let outcomes = (1..=6).map(|seed| outcome(&Schedule::of_seed(seed).with(plant)));
    outcomes
        .map(|outcome| outcome.broken.map(|broken| broken.invariant))
        .collect()
}

/// Half of the schedules of continuous integration: the tests of a file run side by side.
fn keep_every_invariant(seeds: std::ops::RangeInclusive<u64>) {
    for seed in seeds {
        let outcome = outcome(&Schedule::of_seed(seed));
        let broken = outcome.broken.map(|broken| broken.to_string());
        assert_eq!(
            broken, None,
            "again: cargo xtask simulate --seed {seed} --schedules 1 --verbose"
        );
        assert!(outcome.writes > 0, "seed {seed} did nothing");
        // A storm of writes that change nothing breaks no other invariant (S5).
        assert!(
            outcome.most_idle_writes <= 8,
            "seed {seed}: {}",
            outcome.most_idle_writes
        );
    }
}

#[test]
fn fifty_schedules_keep_every_invariant() {
    keep_every_invariant(1..=50);
}

#[test]
fn fifty_more_schedules_keep_every_invariant() {
    keep_every_invariant(51..=100);
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_last_answer() {
    for seed in [2, 7, 1_000_003] {
        let (one, other) = (outcome(&Schedule::of_seed(seed)), outcome(&Schedule::of_seed(seed)));
        assert_eq!(one, other);
        assert_ne!(one.trace, outcome(&Schedule::of_seed(seed + 1)).trace);
    }
}

#[test]
fn a_dropped_uid_precondition_is_caught() {
    let broken = broken_by(Plant::PreconditionDropped);
    assert!(broken.contains(&Some(Invariant::S2)), "{broken:?}");
    // A schedule without a deletion has nothing to show; nothing else may break.
    assert!(
        broken.iter().flatten().all(|invariant| *invariant == Invariant::S2),
        "{broken:?}"
    );
}

#[test]
fn a_partial_list_that_is_trusted_is_caught() {
    let broken = broken_by(Plant::PartialListTrusted);
    assert!(broken.contains(&Some(Invariant::S3)), "{broken:?}");
}

#[test]
fn a_leaked_permit_is_caught() {
    let broken = broken_by(Plant::PermitLeaked);
    assert!(broken.contains(&Some(Invariant::S7)), "{broken:?}");
}

#[test]
fn a_run_that_breaks_an_invariant_says_which_and_in_which_step() {
    let broken = (1..=6).find_map(|seed| {
        let schedule = Schedule::of_seed(seed).with(Plant::PreconditionDropped);
        outcome(&schedule).broken
    });
    let text = broken.unwrap().to_string();
    assert!(
        text.starts_with("S2 broke at ") && text.contains(" in step ") && text.contains("DELETE"),
        "{text}"
    );
}

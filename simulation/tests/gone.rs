//! Deletions: every delete has a proof, and in the end nothing is left that should be gone.

#![expect(clippy::unwrap_used, reason = "its panic is the test's failure")]
#![expect(
    clippy::print_stdout,
    reason = "the counts are what a reader of the test wants to know"
)]

use syncer_simulation::{Telling, simulate_gone, simulate_killed};

/// Runs the worlds of `seeds`; returns how many deletes were issued and how many refused.
fn keep_every_invariant(seeds: std::ops::RangeInclusive<u64>) {
    let (mut issued, mut refused, mut in_passing) = (0, 0, 0);
    for seed in seeds.clone() {
        let gone = simulate_gone(seed, Telling::Silent).unwrap();
        let broken = gone.broken.map(|broken| broken.to_string());
        assert_eq!(
            broken, None,
            "again: cargo xtask simulate --gone --seed {seed} --schedules 1 --verbose"
        );
        issued += gone.deletes.issued;
        refused += gone.deletes.refused;
        in_passing += gone.deletes.in_passing;
    }
    println!("worlds {seeds:?}: {issued} deletes issued ({in_passing} of them in passing), {refused} refused");
    assert!(issued > 0 && refused > 0, "{issued} issued, {refused} refused");
    // What nobody can judge must stay the exception.
    assert!(in_passing * 4 < issued, "{in_passing} of {issued} could not be judged");
}

#[test]
fn every_delete_has_a_proof_and_nothing_is_left_that_should_be_gone() {
    keep_every_invariant(1..=20);
}

#[test]
fn killed_at_any_request_a_deletion_with_one_dead_target_ends_right_after_restart() {
    for at in 1.. {
        let killed = simulate_killed(at, Telling::Silent).unwrap();
        let broken = killed.broken.map(|broken| broken.to_string());
        assert_eq!(broken, None, "killed at request {at}");
        // It ended before it was to be killed: every request has had its turn.
        if killed.requests < at {
            println!("killed at each of {} requests", at - 1);
            assert!(at > 10, "only {at}");
            return;
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let world = || simulate_gone(3, Telling::Silent).unwrap();
    assert_eq!(world(), world());
}

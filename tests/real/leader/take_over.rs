//! The leader goes, one way or the other, while there is work.

use std::time::{Duration, Instant};

use jiff::SignedDuration;

use crate::{
    leader::stage::Stage,
    objects::{self, text},
};

/// Less than a Lease lasts: who leads sooner did not wait for its end.
const NOT_THE_LEASE: Duration = Duration::from_secs(10);
/// So many writes to a target may be under way at one time.
const WRITES_IN_FLIGHT: usize = 32;

#[test]
fn a_leader_that_is_killed_under_load_is_replaced_and_nothing_is_lost_or_done_twice() {
    const COUNT: usize = 400;
    let stage = Stage::new("kill");
    let (mut one, two) = stage.both(&[]);
    assert_eq!(text(&one.position(), "/lease"), "kill/tmc-syncer");
    assert_eq!(two.position()["holder"], one.position()["identity"]);
    let (_, metrics) = two.page("/metrics");
    assert!(
        metrics.contains("leader_election_master_status{name=\"tmc-syncer\"} 0"),
        "{metrics}"
    );
    let (_, tree) = two.page("/debug/actors");
    assert!(tree.contains("\"state\":\"standby\""), "{tree}");

    let load = stage.load(0..COUNT / 2);
    stage.wait_some(40);
    one.syncer.kill();
    let killed = Instant::now();
    let renewed = stage.lease_time("renewTime");
    // Whatever the first one did until then, enough is left for the second.
    let more = stage.load(COUNT / 2..COUNT);
    let there = objects::versions(stage.east, stage.name).len();
    two.wait_leads();
    let leads = killed.elapsed();
    stage.wait_some(there + 20);
    let writes = killed.elapsed();
    load.join().unwrap();
    more.join().unwrap();
    stage.wait_arrived(COUNT);
    println!(
        "figure: take-over after kill -9 of the leader under load: the other leads after {leads:.1?}, its first writes are there after \
         {writes:.1?} (lease duration 15 s)"
    );
    // On a loaded machine the last renewal may have been a while before.
    let pause = stage.lease_time("acquireTime").duration_since(renewed);
    assert!(
        pause >= SignedDuration::from_secs(15),
        "{pause:?}: before the Lease was over"
    );
    let (_, metrics) = two.page("/metrics");
    assert!(
        metrics.contains("leader_election_master_status{name=\"tmc-syncer\"} 1"),
        "{metrics}"
    );
    assert!(!stage.writes(stage.east, "one").is_empty() && !stage.writes(stage.east, "two").is_empty());
    stage.assert_written(COUNT - WRITES_IN_FLIGHT..=COUNT);
    stage.assert_handed_over("one", "two");
    assert_eq!(stage.lease()["spec"]["leaseTransitions"], 1);
}

#[test]
fn a_leader_that_is_told_to_end_hands_over_at_once() {
    const COUNT: usize = 300;
    let stage = Stage::new("term");
    let (mut one, two) = stage.both(&[]);
    let load = stage.load(0..COUNT);
    stage.wait_some(40);
    let told = Instant::now();
    let exit = one.syncer.terminate(objects::ENDS_WITHIN);
    assert_eq!(exit.code, Some(0), "{}", one.syncer.log());
    let ended = told.elapsed();
    two.wait_leads();
    let leads = told.elapsed();
    println!(
        "figure: hand-over after SIGTERM under load: the old leader ended after {ended:.1?}, the other leads after {leads:.1?}"
    );
    assert!(
        leads.saturating_sub(ended) < NOT_THE_LEASE,
        "{leads:?}: it waited for the Lease to be over"
    );
    load.join().unwrap();
    stage.wait_arrived(COUNT);
    stage.assert_written_once(COUNT);
    stage.assert_handed_over("one", "two");

    // One that stands by ends as well, and the leader does not care.
    let mut three = stage.start("one", &[]);
    three.wait_stands_by();
    assert_eq!(
        three.syncer.terminate(objects::ENDS_WITHIN).code,
        Some(0),
        "{}",
        three.syncer.log()
    );
    assert_eq!(text(&two.position(), "/election"), "leading");
    assert_eq!(stage.lease()["spec"]["holderIdentity"], two.position()["identity"]);
}

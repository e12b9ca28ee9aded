//! A person's word on what the mass-deletion guard holds: good for exactly that, once.

use serde_json::{Value, json};
use syncer_harness::wait_for;

use super::site::{OBJECTS, Site};
use crate::objects::SOON;

/// A policy that names a resource and selects nothing of it any more.
fn mistyped(site: &Site) -> Value {
    let mut policy = site.policy(&["configmaps"]);
    policy["spec"]["objects"] = json!({"matchLabels": {"team": "wbe"}});
    policy
}

fn wait_synced(site: &Site, cluster: &str) {
    site.wait_objects(cluster, "synced", OBJECTS + 1);
}

#[test]
fn the_annotation_lets_go_exactly_what_is_held_on_its_target_and_only_once() {
    let mut site = Site::new("count");
    let (right, wrong) = (site.policy(&["configmaps"]), mistyped(&site));
    site.run_until_synced();
    site.write(&[site.target("east"), site.target("west"), wrong.clone()]);
    site.wait_held(OBJECTS);

    site.write(&[site.confirmed("east", "19"), site.target("west"), wrong.clone()]);
    site.syncer()
        .wait_for_log(&["ERROR", "count-east", "said=19", "held=20"], SOON);
    site.write(&[site.confirmed("east", "all"), site.target("west"), wrong.clone()]);
    site.syncer().wait_for_log(&["ERROR", "count-east", "no count"], SOON);
    site.nothing_goes("wrong counts");

    site.write(&[site.confirmed("east", "20"), site.target("west"), wrong.clone()]);
    site.wait_all_gone(site.east);
    assert_eq!(site.deletes(site.east).len(), OBJECTS);
    let line = site.syncer().wait_for_log(&["deleted", "UID", "policy"], SOON);
    assert!(line.contains("no policy wants it there"), "{line}");
    assert!(site.deletes(site.west).is_empty(), "another target was not meant");

    // The same word is not heard again.
    site.write(&[site.confirmed("east", "20"), site.target("west"), right.clone()]);
    wait_synced(&site, "east");
    site.write(&[site.confirmed("east", "20"), site.target("west"), wrong.clone()]);
    site.wait_held(OBJECTS);
    syncer_harness::stays("held again", std::time::Duration::from_secs(6), || {
        site.deletes(site.east).len() == OBJECTS
    });
    // Taken off and set again it is: what comes in between has to be read.
    let read = || site.syncer().log().matches("these documents count").count();
    let before = read();
    site.write(&[site.target("east"), site.target("west"), wrong.clone()]);
    wait_for("the word to be off", SOON, || read() > before);
    site.wait_held(OBJECTS);
    std::thread::sleep(std::time::Duration::from_secs(6));
    site.write(&[site.confirmed("east", "20"), site.target("west"), wrong]);
    site.wait_all_gone(site.east);
    assert_eq!(site.deletes(site.east).len(), 2 * OBJECTS);
    // What is wanted again is held no longer.
    site.write(&[site.target("east"), site.target("west"), right]);
    for cluster in ["east", "west"] {
        wait_synced(&site, cluster);
    }
    site.end();
}

#[test]
fn the_option_is_about_the_sum_over_all_targets_at_the_start() {
    let mut site = Site::new("start");
    site.run_until_synced();
    site.end();
    site.write(&[site.target("east"), site.target("west"), mistyped(&site)]);
    site.run(&["--confirm-mass-deletion=20"]);
    site.syncer()
        .wait_for_log(&["ERROR", "--confirm-mass-deletion", "said=20", "held=40"], SOON);
    site.nothing_goes("the count of one target");
    site.wait_held(OBJECTS);
    site.kill();
    site.run(&["--confirm-mass-deletion=40"]);
    for server in site.targets() {
        site.wait_all_gone(server);
        assert_eq!(site.deletes(server).len(), OBJECTS);
    }
    site.end();
}

//! Namespaces from end to end: gone upstream, terminating on a target, made again meanwhile.

use std::time::Duration;

use serde_json::json;
use syncer_harness::wait_for;

use super::stage::{Stage, change, is_marked, wait_all, wait_namespace_gone, wait_none};
use crate::objects::{ConfigMap, SOON, create_namespace, namespace, text, uid};

/// A finalizer that only a test takes off.
const HOLD: &str = "example.org/hold";

fn at(name: &str) -> String {
    format!("/api/v1/namespaces/{name}")
}

/// Keeps `map` on `server` once it is deleted.
fn hold(server: &syncer_harness::ApiServer, map: &ConfigMap) {
    change(server, &map.path(), &json!({"metadata": {"finalizers": [HOLD]}}));
}

fn let_go(server: &syncer_harness::ApiServer, map: &ConfigMap) {
    change(server, &map.path(), &json!({"metadata": {"finalizers": null}}));
}

/// Waits until the namespace `name` of `server` is on its way out.
fn wait_terminating(server: &syncer_harness::ApiServer, name: &str) {
    wait_for(&format!("the namespace {name} to terminate"), SOON, || {
        let seen = namespace(server, name).ok_or_else(|| "gone".to_owned())?;
        if text(&seen, "/metadata/deletionTimestamp").is_empty() {
            Err(seen.to_string())
        } else {
            Ok(())
        }
    });
}

#[test]
fn a_namespace_deleted_upstream_goes_with_a_hundred_objects_without_a_question() {
    let mut stage = Stage::new("hundred");
    let targets = stage.targets();
    let policy = stage.policy(&["configmaps"], &["hundred"], &json!({}));
    stage.write(&[targets[0].clone(), targets[1].clone(), policy]);
    create_namespace(stage.upstream, "hundred");
    let maps = stage.maps("hundred", 100);
    stage.run();
    wait_all(stage.east, &maps);
    wait_all(stage.west, &maps);
    stage.upstream.client().delete(&at("hundred"));
    wait_none(stage.east, &maps);
    wait_none(stage.west, &maps);
    wait_namespace_gone(stage.east, "hundred");
    // Nobody ends namespaces on west: there it is deleted, and that is all that the syncer can do.
    wait_terminating(stage.west, "hundred");
    stage.end();
}

#[test]
fn a_namespace_deleted_while_the_syncer_is_away_goes_if_it_is_still_terminating_when_it_is_back() {
    let mut stage = Stage::new("partly");
    let [east, _] = stage.targets();
    let policy = stage.policy(&["configmaps"], &["partly"], &json!({}));
    stage.write(&[east, policy]);
    create_namespace(stage.upstream, "partly");
    let maps = stage.maps("partly", 100);
    stage.run();
    wait_all(stage.east, &maps);
    stage.kill();
    hold(stage.upstream, &maps[42]);
    stage.upstream.client().delete(&at("partly"));
    wait_none(stage.upstream, &maps[..42]);
    wait_none(stage.upstream, &maps[43..]);
    stage.run();
    wait_none(stage.east, &maps[..42]);
    wait_none(stage.east, &maps[43..]);
    // What is held upstream is still there, so it is here, and its namespace with it.
    assert!(maps[42].get(stage.upstream).is_some() && maps[42].get(stage.east).is_some());
    let_go(stage.upstream, &maps[42]);
    wait_none(stage.east, &maps);
    wait_namespace_gone(stage.east, "partly");
    stage.end();
}

#[test]
fn a_namespace_that_is_gone_completely_when_the_syncer_is_back_is_held() {
    let mut stage = Stage::new("away");
    let [east, _] = stage.targets();
    let policy = stage.policy(&["configmaps"], &["away", "away-other"], &json!({}));
    stage.write(&[east, policy]);
    create_namespace(stage.upstream, "away");
    create_namespace(stage.upstream, "away-other");
    let maps = stage.maps("away", 40);
    let others = stage.maps("away-other", 5);
    stage.run();
    wait_all(stage.east, &maps);
    wait_all(stage.east, &others);
    stage.kill();
    stage.upstream.client().delete(&at("away"));
    wait_namespace_gone(stage.upstream, "away");
    stage.run();
    stage
        .syncer()
        .wait_for_log(&["most of what this policy put on this target", "away-east"], SOON);
    // Work goes on beside it.
    change(stage.upstream, &others[0].path(), &json!({"data": {"key": "2"}}));
    others[0].wait_data(stage.east, &json!({"key": "2"}));
    wait_all(stage.east, &maps);
    assert_eq!(
        text(&namespace(stage.east, "away").unwrap(), "/metadata/deletionTimestamp"),
        ""
    );
    stage.end();
}

#[test]
fn a_namespace_made_again_while_the_old_one_still_goes_is_filled_again() {
    let mut stage = Stage::new("again");
    let [east, _] = stage.targets();
    let policy = stage.policy(&["configmaps"], &["again"], &json!({}));
    stage.write(&[east, policy]);
    create_namespace(stage.upstream, "again");
    let maps = stage.maps("again", 3);
    stage.run();
    wait_all(stage.east, &maps);
    let old = namespace(stage.east, "again").unwrap();

    // Upstream it is deleted and made again; below, the old one hangs on an object.
    hold(stage.east, &maps[0]);
    stage.upstream.client().delete(&at("again"));
    wait_namespace_gone(stage.upstream, "again");
    create_namespace(stage.upstream, "again");
    let maps = stage.maps("again", 3);
    stage.syncer().wait_for_log(&["deletion begun"], SOON);
    let_go(stage.east, &maps[0]);
    for map in &maps {
        map.wait_data(stage.east, &json!({"key": "1"}));
    }
    let now = wait_for("the namespace to stay", SOON, || {
        let seen = namespace(stage.east, "again").ok_or_else(|| "gone".to_owned())?;
        let stays = text(&seen, "/metadata/deletionTimestamp").is_empty();
        if stays { Ok(seen) } else { Err(seen.to_string()) }
    });
    assert!(is_marked(&now));

    // Below it is deleted by somebody, hangs on an object for a while, and is made again with all that was in it.
    hold(stage.east, &maps[0]);
    stage.east.client().delete(&at("again"));
    wait_terminating(stage.east, "again");
    maps[1].wait_gone(stage.east);
    change(stage.upstream, &maps[2].path(), &json!({"data": {"key": "2"}}));
    let_go(stage.east, &maps[0]);
    wait_for("the namespace made again", Duration::from_mins(3), || {
        let seen = namespace(stage.east, "again").ok_or_else(|| "gone".to_owned())?;
        let is_new = uid(&seen) != uid(&now) && uid(&seen) != uid(&old);
        if is_new { Ok(()) } else { Err(seen.to_string()) }
    });
    wait_all(stage.east, &maps);
    maps[2].wait_data(stage.east, &json!({"key": "2"}));
    stage.end();
}

#[test]
fn a_namespace_that_two_upstreams_use_stays_until_the_last_of_them_leaves() {
    let mut one = Stage::new("share");
    let [east, _] = one.targets();
    let policy = one.policy(&["configmaps"], &["share"], &json!({}));
    one.write(&[east, policy]);
    create_namespace(one.upstream, "share");
    let mine = one.maps("share", 3);
    one.run();
    wait_all(one.east, &mine);

    let mut two = Stage::of_other("lodger");
    let east = two.target("east", &json!({}));
    let policy = two.policy(&["configmaps"], &["share"], &json!({}));
    two.write(&[east, policy]);
    create_namespace(two.upstream, "share");
    let theirs = ConfigMap::new("share", "theirs");
    theirs.create(two.upstream, &json!({"key": "1"}));
    two.run();
    wait_all(two.east, std::slice::from_ref(&theirs));

    one.upstream.client().delete(&at("share"));
    wait_none(one.east, &mine);
    wait_namespace_gone(one.upstream, "share");
    one.syncer()
        .wait_for_log(&["share", "stays here: it holds", "theirs"], SOON);
    assert_eq!(
        text(&namespace(one.east, "share").unwrap(), "/metadata/deletionTimestamp"),
        ""
    );
    assert!(theirs.get(one.east).is_some());
    theirs.delete(two.upstream);
    theirs.wait_gone(one.east);
    wait_namespace_gone(one.east, "share");
    one.end();
    two.end();
}

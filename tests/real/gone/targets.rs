//! Targets that are drained, refuse a resource, or are taken off the list.

use serde_json::{Value, json};
use syncer_harness::{ApiServer, target_key};

use super::stage::{KEY_LABEL, Stage, assert_untouched, change, target, wait_all, wait_namespace_gone, wait_none};
use crate::objects::{ConfigMap, create_namespace, namespace, text, uid, versions};

/// The time in `seconds` from now, as `evictAfter` takes it.
fn from_now(seconds: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    at.to_string()
}

/// Pauses the ConfigMap on `server`.
fn pause(server: &ApiServer, map: &ConfigMap) -> Value {
    let paused = json!({"metadata": {"annotations": {"workload.kcp.io/paused": "true"}}});
    change(server, &map.path(), &paused)
}

#[test]
fn a_drained_target_is_emptied_without_a_question_and_filled_again() {
    let mut stage = Stage::new("drain");
    let [east, west] = stage.targets();
    let policy = stage.policy(&["configmaps"], &["drain-a", "drain-b"], &json!({}));
    stage.write(&[east.clone(), west.clone(), policy.clone()]);
    create_namespace(stage.upstream, "drain-a");
    create_namespace(stage.upstream, "drain-b");
    let maps = stage.maps("drain-a", 25);
    let others = stage.maps("drain-b", 5);
    stage.run();
    for server in [stage.east, stage.west] {
        wait_all(server, &maps);
        wait_all(server, &others);
    }
    // Somebody keeps one where it is.
    let paused = pause(stage.east, &others[0]);
    let on_west = versions(stage.west, "drain-a");

    // Before its time nothing goes: what comes later still arrives there.
    let later = stage.target("east", &json!({"evictAfter": from_now(3_600)}));
    stage.write(&[later, west.clone(), policy.clone()]);
    stage
        .syncer()
        .wait_for_log(&["other rules", "revision=2"], crate::objects::SOON);
    let late = ConfigMap::new("drain-a", "late");
    late.create(stage.upstream, &json!({"key": "1"}));
    wait_all(stage.east, std::slice::from_ref(&late));
    wait_all(stage.east, &maps);

    // Its time comes while the syncer runs, without any other change.
    let soon = stage.target("east", &json!({"evictAfter": from_now(6)}));
    stage.write(&[soon, west.clone(), policy.clone()]);
    wait_none(stage.east, &maps);
    wait_none(stage.east, &others[1..]);
    wait_none(stage.east, &[late]);
    wait_namespace_gone(stage.east, "drain-a");
    // What is paused stays, and keeps its namespace.
    assert_untouched(stage.east, &others[0].path(), &paused);
    let kept = namespace(stage.east, "drain-b").unwrap();
    assert_eq!(text(&kept, "/metadata/deletionTimestamp"), "");
    // Nothing happened elsewhere.
    let now = versions(stage.west, "drain-a");
    assert!(
        on_west.iter().all(|(name, version)| now.get(name) == Some(version)),
        "{now:?}"
    );
    wait_all(stage.upstream, &maps);

    // What is made meanwhile does not go there; after a restart neither.
    stage.kill();
    let newer = ConfigMap::new("drain-a", "newer");
    newer.create(stage.upstream, &json!({"key": "1"}));
    stage.run();
    wait_all(stage.west, std::slice::from_ref(&newer));
    assert_eq!(newer.get(stage.east), None);

    // Taken back, all of it is there again.
    stage.write(&[east, west, policy]);
    wait_all(stage.east, &maps);
    wait_all(stage.east, &others);
    wait_all(stage.east, &[newer]);
    stage.end();
}

#[test]
fn evict_after_in_the_past_empties_at_the_start_what_was_there_before() {
    let mut stage = Stage::new("past");
    let [east, west] = stage.targets();
    let policy = stage.policy(&["configmaps"], &["past"], &json!({}));
    stage.write(&[east, west.clone(), policy.clone()]);
    create_namespace(stage.upstream, "past");
    let maps = stage.maps("past", 25);
    stage.run();
    wait_all(stage.east, &maps);
    wait_all(stage.west, &maps);
    stage.kill();

    let drained = stage.target("east", &json!({"evictAfter": "2026-01-01T00:00:00+01:00"}));
    stage.write(&[drained, west, policy]);
    stage.run();
    wait_none(stage.east, &maps);
    wait_namespace_gone(stage.east, "past");
    wait_all(stage.west, &maps);
    let log = stage.syncer().log();
    assert!(log.contains("read upstream, and the target is drained"), "{log}");
    assert!(
        !log.contains("nothing is deleted until"),
        "the guard held a drain: {log}"
    );
    stage.end();
}

#[test]
fn a_resource_that_is_newly_refused_goes_and_comes_back() {
    let mut stage = Stage::new("refuse");
    let [east, west] = stage.targets();
    let policy = stage.policy(&["configmaps", "services"], &["refuse"], &json!({}));
    let all = [east.clone(), west.clone(), policy.clone()];
    stage.write(&all);
    create_namespace(stage.upstream, "refuse");
    let maps = stage.maps("refuse", 20);
    let service = json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}});
    let services = "/api/v1/namespaces/refuse/services";
    stage.upstream.client().create(services, &service);
    let web = format!("{services}/web");
    stage.run();
    let wait_service = |server: &ApiServer| {
        syncer_harness::wait_for("the Service", crate::objects::SOON, || {
            server.client().get(&web).ok_or("nothing")
        })
    };
    for server in [stage.east, stage.west] {
        wait_all(server, &maps);
        wait_service(server);
    }
    let refusing = [
        stage.target("east", &json!({"refuse": ["configmaps"]})),
        west.clone(),
        policy.clone(),
    ];
    stage.write(&refusing);
    wait_none(stage.east, &maps);
    wait_service(stage.east);
    stage.write(&all);
    wait_all(stage.east, &maps);

    // Told while the syncer is away: the same.
    stage.end();
    stage.write(&refusing);
    stage.run();
    wait_none(stage.east, &maps);
    let service = wait_service(stage.east);
    assert_eq!(
        text(&service, KEY_LABEL),
        target_key(&stage.upstream.id(), "refuse-east")
    );
    wait_all(stage.west, &maps);
    stage.end();
}

#[test]
fn a_target_that_is_taken_off_the_list_keeps_what_it_has_and_is_kept_in_step_once_it_is_named_again() {
    let mut stage = Stage::new("absent");
    let [east, west] = stage.targets();
    let policy = stage.policy(&["configmaps"], &["absent"], &json!({}));
    let all = [east, west.clone(), policy.clone()];
    stage.write(&all);
    create_namespace(stage.upstream, "absent");
    let maps = stage.maps("absent", 6);
    stage.run();
    wait_all(stage.east, &maps);
    wait_all(stage.west, &maps);
    let before = versions(stage.east, "absent");

    stage.write(&[west.clone(), policy.clone()]);
    stage
        .syncer()
        .wait_for_log(&["what it holds stays", "absent-east"], crate::objects::SOON);
    // Life goes on without it.
    change(stage.upstream, &maps[0].path(), &json!({"data": {"key": "2"}}));
    maps[1].delete(stage.upstream);
    maps[0].wait_data(stage.west, &json!({"key": "2"}));
    maps[1].wait_gone(stage.west);
    assert_eq!(versions(stage.east, "absent"), before);
    // Across a restart too.
    stage.end();
    stage.run();
    let late = ConfigMap::new("absent", "late");
    late.create(stage.upstream, &json!({"key": "1"}));
    wait_all(stage.west, std::slice::from_ref(&late));
    assert_eq!(versions(stage.east, "absent"), before);

    // Named again, its objects are ours again: the same objects, in step.
    let kept = uid(&maps[0].get(stage.east).unwrap()).to_owned();
    stage.write(&all);
    maps[0].wait_data(stage.east, &json!({"key": "2"}));
    maps[1].wait_gone(stage.east);
    wait_all(stage.east, &[late]);
    assert_eq!(uid(&maps[0].get(stage.east).unwrap()), kept);

    // Under another name it is another target: what it gets is taken over by the markers on it, and nothing is made twice.
    let renamed = target("absent-renamed", "east", &json!({}));
    stage.write(&[renamed, west, policy]);
    let key = target_key(&stage.upstream.id(), "absent-renamed");
    syncer_harness::wait_for("the label of the new target", crate::objects::SOON, || {
        let seen = maps[0].get(stage.east).ok_or_else(|| "nothing".to_owned())?;
        if text(&seen, KEY_LABEL) == key {
            Ok(())
        } else {
            Err(seen.to_string())
        }
    });
    assert_eq!(uid(&maps[0].get(stage.east).unwrap()), kept);
    stage.end();
}

#[test]
fn two_targets_that_lead_to_one_cluster_do_not_pull_at_one_object() {
    let mut stage = Stage::new("twice");
    let [east, _] = stage.targets();
    let policy = stage.policy(&["configmaps"], &["twice"], &json!({}));
    stage.write(&[east.clone(), policy.clone()]);
    create_namespace(stage.upstream, "twice");
    let maps = stage.maps("twice", 3);
    stage.run();
    wait_all(stage.east, &maps);
    let before = versions(stage.east, "twice");
    stage.write(&[east, target("twice-again", "east", &json!({})), policy]);
    stage.syncer().wait_for_log(
        &["twice-again", "leads to the same cluster", "twice-east"],
        crate::objects::SOON,
    );
    change(stage.upstream, &maps[0].path(), &json!({"data": {"key": "2"}}));
    maps[0].wait_data(stage.east, &json!({"key": "2"}));
    let now = versions(stage.east, "twice");
    for map in &maps[1..] {
        assert_eq!(now.get(&map.name), before.get(&map.name));
    }
    stage.end();
}
